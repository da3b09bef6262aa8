#pragma once

#include <autograd/core/array.h>

#include <array>
#include <span>

namespace render {

namespace ag = autograd;

/// Samples of a lit matte surface: what a pixel shows, how its surface is turned, its albedo.
struct LightSamples {
  std::span<const float> normal[3];  ///< unit normals, [n] each
  std::span<const float> albedo[3];  ///< [n] each; empty: 1
  std::span<const float> colour[3];  ///< linear, [n] each
};

/// Coefficients [9, 3] float32 of harmonic_light() that fit the samples best (closed-form least squares,
/// in float64, slightly regularised towards zero so that few samples do no harm).
BACKLIGHT_API ag::Array estimate_light(const LightSamples& samples);

}  // namespace render
