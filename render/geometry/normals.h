#pragma once

#include <render/geometry/mesh.h>

namespace render {

/// [faces, 3] float64 unit normals by winding; zero for a degenerate face.
BACKLIGHT_API ag::Array face_normals(const Mesh& mesh);

/// Normals of each face's corners [faces, 3, 3] float64, unit length: the file's where it has them, else
/// the area-weighted mean over the faces around the welded vertex whose normals are within
/// `crease_degrees` of the face's own (all of them, where the face is degenerate).
BACKLIGHT_API ag::Array corner_normals(const Mesh& mesh, double crease_degrees = 40);

/// Smooth normals [vertices, 3] float64: unit length, the area-weighted mean over all faces around the
/// welded vertex; zero where there is none.
BACKLIGHT_API ag::Array smooth_normals(const Mesh& mesh);

}  // namespace render
