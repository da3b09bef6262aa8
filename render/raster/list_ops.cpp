#include <render/raster/list_ops.h>

#include <string>

namespace render {

ClipInputs::ClipInputs(const ag::CustomCall& call) : vertices_(call.shape(0)[1]) {
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
    return components_[i].subspan(static_cast<size_t>(view * vertices_), static_cast<size_t>(vertices_));
  };
  return {part(0), part(1), part(2), part(3)};
}

void check_clip(const char* operation, const Vec4& clip, const Frame& frame) {
  for (const Tensor& component : {clip.x, clip.y, clip.z, clip.w}) {
    const ag::Shape shape = component.shape();
    if (shape.rank() == 2 && shape[0] == frame.views && shape == clip.x.shape()) continue;
    throw ag::ShapeError(std::string(operation) + ": clip components " + shape.to_string() + "; expected four of [" +
                         std::to_string(frame.views) + ", vertices]");
  }
}

void check_triangles(const char* operation, std::span<const int32_t> triangles, int64_t vertices) {
  if (triangles.size() % 3 != 0) throw ag::ShapeError(std::string(operation) + ": triangles are not [faces, 3]");
  for (size_t i = 0; i < triangles.size(); ++i) {
    if (triangles[i] >= 0 && triangles[i] < vertices) continue;
    throw ag::IndexError(std::string(operation) + ": triangle " + std::to_string(i / 3) + " names vertex " +
                         std::to_string(triangles[i]) + " of " + std::to_string(vertices));
  }
}

}  // namespace render
