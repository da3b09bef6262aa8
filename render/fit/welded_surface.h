#pragma once

#include <render/fit/start.h>
#include <render/geometry/topology.h>

namespace render {

/// The surface that a fit moves: a mesh welded by position, in fit coordinates (the starting ball is
/// the unit ball), and the way back to the mesh that the user gave.
struct WeldedSurface {
  ag::Array positions;  ///< [welded, 3] float32, fit coordinates
  ag::Array triangles;  ///< [faces, 3] int32 over welded vertices
  ag::Array welded;     ///< [vertices of the user's mesh] int32
  Topology topology;    ///< of positions and triangles: every vertex is its own weld
};

/// The mesh (in scene coordinates) welded and moved to fit coordinates.
/// throws  ShapeError, DTypeError or IndexError for a mesh that does not fit together
BACKLIGHT_API WeldedSurface weld(const Mesh& mesh, const Start& start);

/// The mesh with its vertices at new places, [welded, 3] in fit coordinates, and new vertex colours
/// [welded, 3]; its faces, UVs and order stay, normals are dropped.
BACKLIGHT_API Mesh unweld(const Mesh& mesh, const WeldedSurface& surface, const Start& start,
                          const ag::Array& positions, const ag::Array& colors);

}  // namespace render
