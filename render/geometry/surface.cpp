#include <autograd/core/error.h>
#include <render/geometry/surface.h>

#include <string>

namespace render {

void require_table(const char* operation, const char* name, const ag::Array& array, int64_t columns, ag::DType type) {
  if (array.shape().rank() != 2 || array.shape()[1] != columns) {
    throw ag::ShapeError(std::string(operation) + ": " + name + " " + array.shape().to_string() + "; expected [*, " +
                         std::to_string(columns) + "]");
  }
  if (array.dtype() != type) {
    throw ag::DTypeError(std::string(operation) + ": " + name + " " + ag::name_of(array.dtype()) + "; expected " +
                         ag::name_of(type));
  }
}

void require_indices(const char* operation, const char* name, const ag::Array& indices, int32_t lowest, int64_t count) {
  for (const int32_t index : indices.values<int32_t>()) {
    if (index >= lowest && index < count) continue;
    throw ag::IndexError(std::string(operation) + ": index " + std::to_string(index) + " in " + name + "; expected " +
                         std::to_string(lowest) + " to " + std::to_string(count - 1));
  }
}

Surface::Surface(const char* operation, const ag::Array& positions, const ag::Array& triangles)
    : position_array_(positions), triangle_array_(triangles) {
  // float32 positions are welcome, integers are a mistake.
  const ag::DType type = positions.dtype() == ag::DType::float32 ? ag::DType::float32 : ag::DType::float64;
  require_table(operation, "positions", positions, 3, type);
  require_table(operation, "triangles", triangles, 3, ag::DType::int32);
  require_indices(operation, "triangles", triangles, 0, positions.shape()[0]);
  position_array_ = positions.cast(ag::DType::float64);
  positions_ = position_array_.values<double>();
  triangles_ = triangle_array_.values<int32_t>();
}

}  // namespace render
