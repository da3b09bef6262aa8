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

/// Every second row (axis 0) or column (axis 1) from `start` on; the last one stands in for one that is missing.
Tensor every_second(const Tensor& image, int axis, int64_t start) {
  const int64_t extent = image.shape()[axis];
  const Tensor present = ag::slice(image, axis, {.start = start, .step = 2});
  if (extent % 2 == 0 || start == 0) return present;
  const Tensor last = ag::slice(image, axis, {.start = extent - 1});
  return extent == 1 ? last : ag::concatenate({present, last}, axis);
}

Tensor halved(const Tensor& image) {
  const Tensor upper = every_second(image, 0, 0), lower = every_second(image, 0, 1);
  return (every_second(upper, 1, 0) + every_second(upper, 1, 1) + every_second(lower, 1, 0) +
          every_second(lower, 1, 1)) *
         0.25;
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
