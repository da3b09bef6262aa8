#include <autograd/transforms/custom_vjp.h>
#include <render/raster/mipmap.h>

#include <algorithm>
#include <string>
#include <vector>

namespace render {

MipLevels::MipLevels(int64_t height, int64_t width, int count) {
  if (height < 1 || width < 1 || height > largest || width > largest || count < 1) {
    throw ag::ValueError("MipLevels: " + std::to_string(count) + " levels of " + std::to_string(height) + " x " +
                         std::to_string(width) + " texels; expected 1 to " + std::to_string(largest) +
                         " a side and at least one level");
  }
  Level level{0, height, width};
  for (;;) {
    levels_[static_cast<size_t>(count_++)] = level;
    if (count_ == count || (level.height == 1 && level.width == 1)) break;
    level = {level.first + level.height * level.width, (level.height + 1) / 2, (level.width + 1) / 2};
  }
  const auto table = [&](int64_t Level::*member) {
    return ag::Array::make<int32_t>({count_}, [&](std::span<int32_t> out) {
      std::transform(levels_.begin(), levels_.begin() + count_, out.begin(),
                     [&](const Level& each) { return static_cast<int32_t>(each.*member); });
    });
  };
  first_ = table(&Level::first);
  widths_ = table(&Level::width);
  heights_ = table(&Level::height);
}

int64_t MipLevels::texels() const {
  const Level& last = (*this)[count_ - 1];
  return last.first + last.height * last.width;
}

namespace {

/// With an even extent: the last row (axis 0) or column (axis 1) twice where it is odd.
Tensor even(const Tensor& image, int axis) {
  if (image.shape()[axis] % 2 == 0) return image;
  return ag::concatenate({image, ag::slice(image, axis, {.start = -1})}, axis);
}

/// Each element four times: [2 height, 2 width, channels].
Tensor doubled(const Tensor& image) {
  const int64_t height = image.shape()[0], width = image.shape()[1], channels = image.shape()[2];
  const Tensor apart = ag::reshape(image, {height, 1, width, 1, channels});
  return ag::reshape(ag::broadcast_to(apart, {height, 2, width, 2, channels}), {2 * height, 2 * width, channels});
}

/// Rows are added in pairs, then columns: sums of whole rows move long stretches of memory. Back, each texel takes a
/// quarter of what it is part of.
Tensor halved(const Tensor& image) {
  const Tensor padded = even(even(image, 0), 1);
  const int64_t height = padded.shape()[0] / 2, width = padded.shape()[1] / 2, channels = padded.shape()[2];
  const Tensor rows = ag::reshape(padded, {height, 2, 2 * width * channels});
  const Tensor pairs = ag::reshape(ag::select(rows, 1, 0) + ag::select(rows, 1, 1), {height, width, 2 * channels});
  const Tensor sum = ag::slice(pairs, 2, {.stop = channels}) + ag::slice(pairs, 2, {.start = channels});
  return ag::custom_vjp(sum * 0.25, {padded}, [](const Tensor& grad) { return std::vector{doubled(grad * 0.25)}; });
}

}  // namespace

Tensor mipmap(const Tensor& texture, const MipLevels& levels) {
  const ag::Shape shape = texture.shape();
  if (shape.rank() != 3 || shape[0] != levels[0].height || shape[1] != levels[0].width) {
    throw ag::ShapeError("mipmap: a texture " + shape.to_string() + "; expected [" + std::to_string(levels[0].height) +
                         ", " + std::to_string(levels[0].width) + ", channels]");
  }
  std::array<Tensor, 15> list;
  Tensor image = texture;
  for (int level = 0; level < levels.count(); ++level) {
    if (level > 0) image = halved(image);
    list[static_cast<size_t>(level)] = ag::reshape(image, {-1, shape[2]});
  }
  return ag::concatenate(std::span<const Tensor>(list).first(static_cast<size_t>(levels.count())), 0);
}

}  // namespace render
