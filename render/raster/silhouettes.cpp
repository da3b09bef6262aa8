#include <render/geometry/surface.h>
#include <render/raster/list_ops.h>
#include <render/raster/silhouettes.h>

#include <deque>
#include <string>
#include <vector>

namespace render {

namespace {

/// The kernel trusts its ids; a caller may bring those of another mesh.
void check_ids(std::span<const int32_t> ids, int64_t first, int64_t count) {
  const kernels::Range range = kernels::range_of(ids);
  if (ids.empty() || (range.lowest >= -1 && range.highest < first + count)) return;
  throw ag::IndexError("silhouettes: ids from " + std::to_string(range.lowest) + " to " +
                       std::to_string(range.highest) + " for triangles " + std::to_string(first) + " to " +
                       std::to_string(first + count - 1));
}

/// The edges of some of a topology's faces, with their wings among these faces; vertices count from the first that
/// the faces name, as a ViewScene's do.
struct EdgeSelection {
  std::vector<int32_t> edges, wing_start, wing_turns, edge_component, face_component;
  std::vector<int32_t> ids;

  kernels::EdgeTopology choose(const Topology& topology, const ViewScene& scene) {
    const auto first_face = scene.first_triangle;
    const auto last_face = first_face + static_cast<int32_t>(scene.triangles.size() / 3);
    edges.clear(), wing_turns.clear(), edge_component.clear();
    wing_start.assign(1, 0);
    const std::span<const int32_t> all = topology.edges.values<int32_t>(),
                                   start = topology.wing_start.values<int32_t>();
    for (size_t part = 0; part < topology.parts.size(); ++part) {
      const bool is_last = part + 1 == topology.parts.size();
      const int64_t end_face = is_last ? topology.face_component.size() : topology.parts[part + 1].first_face;
      const int64_t end_edge = is_last ? topology.edges.shape()[0] : topology.parts[part + 1].first_edge;
      if (topology.parts[part].first_face >= last_face || end_face <= first_face) continue;
      for (auto edge = static_cast<size_t>(topology.parts[part].first_edge); edge < static_cast<size_t>(end_edge);
           ++edge) {
        for (auto wing = static_cast<size_t>(start[edge]); wing < static_cast<size_t>(start[edge + 1]); ++wing) {
          const int32_t face = topology.wing_faces.values<int32_t>()[wing];
          if (face >= first_face && face < last_face)
            wing_turns.push_back(topology.wing_turns.values<int32_t>()[wing] - 2 * first_face);
        }
        if (static_cast<int32_t>(wing_turns.size()) == wing_start.back()) continue;
        edges.insert(edges.end(), {all[2 * edge] - scene.first_vertex, all[2 * edge + 1] - scene.first_vertex});
        wing_start.push_back(static_cast<int32_t>(wing_turns.size()));
        edge_component.push_back(topology.edge_component.values<int32_t>()[edge]);
      }
    }
    return {
        edges,
        wing_start,
        wing_turns,
        edge_component,
        topology.face_component.values<int32_t>().subspan(static_cast<size_t>(first_face), scene.triangles.size() / 3),
        topology.components};
  }

  /// Ids that count from the view's first triangle.
  std::span<const int32_t> renumber(std::span<const int32_t> seen, int32_t first_triangle) {
    ids.assign(seen.begin(), seen.end());
    for (int32_t& id : ids) id = id < 0 ? -1 : id - first_triangle;
    return ids;
  }
};

/// Clip components, triangles and ids in; a, b, inner, outer, axis, row and column of the crossings out.
class SilhouettesOp : public ag::CustomOp {
 public:
  SilhouettesOp(const Topology& topology, const Frame& frame, const std::optional<ag::Array>& ranges)
      : topology_(topology), frame_(frame), ranges_(ranges) {}
  const char* name() const override { return "silhouettes"; }

