#include <autograd/core/error.h>
#include <render/geometry/surface.h>

#include <string>

namespace render {

namespace {

void require_faces_like_triangles(const char* operation, const char* name, const ag::Array& list, const Mesh& mesh) {
  if (list.shape()[0] == 0 || list.shape()[0] == mesh.faces()) return;
  throw ag::ShapeError(std::string(operation) + ": " + name + " " + list.shape().to_string() +
                       "; expected a row for each of " + std::to_string(mesh.faces()) + " faces, or none");
}

void require_indexed(const char* operation, const char* name, const ag::Array& values, int64_t columns,
                     const char* list_name, const ag::Array& list, const Mesh& mesh) {
  require_table(operation, name, values, columns, ag::DType::float32);
  require_table(operation, list_name, list, 3, ag::DType::int32);
  require_faces_like_triangles(operation, list_name, list, mesh);
  require_indices(operation, list_name, list, -1, values.shape()[0]);
}

}  // namespace

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

void require_mesh(const char* operation, const Mesh& mesh) {
  require_table(operation, "positions", mesh.positions, 3, ag::DType::float64);
  const Surface checked(operation, mesh);
  require_indexed(operation, "uvs", mesh.uvs, 2, "uv_triangles", mesh.uv_triangles, mesh);
  require_indexed(operation, "normals", mesh.normals, 3, "normal_triangles", mesh.normal_triangles, mesh);
  require_table(operation, "colors", mesh.colors, 3, ag::DType::float32);
  if (mesh.has_colors() && mesh.colors.shape() != mesh.positions.shape()) {
    throw ag::ShapeError(std::string(operation) + ": colors " + mesh.colors.shape().to_string() +
                         "; expected positions' shape " + mesh.positions.shape().to_string());
  }
  if (mesh.face_materials.shape().rank() != 1) {
    throw ag::ShapeError(std::string(operation) + ": face_materials " + mesh.face_materials.shape().to_string() +
                         "; expected [faces] or [0]");
  }
  require_faces_like_triangles(operation, "face_materials", mesh.face_materials, mesh);
  require_indices(operation, "face_materials", mesh.face_materials, -1, static_cast<int64_t>(mesh.materials.size()));
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
