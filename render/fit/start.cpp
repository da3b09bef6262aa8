#include <autograd/core/error.h>
#include <render/fit/start.h>

#include <Eigen/Dense>
#include <cmath>
#include <numbers>
#include <string>

namespace render {

namespace {

struct MaskRay {
  Eigen::Vector3d origin, direction, forward;
  double area = 0;   ///< pixels
  double focal = 0;  ///< pixels
};

bool mask_ray(const View& view, MaskRay& ray) {
  double area = 0, column = 0, row = 0;
  const Image8& image = view.image;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const double alpha = image.rgba[static_cast<size_t>((y * image.width + x) * 4 + 3)] / 255.0;
      area += alpha;
      column += alpha * (x + 0.5);
      row += alpha * (y + 0.5);
    }
  }
  if (area < 1) return false;
  const Camera& camera = view.camera;
  const Eigen::Vector3d in_camera((column / area - camera.cx) / camera.fx, -(row / area - camera.cy) / camera.fy, -1);
  const auto& m = camera.world_from_camera;
  Eigen::Matrix3d rotation;
  rotation << m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10];
  ray.origin = {m[3], m[7], m[11]};
  ray.direction = (rotation * in_camera).normalized();
  ray.forward = -rotation.col(2);
  ray.area = area;
  ray.focal = std::sqrt(camera.fx * camera.fy);
  return true;
}

}  // namespace

Start estimate_start(std::span<const View* const> views) {
  std::vector<MaskRay> rays;
  for (const View* view : views) {
    MaskRay ray;
    if (mask_ray(*view, ray)) rays.push_back(ray);
  }
  if (rays.size() < 2) {
    throw autograd::ValueError("fit: " + std::to_string(rays.size()) + " of " + std::to_string(views.size()) +
                               " training views have anything in their masks; expected at least two");
  }

  // Relative to the mean camera, so that a scene far from the origin loses no digits.
  Eigen::Vector3d middle = Eigen::Vector3d::Zero();
  for (const MaskRay& ray : rays) middle += ray.origin / static_cast<double>(rays.size());
  Eigen::Matrix3d normal = Eigen::Matrix3d::Zero();
  Eigen::Vector3d right = Eigen::Vector3d::Zero();
  for (const MaskRay& ray : rays) {
    const Eigen::Matrix3d across = Eigen::Matrix3d::Identity() - ray.direction * ray.direction.transpose();
    normal += across;
    right += across * (ray.origin - middle);
  }
  const Eigen::Vector3d meeting = normal.ldlt().solve(right);

  double radius = 0, miss = 0;
  bool behind = false;
  for (const MaskRay& ray : rays) {
    const Eigen::Vector3d to_meeting = meeting - (ray.origin - middle);
    const double depth = to_meeting.dot(ray.forward);
    behind |= !(depth > 0);
    radius += std::sqrt(ray.area / std::numbers::pi) * depth / ray.focal / static_cast<double>(rays.size());
    miss += (to_meeting - ray.direction * to_meeting.dot(ray.direction)).norm() / static_cast<double>(rays.size());
  }
  if (behind || !(radius > 0) || !(miss <= 0.5 * radius)) {
    throw autograd::ValueError(
        "fit: cameras and masks do not meet; is transform_matrix camera-to-world in OpenGL axes? try --convention "
        "opencv");
  }
  const Eigen::Vector3d centre = meeting + middle;
  return {{centre.x(), centre.y(), centre.z()}, 0.95 * radius};
}

}  // namespace render
