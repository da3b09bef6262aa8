#include <render/geometry/double3.h>
#include <render/shading/lighting.h>

#include <algorithm>

namespace render {
namespace {

DirectionalLight from(const Double3& direction, double strength) {
  const Double3 toward = normalized(direction);
  return {{toward.x, toward.y, toward.z}, strength};
}

Double3 vector_of(const DirectionalLight& light) {
  return Double3{light.toward[0], light.toward[1], light.toward[2]} * light.strength;
}

/// The most that directional lights give any normal. A sum of clamped cosines is the largest over
/// all subsets of the lights of the same sum without clamps, and that peaks at its vector's length.
double brightest(const std::vector<DirectionalLight>& lights) {
  double most = 0;
  for (size_t subset = 0; subset < size_t{1} << lights.size(); ++subset) {
    Double3 total;
    for (size_t i = 0; i < lights.size(); ++i) {
      if (subset >> i & 1) total = total + vector_of(lights[i]);
    }
    most = std::max(most, length(total));
  }
  return most;
}

}  // namespace

double Lighting::at(const Point3& unit_normal) const {
  double light = ambient;
  for (const auto& [toward, strength] : directional) {
    const double cosine = unit_normal[0] * toward[0] + unit_normal[1] * toward[1] + unit_normal[2] * toward[2];
    light += strength * std::max(0.0, cosine);
  }
  return light;
}

Lighting lighting(LightingPreset preset) {
  Lighting light;
  switch (preset) {
    case LightingPreset::studio:
      // The fill comes from a little below, so that next to no normal is left with the ambient light alone.
      light = {0.25, {from({0.5, 0.75, 0.6}, 1), from({-0.8, -0.3, 0.45}, 0.45), from({0.2, 0.2, -0.95}, 0.5)}};
      break;
    case LightingPreset::sun: light = {0.1, {from({0.4, 0.8, 0.45}, 1)}}; break;
    case LightingPreset::none: return light;
  }
  const double scale = (0.95 - light.ambient) / brightest(light.directional);
  for (DirectionalLight& source : light.directional) source.strength *= scale;
  return light;
}

}  // namespace render
