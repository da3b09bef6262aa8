#pragma once

#include <render/geometry/topology.h>
#include <render/raster/visibility.h>

namespace render {

/// Where silhouette edges pass between the centres of neighbouring pixels: a list made per rendering,
/// discrete, without gradient. How far the edge is from either centre is left to antialias().
struct Crossings {
  Tensor a, b;          ///< [n] int32: the edge's vertices, as rows of clip components flattened to [views * vertices]
  Tensor inner, outer;  ///< [n] int32: pixels (of views * height * width) on either side; inner sees the surface
  Tensor axis;          ///< [n] int32: 0 where the two pixels are neighbours in a row, 1 in a column
  Tensor row, column;   ///< [n] int32: of the inner pixel
  Frame frame;
};

/// The rules are those of render/raster/kernels.h.
///
/// clip, triangles, ids  as in visibility()
/// topology              of the same triangles; where views show different meshes, of all of them (join_topologies())
/// ranges                as in VisibilityOptions; a face that a view does not show has no part in its silhouettes
BACKLIGHT_API Crossings silhouettes(const Vec4& clip, const ag::Array& triangles, const Topology& topology,
                                    const Tensor& ids, const std::optional<ag::Array>& ranges = std::nullopt);

/// Blends the two pixels at each crossing by how far the edge reaches over their border, which makes
/// the image a continuous function of the silhouette's position: the gradient of visibility.
/// With d the distance (pixels) of the edge from the inner pixel's centre towards the outer one's,
///
///     out[outer] += relu(d - 1/2) (c_inner - c_outer)
///     out[inner] += relu(1/2 - d) (c_outer - c_inner)
///
/// so a box-filtered step edge. Colours before antialiasing, background composited; all channels alike.
/// Several crossings may add to one pixel: values can leave [0, 1].
///
/// image    [views, height, width, channels]
/// clip     components [views, vertices]
/// returns  the image's shape
/// source   the blend is that of Laine et al. 2020, "Modular primitives for high-performance
///          differentiable rendering", section 3.5, on an explicit list of edges
BACKLIGHT_API Tensor antialias(const Tensor& image, const Vec4& clip, const Crossings& crossings);

struct ImageOptions {
  bool coverage = false;  ///< one more channel: 1 where something is visible
};

/// The antialiased image [views, height, width, channels] of values at visible pixels, over zeros: the same as
/// antialias(to_image(stack(channels, 1), pixels), clip, crossings), but each pixel is written once, and gradients
/// only look up the visible pixels.
///
/// channels  [n] each
/// throws    ShapeError; IndexError: crossings of other pixels
BACKLIGHT_API Tensor antialiased_image(std::span<const Tensor> channels, const VisiblePixels& pixels, const Vec4& clip,
                                       const Crossings& crossings, const ImageOptions& options = {});

}  // namespace render
