#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/geometry/camera.h>
#include <render/geometry/double3.h>

#include <algorithm>
#include <cmath>

namespace render {

namespace {

Double3 from(const Point3& p) { return {p[0], p[1], p[2]}; }

Double3 least_parallel_axis(const Double3& direction) {
  const double x = std::abs(direction.x), y = std::abs(direction.y), z = std::abs(direction.z);
  if (x <= y && x <= z) return {1, 0, 0};
  return y <= z ? Double3{0, 1, 0} : Double3{0, 0, 1};
}

// Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators": the 64-bit finaliser
// over a Weyl sequence. The standard library's distributions differ between compilers.
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}

  /// In [-1, 1).
  double uniform() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-52 - 1;
  }

 private:
  uint64_t state_;
};

using Rotation = std::array<Double3, 3>;  // rows

/// Uniform over all rotations: a unit quaternion from a point of the 4-ball by rejection, which needs
/// no trigonometry and is therefore the same bits with every mathematics library.
Rotation random_rotation(SplitMix64& random) {
  double w = 0, x = 0, y = 0, z = 0, square = 0;
  do {
    w = random.uniform();
    x = random.uniform();
    y = random.uniform();
    z = random.uniform();
    square = w * w + x * x + y * y + z * z;
  } while (square > 1 || square < 1e-4);
  const double s = 2 / square;
  return {{{1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)},
           {s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x)},
           {s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y)}}};
}

/// Unit vectors: heights in `count` equal bands of area, each turned by the golden angle from the last.
/// (cos, sin) is advanced by complex multiplication, again for the same bits everywhere.
std::vector<Double3> fibonacci_lattice(int count) {
  constexpr double golden_cos = -0.73736887807831990152, golden_sin = 0.67549029426152364234;
  std::vector<Double3> points;
  double cos = 1, sin = 0;
  for (int i = 0; i < count; ++i) {
    const double z = 1 - (2.0 * i + 1) / count;
    const double ring = std::sqrt(1 - z * z);
    points.push_back({ring * cos, ring * sin, z});
    const double next_cos = cos * golden_cos - sin * golden_sin;
    sin = cos * golden_sin + sin * golden_cos;
    cos = next_cos;
  }
  return points;
}

}  // namespace

Matrix4 multiply(const Matrix4& a, const Matrix4& b) {
  Matrix4 product{};
  for (size_t row = 0; row < 4; ++row) {
    for (size_t column = 0; column < 4; ++column) {
      for (size_t i = 0; i < 4; ++i) product[4 * row + column] += a[4 * row + i] * b[4 * i + column];
    }
  }
  return product;
}

Matrix4 rigid_inverse(const Matrix4& transform) {
  Matrix4 inverse{};
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) {
      inverse[4 * row + column] = transform[4 * column + row];
      inverse[4 * row + 3] -= transform[4 * column + row] * transform[4 * column + 3];
    }
  }
  inverse[15] = 1;
  return inverse;
}

Matrix4 swap_opengl_opencv(const Matrix4& world_from_camera) {
  Matrix4 swapped = world_from_camera;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 1; column < 3; ++column) swapped[4 * row + column] = -swapped[4 * row + column];
  }
  return swapped;
}

// A camera-space point (x, y, z) at depth d = -z is seen at column cx + fx x / d and row cy - fy y / d.
// x_clip / d = 2 column / width - 1 and y_clip / d = 1 - 2 row / height give the first two rows.
Matrix4 projection(const Camera& camera, double near_plane, double far_plane) {
  if (!(near_plane > 0 && far_plane > near_plane)) {
    throw autograd::ValueError(
        fmt::format("projection: near plane {}, far plane {}; expected 0 < near < far", near_plane, far_plane));
  }
  const double width = camera.width, height = camera.height;
  const double k = 2 * near_plane / (far_plane - near_plane);  // 0 for an infinite far plane
  // clang-format off
  return {2 * camera.fx / width, 0, 1 - 2 * camera.cx / width, 0,
          0, 2 * camera.fy / height, 2 * camera.cy / height - 1, 0,
          0, 0, -(1 + k), -near_plane * (2 + k),  // -d at the near plane, d at the far one
          0, 0, -1, 0};
  // clang-format on
}

