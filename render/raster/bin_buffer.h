#pragma once

#include <render/raster/kernel_variants.h>
#include <render/raster/vectors.h>

#include <cstddef>
#include <cstdint>

// What a pixel holds while triangles are drawn is one number, its *key*: of two triangles the larger key is seen, so
// they may come in any order. The upper half is the nearness as float bits, which for numbers from 0 on are ordered as
// the numbers are, the lower half the inverted id: among equals the smaller id stays. Empty is 0, whose inverted half
// is -1.
//
// Read as doubles, keys are positive normal numbers of the same order, and doubles compare in one instruction on every
// processor. To be so they are no smaller than `furthest`: less than 1 / the largest float.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

inline constexpr std::size_t bin_area = std::size_t{bin_size} * bin_size;

inline constexpr int32_t furthest = 0x00100000;

// outside   -1 for lanes that the triangle does not cover, which get a NaN; else 0
// inverted  inverted ids, of which the upper half is 0
[[gnu::always_inline]] inline void make_keys(const Doubles& nearness, const Ints& outside, const Longs& inverted,
                                             Longs& out) {
  const Floats rounded = __builtin_convertvector(nearness, Floats);
  Ints bits;
  load(bits, &rounded);
  keep_larger(bits, Ints{} + furthest);
  bits |= outside;
  join_words(bits, inverted, out);
}

inline int64_t inverted_id(int32_t id) { return static_cast<uint32_t>(~id); }

// The pixels of a bin, neighbours of a row at once.
class BinBuffer {
 public:
  // keys  bin_area of them
  BinBuffer(int64_t* keys, int32_t first_column, int32_t first_row)
      : keys_(keys), first_column_(first_column), first_row_(first_row) {}

  void clear() { __builtin_memset(keys_, 0, bin_area * sizeof(int64_t)); }

  std::size_t offset(int32_t column, int32_t row) const {
    return static_cast<std::size_t>((row - first_row_) * bin_size + column - first_column_);
  }

  [[gnu::always_inline]] void draw(std::size_t at, const Doubles& nearness, const Ints& outside,
                                   const Longs& inverted) {
    Longs keys;
    make_keys(nearness, outside, inverted, keys);
    store_larger(keys_ + at, (Doubles)keys);
  }

  void draw_pixel(int32_t column, int32_t row, double nearness, int32_t triangle) {
    const auto value = static_cast<float>(nearness > 0 ? nearness : 0);
    int32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    const int64_t key = int64_t{bits > furthest ? bits : furthest} << 32 | inverted_id(triangle);
    int64_t& held = keys_[offset(column, row)];
    held = key > held ? key : held;
  }

  // The ids of a row's first `width` pixels.
  void read_row(int32_t index, int32_t width, int32_t* ids) const {
    const int64_t* keys = keys_ + static_cast<std::ptrdiff_t>(index) * bin_size;
    for (int32_t i = 0; i < width; ++i) ids[i] = ~static_cast<int32_t>(keys[i]);
  }

 private:
  int64_t* keys_;
  int32_t first_column_, first_row_;
};

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
