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

/// Cells that may lie one before the first and one behind the last.
Tensor wrapped_before(const Tensor& cell, const Tensor& extent, Wrap wrap) {
  return wrap == Wrap::repeat ? ag::where(cell < 0, cell + extent, cell) : ag::maximum(cell, 0);
}
Tensor wrapped_behind(const Tensor& cell, const Tensor& extent, Wrap wrap) {
  return wrap == Wrap::repeat ? ag::where(cell < extent, cell, cell - extent) : ag::minimum(cell, extent - 1);
}

/// Along one axis: the texels on either side of a coordinate in [0, 1], and their weights. The first is at most the
/// last of its row, and -1 if the coordinate is before its centre.
struct AxisTaps {
  Tensor cell[2], weight[2];
};
AxisTaps axis_taps(const Tensor& t, const Tensor& extent, Wrap wrap) {
  const Tensor position = t * ag::cast(extent, t.dtype()) - 0.5;
  const Tensor before = ag::floor(position);
  const Tensor fraction = position - before;
  const Tensor first = ag::cast(before, ag::DType::int32);
  return {{wrapped_before(first, extent, wrap), wrapped_behind(first + 1, extent, wrap)}, {1 - fraction, fraction}};
}

/// Part of a level, as rows of a list.
struct Grid {
  Tensor first, height, width;  ///< int32, scalars or [n]
};

/// The four texels of the grid around a point of [0, 1] x [0, 1], y downward; their weights add up to `share`, or to 1
/// without.
void add_grid(Taps& taps, const Vec2& at, const Grid& grid, Wrap wrap, const Tensor& share = {}) {
  const AxisTaps x = axis_taps(at.x, grid.width, wrap);
  AxisTaps y = axis_taps(at.y, grid.height, wrap);
  if (share.defined()) {
    for (Tensor& weight : y.weight) weight = weight * share;
  }
  for (int row = 0; row < 2; ++row) {
    const Tensor first = grid.first + y.cell[row] * grid.width;
    for (int column = 0; column < 2; ++column) {
      taps.texel[taps.count] = first + x.cell[column];
      taps.weight[taps.count] = x.weight[column] * y.weight[row];
      ++taps.count;
    }
  }
}

/// From the lower left to the upper left corner.
Vec2 downward(const Vec2& uv, Wrap wrap) { return {wrapped(uv.x, wrap), 1 - wrapped(uv.y, wrap)}; }

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
  const Vec2 at = downward(uv, wrap);
  Taps taps;
  taps.count = 1;
  taps.texel[0] = cell(at.y, levels[0].height) * levels[0].width + cell(at.x, levels[0].width);
  taps.weight[0] = ag::broadcast_to(ag::Located(1).as(uv.x.dtype()), uv.x.shape());
  return taps;
}

Taps bilinear_taps(const Vec2& uv, const MipLevels& levels, Wrap wrap) {
  check_uv("bilinear_taps", uv);
  Taps taps;
  add_grid(taps, downward(uv, wrap), {index(0), index(levels[0].height), index(levels[0].width)}, wrap);
  return taps;
}

Taps trilinear_taps(const Vec2& uv, const Tensor& lod, const MipLevels& levels, Wrap wrap) {
  check_uv("trilinear_taps", uv);
  if (lod.shape() != uv.x.shape()) {
    throw ag::ShapeError("trilinear_taps: lod " + lod.shape().to_string() + " for uv components " +
                         uv.x.shape().to_string() + "; expected the same shape");
  }
  const int last = levels.count() - 1;
  const Tensor within = ag::where(lod > 0, ag::where(lod < last, lod, last), 0);  // 0 for NaN
  const Tensor finer = ag::floor(within), fraction = within - finer;
  const Tensor level = ag::cast(finer, ag::DType::int32);
  const Tensor share[2] = {1 - fraction, fraction};
  const Vec2 at = downward(uv, wrap);
  Taps taps;
  for (int coarser = 0; coarser < 2; ++coarser) {
    const Tensor chosen = coarser == 0 ? level : ag::minimum(level + 1, last);
    const Grid grid{ag::gather(levels.first(), chosen), ag::gather(levels.heights(), chosen),
                    ag::gather(levels.widths(), chosen)};
    add_grid(taps, at, grid, wrap, share[coarser]);
  }
  return taps;
}

namespace {

void check_texels(const char* operation, const Tensor& texels, int64_t channels) {
  const ag::Shape shape = texels.shape();
  if (shape.rank() == 2 && (channels == 0 || shape[1] == channels)) return;
  throw ag::ShapeError(std::string(operation) + ": texels " + shape.to_string() + "; expected [texels, " +
                       (channels == 0 ? "channels" : std::to_string(channels)) + "]");
}

/// The channels of the samples, [n] each. The chain rule would place each tap's gradient in a list of texels of its
/// own, and add those; here all taps' are added into one.
std::vector<Tensor> blend_channels(const Tensor& texels, const Taps& taps) {
  const auto count = static_cast<size_t>(texels.shape()[1]);
  std::vector<Tensor> colours, inputs{texels};  // colours: [n, channels], of each tap
  for (size_t k = 0; k < taps.count; ++k) {
    colours.push_back(ag::gather(texels, taps.texel[k]));
    inputs.push_back(taps.weight[k]);
  }
  const auto channel_of = [](const Tensor& colour, size_t c) { return ag::select(colour, 1, static_cast<int64_t>(c)); };
  std::vector<Tensor> channels(count);
  for (size_t c = 0; c < count; ++c) {
    for (size_t k = 0; k < taps.count; ++k) {
      const Tensor part = channel_of(colours[k], c) * taps.weight[k];
      channels[c] = k == 0 ? part : channels[c] + part;
    }
  }
  const auto rule = [=, rows = texels.shape()[0]](const Tensor& grad) {
    std::vector<Tensor> to_channels, grads(inputs.size());
    for (size_t c = 0; c < count; ++c) to_channels.push_back(ag::select(grad, 0, static_cast<int64_t>(c)));
    grads[0] = ag::scatter_add_weighted(to_channels, std::span(taps.weight).first(taps.count),
                                        std::span(taps.texel).first(taps.count), rows);
    for (size_t k = 0; k < taps.count; ++k) {
      for (size_t c = 0; c < count; ++c) {
        const Tensor part = to_channels[c] * channel_of(colours[k], c);
        grads[1 + k] = c == 0 ? part : grads[1 + k] + part;
      }
    }
    return grads;
  };
  const Tensor all = ag::custom_vjp(ag::stack(channels, 0), std::span<const Tensor>(inputs), rule);
  for (size_t c = 0; c < count; ++c) channels[c] = ag::select(all, 0, static_cast<int64_t>(c));
  return channels;
}

}  // namespace

Tensor blend(const Tensor& texels, const Taps& taps) {
  check_texels("blend", texels, 0);
  return ag::stack(blend_channels(texels, taps), 1);
}

Vec3 blend_rgb(const Tensor& texels, const Taps& taps) {
  check_texels("blend_rgb", texels, 3);
  const std::vector<Tensor> channels = blend_channels(texels, taps);
  return {channels[0], channels[1], channels[2]};
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
