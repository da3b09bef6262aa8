#include <render/geometry/atlas_pack.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

// Charts come from above, the tallest first, and each goes where its top will be lowest. What counts are its lowest
// and highest texel in each column, widened by the gutter: a chart nests in the hollow of the horizon below it.
//
//      top        ____
//               _/    \__
//     chart    |_       _|          the chart's underside touches the horizon in some column
//    bottom      \__   /
//                   \_/
//   horizon ____          ____
//               \________/

namespace render {

namespace {

/// A chart's lowest and highest texel rows in each column, at some scale; the gutter on all sides.
struct Profile {
  std::vector<int64_t> bottom, top;  ///< top: the first row above
  int64_t height = 0;
};

Profile profile_of(const FlatChart& chart, double scale, int64_t gutter) {
  const auto columns = static_cast<int64_t>(chart.width * scale) + 1;
  constexpr int64_t far = std::numeric_limits<int64_t>::max() / 4;
  std::vector<int64_t> low(static_cast<size_t>(columns), far), high(static_cast<size_t>(columns), -far);
  const auto cover = [&](int64_t column, double y) {
    const auto row = static_cast<int64_t>(std::floor(y));
    const auto at = static_cast<size_t>(std::clamp<int64_t>(column, 0, columns - 1));
    low[at] = std::min(low[at], row);
    high[at] = std::max(high[at], row + 1);
  };
  const auto edge = [&](std::array<double, 2> a, std::array<double, 2> b) {
    if (a[0] > b[0]) std::swap(a, b);
    const double x0 = a[0] * scale, y0 = a[1] * scale, x1 = b[0] * scale, y1 = b[1] * scale;
    const auto first = static_cast<int64_t>(x0), last = static_cast<int64_t>(x1);
    cover(first, y0);
    for (int64_t column = first + 1; column <= last; ++column) {  // where the edge passes from column to column
      const double y = y0 + (y1 - y0) * (static_cast<double>(column) - x0) / (x1 - x0);
      cover(column - 1, y);
      cover(column, y);
    }
    cover(last, y1);
  };
  for (size_t i = 0; i < chart.corners.size(); i += 3) {
    for (size_t k = 0; k < 3; ++k) edge(chart.corners[i + k], chart.corners[i + (k + 1) % 3]);
  }
  // Widened: a column is as low and as high as any within the gutter. Row and column 0 are the gutter's.
  Profile profile;
  for (int64_t column = -gutter; column < columns + gutter; ++column) {
    int64_t bottom = far, top = -far;
    for (int64_t near = std::max<int64_t>(column - gutter, 0); near <= std::min(column + gutter, columns - 1); ++near) {
      bottom = std::min(bottom, low[static_cast<size_t>(near)]);
      top = std::max(top, high[static_cast<size_t>(near)]);
    }
    profile.bottom.push_back(bottom);
    profile.top.push_back(top + 2 * gutter);
    profile.height = std::max(profile.height, profile.top.back());
  }
  return profile;
}

class Horizon {
 public:
  explicit Horizon(int64_t size) : size_(size), rows_(static_cast<size_t>(size)) {}

  /// The lower left corner of where the chart's top is lowest, leftmost first; nothing where it does not fit.
  std::optional<std::array<int64_t, 2>> place(const Profile& profile) {
    const auto columns = static_cast<int64_t>(profile.bottom.size());
    int64_t best_x = -1, best_y = size_ - profile.height + 1;
    for (int64_t x = 0; x + columns <= size_; ++x) {
      int64_t y = 0;
      for (int64_t i = 0; i < columns && y < best_y; ++i) {
        y = std::max(y, rows_[static_cast<size_t>(x + i)] - profile.bottom[static_cast<size_t>(i)]);
      }
      if (y < best_y) best_x = x, best_y = y;
    }
    if (best_x < 0) return std::nullopt;
    for (int64_t i = 0; i < columns; ++i) {
      rows_[static_cast<size_t>(best_x + i)] = best_y + profile.top[static_cast<size_t>(i)];
    }
    return {{best_x, best_y}};
  }

 private:
  int64_t size_;
  std::vector<int64_t> rows_;  ///< the first free row of each column
};

std::optional<Packing> pack_at(std::span<const FlatChart> charts, std::span<const size_t> order, double scale,
                               int64_t size, int64_t gutter) {
  Packing packing{scale, std::vector<std::array<int64_t, 2>>(charts.size())};
  Horizon horizon(size);
  for (const size_t chart : order) {
    const auto corner = horizon.place(profile_of(charts[chart], scale, gutter));
    if (!corner) return std::nullopt;
    packing.places[chart] = {(*corner)[0] + gutter, (*corner)[1] + gutter};
  }
  return packing;
}

}  // namespace

std::optional<Packing> pack(std::span<const FlatChart> charts, int64_t size, int64_t gutter) {
  std::vector<size_t> order(charts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return charts[a].height > charts[b].height; });
  double longest = 0;
  for (const FlatChart& chart : charts) longest = std::max({longest, chart.width, chart.height});
  // No scale above this one can do; halve until one does, then close in.
  double high = longest > 0 ? static_cast<double>(size) / longest : 1, low = high;
  std::optional<Packing> best;
  for (int i = 0; i < 40 && !best; ++i) {
    best = pack_at(charts, order, low, size, gutter);
    if (!best) high = low, low /= 2;
  }
  for (int i = 0; i < 8 && best && low < high; ++i) {
    const double middle = (low + high) / 2;
    if (auto found = pack_at(charts, order, middle, size, gutter)) {
      best = std::move(found);
      low = middle;
    } else {
      high = middle;
    }
  }
  return best;
}

}  // namespace render
