#pragma once

#include <render/sdf/trace.h>

// The point where a ray meets the surface, as a function of everything the field reads.
//
// The depth z of the hit is defined by f(o + z d, theta) = 0, not by the steps that found it. The implicit function
// theorem gives its derivative without them,
//
//     dz/dtheta = -(df/dtheta) / s,    s = grad f . d,
//
// so tracing needs no tape (Vicini, Speierer, Jakob 2022, "Differentiable signed distance function rendering",
// section 3; Niemeyer et al. 2020, "Differentiable volumetric rendering", eq. 11). Written as steps of Newton's method
// from the root z0 that was found, with z0 and the slope s held constant,
//
//     z1 = z0 - f(o + z0 d, theta) / s,    z2 = z1 - f(o + z1 d, theta) / s,
//
// it needs no rule of its own either: the values do not change (f is 0 there, but for what the search left), the first
// derivative of z1 is the formula above, and that of z2 is the same, as z1's cancels. The second derivatives differ.
// Differentiating f(o + z d, theta) = 0 twice gives
//
//     z'' = -(f_theta_theta + 2 f_z_theta z' + f_zz z'^2) / s.
//
// z1'' is only the first term; z2'' = z1'' - (f_theta_theta + 2 f_z_theta z1' + f_zz z1'^2 + s z1'') / s is all of it.
// In general k steps are right to order k, even though the slope is a constant.

namespace render::sdf {

struct HitOptions {
  int order = 2;  ///< up to which derivatives are right: 1 or 2 (ValueError)
  /// Where |cos| of the angle between ray and normal is below this, a ray grazes: its hit point says little about the
  /// surface and moves without bounds, so it gets no gradient.
  double smallest_cosine = 0.02;
};

/// Depths [n] of a trace, differentiable where they are hits; elsewhere those of the closest approach, as data.
///
/// rays  pixel_rays(matrices, trace.pixels): may depend on parameters too, such as a camera's pose
BACKLIGHT_API Tensor hit_depth(const Field& field, const Rays& rays, const Trace& trace,
                               const HitOptions& options = {});

}  // namespace render::sdf
