#include <autograd/core/error.h>
#include <render/geometry/camera.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tests/catch.h"

namespace ag = autograd;
using render::Camera;
using render::Matrix4;
using render::Point3;

namespace {

using Point4 = std::array<double, 4>;

Point4 transform(const Matrix4& matrix, const Point3& point) {
  Point4 result{};
  for (size_t row = 0; row < 4; ++row) {
    result[row] = matrix[4 * row + 3];
    for (size_t i = 0; i < 3; ++i) result[row] += matrix[4 * row + i] * point[i];
  }
  return result;
}

struct Pixel {
  double column, row;
};

/// Where the clip matrix puts a world point, in pixels from the upper left corner.
Pixel seen(const Camera& camera, const Point3& point) {
  const Point4 clip = transform(render::clip_from_world(camera, 0.1, 100), point);
  return {(clip[0] / clip[3] + 1) * camera.width / 2, (1 - clip[1] / clip[3]) * camera.height / 2};
}

Camera example() {
  Camera camera = render::look_at({3, 2, 5}, {0.5, -0.25, 1}, {0, 1, 0}, 320, 200, 250);
  camera.fy = 300;
  camera.cx = 150.5;
  camera.cy = 110.25;
  return camera;
}

double distance(const Point3& a, const Point3& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

Point3 axis(const Camera& camera, size_t column) {
  const Matrix4& m = camera.world_from_camera;
  return {m[column], m[4 + column], m[8 + column]};
}

double dot(const Point3& a, const Point3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

void check_rigid(const Camera& camera) {
  const Point3 x = axis(camera, 0), y = axis(camera, 1), z = axis(camera, 2);
  CHECK(dot(x, x) == Approx(1));
  CHECK(dot(y, y) == Approx(1));
  CHECK(dot(z, z) == Approx(1));
  CHECK(dot(x, y) == Approx(0).margin(1e-14));
  CHECK(dot(y, z) == Approx(0).margin(1e-14));
  CHECK(dot(z, x) == Approx(0).margin(1e-14));
  // Right-handed.
  CHECK(x[1] * y[2] - x[2] * y[1] == Approx(z[0]).margin(1e-14));
  CHECK(x[2] * y[0] - x[0] * y[2] == Approx(z[1]).margin(1e-14));
  const std::array last{camera.world_from_camera[12], camera.world_from_camera[13], camera.world_from_camera[14],
                        camera.world_from_camera[15]};
  CHECK(last == std::array{0.0, 0.0, 0.0, 1.0});
}

}  // namespace

// Projection ------------------------------------------------------------------------------------

TEST_CASE("A camera that has not moved looks down -Z, +Y up, row 0 on top") {
  const Camera camera{200, 100, 80, 80, 100, 50};
  const Pixel centre = seen(camera, {0, 0, -2});
  CHECK(centre.column == Approx(100));
  CHECK(centre.row == Approx(50));
  CHECK(seen(camera, {1, 0, -2}).column == Approx(140));
  CHECK(seen(camera, {0, 1, -2}).row == Approx(10));
}

TEST_CASE("A point is seen at (cx + fx x / depth, cy - fy y / depth)") {
  const Camera camera = example();
  for (const Point3& point : {Point3{0, 0, 0}, Point3{1, -0.5, 0.25}, Point3{-1, 0.75, 2}}) {
    const Point4 local = transform(render::rigid_inverse(camera.world_from_camera), point);
    const Pixel pixel = seen(camera, point);
    CHECK(pixel.column == Approx(camera.cx - camera.fx * local[0] / local[2]));
    CHECK(pixel.row == Approx(camera.cy + camera.fy * local[1] / local[2]));
  }
}

TEST_CASE("w is the depth, and z / w runs from -1 at the near plane to 1 at the far one") {
  const Matrix4 clip = render::projection(example(), 0.5, 20);
  CHECK(transform(clip, {0.3, 0.2, -7})[3] == 7);
  const auto z = [](const Matrix4& matrix, double depth) {
    const Point4 point = transform(matrix, {0.3, 0.2, -depth});
    return point[2] / point[3];
  };
  CHECK(z(clip, 0.5) == Approx(-1));
  CHECK(z(clip, 20) == Approx(1));
  CHECK((z(clip, 3) > -1 && z(clip, 3) < 1));
  const Matrix4 endless = render::projection(example(), 0.5, std::numeric_limits<double>::infinity());
  CHECK(z(endless, 0.5) == Approx(-1));
  CHECK(z(endless, 1e12) == Approx(1));
}

TEST_CASE("projection refuses planes out of order") {
  const Camera camera = example();
  REQUIRE_THROWS_AS(render::projection(camera, 0, 1), ag::ValueError);
  REQUIRE_THROWS_AS(render::projection(camera, -1, 1), ag::ValueError);
  REQUIRE_THROWS_AS(render::projection(camera, 1, 1), ag::ValueError);
  REQUIRE_THROWS_WITH(render::projection(camera, 2, 1), ContainsSubstring("near plane 2, far plane 1"));
  REQUIRE_THROWS_AS(render::projection(camera, std::nan(""), 1), ag::ValueError);
}

// Matrices --------------------------------------------------------------------------------------

TEST_CASE("multiply takes the right matrix first") {
  Matrix4 move{1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1};
  Matrix4 turn{0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};  // X to Y
  CHECK(transform(render::multiply(move, turn), {1, 0, 0}) == Point4{5, 7, 7, 1});
  CHECK(transform(render::multiply(turn, move), {1, 0, 0}) == Point4{-6, 6, 7, 1});
}

TEST_CASE("rigid_inverse undoes") {
  const Matrix4 matrix = example().world_from_camera;
  const Matrix4 product = render::multiply(render::rigid_inverse(matrix), matrix);
  const Matrix4 identity = Camera{}.world_from_camera;
  for (size_t i = 0; i < 16; ++i) CHECK(product[i] == Approx(identity[i]).margin(1e-14));
}

TEST_CASE("OpenCV's camera sees +Z forward and +Y down") {
  const Camera camera = example();
  const Matrix4 opencv = render::swap_opengl_opencv(camera.world_from_camera);
  // A point 2 right, 3 down and 10 ahead, in OpenCV's words, and its pixel by OpenCV's formula.
  const Point4 world = transform(opencv, {2, 3, 10});
  const Pixel pixel = seen(camera, {world[0], world[1], world[2]});
  CHECK(pixel.column == Approx(camera.cx + camera.fx * 2 / 10));
  CHECK(pixel.row == Approx(camera.cy + camera.fy * 3 / 10));
  CHECK(render::swap_opengl_opencv(opencv) == camera.world_from_camera);
}

// look_at ---------------------------------------------------------------------------------------

TEST_CASE("look_at puts the target in the middle and up on top") {
  const Point3 target{0.5, -0.25, 1};
  const Camera camera = render::look_at({3, 2, 5}, target, {0, 1, 0}, 321, 200, 250);
  check_rigid(camera);
  CHECK(camera.position() == Point3{3, 2, 5});
  const Pixel middle = seen(camera, target);
  CHECK(middle.column == Approx(160.5));
  CHECK(middle.row == Approx(100));
  const Pixel above = seen(camera, {target[0], target[1] + 0.5, target[2]});
  CHECK(above.column == Approx(160.5));
  CHECK(above.row < 90);
}

TEST_CASE("look_at takes any up vector") {
  const Point3 up = GENERATE(Point3{0, 1, 0}, Point3{0, -3, 0}, Point3{0, 0, 0}, Point3{1e-9, 1, 0},
                             Point3{0, 1e-200, 0}, Point3{0, 0, 1e200});
  const Camera camera = render::look_at({0, 7, 0}, {0, 2, 0}, up, 64, 64, 50);
  check_rigid(camera);
  CHECK(seen(camera, {0, 2, 0}).column == Approx(32));
}

TEST_CASE("look_at takes an up vector along the view direction, whichever that is") {
  const Point3 eye =
      GENERATE(Point3{5, 0, 0}, Point3{-5, 0, 0}, Point3{0, 5, 0}, Point3{0, -5, 0}, Point3{0, 0, 5}, Point3{0, 0, -5});
  const Camera camera = render::look_at(eye, {0, 0, 0}, eye, 64, 64, 50);
  check_rigid(camera);
  CHECK(camera.position() == eye);
}

TEST_CASE("look_at works at every scale and place") {
  const double scale = GENERATE(1e-12, 1.0, 1e12);
  const Camera camera = render::look_at({scale, 2 * scale, scale}, {0, 0, 0}, {0, 1, 0}, 64, 64, 50);
  check_rigid(camera);
}

TEST_CASE("look_at refuses an eye in the target") {
  REQUIRE_THROWS_AS(render::look_at({1, 2, 3}, {1, 2, 3}, {0, 1, 0}, 64, 64, 50), ag::ValueError);
  REQUIRE_THROWS_AS(render::look_at({std::nan(""), 2, 3}, {1, 2, 3}, {0, 1, 0}, 64, 64, 50), ag::ValueError);
}

// cameras_around --------------------------------------------------------------------------------

TEST_CASE("resized sees the same in another number of pixels") {
  const render::Camera camera = render::look_at({1, 2, 3}, {}, {0, 1, 0}, 60, 40, 50);
  const render::Camera fine = render::resized(camera, 180, 20);
  CHECK(fine.width == 180);
  CHECK(fine.height == 20);
  CHECK(fine.fx == 3 * camera.fx);
  CHECK(fine.cx == 3 * camera.cx);
  CHECK(fine.fy == camera.fy / 2);
  CHECK(fine.cy == camera.cy / 2);
  CHECK(fine.world_from_camera == camera.world_from_camera);
}

TEST_CASE("cameras_around shows the whole ball in every image, and fills it well") {
  const auto [width, height] = GENERATE(std::pair{256, 256}, std::pair{640, 200}, std::pair{99, 401});
  const Point3 centre{1000, -50, 3};
  const double radius = GENERATE(0.01, 1.0, 300.0);
  const std::vector<Camera> cameras = render::cameras_around(centre, radius, 5, width, height, 7);
  REQUIRE(cameras.size() == 5);
  for (const Camera& camera : cameras) {
    check_rigid(camera);
    CHECK((camera.width == width && camera.height == height));
    double extent = 0;
    for (int i = 0; i < 4000; ++i) {
      // Points all over the ball.
      const double z = 1 - (2 * i + 1) / 4000.0, ring = std::sqrt(1 - z * z), angle = 2.4 * i;
      const Point3 point{centre[0] + radius * ring * std::cos(angle), centre[1] + radius * ring * std::sin(angle),
                         centre[2] + radius * z};
      const Point4 local = transform(render::rigid_inverse(camera.world_from_camera), point);
      REQUIRE(local[2] < 0);
      extent = std::max({extent, std::abs(camera.fx * local[0] / local[2]), std::abs(camera.fy * local[1] / local[2])});
    }
    CHECK(extent == Approx(0.9 * std::min(width, height) / 2.0).epsilon(0.01));
    CHECK((camera.cx == width / 2.0 && camera.cy == height / 2.0));
  }
}

TEST_CASE("cameras_around spreads evenly") {
  const int count = GENERATE(8, 24, 100);
  const std::vector<Camera> cameras = render::cameras_around({0, 0, 0}, 1, count, 64, 64, 3);
  const double reach = distance(cameras[0].position(), {0, 0, 0});
  // On a sphere shared out in equal caps neighbours are about sqrt(4 pi / count) apart.
  const double spacing = reach * std::sqrt(4 * 3.14159265 / count);
  Point3 sum{};
  for (size_t i = 0; i < cameras.size(); ++i) {
    CHECK(distance(cameras[i].position(), {0, 0, 0}) == Approx(reach));
    double nearest = std::numeric_limits<double>::infinity();
    for (size_t j = 0; j < cameras.size(); ++j) {
      if (i != j) nearest = std::min(nearest, distance(cameras[i].position(), cameras[j].position()));
    }
    CHECK(nearest > 0.7 * spacing);
    for (size_t k = 0; k < 3; ++k) sum[k] += cameras[i].position()[k] / reach / count;
  }
  CHECK(distance(sum, {0, 0, 0}) < 0.05);
}

TEST_CASE("The seed turns the cameras, and nothing else does") {
  const auto first = [](uint64_t seed) { return render::cameras_around({0, 0, 0}, 1, 4, 64, 64, seed)[0].position(); };
  CHECK(first(1) == first(1));
  std::set<Point3> positions;
  Point3 sum{};
  for (uint64_t seed = 0; seed < 400; ++seed) {
    positions.insert(first(seed));
    for (size_t k = 0; k < 3; ++k) sum[k] += first(seed)[k] / distance(first(seed), {0, 0, 0}) / 400;
  }
  CHECK(positions.size() == 400);
  CHECK(distance(sum, {0, 0, 0}) < 0.15);  // every direction alike
}

TEST_CASE("cameras_around gives the same bits with every compiler") {
  const Point3 position = render::cameras_around({0, 0, 0}, 1, 24, 256, 256, 42)[5].position();
  CHECK(position == Point3{-0x1.a37c34429d788p-2, 0x1.48f0020c9b06cp+1, 0x1.fa069e81aa8p+0});
}

TEST_CASE("cameras_around refuses what has no meaning") {
  CHECK(render::cameras_around({0, 0, 0}, 1, 0, 64, 64, 0).empty());
  REQUIRE_THROWS_AS(render::cameras_around({0, 0, 0}, 0, 4, 64, 64, 0), ag::ValueError);
  REQUIRE_THROWS_AS(render::cameras_around({0, 0, 0}, 1, -1, 64, 64, 0), ag::ValueError);
  REQUIRE_THROWS_AS(render::cameras_around({0, 0, 0}, 1, 4, 0, 64, 0), ag::ValueError);
}
