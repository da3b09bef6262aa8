#include <render/raster/list_ops.h>
#include <render/raster/silhouettes.h>

#include <algorithm>
#include <string>
#include <vector>

namespace render {

namespace {

/// The kernel trusts its ids; a caller may bring those of another mesh.
void check_ids(std::span<const int32_t> ids, int64_t faces) {
  const auto [smallest, largest] = std::ranges::minmax_element(ids);
  if (smallest == ids.end() || (*smallest >= -1 && *largest < faces)) return;
  throw ag::IndexError("silhouettes: ids from " + std::to_string(*smallest) + " to " + std::to_string(*largest) +
                       " for " + std::to_string(faces) + " triangles");
}

/// Clip components, triangles and ids in; a, b, inner, outer and axis of the crossings out.
class SilhouettesOp : public ag::CustomOp {
 public:
  SilhouettesOp(const Topology& topology, const Frame& frame) : topology_(topology), frame_(frame) {}
  const char* name() const override { return "silhouettes"; }

  void run(ag::CustomCall& call) const override {
    const ClipInputs clip(call);
    const std::span<const int32_t> triangles = call.input<int32_t>(4), ids = call.input<int32_t>(5);
    check_triangles("silhouettes", triangles, clip.vertices());
    const kernels::EdgeTopology edges{
        topology_.edges.values<int32_t>(),          topology_.wing_start.values<int32_t>(),
        topology_.wings.values<int32_t>(),          topology_.edge_component.values<int32_t>(),
        topology_.face_component.values<int32_t>(), topology_.components};
    thread_local std::vector<std::vector<kernels::Crossing>> lists;
    lists.resize(static_cast<size_t>(frame_.views));
    auto* const found = &lists;  // the loop's threads have lists of their own
    const int64_t pixels = frame_.height * frame_.width;
    const double cost = static_cast<double>(frame_.views) * static_cast<double>(edges.edges.size()) * 5;
    ag::parallel_for(frame_.views, cost, [&](int64_t begin, int64_t end) {
      for (int64_t view = begin; view < end; ++view) {
        std::vector<kernels::Crossing>& list = (*found)[static_cast<size_t>(view)];
        list.clear();
        const std::span<const int32_t> seen =
            ids.subspan(static_cast<size_t>(view * pixels), static_cast<size_t>(pixels));
        check_ids(seen, static_cast<int64_t>(triangles.size() / 3));
        kernels::crossings(clip.view(view), triangles, edges, viewport(frame_), seen, list);
      }
    });
    int64_t count = 0;
    for (const auto& list : lists) count += static_cast<int64_t>(list.size());
    std::span<int32_t> out[5];
    for (size_t i = 0; i < 5; ++i) out[i] = call.output<int32_t>(i, {count});
    size_t next = 0;
    for (int64_t view = 0; view < frame_.views; ++view) {
      const auto first_vertex = static_cast<int32_t>(view * clip.vertices());
      const auto first_pixel = static_cast<int32_t>(view * pixels);
      for (const kernels::Crossing& crossing : lists[static_cast<size_t>(view)]) {
        out[0][next] = first_vertex + crossing.a;
        out[1][next] = first_vertex + crossing.b;
        out[2][next] = first_pixel + crossing.inner;
        out[3][next] = first_pixel + crossing.outer;
        out[4][next] = crossing.axis;
        ++next;
      }
    }
  }

