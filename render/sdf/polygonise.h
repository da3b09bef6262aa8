#pragma once

#include <render/geometry/mesh.h>
#include <render/sdf/field.h>

#include <array>

namespace render::sdf {

struct PolygoniseOptions {
  std::array<double, 3> lower{-1, -1, -1}, upper{1, 1, 1};  ///< the box in which the surface is looked for
  int resolution = 64;                                      ///< cubes along the longest side, 1 to 1024
  ag::DType type = ag::DType::float32;                      ///< of the points that the field is asked about
};

/// The field's surface as a triangle mesh, faces counter-clockwise seen from outside. No gradient.
///
/// The box is cut into cubes and each into six tetrahedra around its diagonal; where a tetrahedron's corners differ in
/// sign, one or two triangles separate them, with corners where the field would be 0 if it were linear along the
/// edges. No case is ambiguous, and neighbours share edges: the mesh is closed and two-manifold, but for where the
/// surface leaves the box. Its distance to the surface falls with the square of the cubes' size; what is smaller than
/// them may be lost.
///
/// throws  ValueError: an empty box, resolution out of range, a field that is not finite in the box
/// source  Doi & Koide 1991, "An efficient method of triangulating equi-valued surfaces by using tetrahedral cells"
BACKLIGHT_API Mesh polygonise(const Field& field, const PolygoniseOptions& options = {});

}  // namespace render::sdf
