#include <render/raster/list_ops.h>
#include <render/raster/pixel_frame.h>
#include <render/raster/visibility.h>

namespace render {

namespace {

/// Coordinates of pixel centres in [-1, 1]; y up.
Tensor centre_x(const Tensor& column, int64_t width, ag::DType type) {
  return (ag::cast(column, type) + 0.5) * (2.0 / static_cast<double>(width)) - 1;
}
Tensor centre_y(const Tensor& row, int64_t height, ag::DType type) {
  return 1 - (ag::cast(row, type) + 0.5) * (2.0 / static_cast<double>(height));
}

}  // namespace

Tensor clip_row(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels, int corner) {
  const ag::Shape shape = clip.x.shape();
  if (shape[0] == 1) return corners.vertex[corner];
  if (corners.in_views.vertices == shape[1]) return corners.in_views.row[corner];
  return pixels.view * shape[1] + corners.vertex[corner];
}

PixelFrame pixel_frame(const char* operation, const Vec4& clip, const Corners& corners, const VisiblePixels& pixels) {
  check_clip(operation, clip, pixels.frame);
  const ag::DType type = clip.x.dtype();
  const Tensor x = ag::flatten(clip.x), y = ag::flatten(clip.y), w = ag::flatten(clip.w);
  const Tensor centre_column = centre_x(pixels.column, pixels.frame.width, type);
  const Tensor centre_row = centre_y(pixels.row, pixels.frame.height, type);
  PixelFrame frame;
  for (int i = 0; i < 3; ++i) {
    const Tensor at = clip_row(clip, corners, pixels, i);
    frame.w[i] = ag::gather(w, at);
    frame.p[i] = {ag::gather(x, at) - centre_column * frame.w[i], ag::gather(y, at) - centre_row * frame.w[i]};
  }
  return frame;
}

PixelAreas pixel_areas(const PixelFrame& frame) {
  const auto cross2 = [](const Vec2& a, const Vec2& b) { return a.x * b.y - a.y * b.x; };
  PixelAreas areas{
      {cross2(frame.p[1], frame.p[2]), cross2(frame.p[2], frame.p[0]), cross2(frame.p[0], frame.p[1])}, {}, {}};
  const Tensor sum = areas.area[0] + areas.area[1] + areas.area[2];
  const Tensor inverse = 1 / ag::where(sum == 0, 1, sum);
  const Tensor factor = ag::stop_gradient(inverse);
  const auto sane = [&](const Tensor& area) {
    const Tensor weight = ag::stop_gradient(area) * factor;
    return weight >= -0.5 && weight <= 1.5;  // false for NaN
  };
  areas.usable = sum != 0 && sane(areas.area[0]) && sane(areas.area[1]) && sane(areas.area[2]);
  areas.inverse_sum = ag::where(areas.usable, inverse, 1);
  return areas;
}

Vec3 weights(const PixelAreas& areas) {
  const auto weight = [&](int i) { return ag::where(areas.usable, areas.area[i] * areas.inverse_sum, 1.0 / 3); };
  return {weight(0), weight(1), weight(2)};
}

Vec3 barycentrics(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels) {
  return weights(pixel_areas(pixel_frame("barycentrics", clip, corners, pixels)));
}

Tensor interpolate(const Tensor& attribute, const Corners& corners, const Vec3& weights) {
  return ag::gather(attribute, corners.vertex[0]) * weights.x + ag::gather(attribute, corners.vertex[1]) * weights.y +
         ag::gather(attribute, corners.vertex[2]) * weights.z;
}

Vec3 interpolate(const Vec3& attribute, const Corners& corners, const Vec3& weights) {
  return {interpolate(attribute.x, corners, weights), interpolate(attribute.y, corners, weights),
          interpolate(attribute.z, corners, weights)};
}

Tensor depth(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels, const Vec3& weights) {
  Corners rows;
  for (int i = 0; i < 3; ++i) rows.vertex[i] = clip_row(clip, corners, pixels, i);
  return interpolate(ag::flatten(clip.w), rows, weights);
}

Tensor shows_back(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels) {
  const PixelAreas areas = pixel_areas(pixel_frame("shows_back", clip, corners, pixels));
  return areas.area[0] + areas.area[1] + areas.area[2] < 0;
}

Tensor to_image(const Tensor& values, const VisiblePixels& pixels) {
  const Frame& frame = pixels.frame;
  const Tensor flat = ag::scatter_add(values, pixels.pixel, frame.pixels());
  if (values.rank() == 1) return ag::reshape(flat, {frame.views, frame.height, frame.width});
  return ag::reshape(flat, {frame.views, frame.height, frame.width, values.shape()[1]});
}

}  // namespace render
