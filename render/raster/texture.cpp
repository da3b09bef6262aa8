#include <autograd/transforms/custom_vjp.h>
#include <render/raster/texture.h>

#include <cmath>
#include <string>
#include <vector>

namespace render {

namespace {

// Coordinates ---------------------------------------------------------------------------------------

/// A coordinate brought into [0, 1].
Tensor wrapped(const Tensor& t, Wrap wrap) {
  if (wrap == Wrap::clamp) return ag::where(t > 0, ag::where(t < 1, t, 1), 0);  // 0 for NaN
  const Tensor sane = ag::where(ag::abs(t) < 0x1p20, t, 0);                     // false for NaN
  if (wrap == Wrap::repeat) return sane - ag::floor(sane);
  const Tensor turned = sane - 2 * ag::floor(sane * 0.5);  // [0, 2]
  return 1 - ag::abs(1 - turned);
}

/// A cell that may lie one beyond either end.
Tensor wrapped_cell(const Tensor& cell, const Tensor& extent, Wrap wrap) {
  if (wrap == Wrap::repeat) return ag::where(cell < 0, cell + extent, ag::where(cell >= extent, cell - extent, cell));
  return ag::minimum(ag::maximum(cell, 0), extent - 1);
}

/// Along one axis: the texels on either side of a coordinate in [0, 1], and their weights.
struct AxisTaps {
  Tensor cell, weight;
};
AxisTaps axis_taps(const Tensor& t, const Tensor& extent, const Tensor& second, Wrap wrap) {
  const Tensor position = t * ag::cast(extent, t.dtype()) - 0.5;
  const Tensor before = ag::floor(position);
  const Tensor fraction = position - before;
  const Tensor is_second = second == 1;
  return {wrapped_cell(ag::cast(before, ag::DType::int32) + second, extent, wrap),
          ag::where(is_second, fraction, 1 - fraction)};
}

/// Lists of the taps, [taps, 1] int32: whether a tap takes the right texel, the lower one, the coarser level.
struct TapTable {
  ag::Array right, down, coarser;
};
const TapTable& tap_table() {
  static const TapTable table{ag::Array::of<int32_t>({0, 1, 0, 1, 0, 1, 0, 1}).reshape({8, 1}),
                              ag::Array::of<int32_t>({0, 0, 1, 1, 0, 0, 1, 1}).reshape({8, 1}),
                              ag::Array::of<int32_t>({0, 0, 0, 0, 1, 1, 1, 1}).reshape({8, 1})};
  return table;
}

/// Part of a level, as rows of a list.
struct Grid {
  Tensor first, height, width;  ///< int32, broadcasting against [taps, n]
};

Taps grid_taps(const Vec2& uv, const Grid& grid, int64_t taps, Wrap wrap) {
  const auto chosen = [&](const ag::Array& all) { return ag::slice(all, 0, {.stop = taps}); };
  const AxisTaps x = axis_taps(wrapped(uv.x, wrap), grid.width, chosen(tap_table().right), wrap);
  const AxisTaps y = axis_taps(1 - wrapped(uv.y, wrap), grid.height, chosen(tap_table().down), wrap);
  return {grid.first + y.cell * grid.width + x.cell, x.weight * y.weight};
}

Tensor index(int64_t value) { return ag::Located(value).as(ag::DType::int32); }

void check_uv(const char* operation, const Vec2& uv) {
  if (uv.x.rank() == 1 && uv.x.shape() == uv.y.shape()) return;
  throw ag::ShapeError(std::string(operation) + ": uv components " + uv.x.shape().to_string() + " and " +
                       uv.y.shape().to_string() + "; expected [n] each");
}

}  // namespace

// Taps --------------------------------------------------------------------------------------------

Taps nearest_taps(const Vec2& uv, const MipLevels& levels, Wrap wrap) {
  check_uv("nearest_taps", uv);
  const auto cell = [&](const Tensor& t, int64_t extent) {
    return ag::minimum(ag::cast(t * extent, ag::DType::int32), extent - 1);
  };
  const Tensor column = cell(wrapped(uv.x, wrap), levels[0].width);
  const Tensor row = cell(1 - wrapped(uv.y, wrap), levels[0].height);
  const Tensor texel = ag::expand_dims(row * levels[0].width + column, 0);
  return {texel, ag::broadcast_to(ag::Located(1).as(uv.x.dtype()), texel.shape())};
}

Taps bilinear_taps(const Vec2& uv, const MipLevels& levels, Wrap wrap) {
  check_uv("bilinear_taps", uv);
  return grid_taps(uv, {index(0), index(levels[0].height), index(levels[0].width)}, 4, wrap);
}

Taps trilinear_taps(const Vec2& uv, const Tensor& lod, const MipLevels& levels, Wrap wrap) {
  check_uv("trilinear_taps", uv);
  const int last = levels.count() - 1;
  const Tensor within = ag::where(lod > 0, ag::where(lod < last, lod, last), 0);  // 0 for NaN
  const Tensor finer = ag::floor(within), fraction = within - finer;
  const Tensor coarser = ag::Located(tap_table().coarser).tensor();
  const Tensor level = ag::minimum(ag::cast(finer, ag::DType::int32) + coarser, last);  // [8, n]
  const Grid grid{ag::gather(levels.first(), level), ag::gather(levels.heights(), level),
                  ag::gather(levels.widths(), level)};
  const Taps taps = grid_taps(uv, grid, 8, wrap);
  return {taps.texel, taps.weight * ag::where(coarser == 1, fraction, 1 - fraction)};
}

namespace {

/// One channel after the other, so that all of them are gathered in one pass over [taps, n].
Tensor blend_channel(const Tensor& gathered, int64_t channel, const Taps& taps) {
  return ag::sum(ag::select(gathered, 2, channel) * taps.weight, 0);
}

void check_texels(const char* operation, const Tensor& texels, int64_t channels) {
  const ag::Shape shape = texels.shape();
  if (shape.rank() == 2 && (channels == 0 || shape[1] == channels)) return;
  throw ag::ShapeError(std::string(operation) + ": texels " + shape.to_string() + "; expected [texels, " +
                       (channels == 0 ? "channels" : std::to_string(channels)) + "]");
}

}  // namespace

Tensor blend(const Tensor& texels, const Taps& taps) {
  check_texels("blend", texels, 0);
  const Tensor gathered = ag::gather(texels, taps.texel);  // [taps, n, channels]
  std::vector<Tensor> channels;
  for (int64_t c = 0; c < texels.shape()[1]; ++c) channels.push_back(blend_channel(gathered, c, taps));
  return ag::stack(channels, 1);
}

// The chain rule would place each channel's gradient in zeros of [taps, n, 3] and add the three; here they are
// scattered side by side, in one pass over the taps.
Vec3 blend_rgb(const Tensor& texels, const Taps& taps) {
  check_texels("blend_rgb", texels, 3);
  const Tensor gathered = ag::gather(texels, taps.texel);
  const Tensor channels[] = {blend_channel(gathered, 0, taps), blend_channel(gathered, 1, taps),
                             blend_channel(gathered, 2, taps)};
  const auto rule = [gathered, taps, rows = texels.shape()[0]](const Tensor& grad) {
    Tensor to_texels[3], to_weight;
    for (int64_t c = 0; c < 3; ++c) {
      const Tensor to_channel = ag::select(grad, 0, c);
      to_texels[c] = to_channel * taps.weight;
      const Tensor part = to_channel * ag::select(gathered, 2, c);
      to_weight = c == 0 ? part : to_weight + part;
    }
    return std::vector{ag::scatter_add_columns(to_texels, taps.texel, rows), to_weight};
  };
  const Tensor all = ag::custom_vjp(ag::stack(channels, 0), {texels, taps.weight}, rule);
  return {ag::select(all, 0, 0), ag::select(all, 0, 1), ag::select(all, 0, 2)};
}

// Level of detail -----------------------------------------------------------------------------------

Tensor level_of_detail(const Vec2& du, const Vec2& dv, const MipLevels& levels) {
  const auto texels = [](const Tensor& derivative, int64_t extent) {
    const Tensor length = derivative * extent;
    return ag::where(ag::abs(length) < 1e9, length, 0);  // false for NaN; its fourth power is finite
  };
  const int64_t width = levels[0].width, height = levels[0].height;
  const Vec2 right{texels(du.x, width), texels(dv.x, height)};
  const Vec2 down{texels(du.y, width), texels(dv.y, height)};
  // The larger eigenvalue of J J^T, the square of the larger singular value of J = (right down).
  const Tensor a = ag::square(right.x) + ag::square(right.y);
  const Tensor b = ag::square(down.x) + ag::square(down.y);
  const Tensor c = right.x * down.x + right.y * down.y;
  const Tensor spread = ag::square((a - b) * 0.5) + ag::square(c);
  const Tensor round = spread == 0;
  const Tensor axis = (a + b) * 0.5 + ag::where(round, 0, ag::sqrt(ag::where(round, 1, spread)));
  const double largest = std::exp2(2 * (levels.count() - 1));
  const Tensor within = ag::where(axis > 1, ag::where(axis < largest, axis, largest), 1);
  return ag::log(within) * (0.5 / std::log(2.0));
}

}  // namespace render
