#pragma once

#include <render/raster/bin_buffer.h>
#include <render/raster/bins.h>
#include <render/raster/small_triangles.h>

// Tiny triangles, a few pixels wide and high: nearly all of a fine mesh, where sorting them and drawing each by itself
// costs more than finding what they cover. They are drawn when they are seen first, as many as there are lanes at
// once: for each pixel of the largest box it is asked which of the triangles cover that pixel of their own box.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

inline constexpr int32_t tiny_size = 6;  // pixels

// Triangles of which those with `drawn` -1 lie in the view, boxes included; the other lanes may hold anything.
struct TinyTriangles {
  Corner a, b, c;
  Ints first_column, last_column, first_row, last_row;
  Ints ids, drawn;
};

class TinyPainter {
 public:
  // Whether so many triangles are worth a bin's keys in memory of their own, which the caches may have lost.
  static bool pays(std::size_t triangles, Viewport viewport) {
    constexpr std::size_t in_a_bin = 256;
    return triangles * bin_area >=
           in_a_bin * static_cast<std::size_t>(viewport.width) * static_cast<std::size_t>(viewport.height);
  }

  TinyPainter(Workspace& workspace, Viewport viewport)
      : workspace_(workspace),
        bin_columns_((viewport.width + bin_size - 1) / bin_size),
        drawn_(acquire<uint8_t>(workspace, tiles_drawn, bin_count(viewport))) {
    for (uint8_t& drawn : drawn_) drawn = 0;
  }

  [[gnu::always_inline]] void draw(const TinyTriangles& tiny) {
    SmallTriangles triangles;
    make_small(tiny.a, tiny.b, tiny.c, tiny.first_column, tiny.first_row, triangles);
    SmallTriangles::Edge* const edges = triangles.edges;
    Longs inverted;
    widen(~tiny.ids, inverted);
    inverted &= 0xffffffff;
    Ints last_column = tiny.drawn & (tiny.last_column - tiny.first_column);
    Ints last_row = tiny.drawn & (tiny.last_row - tiny.first_row);
    int32_t columns = 0, rows = 0;
    for (int i = 0; i < lanes; ++i) columns = larger(columns, last_column[i]), rows = larger(rows, last_row[i]);

    Ints row_starts[tiny_size];
    Doubles fall[tiny_size];
    for (int32_t row = 0; row <= rows; ++row) {
      const Ints y = tiny.first_row + row;
      row_starts[row] = (y / bin_size * bin_columns_ * bin_size + (y & (bin_size - 1))) * bin_size;
      fall[row] = triangles.nearness_y * static_cast<double>(row);
    }
    const unsigned drawn = sign_bits(tiny.drawn);
    std::size_t size = size_;
    Ints e[3] = {edges[0].start, edges[1].start, edges[2].start};
    for (int32_t column = 0; column <= columns; ++column) {
      const Ints x = tiny.first_column + column;
      const Ints column_start = (x / bin_size * bin_size * bin_size) + (x & (bin_size - 1));
      const Doubles at_top = triangles.nearness + triangles.nearness_x * static_cast<double>(column);
      Ints down[3] = {e[0], e[1], e[2]};
      for (int32_t row = 0; row <= rows; ++row) {
        const unsigned covered = ~sign_bits(down[0] | down[1] | down[2]) & drawn;
        Longs keys;
        make_keys(at_top + fall[row], Ints{}, inverted, keys);
        keep_lanes(covered, column_start + row_starts[row], places_ + size);
        keep_lanes(covered, keys, fragments_ + size);
        size += static_cast<std::size_t>(__builtin_popcount(covered));
        for (int k = 0; k < 3; ++k) down[k] += edges[k].step_y;
      }
      for (int k = 0; k < 3; ++k) e[k] += edges[k].step_x;
    }
    size_ = size;
    if (size > capacity / 2) flush();
  }

  // Draws what is still to be drawn.
  Tiles finish() {
    flush();
    return {keys_.data(), drawn_.data()};
  }

 private:
  static constexpr std::size_t capacity = 1024;  // two groups of triangles cover less than half of it

  [[gnu::noinline]] void flush() {
    if (size_ > 0 && keys_.empty()) keys_ = acquire<int64_t>(workspace_, tile_keys, drawn_.size() * bin_area);
    for (std::size_t i = 0; i < size_; ++i) {
      const auto place = static_cast<std::size_t>(places_[i]);
      const std::size_t bin = place / bin_area;
      if (drawn_[bin] == 0) {
        drawn_[bin] = 1;
        __builtin_memset(&keys_[bin * bin_area], 0, bin_area * sizeof(int64_t));
      }
      keys_[place] = fragments_[i] > keys_[place] ? fragments_[i] : keys_[place];
    }
    size_ = 0;
  }

  Workspace& workspace_;
  int32_t bin_columns_;
  std::span<uint8_t> drawn_;
  std::span<int64_t> keys_;
  std::size_t size_ = 0;
  int32_t places_[capacity + lanes];
  int64_t fragments_[capacity + lanes];
};

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
