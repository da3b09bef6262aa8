#pragma once

#include <autograd/core/export.h>
#include <render/geometry/camera.h>

#include <vector>

namespace render {

/// Light from infinitely far, white, fixed in the world.
struct DirectionalLight {
  Point3 toward{0, 1, 0};  ///< unit vector from the surface to the light
  double strength = 0;     ///< linear radiance of a surface of albedo 1 that faces the light
};

/// Light on a surface: ambient + sum of strength * max(0, normal . toward). Linear, times the albedo.
struct Lighting {
  double ambient = 1;
  std::vector<DirectionalLight> directional;

  double at(const Point3& unit_normal) const;
};

/// studio: ambient 0.25 and a key, a fill and a back light; sun: ambient 0.1 and one light; none: each
/// surface shows its albedo. Y is up.
enum class LightingPreset { studio, sun, none };

/// The preset's lights. Their strengths are multiplied by
///   s = (0.95 - ambient) / max over subsets S of the lights of |sum over S of strength * toward|,
/// so that the brightest normal there is receives 0.95 and no channel of an albedo up to 1 saturates.
BACKLIGHT_API Lighting lighting(LightingPreset preset);

}  // namespace render
