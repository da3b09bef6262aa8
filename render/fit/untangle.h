#pragma once

#include <render/fit/surface_view.h>
#include <render/fit/welded_surface.h>

namespace render {

// A closed surface shows its back where thin parts of it have passed through one another, and images do not part them
// again: outlines are as they should be, and shading bends what is seen the wrong way.

/// Whether no camera outside sees the surface's back unless it is tangled: it is closed, with its front outside.
BACKLIGHT_API bool hides_back(const WeldedSurface& surface);

/// Zero, but its gradient moves what shows its back away from the camera, until it is behind what covers it: for each
/// such pixel, its depth in units of the positions, taken negative. Returns a scalar.
BACKLIGHT_API Tensor pushed_back(const SurfaceView& view);

}  // namespace render
