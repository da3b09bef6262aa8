#include <render/sdf/rays.h>

#include <string>

namespace render::sdf {

ag::Array ray_matrices(std::span<const Camera> cameras) {
  for (const Camera& camera : cameras) {
    if (camera.width == cameras[0].width && camera.height == cameras[0].height) continue;
    throw ag::ValueError("ray_matrices: cameras of " + std::to_string(cameras[0].width) + " x " +
                         std::to_string(cameras[0].height) + " and " + std::to_string(camera.width) + " x " +
                         std::to_string(camera.height) + " pixels; expected one size");
  }
  return ag::Array::make<double>({static_cast<int64_t>(cameras.size()), 3, 4}, [&](std::span<double> out) {
    size_t next = 0;
    for (const Camera& camera : cameras) {
      // In the camera's axes: ((u - cx) / fx, -(v - cy) / fy, -1).
      const double columns[3][3] = {
          {1 / camera.fx, 0, 0}, {0, -1 / camera.fy, 0}, {-camera.cx / camera.fx, camera.cy / camera.fy, -1}};
      for (size_t i = 0; i < 3; ++i) {
        const double* const m = camera.world_from_camera.data() + 4 * i;
        for (const auto& column : columns) out[next++] = m[0] * column[0] + m[1] * column[1] + m[2] * column[2];
        out[next++] = m[3];
      }
    }
  });
}

Pixels rows_of(const Pixels& pixels, const Tensor& rows) {
  return {ag::gather(pixels.pixel, rows), ag::gather(pixels.view, rows), ag::gather(pixels.row, rows),
          ag::gather(pixels.column, rows), pixels.frame};
}

Rays rays_through(ag::Located matrices, const Tensor& view, const Tensor& u, const Tensor& v) {
  const Tensor m = matrices.as(u.dtype());
  const ag::Shape shape = m.shape();
  if (shape.rank() != 3 || shape[1] != 3 || shape[2] != 4) {
    throw ag::ShapeError("rays_through: matrices " + shape.to_string() + "; expected [views, 3, 4]");
  }
  const auto column = [&](int64_t j) {
    const auto entry = [&](int64_t i) { return ag::gather(ag::select(ag::select(m, 2, j), 1, i), view); };
    return Vec3{entry(0), entry(1), entry(2)};
  };
  Rays rays;
  rays.right = column(0);
  rays.down = column(1);
  rays.direction = rays.right * u + rays.down * v + column(2);
  rays.origin = column(3);
  return rays;
}

Rays pixel_rays(ag::Located matrices, const Pixels& pixels) {
  const ag::DType type = matrices.as(ag::DType::float64).dtype();
  const Tensor u = ag::cast(pixels.column, type) + 0.5, v = ag::cast(pixels.row, type) + 0.5;
  return rays_through(matrices, pixels.view, u, v);
}

}  // namespace render::sdf
