#pragma once

#include <cmath>

namespace render {

/// A point or vector in float64, for the geometry that runs on the host. Private to the library.
struct Double3 {
  double x = 0, y = 0, z = 0;

  double operator[](int axis) const { return axis == 0 ? x : axis == 1 ? y : z; }
  Double3 operator+(const Double3& o) const { return {x + o.x, y + o.y, z + o.z}; }
  Double3 operator-(const Double3& o) const { return {x - o.x, y - o.y, z - o.z}; }
  Double3 operator*(double s) const { return {x * s, y * s, z * s}; }
  bool operator==(const Double3&) const = default;
};

inline double dot(const Double3& a, const Double3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Double3 cross(const Double3& a, const Double3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double length(const Double3& v) { return std::sqrt(dot(v, v)); }
inline bool is_finite(const Double3& v) { return std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z); }

/// Unit length, or zero where the vector has none. Scaled first, so that lengths whose squares
/// underflow or overflow keep their direction.
inline Double3 normalized(const Double3& v) {
  const double largest = std::fmax(std::fabs(v.x), std::fmax(std::fabs(v.y), std::fabs(v.z)));
  if (!(largest > 0) || !std::isfinite(largest)) return {};
  const Double3 scaled{v.x / largest, v.y / largest, v.z / largest};
  return scaled * (1 / length(scaled));
}

}  // namespace render
