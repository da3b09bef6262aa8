#include <autograd/core/error.h>
#include <render/image/metrics.h>
#include <render/image/pixels.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace render {

namespace {

void require_equal_sizes(const char* operation, const Image8& a, const Image8& b) {
  require_pixels(operation, a);
  require_pixels(operation, b);
  if (a.width == b.width && a.height == b.height) return;
  const auto size = [](const Image8& image) {
    return std::to_string(image.width) + "x" + std::to_string(image.height);
  };
  throw ag::ValueError(std::string(operation) + ": sizes differ: " + size(a) + " and " + size(b));
}

/// Squared difference of two pixels' colours times alpha, over the channels, in units of 1 / 255 of an
/// 8-bit step: an integer, so that sums depend on no order.
uint64_t squared_error(const unsigned char* a, const unsigned char* b) {
  uint64_t sum = 0;
  for (size_t channel = 0; channel < 3; ++channel) {
    const int64_t difference = int64_t{a[channel]} * a[3] - int64_t{b[channel]} * b[3];
    sum += static_cast<uint64_t>(difference * difference);
  }
  return sum;
}

double decibels(uint64_t squared_sum, uint64_t pixels) {
  if (squared_sum == 0) return std::numeric_limits<double>::infinity();
  constexpr double peak = 255.0 * 255.0;
  return 10 * std::log10(peak * peak * 3 * static_cast<double>(pixels) / static_cast<double>(squared_sum));
}

}  // namespace

double iou(const Image8& a, const Image8& b) {
  require_equal_sizes("iou", a, b);
  uint64_t both = 0, either = 0;
  for (size_t at = 3; at < a.rgba.size(); at += 4) {
    const bool in_a = a.rgba[at] >= 128, in_b = b.rgba[at] >= 128;
    both += in_a && in_b;
    either += in_a || in_b;
  }
  return either == 0 ? 1.0 : static_cast<double>(both) / static_cast<double>(either);
}

Psnr psnr(const Image8& image, const Image8& target) {
  require_equal_sizes("psnr", image, target);
  uint64_t covered_sum = 0, sum = 0, covered = 0;
  for (size_t at = 0; at < target.rgba.size(); at += 4) {
    const uint64_t error = squared_error(&image.rgba[at], &target.rgba[at]);
    const bool is_covered = target.rgba[at + 3] > 0;
    sum += error;
    covered_sum += is_covered ? error : 0;
    covered += is_covered;
  }
  return {decibels(covered_sum, covered), decibels(sum, target.rgba.size() / 4)};
}

}  // namespace render
