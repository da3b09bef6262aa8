#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/geometry/pose.h>

#include <algorithm>
#include <cmath>

namespace render {

namespace {

using Matrix3 = std::array<double, 9>;

constexpr double tolerance = 1e-3;  // of the product with the transpose, and of the scale
constexpr double rounding = 1e-12;

[[noreturn]] void fail(std::string_view name, std::string_view text) {
  throw autograd::ValueError(fmt::format("{} {}", name, text));
}

/// Row i is the cross product of rows i + 1 and i + 2: the inverse transposed, times the determinant.
Matrix3 cofactors(const Matrix3& m) {
  Matrix3 result{};
  for (size_t row = 0; row < 3; ++row) {
    const double* a = &m[3 * ((row + 1) % 3)];
    const double* b = &m[3 * ((row + 2) % 3)];
    for (size_t i = 0; i < 3; ++i) {
      const size_t j = (i + 1) % 3, k = (i + 2) % 3;
      result[3 * row + i] = a[j] * b[k] - a[k] * b[j];
    }
  }
  return result;
}

double determinant(const Matrix3& m) {
  const Matrix3 c = cofactors(m);
  return m[0] * c[0] + m[1] * c[1] + m[2] * c[2];
}

/// Largest element of |M M^T - I|.
double deviation(const Matrix3& m) {
  double largest = 0;
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = 0; b < 3; ++b) {
      double dot = 0;
      for (size_t i = 0; i < 3; ++i) dot += m[3 * a + i] * m[3 * b + i];
      largest = std::max(largest, std::abs(dot - (a == b ? 1.0 : 0.0)));
    }
  }
  return largest;
}

/// The orthogonal polar factor by Newton's iteration M <- (M + M^-T) / 2, which squares the error each
/// time: two from 1e-3, and one more for rounding. Source: Higham 1986.
Matrix3 nearest_rotation(Matrix3 m) {
  for (int iteration = 0; iteration < 3; ++iteration) {
    const Matrix3 c = cofactors(m);
    const double det = determinant(m);
    for (size_t i = 0; i < 9; ++i) m[i] = (m[i] + c[i] / det) / 2;
  }
  return m;
}

/// The determinant's cube root, which is the scale if the block is a scaled rotation; refuses what cannot be one.
double uniform_scale(const Matrix3& block, std::string_view name) {
  double longest = 0;
  for (size_t row = 0; row < 3; ++row) {
    longest = std::max(longest, std::hypot(block[3 * row], block[3 * row + 1], block[3 * row + 2]));
  }
  const double det = determinant(block);
  const double singular_below = 1e-9 * longest * longest * longest;
  if (!std::isfinite(det) || !(std::abs(det) > singular_below))
    fail(name, "is singular; expected a rotation and a position");
  const double scale = std::cbrt(std::abs(det));
  if (det < 0) fail(name, fmt::format("is mirrored (determinant {:.3g}); expected a rotation, determinant 1", det));
  return scale;
}

}  // namespace

RigidPose rigid_pose(const Matrix4& matrix, std::string_view name) {
  for (size_t column = 0; column < 4; ++column) {
    if (std::abs(matrix[12 + column] - (column == 3 ? 1 : 0)) <= 1e-6) continue;
    fail(name,
         fmt::format("has the last row {:.6g} {:.6g} {:.6g} {:.6g}; expected 0 0 0 1 (row-major, camera to world)",
                     matrix[12], matrix[13], matrix[14], matrix[15]));
  }
  Matrix3 block{};
  for (size_t i = 0; i < 9; ++i) block[i] = matrix[4 * (i / 3) + i % 3];

  const double scale = uniform_scale(block, name);
  if (deviation(block) > rounding) {
    for (double& value : block) value /= scale;
    const double error = deviation(block);
    if (error > tolerance) fail(name, fmt::format("is not a rotation: its rows are not orthonormal, by {:.3g}", error));
    block = nearest_rotation(block);
  }

  RigidPose pose{matrix, std::abs(scale - 1) > tolerance ? scale : 1};
  for (size_t i = 0; i < 9; ++i) pose.world_from_camera[4 * (i / 3) + i % 3] = block[i];
  for (size_t column = 0; column < 4; ++column) pose.world_from_camera[12 + column] = column == 3 ? 1 : 0;
  return pose;
}

}  // namespace render
