#pragma once

#include <render/geometry/mesh.h>

namespace render {

struct AtlasOptions {
  int size = 1024;  ///< width and height of the texture that it is for, texels
  int gutter = 4;   ///< empty texels around a chart
};

/// The mesh with texture coordinates for all of its faces, in place of those it had: the surface is cut into charts
/// that are laid flat and packed side by side, without overlap and equally dense. Neighbouring faces join a chart while
/// their normals stay within about a right angle's two thirds of its own; a chart that would cover itself is cut again.
/// The same mesh gives the same atlas. Materials are dropped: they were meant for the old coordinates.
/// throws  ValueError: options out of range, or more charts than the texture has room for
BACKLIGHT_API Mesh with_atlas(const Mesh& mesh, const AtlasOptions& options = {});

}  // namespace render
