#pragma once

#include <render/raster/kernel_variants.h>
#include <render/raster/vectors.h>

#include <cstddef>
#include <cstdint>

// The pixels of a bin while its triangles are drawn, eight neighbours of a row at once.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

inline constexpr std::size_t bin_buffer_size = std::size_t{bin_size} * bin_size;

// A pixel's depth is the nearness as float bits, which for numbers from 0 on are ordered as the numbers are; -1: empty.
class BinBuffer {
 public:
  // memory  for 2 * bin_buffer_size integers
  BinBuffer(int32_t* memory, int32_t first_column, int32_t first_row)
      : depths_(memory), ids_(memory + bin_buffer_size), first_column_(first_column), first_row_(first_row) {
    __builtin_memset(memory, 0xff, 2 * bin_buffer_size * sizeof(int32_t));
  }

  std::size_t offset(int32_t column, int32_t row) const {
    return static_cast<std::size_t>((row - first_row_) * bin_size + column - first_column_);
  }

  // Eight pixels; `outside` is -1 for lanes that the triangle does not cover, else 0. Rounding may leave a point of a
  // grazing triangle a hair behind infinity; it stays comparable.
  [[gnu::always_inline]] void draw(std::size_t at, const Doubles& nearness, const Ints& outside, int32_t triangle) {
    const Floats rounded = __builtin_convertvector(nearness, Floats);
    Ints bits, depth, id;
    load(bits, &rounded);
    keep_larger(bits, Ints{});
    load(depth, depths_ + at);
    load(id, ids_ + at);
    bits |= outside;
    const Ints nearer = bits > depth;
    store(depths_ + at, nearer ? bits : depth);
    store(ids_ + at, nearer ? Ints{} + triangle : id);
  }

  void draw_pixel(int32_t column, int32_t row, double nearness, int32_t triangle) {
    const std::size_t at = offset(column, row);
    const auto value = static_cast<float>(nearness > 0 ? nearness : 0);
    int32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    if (bits <= depths_[at]) return;
    depths_[at] = bits;
    ids_[at] = triangle;
  }

  const int32_t* row(int32_t index) const { return ids_ + static_cast<std::ptrdiff_t>(index) * bin_size; }

 private:
  int32_t *depths_, *ids_;
  int32_t first_column_, first_row_;
};

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
