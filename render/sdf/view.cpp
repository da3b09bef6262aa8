#include <render/sdf/coverage.h>
#include <render/sdf/view.h>

#include <string>
#include <vector>

namespace render::sdf {

namespace {

/// Colour and alpha, premultiplied: [n, 4].
Tensor premultiplied(const Vec3& colour, const Tensor& alpha) {
  return ag::stack({colour.x * alpha, colour.y * alpha, colour.z * alpha, alpha}, 1);
}

}  // namespace

FieldView see(const Field& field, ag::Located matrices, const Frame& frame, const TraceOptions& options,
              const HitOptions& hits) {
  FieldView view;
  view.trace = trace(field, matrices, frame, options);
  const Pixels& pixels = view.trace.pixels;
  const Rays rays = pixel_rays(matrices, pixels);
  view.depth = hit_depth(field, rays, view.trace, hits);
  view.point = rays.at(view.depth);
  view.normal = normalize(gradient(field, view.point));
  const Tensor& rows = view.trace.silhouette;
  const Tensor edge = coverage(field, pixel_rays(matrices, rows_of(pixels, rows)), view.trace);
  view.alpha = 1 + ag::scatter_add(edge - 1, rows, pixels.pixel.size());
  return view;
}

Tensor draw(const FieldView& view, const Vec3& colour) {
  const Pixels& pixels = view.trace.pixels;
  const Frame& frame = pixels.frame;
  const Tensor flat = ag::scatter_add(premultiplied(colour, view.alpha), pixels.pixel, frame.pixels());
  return ag::reshape(flat, {frame.views, frame.height, frame.width, 4});
}

ag::Array photograph(const Field& field, const Shader& shader, std::span<const Camera> cameras, int samples,
                     const TraceOptions& options) {
  if (samples < 1) throw ag::ValueError("photograph: " + std::to_string(samples) + " samples; expected at least 1");
  std::vector<float> pictures;
  ag::Shape shape{0, 0, 0, 4};
  for (const Camera& camera : cameras) {
    const ag::Step step;
    const Camera fine = resized(camera, camera.width * samples, camera.height * samples);
    const ag::Array matrices = ray_matrices({&fine, 1}).cast(ag::DType::float32);
    const Trace seen = trace(field, matrices, {1, fine.height, fine.width}, options);
    const Vec3 point = pixel_rays(matrices, seen.pixels).at(seen.depth);
    const Tensor values =
        premultiplied(shader(point, normalize(gradient(field, point))), ag::cast(seen.hit, ag::DType::float32));
    const Tensor pixel = seen.pixels.row / samples * camera.width + seen.pixels.column / samples;
    ag::evaluate({pixel});  // by itself: divisions of integers are not compiled, nor what is computed along with them
    const Tensor image = ag::scatter_add(values, pixel, int64_t{camera.height} * camera.width) / (samples * samples);
    const std::span<const float> list = image.values<float>();
    pictures.insert(pictures.end(), list.begin(), list.end());
    shape = {static_cast<int64_t>(cameras.size()), camera.height, camera.width, 4};
  }
  return ag::Array::from(pictures, shape);
}

}  // namespace render::sdf