Matrix4 orthographic_projection(const Camera& camera, double near_plane, double far_plane) {
  if (!(near_plane < far_plane) || !std::isfinite(near_plane) || !std::isfinite(far_plane)) {
    throw autograd::ValueError(fmt::format(
        "orthographic_projection: near plane {}, far plane {}; expected finite near < far", near_plane, far_plane));
  }
  const double width = camera.width, height = camera.height, range = far_plane - near_plane;
  // clang-format off
  return {2 * camera.fx / width, 0, 0, 2 * camera.cx / width - 1,
          0, 2 * camera.fy / height, 0, 1 - 2 * camera.cy / height,
          0, 0, -2 / range, -(far_plane + near_plane) / range,
          0, 0, 0, 1};
  // clang-format on
}

Matrix4 clip_from_world(const Camera& camera, double near_plane, double far_plane) {
  return multiply(projection(camera, near_plane, far_plane), rigid_inverse(camera.world_from_camera));
}

Camera resized(Camera camera, int width, int height) {
  const double x = static_cast<double>(width) / camera.width;
  const double y = static_cast<double>(height) / camera.height;
  camera.fx *= x, camera.cx *= x;
  camera.fy *= y, camera.cy *= y;
  camera.width = width, camera.height = height;
  return camera;
}

Camera look_at(const Point3& eye, const Point3& target, const Point3& up, int width, int height, double focal_pixels) {
  const Double3 offset = from(eye) - from(target);
  const Double3 backward = normalized(offset);
  if (!(length(backward) > 0)) {
    throw autograd::ValueError(
        fmt::format("look_at: eye and target are {} apart; expected a positive distance", length(offset)));
  }
  Double3 right = cross(normalized(from(up)), backward);
  if (!(length(right) > 1e-6)) right = cross(least_parallel_axis(backward), backward);
  right = normalized(right);
  const Double3 upward = cross(backward, right);

  Camera camera{width, height, focal_pixels, focal_pixels, width / 2.0, height / 2.0, {}};
  for (int row = 0; row < 3; ++row) {
    double* values = &camera.world_from_camera[4 * static_cast<size_t>(row)];
    values[0] = right[row];
    values[1] = upward[row];
    values[2] = backward[row];
    values[3] = from(eye)[row];
  }
  camera.world_from_camera[15] = 1;
  return camera;
}

std::vector<Camera> cameras_around(const Point3& centre, double radius, int count, int width, int height,
                                   uint64_t seed) {
  if (!(radius > 0) || count < 0 || width <= 0 || height <= 0) {
    throw autograd::ValueError(
        fmt::format("cameras_around: radius {}, {} cameras of {}x{} pixels; expected positive numbers", radius, count,
                    width, height));
  }
  const double smaller_side = std::min(width, height);
  const double focal = 1.4 * smaller_side;
  // The tangent cone of the ball has sin = radius / distance and meets the image in a circle of
  // focal * tan pixels.
  const double tangent = 0.9 * (smaller_side / 2) / focal;
  const double distance = radius * std::sqrt(1 + tangent * tangent) / tangent;

  SplitMix64 random(seed);
  const Rotation rotation = random_rotation(random);
  std::vector<Camera> cameras;
  for (const Double3& point : fibonacci_lattice(count)) {
    Point3 eye{};
    for (size_t row = 0; row < 3; ++row) eye[row] = centre[row] + distance * dot(rotation[row], point);
    cameras.push_back(look_at(eye, centre, {0, 1, 0}, width, height, focal));
  }
  return cameras;
}

}  // namespace render
