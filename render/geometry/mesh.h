#pragma once

#include <autograd/core/array.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace render {

namespace ag = autograd;

/// What a face is made of; only the diffuse part of an MTL material is kept.
struct Material {
  std::string name;
  std::array<float, 3> diffuse{0.8f, 0.8f, 0.8f};  ///< Kd, as in the file (sRGB is not assumed)
  std::filesystem::path diffuse_map;               ///< map_Kd, resolved beside the MTL file; empty: none
};

/// A triangle mesh on the host, as files hold it. Positions are float64, so that a
/// small object far from the origin keeps its shape. Positions, UVs and normals have
/// triangle lists of their own, as in OBJ: a UV seam does not split a position.
struct Mesh {
  ag::Array positions = ag::zeros({0, 3}, ag::DType::float64);       ///< [vertices, 3] float64, scene units
  ag::Array triangles = ag::zeros({0, 3}, ag::DType::int32);         ///< [faces, 3] int32, into positions
  ag::Array uvs = ag::zeros({0, 2});                                 ///< [uvs, 2] float32; (0, 0) is the lower left
  ag::Array uv_triangles = ag::zeros({0, 3}, ag::DType::int32);      ///< [faces, 3] into uvs, -1: none; or [0, 3]
  ag::Array normals = ag::zeros({0, 3});                             ///< [normals, 3] float32, unit length
  ag::Array normal_triangles = ag::zeros({0, 3}, ag::DType::int32);  ///< [faces, 3] into normals, -1: none; or [0, 3]
  ag::Array colors = ag::zeros({0, 3});                              ///< [vertices, 3] float32 linear RGB; or [0, 3]
  ag::Array face_materials = ag::zeros({0}, ag::DType::int32);       ///< [faces] into materials, -1: none; or [0]
  std::vector<Material> materials;

  int64_t vertices() const { return positions.shape()[0]; }
  int64_t faces() const { return triangles.shape()[0]; }
  bool has_uvs() const { return uv_triangles.shape()[0] > 0; }
  bool has_normals() const { return normal_triangles.shape()[0] > 0; }
  bool has_colors() const { return colors.shape()[0] > 0; }
};

/// An axis-aligned box.
struct BACKLIGHT_API Bounds {
  std::array<double, 3> lower{}, upper{};
  std::array<double, 3> centre() const;
  double diagonal() const;
};
/// The smallest box that holds all vertices that faces name; at the origin, without extent, where there are no faces.
/// throws  ShapeError, DTypeError or IndexError for a mesh that does not fit together
BACKLIGHT_API Bounds bounds(const Mesh& mesh);

}  // namespace render
