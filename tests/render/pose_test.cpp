#include <autograd/core/error.h>
#include <render/geometry/pose.h>

#include "tests/catch.h"

using render::Matrix4;

TEST_CASE("rigid_pose keeps exact rotations and mends what is a rotation to 1e-3") {
  const Matrix4 matrix = render::look_at({3, 2, 5}, {0, 0, 0}, {0, 1, 0}, 6, 4, 10).world_from_camera;
  CHECK(render::rigid_pose(matrix).world_from_camera == matrix);
  CHECK(render::rigid_pose(matrix).scale == 1);

  Matrix4 rough = matrix;
  for (size_t i = 0; i < 12; ++i) rough[i] += (i % 4 == 3 ? 0 : i % 2 == 0 ? 2e-4 : -1e-4);
  const render::RigidPose pose = render::rigid_pose(rough);
  CHECK(pose.scale == 1);
  const Matrix4 product = render::multiply(render::rigid_inverse(pose.world_from_camera), pose.world_from_camera);
  for (size_t i = 0; i < 16; ++i) {
    CHECK(product[i] == Approx(i % 5 == 0 ? 1 : 0).margin(1e-14));
    CHECK(pose.world_from_camera[i] == Approx(rough[i]).margin(4e-4));
  }
}

TEST_CASE("rigid_pose finds the scale whatever it is") {
  const double scale = GENERATE(1e-6, 0.5, 1.01, 1e6);
  const Matrix4 matrix = render::look_at({3, 2, 5}, {0, 0, 0}, {0, 1, 0}, 6, 4, 10).world_from_camera;
  Matrix4 scaled = matrix;
  for (size_t i = 0; i < 12; ++i) scaled[i] *= i % 4 == 3 ? 1 : scale;
  const render::RigidPose pose = render::rigid_pose(scaled);
  CHECK(pose.scale == Approx(scale));
  for (size_t i = 0; i < 16; ++i) CHECK(pose.world_from_camera[i] == Approx(matrix[i]).margin(1e-14));
}

TEST_CASE("rigid_pose refuses what is no rotation") {
  Matrix4 matrix{1, 0, 0, 5, 0, 1, 0, 6, 0, 0, -1, 7, 0, 0, 0, 1};
  REQUIRE_THROWS_WITH(render::rigid_pose(matrix), ContainsSubstring("transform_matrix is mirrored (determinant -1)"));
  matrix[10] = 1.0015;
  REQUIRE_THROWS_WITH(render::rigid_pose(matrix), ContainsSubstring("is not a rotation"));
  matrix[10] = 1.0005;
  CHECK(render::rigid_pose(matrix).world_from_camera == Matrix4{1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1});
  REQUIRE_THROWS_AS(render::rigid_pose({}), autograd::ValueError);
}
