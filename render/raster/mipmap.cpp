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

/// A level as its two by two blocks, [height, 2, width, 2, channels].
Tensor in_blocks(const Tensor& image) {
  const Tensor padded = even(even(image, 0), 1);
  const int64_t height = padded.shape()[0] / 2, width = padded.shape()[1] / 2;
  return ag::reshape(padded, {height, 2, width, 2, padded.shape()[2]});
}

/// The mean of each block. Back, each texel takes a quarter of what it is part of, in blocks as well: they are what
/// gradients of a level add up in.
Tensor halved(const Tensor& blocks) {
  const ag::Shape shape = blocks.shape();
  const int64_t height = shape[0], width = shape[2], channels = shape[4];
  const auto part = [&](int64_t row, int64_t column) { return ag::select(ag::select(blocks, 3, column), 1, row); };
  const Tensor sum = (part(0, 0) + part(1, 0)) + (part(0, 1) + part(1, 1));
  return ag::custom_vjp(sum * 0.25, {blocks}, [=](const Tensor& grad) {
    return std::vector{ag::broadcast_to(ag::reshape(grad, {height, 1, width, 1, channels}), shape) * 0.25};
  });
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
    const bool last = level + 1 == levels.count();
    const bool odd = image.shape()[0] % 2 != 0 || image.shape()[1] % 2 != 0;
    const Tensor blocks = last ? Tensor() : in_blocks(image);
    list[static_cast<size_t>(level)] = ag::reshape(last || odd ? image : blocks, {-1, shape[2]});
    if (!last) image = halved(blocks);
  }
  return ag::concatenate(std::span<const Tensor>(list).first(static_cast<size_t>(levels.count())), 0);
}

}  // namespace render
