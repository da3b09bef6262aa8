#include <autograd/core/error.h>
#include <render/geometry/camera_convention.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>

#include <cmath>

using namespace render;

// Poses worked out by hand. Each is given in all conventions: camera to world here, then as others have it.

namespace {

const double half = std::sqrt(0.5);

struct Case {
  const char* name;
  Matrix4 pose, opengl, opencv, blender;
  ColmapPose colmap;
};

const Case cases[] = {
    // Five ahead of the origin on +Z, looking back at it, +Y up. In OpenCV's words the origin is 5 along +Z.
    {"front",
     {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 5, 0, 0, 0, 1},
     {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -5, 0, 0, 0, 1},
     {1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 5, 0, 0, 0, 1},
     {1, 0, 0, 0, 0, 0, -1, -5, 0, 1, 0, 0, 0, 0, 0, 1},  // in Blender: at y = -5, looking along +y, z up
     {{0, 1, 0, 0}, {0, 0, 5}}},                          // half a turn about X
    // On +X at 5, looking at the origin: right is -Z, backward +X.
    {"side",
     {0, 0, 1, 5, 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 1},
     {0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, -5, 0, 0, 0, 1},
     {0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, 5, 0, 0, 0, 1},
     {0, 0, 1, 5, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1},
     {{0, half, 0, -half}, {0, 0, 5}}},
    // OpenCV's camera turned a quarter about its Z: right is -Y of the world, down +X, forward +Z, and it stands where
    // R p + t = 0: at -R^T (1, 2, 3) = (-2, 1, -3).
    {"turned",
     {0, -1, 0, -2, -1, 0, 0, 1, 0, 0, -1, -3, 0, 0, 0, 1},
     {0, -1, 0, 1, -1, 0, 0, -2, 0, 0, -1, -3, 0, 0, 0, 1},
     {0, -1, 0, 1, 1, 0, 0, 2, 0, 0, 1, 3, 0, 0, 0, 1},
     {0, -1, 0, -2, 0, 0, 1, 3, -1, 0, 0, 1, 0, 0, 0, 1},
     {{half, 0, 0, half}, {1, 2, 3}}},
};

void check_near(const Matrix4& got, const Matrix4& expected) {
  for (size_t i = 0; i < 16; ++i) CHECK(got[i] == Approx(expected[i]).margin(1e-12));
}

}  // namespace

TEST_CASE("poses worked out by hand, from each convention and to it") {
  for (const Case& c : cases) {
    INFO(c.name);
    check_near(pose_from_opengl(c.opengl), c.pose);
    check_near(pose_to_opengl(c.pose), c.opengl);
    check_near(pose_from_opencv(c.opencv), c.pose);
    check_near(pose_to_opencv(c.pose), c.opencv);
    check_near(pose_from_blender(c.blender), c.pose);
    check_near(pose_to_blender(c.pose), c.blender);
    check_near(pose_from_colmap(c.colmap), c.pose);
    const ColmapPose colmap = pose_to_colmap(c.pose);
    for (size_t i = 0; i < 4; ++i) CHECK(colmap.rotation[i] == Approx(c.colmap.rotation[i]).margin(1e-12));
    for (size_t i = 0; i < 3; ++i) CHECK(colmap.translation[i] == Approx(c.colmap.translation[i]).margin(1e-12));
  }
}

TEST_CASE("a quaternion of any length and sign is a rotation, and comes back as the unit one with QW >= 0") {
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    ColmapPose pose;
    for (double& component : pose.rotation) component = random.uniform(-3, 3);
    if (i % 4 != 0) pose.rotation[static_cast<size_t>(i % 4)] *= 1e-9;  // near half turns too
    for (double& component : pose.translation) component = random.uniform(-9, 9);
    const ColmapPose back = pose_to_colmap(pose_from_colmap(pose));
    double length = 0;
    for (const double component : pose.rotation) length += component * component;
    length = std::copysign(std::sqrt(length), pose.rotation[0]);
    for (size_t k = 0; k < 4; ++k) CHECK(back.rotation[k] == Approx(pose.rotation[k] / length).margin(1e-12));
    for (size_t k = 0; k < 3; ++k) CHECK(back.translation[k] == Approx(pose.translation[k]).margin(1e-11));
  }
  REQUIRE_THROWS_AS(pose_from_colmap({{0, 0, 0, 0}, {}}), autograd::ValueError);
  REQUIRE_THROWS_AS(pose_from_colmap({{1, 0, 0, 0}, {std::nan(""), 0, 0}}), autograd::ValueError);
}

TEST_CASE("the scale of a camera object in Blender is divided out, along each of its axes") {
  const Case& turned = cases[2];
  Matrix4 scaled = turned.blender;
  const double scale[] = {2, 0.5, 30};
  for (size_t i = 0; i < 12; ++i) {
    if (i % 4 < 3) scaled[i] *= scale[i % 4];
  }
  check_near(pose_from_blender(scaled), turned.pose);
  // As a float32 file has it: rotations to 1e-7 become rotations.
  const Matrix4 rough{0.70710677f, -0.70710677f, 0, 1, 0.70710677f, 0.70710677f, 0, 2, 0, 0, 1, 3, 0, 0, 0, 1};
  const Matrix4 pose = pose_from_blender(rough), product = multiply(rigid_inverse(pose), pose);
  for (size_t i = 0; i < 16; ++i) CHECK(product[i] == Approx(i % 5 == 0 ? 1 : 0).margin(1e-14));

  Matrix4 bad = turned.blender;
  for (size_t row = 0; row < 3; ++row) bad[4 * row] *= -1;
  REQUIRE_THROWS_WITH(pose_from_blender(bad), ContainsSubstring("pose_from_blender: matrix_world is mirrored"));
  bad = turned.blender;
  for (size_t row = 0; row < 3; ++row) bad[4 * row] += bad[4 * row + 1];  // sheared
  REQUIRE_THROWS_WITH(pose_from_blender(bad), ContainsSubstring("matrix_world is not a rotation"));
  bad = turned.blender;
  for (size_t row = 0; row < 3; ++row) bad[4 * row] = 0;
  REQUIRE_THROWS_WITH(pose_from_blender(bad), ContainsSubstring("matrix_world is singular"));
  bad[0] = std::nan("");
  REQUIRE_THROWS_AS(pose_from_blender(bad), autograd::ValueError);
}