 private:
  const Topology& topology_;
  Frame frame_;
};

}  // namespace

Crossings silhouettes(const Vec4& clip, const ag::Array& triangles, const Topology& topology, const Tensor& ids) {
  const ag::Shape shape = ids.shape();
  if (shape.rank() != 3) {
    throw ag::ShapeError("silhouettes: ids " + shape.to_string() + "; expected [views, height, width]");
  }
  const Frame frame{shape[0], shape[1], shape[2]};
  check_clip("silhouettes", clip, frame);
  if (topology.weld.size() != clip.x.shape()[1] || topology.face_component.size() * 3 != triangles.size()) {
    throw ag::ShapeError("silhouettes: a topology of " + std::to_string(topology.weld.size()) + " vertices and " +
                         std::to_string(topology.face_component.size()) + " faces for " +
                         std::to_string(clip.x.shape()[1]) + " and " + std::to_string(triangles.size() / 3));
  }
  const std::vector<Tensor> lists =
      ag::eager(SilhouettesOp(topology, frame), 5, {clip.x, clip.y, clip.z, clip.w, triangles, ids});
  return {lists[0], lists[1], lists[2], lists[3], lists[4], frame};
}

Tensor antialias(const Tensor& image, const Vec4& clip, const Crossings& crossings) {
  const Frame& frame = crossings.frame;
  const ag::Shape shape = image.shape();
  if (shape.rank() != 4 || shape.size() != frame.pixels() * shape[3]) {
    throw ag::ShapeError("antialias: image " + shape.to_string() + "; expected [" + std::to_string(frame.views) + ", " +
                         std::to_string(frame.height) + ", " + std::to_string(frame.width) + ", channels]");
  }
  const ag::DType type = clip.x.dtype();
  const auto width = static_cast<double>(frame.width), height = static_cast<double>(frame.height);
  const Tensor horizontal = crossings.axis == 0;

  // The inner pixel's centre, and the edge's ends relative to it (times w).
  const Tensor column = crossings.inner % frame.width, row = crossings.inner / frame.width % frame.height;
  const Tensor centre_column = (ag::cast(column, type) + 0.5) * (2 / width) - 1;
  const Tensor centre_row = 1 - (ag::cast(row, type) + 0.5) * (2 / height);
  const Tensor x = ag::flatten(clip.x), y = ag::flatten(clip.y), w = ag::flatten(clip.w);
  struct End {
    Tensor along, across, w;  // the axis of the pixel pair, and the other one
  };
  const auto end = [&](const Tensor& vertex) {
    const Tensor end_w = ag::gather(w, vertex);
    const Tensor dx = ag::gather(x, vertex) - centre_column * end_w;
    const Tensor dy = ag::gather(y, vertex) - centre_row * end_w;
    return End{ag::where(horizontal, dx, dy), ag::where(horizontal, dy, dx), end_w};
  };
  const End a = end(crossings.a), b = end(crossings.b);

  // The point s a + (1 - s) b of the edge that lies on the line through both centres. The kernel found it on
  // positions rounded to 1/256 pixel; an edge shorter than that may end before the line is reached, and where
  // it points says nothing, so s stays within an edge's length of the edge.
  const Tensor difference = b.across - a.across;
  const Tensor s = ag::clamp(b.across / ag::where(difference == 0, 1, difference), -1, 2);
  const Tensor along = s * a.along + (1 - s) * b.along;
  const Tensor along_w = s * a.w + (1 - s) * b.w;
  // Rows grow downward, y upward.
  const Tensor forward = ag::where(crossings.outer > crossings.inner, 1.0, -1.0);
  const Tensor to_pixels = ag::cast(ag::where(horizontal, forward * (width / 2), forward * (-height / 2)), type);
  const Tensor distance = along / along_w * to_pixels;  // from the inner centre towards the outer one

  const Tensor flat = ag::reshape(image, {frame.pixels(), shape[3]});
  const Tensor step = ag::gather(flat, crossings.inner) - ag::gather(flat, crossings.outer);  // [n, channels]
  const Tensor into_outer = step * ag::expand_dims(ag::relu(distance - 0.5), 1);
  const Tensor into_inner = -step * ag::expand_dims(ag::relu(0.5 - distance), 1);
  const Tensor blended = ag::scatter_add(ag::concatenate({into_outer, into_inner}, 0),
                                         ag::concatenate({crossings.outer, crossings.inner}, 0), frame.pixels());
  return ag::reshape(flat + blended, shape);
}

}  // namespace render
