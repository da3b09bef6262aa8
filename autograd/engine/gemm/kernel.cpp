#include <autograd/engine/gemm/kernels.h>
#include <autograd/engine/gemm/level.h>
#include <autograd/engine/gemm/vector.h>

#include <array>

// The register tile, once for each level of the processor:
//
//                     q[k]: 1 to 3 vectors
//                  [ 16 ][ 16 ][ 16 ]
//   p[i, k], to    [    ][    ][    ]
//   all lanes,     [     sums       ]   sums[i, j] = fma(p[i, k], q[k, j], sums[i, j]), k ascending
//   8 rows         [    ][    ][    ]
//
// A sum is one lane of one register from the first k to the last: no lane sees another, so neither the width
// of the vectors nor the size of the tile nor where D was left in memory between two calls can change its bits.

namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT {

namespace {

constexpr int64_t rows_ahead = 12;

/// How a tile reads Q.
enum Reading { packed, far, packing };  ///< packing: from afar, and leaves it packed for the tiles after it
constexpr int readings = 3;

/// A tile's part of a block.
template <class T>
struct Tile {
  const T* p;
  int64_t p_row, p_depth;
  const T* q;
  int64_t q_depth;
  T* keep;
  T* d;
  int64_t d_row;
  int64_t depth;
  int last;  ///< lanes of the last vector that are columns of D
  bool fresh;
};

template <class T, int rows, int vectors, Reading reading>
void multiply_tile(const Tile<T>& given) {
  const Tile<T> tile = given;
  const bool whole = tile.last == lanes<T>;
  Vector<T> sums[rows][vectors];
  const T* p[rows];
  unroll<rows>([&](auto r) {
    p[r] = tile.p + r * tile.p_row;
    const T* d = tile.d + r * tile.d_row;
    unroll<vectors>([&](auto v) {
      if (tile.fresh) {
        sums[r][v] = Vector<T>{};
      } else if (v < vectors - 1 || whole) {
        sums[r][v] = load<T>(d + v * lanes<T>);
      } else {
        sums[r][v] = load_part(d + v * lanes<T>, tile.last);
      }
    });
  });
  const T* q = tile.q;
  T* keep = tile.keep;
  int64_t at = 0;
  for (int64_t k = tile.depth; k > 0; --k) {
    Vector<T> row[vectors];
    unroll<vectors>([&](auto v) {
      if constexpr (reading == packed || v < vectors - 1) {
        row[v] = load<T>(q + v * lanes<T>);
      } else {
        row[v] = load_part(q + v * lanes<T>, tile.last);
      }
      if constexpr (reading != packed) __builtin_prefetch(q + rows_ahead * tile.q_depth + v * lanes<T>);
      if constexpr (reading == packing) store<T>(keep + v * lanes<T>, row[v]);
    });
    unroll<rows>([&](auto r) {
      const Vector<T> factor = broadcast(p[r][at]);
      unroll<vectors>([&](auto v) { sums[r][v] = fma(factor, row[v], sums[r][v]); });
    });
    q += tile.q_depth;
    if constexpr (reading == packing) keep += vectors * lanes<T>;
    at += tile.p_depth;
  }
  unroll<rows>([&](auto r) {
    T* d = tile.d + r * tile.d_row;
    unroll<vectors>([&](auto v) {
      if (v < vectors - 1 || whole) {
        store<T>(d + v * lanes<T>, sums[r][v]);
      } else {
        store_part(d + v * lanes<T>, sums[r][v], tile.last);
      }
    });
  });
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

template <class T, Reading reading, int vectors, int... r>
constexpr std::array<TileFunction<T>, tile_rows> tiles_of(std::integer_sequence<int, r...>) {
  return {multiply_tile<T, r + 1, vectors, reading>...};
}

template <class T, Reading reading, int... v>
constexpr auto tiles_reading(std::integer_sequence<int, v...>) {
  return std::array{tiles_of<T, reading, v + 1>(std::make_integer_sequence<int, tile_rows>())...};
}

template <class T, int... reading>
constexpr auto all_tiles(std::integer_sequence<int, reading...>) {
  return std::array{tiles_reading<T, Reading(reading)>(std::make_integer_sequence<int, tile_vectors>())...};
}

/// [reading][vectors - 1][rows - 1]
template <class T>
constexpr auto tiles = all_tiles<T>(std::make_integer_sequence<int, readings>());

/// The next tile's D is fetched while this one is computed: also where it is only written, its lines have to come.
template <class T>
void fetch(const T* d, int64_t d_row, int64_t rows, int64_t vectors) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t v = 0; v < vectors; ++v) __builtin_prefetch(d + r * d_row + v * lanes<T>, 1);
  }
}

template <class T>
void multiply(const Block<T>& block) {
  const Strips strips(block.rows, tile_rows);
  const int64_t vectors = (block.columns + lanes<T> - 1) / lanes<T>;
  Tile<T> tile{.p = nullptr,
               .p_row = block.packed ? 1 : block.p_row,
               .p_depth = block.p_depth,
               .q = block.q,
               .q_depth = block.q_depth,
               .keep = block.keep,
               .d = nullptr,
               .d_row = block.d_row,
               .depth = block.depth,
               .last = static_cast<int>(block.columns - (vectors - 1) * lanes<T>),
               .fresh = block.fresh};
  Reading reading = !block.far ? packed : block.keep == nullptr ? far : packing;
  for (int64_t strip = 0; strip < strips.count; ++strip) {
    const int64_t row = strips.begin(strip), end = strips.begin(strip + 1);
    tile.p = block.p + row * (block.packed ? block.depth : block.p_row);
    if (block.packed) tile.p_depth = end - row;
    tile.d = block.d + row * block.d_row;
    if (strip + 1 < strips.count) fetch(block.d + end * block.d_row, block.d_row, end - row, vectors);
    tiles<T>[reading][static_cast<size_t>(vectors - 1)][static_cast<size_t>(end - row - 1)](tile);
    if (reading == packing) {
      reading = packed;
      tile.q = block.keep;
      tile.q_depth = vectors * lanes<T>;
    }
  }
}

template <class T>
constexpr Kernels<T> kernels{tile_rows, lanes<T>, tile_vectors* lanes<T>, multiply<T>, pack, finish};

}  // namespace

const Level level{kernels<float>, kernels<double>};

}  // namespace autograd::engine::gemm::BACKLIGHT_KERNEL_VARIANT