  void run(ag::CustomCall& call) const override {
    const ClipInputs clip(call);
    const std::span<const int32_t> triangles = call.input<int32_t>(4), ids = call.input<int32_t>(5);
    check_triangles("silhouettes", triangles, clip.vertices());
    const TriangleRanges ranges("silhouettes", ranges_, frame_, static_cast<int64_t>(triangles.size() / 3));
    thread_local std::deque<ViewMemory> memory;  // of the thread that called, for its next step too
    while (memory.size() < static_cast<size_t>(frame_.views)) memory.emplace_back();
    auto* const of_views = &memory;  // the loop's threads have memory of their own
    const auto pixels = static_cast<size_t>(frame_.height * frame_.width);
    const double cost = static_cast<double>(ranges.total()) * 15 + static_cast<double>(ids.size()) * 0.2;
    ag::parallel_for(frame_.views, cost, [&](int64_t begin, int64_t end) {
      for (int64_t view = begin; view < end; ++view) {
        const auto index = static_cast<size_t>(view);
        find(clip, triangles, ranges, view, ids.subspan(index * pixels, pixels), (*of_views)[index]);
      }
    });
    std::vector<size_t> starts(1, 0);  // of each view's crossings in the lists
    for (size_t view = 0; view < static_cast<size_t>(frame_.views); ++view)
      starts.push_back(starts.back() + memory[view].found.size());
    int32_t* out[7];
    for (size_t i = 0; i < 7; ++i) out[i] = call.output<int32_t>(i, {static_cast<int64_t>(starts.back())}).data();
    const auto width = static_cast<int32_t>(frame_.width);
    ag::parallel_for(frame_.views, 5 * static_cast<double>(starts.back()), [&](int64_t begin, int64_t end) {
      for (int64_t view = begin; view < end; ++view) {
        const ViewMemory& of_view = (*of_views)[static_cast<size_t>(view)];
        const auto first_vertex = static_cast<int32_t>(clip.row(view) * clip.vertices()) + of_view.first_vertex;
        const auto first_pixel = static_cast<int32_t>(view * static_cast<int64_t>(pixels));
        size_t next = starts[static_cast<size_t>(view)];
        for (const kernels::Crossing& crossing : of_view.found) {
          out[0][next] = first_vertex + crossing.a;
          out[1][next] = first_vertex + crossing.b;
          out[2][next] = first_pixel + crossing.inner;
          out[3][next] = first_pixel + crossing.outer;
          out[4][next] = crossing.axis;
          out[5][next] = crossing.inner / width;
          out[6][next] = crossing.inner % width;
          ++next;
        }
      }
    });
  }

 private:
  struct ViewMemory {
    std::vector<kernels::Crossing> found;
    std::vector<int32_t> renumbered;
    EdgeSelection selection;
    int32_t first_vertex = 0;
  };

  void find(const ClipInputs& clip, std::span<const int32_t> triangles, const TriangleRanges& ranges, int64_t view,
            std::span<const int32_t> seen, ViewMemory& memory) const {
    memory.found.clear();
    check_ids(seen, ranges.first(view), ranges.count(view));
    const ViewScene scene(clip, triangles, ranges, view, memory.renumbered);
    memory.first_vertex = scene.first_vertex;
    if (ranges.given()) {
      kernels::crossings(scene.clip, scene.triangles, memory.selection.choose(topology_, scene), viewport(frame_),
                         memory.selection.renumber(seen, scene.first_triangle), memory.found);
      return;
    }
    const kernels::EdgeTopology edges{
        topology_.edges.values<int32_t>(),          topology_.wing_start.values<int32_t>(),
        topology_.wing_turns.values<int32_t>(),     topology_.edge_component.values<int32_t>(),
        topology_.face_component.values<int32_t>(), topology_.components};
    kernels::crossings(scene.clip, scene.triangles, edges, viewport(frame_), seen, memory.found);
  }

  const Topology& topology_;
  Frame frame_;
  const std::optional<ag::Array>& ranges_;
};

}  // namespace

Crossings silhouettes(const Vec4& clip, const ag::Array& triangles, const Topology& topology, const Tensor& ids,
                      const std::optional<ag::Array>& ranges) {
  const ag::Shape shape = ids.shape();
  if (shape.rank() != 3) {
    throw ag::ShapeError("silhouettes: ids " + shape.to_string() + "; expected [views, height, width]");
  }
  const Frame frame{shape[0], shape[1], shape[2]};
  check_frame("silhouettes", frame);
  check_clip("silhouettes", clip, frame);
  require_table("silhouettes", "triangles", triangles, 3, ag::DType::int32);
  if (topology.weld.size() != clip.x.shape()[1] || topology.face_component.size() * 3 != triangles.size()) {
    throw ag::ShapeError("silhouettes: a topology of " + std::to_string(topology.weld.size()) + " vertices and " +
                         std::to_string(topology.face_component.size()) + " faces for " +
                         std::to_string(clip.x.shape()[1]) + " and " + std::to_string(triangles.size() / 3));
  }
  const std::vector<Tensor> lists =
      ag::eager(SilhouettesOp(topology, frame, ranges), 7, {clip.x, clip.y, clip.z, clip.w, triangles, ids});
  return {lists[0], lists[1], lists[2], lists[3], lists[4], lists[5], lists[6], frame};
}

}  // namespace render
