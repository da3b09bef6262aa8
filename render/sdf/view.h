#pragma once

#include <render/sdf/hit.h>

namespace render::sdf {

/// A field seen by cameras: what every shading needs. All but the lists is differentiable.
struct FieldView {
  Trace trace;
  Tensor depth;  ///< [n], of trace.pixels
  Vec3 point;    ///< [n] on the surface; where a silhouette passes beside a pixel's centre, close to it
  Vec3 normal;   ///< [n] unit, outward
  Tensor alpha;  ///< [n] part of the pixel that is covered, in [0, 1]; first derivatives only, see coverage.h
};

/// Traces the field, and records what is differentiable about it.
///
/// matrices  [views, 3, 4] of ray_matrices(), float32 or float64
/// throws    ValueError, ShapeError
BACKLIGHT_API FieldView see(const Field& field, ag::Located matrices, const Frame& frame,
                            const TraceOptions& options = {}, const HitOptions& hits = {});

/// The image [views, height, width, 4] of colours [n]: premultiplied linear RGB over nothing, and coverage.
BACKLIGHT_API Tensor draw(const FieldView& view, const Vec3& colour);

/// What a shape looks like: linear RGB of points with unit normals.
using Shader = std::function<Vec3(const Vec3& point, const Vec3& normal)>;

/// Pictures by brute force, to compare with: the mean of samples x samples rays a pixel that hit or miss, with nothing
/// of coverage.h in it. [views, height, width, 4] premultiplied linear, one view at a time.
/// throws  ValueError unless samples > 0
BACKLIGHT_API ag::Array photograph(const Field& field, const Shader& shader, std::span<const Camera> cameras,
                                   int samples, const TraceOptions& options = {});

}  // namespace render::sdf