TEST_CASE("Blender's lenses worked out by hand") {
  using Fit = BlenderLens::Fit;
  struct Example {
    BlenderLens lens;
    int width, height;
    double focal, cx, cy;
  };
  const Example examples[] = {
      // Blender's own: 50 mm before 36 mm that span 1920 pixels.
      {{}, 1920, 1080, 1920 * 50.0 / 36, 960, 540},
      // Upright: the sensor's *width* spans the height.
      {{}, 1080, 1920, 1920 * 50.0 / 36, 540, 960},
      {{.sensor_fit = Fit::horizontal}, 1080, 1920, 1080 * 50.0 / 36, 540, 960},
      // 24 mm span 600 pixels: 25 pixels a mm.
      {{.lens = 35, .sensor_fit = Fit::vertical}, 800, 600, 35 * 25, 400, 300},
      {{.lens = 32, .sensor_width = 32}, 500, 500, 500, 250, 250},
      // A tenth of the width to the right, a twentieth of it up: what is seen goes left by 80 pixels and down by 40.
      {{.shift_x = 0.1, .shift_y = 0.05}, 800, 600, 800 * 50.0 / 36, 320, 340},
      // Upright, shifts are lengths of the height.
      {{.shift_x = 0.1, .shift_y = 0.05}, 600, 800, 800 * 50.0 / 36, 220, 440},
  };
  for (const Example& example : examples) {
    INFO(example.lens.lens << " mm, " << example.width << " x " << example.height);
    const Camera camera = camera_from_blender(example.lens, example.width, example.height, cases[1].blender);
    CHECK(camera.width == example.width);
    CHECK(camera.height == example.height);
    CHECK(camera.fx == Approx(example.focal));
    CHECK(camera.fy == camera.fx);
    CHECK(camera.cx == Approx(example.cx));
    CHECK(camera.cy == Approx(example.cy));
    check_near(camera.world_from_camera, cases[1].pose);

    const BlenderLens back = lens_to_blender(camera, 20);
    const Camera again = camera_from_blender(back, camera.width, camera.height, cases[1].blender);
    CHECK(again.fx == Approx(camera.fx));
    CHECK(again.cx == Approx(camera.cx));
    CHECK(again.cy == Approx(camera.cy));
  }
  const Matrix4& pose = cases[0].blender;
  REQUIRE_THROWS_WITH(camera_from_blender({.lens = 0}, 8, 6, pose), ContainsSubstring("a lens of 0 mm"));
  REQUIRE_THROWS_WITH(camera_from_blender({.sensor_width = -1}, 8, 6, pose), ContainsSubstring("a sensor of -1 mm"));
  REQUIRE_THROWS_AS(camera_from_blender({.shift_x = std::nan("")}, 8, 6, pose), autograd::ValueError);
  REQUIRE_THROWS_AS(camera_from_blender({}, 0, 6, pose), autograd::ValueError);
  REQUIRE_THROWS_WITH(lens_to_blender({8, 6, 9, 10, 4, 3}), ContainsSubstring("expected equal focal lengths"));
}

TEST_CASE("a scaled camera with a shifted lens sees what Blender 3.4 renders") {
  // The centre of a small ball at (0.4, 0.3, 0.5): by Blender's world_to_camera_view(), and rendered to 0.1 pixel.
  const Matrix4 matrix_world{0.4974147379398346,
                             0.2432667315006256,
                             0.06114702299237251,
                             0.5,
                             0.02606840245425701,
                             0.32676470279693604,
                             -0.992682158946991,
                             -6.0,
                             -0.04357786849141121,
                             2.972212314605713,
                             0.10413066297769547,
                             1.2000000476837158,
                             0.0,
                             0.0,
                             0.0,
                             1.0};
  const BlenderLens lens{.lens = 35, .sensor_fit = BlenderLens::Fit::vertical, .shift_x = -0.1, .shift_y = 0.1};
  const Camera camera = camera_from_blender(lens, 160, 120, matrix_world);
  const Matrix4 view = rigid_inverse(camera.world_from_camera);
  const double p[] = {0.4, 0.5, -0.3};  // y up
  const auto coordinate = [&](size_t row) {
    return view[4 * row] * p[0] + view[4 * row + 1] * p[1] + view[4 * row + 2] * p[2] + view[4 * row + 3];
  };
  CHECK(camera.cx - camera.fx * coordinate(0) / coordinate(2) == Approx(100.0134).margin(1e-4));
  CHECK(camera.cy + camera.fy * coordinate(1) / coordinate(2) == Approx(72.4261).margin(1e-4));
}
