#pragma once

#include <render/geometry/mesh.h>

namespace render {

struct AtlasOptions {
  int size = 1024;  ///< width and height of the texture that it is for, texels
  int gutter = 4;   ///< empty texels around a chart
};

/// The mesh with texture coordinates for all of its faces, in place of those it had: the surface is cut into charts
/// that are laid flat and packed side by side, without overlap. No face has less than half as many texels for its area
/// as another, since charts are equally dense and a face leans from its chart's normal by 60 degrees at most; a chart
/// that would cover itself is cut again. Faces without area get coordinates too. The same mesh gives the same atlas.
/// Materials are dropped: they were meant for the old coordinates.
/// throws  ValueError: options out of range, positions that are not finite, or more charts than the texture has room
/// for
BACKLIGHT_API Mesh with_atlas(const Mesh& mesh, const AtlasOptions& options = {});

}  // namespace render
