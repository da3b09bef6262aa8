#pragma once

#include <autograd/autograd.h>

// Vectors as structs of tensors, one tensor a component: expressions on them are elementwise and
// fuse into one pass. Components broadcast against each other and against plain tensors.

namespace render {

namespace ag = autograd;
using ag::Tensor;

struct Vec2 {
  Tensor x, y;
};
struct Vec3 {
  Tensor x, y, z;
};
struct Vec4 {
  Tensor x, y, z, w;
};

inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(const Vec3& a, const Vec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(const Vec3& a, const Vec3& b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vec3 operator*(const Vec3& a, ag::Located s) { return {a.x * s, a.y * s, a.z * s}; }
inline Vec3 operator*(ag::Located s, const Vec3& a) { return a * s; }
inline Vec3 operator/(const Vec3& a, ag::Located s) { return {a.x / s, a.y / s, a.z / s}; }
inline Vec3 operator-(const Vec3& a) { return {-a.x, -a.y, -a.z}; }

inline Tensor dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/// Euclidean length; its gradient at 0 is 0.
BACKLIGHT_API Tensor length(const Vec3& a);

/// a / |a|; the zero vector stays zero, without gradient.
BACKLIGHT_API Vec3 normalize(const Vec3& a);

/// Each component's elements at `indices` [...] int32 along axis 0.
inline Vec3 gather(const Vec3& a, const Tensor& indices) {
  return {ag::gather(a.x, indices), ag::gather(a.y, indices), ag::gather(a.z, indices)};
}

/// Components of the last axis, which has extent 3 (ShapeError).
BACKLIGHT_API Vec3 unpack3(ag::Located a);
/// [..., 3]
inline Tensor pack(const Vec3& a) { return ag::stack({a.x, a.y, a.z}, -1); }

/// matrices [views, 4, 4] times points [vertices] with w = 1: components [views, vertices].
BACKLIGHT_API Vec4 transform(ag::Located matrices, const Vec3& points);

}  // namespace render
