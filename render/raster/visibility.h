#pragma once

#include <render/math/vec.h>
#include <render/raster/cull.h>

#include <optional>

namespace render {

/// Pixels of one rendering: `views` images of height x width.
struct Frame {
  int64_t views = 1, height = 0, width = 0;
  int64_t pixels() const { return views * height * width; }
};

struct VisibilityOptions {
  Cull cull = Cull::none;
  /// [views, 2] int32: view v shows only triangles first to first + count - 1, so views may show different meshes that
  /// share one list. Without it every view shows all.
  std::optional<ag::Array> ranges = std::nullopt;
};

/// Which triangle each pixel sees: [views, height, width] int32, -1 where none. Discrete, so it has no
/// gradient and is computed at once, from float32 values of either type (float64 sees the same).
///
/// clip       components [views, vertices], or [1, vertices] for all views; OpenGL clip space, see
///            render/raster/kernels.h
/// triangles  [faces, 3] int32
/// frame      at most 32,768 pixels a side
/// throws     ShapeError, DTypeError, IndexError
BACKLIGHT_API Tensor visibility(const Vec4& clip, const ag::Array& triangles, const Frame& frame,
                                const VisibilityOptions& options = {});

/// The covered pixels of a visibility buffer, in order.
struct VisiblePixels {
  Tensor pixel;              ///< [n] int32 into views * height * width
  Tensor triangle;           ///< [n] int32
  Tensor view, row, column;  ///< [n] int32
  Frame frame;
};
BACKLIGHT_API VisiblePixels visible_pixels(const Tensor& ids);

/// Vertices of a visible pixel's triangle: three tensors [n] int32.
struct Corners {
  Tensor vertex[3];
  /// The same in positions [views, vertices] flattened, where there are several views; else undefined.
  struct {
    int64_t vertices = 0;
    Tensor row[3];
  } in_views = {};
};

/// Corners in any list of triangles that has the visible ones' numbers: that of the positions, or one of an attribute's
/// own (a seam of UVs has several UVs a position).
///
/// triangles  [faces, 3] int32
/// vertices   of the clip positions, where they are to be read: it saves work in barycentrics(), depth() and the like
/// throws     ShapeError, IndexError
BACKLIGHT_API Corners corners(const ag::Array& triangles, const VisiblePixels& pixels, int64_t vertices = 0);

/// Perspective-correct barycentric coordinates of each visible pixel, by 2-D homogeneous coordinates
/// relative to the pixel's centre: no division by w, right across the near plane. Where the triangle is
/// seen edge-on the weights are 1/3, without gradient.
///
/// clip     components [views, vertices] or [1, vertices]
/// returns  Vec3 of [n]: weights of the triangle's corners, summing to 1
/// source   Olano & Greer 1997, "Triangle scan conversion using 2D homogeneous coordinates"
BACKLIGHT_API Vec3 barycentrics(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels);

/// Values of a vertex attribute at visible pixels. attribute [vertices]; returns [n].
BACKLIGHT_API Tensor interpolate(const Tensor& attribute, const Corners& corners, const Vec3& weights);
BACKLIGHT_API Vec3 interpolate(const Vec3& attribute, const Corners& corners, const Vec3& weights);

/// Distance along the viewing axis (-z of the camera, positive in front), scene units. Returns [n]. Of a perspective
/// projection, whose w it is; in a parallel one interpolate the vertices' distances instead.
BACKLIGHT_API Tensor depth(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels, const Vec3& weights);

/// Whether a visible pixel shows the back of its triangle, whose corners then are clockwise as seen (cull.h). Returns
/// [n], bool.
BACKLIGHT_API Tensor shows_back(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels);

/// Values of visible pixels [n] or [n, channels] in an image [views, height, width(, channels)] of zeros.
BACKLIGHT_API Tensor to_image(const Tensor& values, const VisiblePixels& pixels);

}  // namespace render
