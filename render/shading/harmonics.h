#pragma once

#include <render/math/vec.h>

#include <array>

namespace render {

/// The nine real spherical harmonics up to order 2 of a unit direction.
/// source  Ramamoorthi & Hanrahan 2001, "An efficient representation for irradiance environment maps", eq. 3
BACKLIGHT_API std::array<Tensor, 9> harmonics(const Vec3& direction);

/// Light leaving a matte surface of albedo 1, for each colour channel a combination of the nine
/// harmonics of its unit normal. coefficients [9, 3]; returns components of the normal's shape.
BACKLIGHT_API Vec3 harmonic_light(const Vec3& normal, ag::Located coefficients);

/// Lambert's law for a light from one direction: max(n . l, 0).
/// direction  unit vector towards the light; normal  unit vectors
BACKLIGHT_API Tensor lambert(const Vec3& normal, const std::array<double, 3>& direction);

}  // namespace render
