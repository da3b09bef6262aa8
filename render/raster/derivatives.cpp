#include <render/raster/derivatives.h>
#include <render/raster/pixel_frame.h>

namespace render {

// A corner relative to the centre moves by -w for a step of 1 in clip units, so the area a_0 = p_1 x p_2 by
//   d a_0 / dx = y_1 w_2 - w_1 y_2,   d a_0 / dy = w_1 x_2 - x_1 w_2,
// and the weight b_0 = a_0 / A by (d a_0 - b_0 d A) / A.
WeightDerivatives weight_derivatives(const Vec4& clip, const Corners& corners, const VisiblePixels& pixels) {
  const PixelFrame frame = pixel_frame("weight_derivatives", clip, corners, pixels);
  const PixelAreas areas = pixel_areas(frame);
  const auto along = [&](auto&& slope, double step) {
    Tensor change[3];
    for (int i = 0; i < 3; ++i) change[i] = slope((i + 1) % 3, (i + 2) % 3);
    const Tensor sum = change[0] + change[1] + change[2];
    const auto weight = [&](int i) {
      const Tensor derivative = (change[i] - areas.area[i] * areas.inverse_sum * sum) * areas.inverse_sum;
      return ag::where(areas.usable, derivative * step, 0);
    };
    return Vec3{weight(0), weight(1), weight(2)};
  };
  const Frame& size = pixels.frame;
  const auto to_right = [&](int a, int b) { return frame.p[a].y * frame.w[b] - frame.w[a] * frame.p[b].y; };
  const auto upward = [&](int a, int b) { return frame.w[a] * frame.p[b].x - frame.p[a].x * frame.w[b]; };
  return {weights(areas), along(to_right, 2.0 / static_cast<double>(size.width)),
          along(upward, -2.0 / static_cast<double>(size.height))};
}

Vec2 interpolate_derivatives(const Tensor& attribute, const Corners& corners, const WeightDerivatives& derivatives) {
  return {interpolate(attribute, corners, derivatives.right), interpolate(attribute, corners, derivatives.down)};
}

}  // namespace render
