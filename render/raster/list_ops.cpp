#include <render/raster/list_ops.h>

#include <algorithm>
#include <string>

namespace render {

ClipInputs::ClipInputs(const ag::CustomCall& call) : rows_(call.shape(0)[0]), vertices_(call.shape(0)[1]) {
  const auto size = static_cast<size_t>(call.shape(0).size());
  if (call.type(0) == ag::DType::float32) {
    for (size_t i = 0; i < 4; ++i) components_[i] = call.input<float>(i);
    return;
  }
  converted_.reserve(4 * size);
  for (size_t i = 0; i < 4; ++i) {
    for (double value : call.input<double>(i)) converted_.push_back(static_cast<float>(value));
  }
  for (size_t i = 0; i < 4; ++i) components_[i] = std::span<const float>(converted_).subspan(i * size, size);
}

kernels::ClipVertices ClipInputs::view(int64_t view) const {
  const auto part = [&](size_t i) {
    return components_[i].subspan(static_cast<size_t>(row(view) * vertices_), static_cast<size_t>(vertices_));
  };
  return {part(0), part(1), part(2), part(3)};
}

void check_clip(const char* operation, const Vec4& clip, const Frame& frame) {
  for (const Tensor& component : {clip.x, clip.y, clip.z, clip.w}) {
    const ag::Shape shape = component.shape();
    if (shape.rank() == 2 && (shape[0] == frame.views || shape[0] == 1) && shape == clip.x.shape()) continue;
    throw ag::ShapeError(std::string(operation) + ": clip components " + shape.to_string() + "; expected four of [" +
                         std::to_string(frame.views) + ", vertices] or [1, vertices]");
  }
}

void check_frame(const char* operation, const Frame& frame) {
  constexpr int64_t largest = 32768;  // beyond, 24.8 fixed point would reach its guard band inside the image
  const auto fits = [](int64_t side) { return side >= 1 && side <= largest; };
  constexpr int64_t most = INT32_MAX;  // pixels are numbered by int32
  if (frame.views >= 0 && fits(frame.height) && fits(frame.width) && frame.views <= most / (frame.height * frame.width))
    return;
  throw ag::ShapeError(std::string(operation) + ": " + std::to_string(frame.views) + " views of " +
                       std::to_string(frame.width) + " x " + std::to_string(frame.height) + " pixels; expected 1 to " +
                       std::to_string(largest) + " pixels a side");
}

void check_triangles(const char* operation, std::span<const int32_t> triangles, int64_t vertices) {
  if (triangles.size() % 3 != 0) throw ag::ShapeError(std::string(operation) + ": triangles are not [faces, 3]");
  if (is_within(kernels::range_of(triangles), vertices)) return;
  const auto bad = std::ranges::find_if(triangles, [&](int32_t vertex) { return vertex < 0 || vertex >= vertices; });
  throw ag::IndexError(std::string(operation) + ": triangle " + std::to_string((bad - triangles.begin()) / 3) +
                       " names vertex " + std::to_string(*bad) + " of " + std::to_string(vertices));
}

TriangleRanges::TriangleRanges(const char* operation, const std::optional<ag::Array>& ranges, const Frame& frame,
                               int64_t faces)
    : ranges_(ranges), views_(frame.views), faces_(faces) {
  if (!ranges_) return;
  if (ranges_->shape() != ag::Shape{views_, 2} || ranges_->dtype() != ag::DType::int32)
    throw ag::ShapeError(std::string(operation) + ": ranges " + ranges_->shape().to_string() + " " +
                         name_of(ranges_->dtype()) + "; expected [" + std::to_string(views_) + ", 2] int32");
  for (int64_t view = 0; view < views_; ++view) {
    if (first(view) >= 0 && count(view) >= 0 && first(view) + count(view) <= faces_) continue;
    throw ag::IndexError(std::string(operation) + ": view " + std::to_string(view) + " shows " +
                         std::to_string(count(view)) + " triangles from " + std::to_string(first(view)) + " of " +
                         std::to_string(faces_));
  }
}

int64_t TriangleRanges::total() const {
  int64_t sum = 0;
  for (int64_t view = 0; view < views_; ++view) sum += count(view);
  return sum;
}

ViewScene::ViewScene(const ClipInputs& all, std::span<const int32_t> list, const TriangleRanges& ranges, int64_t view,
                     std::vector<int32_t>& renumbered)
    : clip(all.view(view)),
      triangles(list.subspan(static_cast<size_t>(3 * ranges.first(view)), static_cast<size_t>(3 * ranges.count(view)))),
      first_triangle(static_cast<int32_t>(ranges.first(view))) {
  if (!ranges.given() || triangles.empty()) return;
  const kernels::Range named = kernels::range_of(triangles);
  first_vertex = named.lowest;
  const auto part = [&](std::span<const float> component) {
    return component.subspan(static_cast<size_t>(first_vertex), static_cast<size_t>(named.highest - first_vertex + 1));
  };
  clip = {part(clip.x), part(clip.y), part(clip.z), part(clip.w)};
  renumbered.clear();
  for (int32_t vertex : triangles) renumbered.push_back(vertex - first_vertex);
  triangles = renumbered;
}

}  // namespace render
