#pragma once

#include <render/geometry/double3.h>
#include <render/geometry/mesh.h>

#include <span>

namespace render {

/// The triangles of a mesh with shapes, types and indices checked once, for loops that then
/// need no checks. Keeps the arrays alive. Private to the library.
class Surface {
 public:
  /// positions [vertices, 3] of any float type, triangles [faces, 3] int32.
  /// throws ShapeError, DTypeError, IndexError, naming `operation`
  Surface(const char* operation, const ag::Array& positions, const ag::Array& triangles);
  Surface(const char* operation, const Mesh& mesh) : Surface(operation, mesh.positions, mesh.triangles) {}

  size_t vertices() const { return positions_.size() / 3; }
  size_t faces() const { return triangles_.size() / 3; }
  size_t vertex(size_t face, size_t corner) const { return static_cast<size_t>(triangles_[3 * face + corner]); }
  Double3 position(size_t vertex) const {
    return {positions_[3 * vertex], positions_[3 * vertex + 1], positions_[3 * vertex + 2]};
  }
  Double3 corner(size_t face, size_t corner) const { return position(vertex(face, corner)); }

 private:
  ag::Array position_array_, triangle_array_;
  std::span<const double> positions_;
  std::span<const int32_t> triangles_;
};

/// Throws ShapeError or DTypeError, naming `operation` and `name`, unless `array` is [*, columns] of `type`.
void require_table(const char* operation, const char* name, const ag::Array& array, int64_t columns, ag::DType type);

/// Throws ShapeError, DTypeError or IndexError, naming `operation`, unless all of the mesh fits together.
void require_mesh(const char* operation, const Mesh& mesh);
/// Throws IndexError, naming `operation` and `name`, unless every index is in [lowest, count).
void require_indices(const char* operation, const char* name, const ag::Array& indices, int32_t lowest, int64_t count);

}  // namespace render
