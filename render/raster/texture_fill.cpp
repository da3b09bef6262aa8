#include <render/raster/texture.h>
#include <render/raster/texture_fill.h>

namespace render {

namespace {

using Level = MipLevels::Level;

/// The centres of a level's texels in the (u, v) of the next coarser one: that has twice the texels' size, and
/// reaches beyond this one's end where its extent is odd.
Vec2 centres_in(const Level& fine, const Level& coarse, ag::DType type) {
  const Tensor column = ag::cast(ag::arange(fine.width), type), row = ag::cast(ag::arange(fine.height), type);
  const ag::Shape grid{fine.height, fine.width};
  const Tensor u = (column + 0.5) * (0.5 / static_cast<double>(coarse.width));
  const Tensor v = 1 - (row + 0.5) * (0.5 / static_cast<double>(coarse.height));
  return {ag::flatten(ag::broadcast_to(u, grid)), ag::flatten(ag::broadcast_to(ag::expand_dims(v, 1), grid))};
}

}  // namespace

Tensor fill_unseen(const Tensor& texture, const Tensor& weight, const MipLevels& levels) {
  const ag::Shape shape = texture.shape();
  const int64_t channels = shape.rank() == 3 ? shape[2] : 0;
  if (channels == 0 || weight.shape() != ag::Shape{shape[0], shape[1], 1}) {
    throw ag::ShapeError("fill_unseen: texture " + shape.to_string() + " and weight " + weight.shape().to_string() +
                         "; expected [height, width, channels] and [height, width, 1]");
  }
  const Tensor sums = mipmap(texture * weight, levels), weights = mipmap(weight, levels);
  const Tensor seen = weights > 0;
  const Tensor means = ag::where(seen, sums / ag::where(seen, weights, 1), 0);  // [texels, channels]
  const auto part = [](const Tensor& list, const Level& level) {
    return ag::slice(list, 0, {.start = level.first, .stop = level.first + level.height * level.width});
  };
  Tensor filled = part(means, levels[levels.count() - 1]);
  for (int i = levels.count() - 2; i >= 0; --i) {
    const Level &fine = levels[i], &coarse = levels[i + 1];
    const Taps taps = bilinear_taps(centres_in(fine, coarse, texture.dtype()),
                                    MipLevels(coarse.height, coarse.width, 1), Wrap::clamp);
    filled = ag::where(part(seen, fine), part(means, fine), blend(filled, taps));
  }
  return ag::reshape(filled, shape);
}

}  // namespace render
