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
