#include <render/raster/kernel_variants.h>
#include <render/raster/vectors.h>

#include <type_traits>

// Loops over integer lists and images, which only move data: what they cost is how many bytes an instruction takes.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

namespace {

constexpr auto step = static_cast<std::size_t>(lanes);

constexpr std::size_t line = 16;  // numbers in a line of the cache

// What is written in order leaves the caches from step to step; unasked, each page's first lines are waited for.
[[gnu::always_inline]] inline void ask_for(const int32_t* list) { __builtin_prefetch(list + 16 * line, 1); }

// By aligned vectors, which are whole cache lines where vectors are that wide, and overlapping ones at the ends. Lines
// are asked for well before: an image leaves the caches from step to step, and stores alone wait for each page anew.
template <class T>
void fill_with_zeros(T* first, T* last) {
  constexpr std::ptrdiff_t count = sizeof(Longs) / sizeof(T), ahead = 2048 / sizeof(T);
  if (last - first < count) {
    while (first != last) *first++ = 0;
    return;
  }
  store(first, Longs{});
  const auto beyond = reinterpret_cast<std::uintptr_t>(first) / sizeof(T) % static_cast<std::size_t>(count);
  for (first += count - static_cast<std::ptrdiff_t>(beyond); last - first >= count; first += count) {
    __builtin_prefetch(first + ahead, 1);
    store(first, Longs{});
  }
  store(last - count, Longs{});
}

// Channels of neighbouring pixels, as many as there are lanes, side by side: x y z x y z, or x y z 1 x y z 1.
template <std::size_t width>
void interleave(const float* const* channels, std::size_t from, float* out) {
  Ints columns[4];
  for (std::size_t c = 0; c < 3; ++c) load(columns[c], channels[c] + from);
  const Floats ones = Floats{} + 1.0f;
  load(columns[3], &ones);
  Four rows[lanes];
  to_rows(columns, rows);
  // A pixel's fourth word is written over by the next pixel; the last must leave what follows alone.
  for (std::size_t i = 0; i + 1 < step; ++i) store(out + width * i, rows[i]);
  __builtin_memcpy(out + width * (step - 1), &rows[lanes - 1], width * sizeof(float));
}

}  // namespace

Range range_of(std::span<const int32_t> values) {
  Range range;
  Ints lowest = Ints{} + range.lowest, highest = Ints{} + range.highest;
  std::size_t i = 0;
  for (; i + step <= values.size(); i += step) {
    Ints here;
    load(here, &values[i]);
    keep_smaller(lowest, here), keep_larger(highest, here);
  }
  const auto include = [&](int32_t low, int32_t high) {
    range.lowest = low < range.lowest ? low : range.lowest;
    range.highest = high > range.highest ? high : range.highest;
  };
  for (int lane = 0; lane < lanes; ++lane) include(lowest[lane], highest[lane]);
  for (; i < values.size(); ++i) include(values[i], values[i]);
  return range;
}

bool is_ascending(std::span<const int32_t> values) {
  Ints disorder{};
  std::size_t i = 1;
  for (; i + step <= values.size(); i += step) {
    Ints before, here;
    load(before, &values[i - 1]), load(here, &values[i]);
    disorder |= before >= here;
  }
  bool ascending = sign_bits(disorder) == 0;
  for (; i < values.size(); ++i) ascending &= values[i - 1] < values[i];
  return ascending;
}

int32_t count_visible(std::span<const int32_t> ids) {
  Ints empty{};
  std::size_t i = 0;
  for (; i + step <= ids.size(); i += step) {
    Ints here;
    load(here, &ids[i]);
    empty += here >> 31;
  }
  auto count = static_cast<int32_t>(i);
  for (int lane = 0; lane < lanes; ++lane) count += empty[lane];
  for (; i < ids.size(); ++i) count += ids[i] >= 0;
  return count;
}

void list_visible(std::span<const int32_t> ids, const PixelRow& row, const PixelLists& out, std::size_t at) {
  const auto add = [&](std::size_t column) {
    const auto place = static_cast<int32_t>(column);
    out.pixel[at] = row.first_pixel + place, out.triangle[at] = ids[column], out.view[at] = row.view;
    out.row[at] = row.row, out.column[at] = place;
    ++at;
  };
  std::size_t column = 0;
  for (; column + step <= ids.size(); column += step) {
    Ints here;
    load(here, &ids[column]);
    const unsigned empty = sign_bits(here);
    if (empty == all_lanes) continue;
    if (column % line == 0)
      for (const int32_t* list : {out.pixel, out.triangle, out.view, out.row, out.column}) ask_for(list + at);
    if (empty == 0) {
      const Ints places = lane_numbers + static_cast<int32_t>(column);
      store(out.pixel + at, places + row.first_pixel), store(out.triangle + at, here);
      store(out.view + at, Ints{} + row.view), store(out.row + at, Ints{} + row.row), store(out.column + at, places);
      at += step;
      continue;
    }
    for (std::size_t i = 0; i < step; ++i)
      if ((empty >> i & 1) == 0) add(column + i);
  }
  for (; column < ids.size(); ++column)
    if (ids[column] >= 0) add(column);
}

void look_up_corners(std::span<const int32_t> triangles, std::span<const int32_t> seen, int32_t* const (&out)[3]) {
  int32_t *const a = out[0], *const b = out[1], *const c = out[2];
  for (std::size_t i = 0; i < seen.size();) {
    const std::size_t last = i + line < seen.size() ? i + line : seen.size();
    for (int32_t* list : out) ask_for(list + i);
    for (; i < last; ++i) {
      const int32_t* corners = triangles.data() + 3 * static_cast<std::size_t>(seen[i]);
      a[i] = corners[0], b[i] = corners[1], c[i] = corners[2];
    }
  }
}

void multiply_add(std::span<const int32_t> factors, int32_t factor, std::span<const int32_t> values, int32_t* out) {
  for (std::size_t i = 0; i < values.size();) {
    const std::size_t last = i + line < values.size() ? i + line : values.size();
    ask_for(out + i);
    for (; i < last; ++i) out[i] = factors[i] * factor + values[i];
  }
}

template <class T>
void write_image(std::span<const int32_t> pixels, const ImageChannels<T>& channels, int64_t begin, int64_t end,
                 T* image) {
  const std::size_t width = channels.count + (channels.coverage ? 1 : 0);
  const auto place = [&](int64_t pixel) { return image + pixel * static_cast<int64_t>(width); };
  constexpr int64_t stretch = 2048;  // pixels: filled with zeros, they are still in the innermost cache afterwards
  std::size_t i = 0;
  for (; begin < end; begin += stretch) {
    const int64_t last = end - begin < stretch ? end : begin + stretch;
    fill_with_zeros(place(begin), place(last));
    while (i < pixels.size() && pixels[i] < last) {
      const int64_t at = pixels[i];
      if constexpr (std::is_same_v<T, float>) {
        const bool neighbours = i + step <= pixels.size() && pixels[i + step - 1] - pixels[i] == lanes - 1;
        if (channels.count == 3 && neighbours && at + lanes <= last) {
          (channels.coverage ? interleave<4> : interleave<3>)(channels.values, channels.first + i, place(at));
          i += step;
          continue;
        }
      }
      T* out = place(at);
      for (std::size_t c = 0; c < channels.count; ++c) out[c] = channels.values[c][channels.first + i];
      if (channels.coverage) out[channels.count] = 1;
      ++i;
    }
  }
}

template void write_image(std::span<const int32_t>, const ImageChannels<float>&, int64_t, int64_t, float*);
template void write_image(std::span<const int32_t>, const ImageChannels<double>&, int64_t, int64_t, double*);

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
