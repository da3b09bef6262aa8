#include <autograd/autograd.h>
#include <autograd/ops/elimination_order.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Sparse systems that are large enough for independent parts (ops/elimination_order.h).

namespace ag = autograd;
using ag::Array;
using ag::SparseCholesky;
using ag::SparseEntry;

namespace {

/// Grids side by side, each vertex joined to its neighbours, none to those of another grid.
struct Grids {
  int32_t side, count;

  int32_t size() const { return count * side * side; }

  std::vector<SparseEntry> entries() const {
    std::vector<SparseEntry> all;
    for (int32_t i = 0; i < size(); ++i) {
      const int32_t x = i % side, y = i / side % side;
      all.push_back({i, i, 4.5});
      if (x > 0) all.push_back({i, i - 1, -1});
      if (y > 0) all.push_back({i, i - side, -1});
    }
    return all;  // the lower triangle
  }

  /// A x, [size, columns]
  std::vector<double> times(std::span<const double> x, size_t columns) const {
    std::vector<double> product(x.size(), 0);
    for (const auto& [row, column, value] : entries()) {
      for (size_t k = 0; k < columns; ++k) {
        const size_t a = static_cast<size_t>(row) * columns + k, b = static_cast<size_t>(column) * columns + k;
        product[a] += value * x[b];
        if (row != column) product[b] += value * x[a];
      }
    }
    return product;
  }
};

}  // namespace

TEST_CASE("A large sparse solve, the same for any number of threads") {
  // One grid has a top that all parts wait for; of many grids, each is a part or within one; small ones have no parts.
  for (const Grids grids : {Grids{70, 1}, Grids{30, 12}, Grids{9, 2}}) {
    INFO(grids.count << " grids of " << grids.side);
    const SparseCholesky cholesky(grids.size(), grids.entries());
    Random random(61);
    for (const int64_t columns : {1, 3, 6}) {
      const Array b = random_array<double>(random, {grids.size(), columns}, -1, 1);
      std::vector<double> first;
      for (const int threads : {1, 2, 7}) {
        const Threads scope(threads);
        const ag::Step step;
        const std::vector<double> x = ag::solve(cholesky, b).to_vector<double>();
        if (first.empty()) first = x;
        REQUIRE(first_difference(std::span<const double>(x), std::span<const double>(first)) == -1);
      }
      const std::vector<double> back = grids.times(first, static_cast<size_t>(columns));
      const auto right = b.values<double>();
      double worst = 0;
      for (size_t i = 0; i < back.size(); ++i) worst = std::max(worst, std::abs(back[i] - right[i]));
      CHECK(worst < 1e-13);
    }
  }
}

TEST_CASE("Parts of an elimination order are independent") {
  const Grids grids{60, 2};
  std::vector<std::vector<int32_t>> columns(static_cast<size_t>(grids.size()));
  for (const auto& entry : grids.entries()) columns[static_cast<size_t>(entry.column)].push_back(entry.row);
  std::vector<int32_t> starts{0}, rows;
  for (std::vector<int32_t>& column : columns) {
    std::ranges::sort(column);
    rows.insert(rows.end(), column.begin(), column.end());
    starts.push_back(static_cast<int32_t>(rows.size()));
  }
  const ag::EliminationOrder order = ag::elimination_order(starts, rows);
  REQUIRE(order.parts.size() > 2);
  CHECK(std::ranges::is_sorted(order.parts));
  std::vector<int32_t> sorted = order.rows;
  std::ranges::sort(sorted);
  for (int32_t i = 0; i < grids.size(); ++i) REQUIRE(sorted[static_cast<size_t>(i)] == i);
  std::vector<int32_t> part_of(sorted.size());
  for (size_t i = 0; i < order.rows.size(); ++i) {
    const auto next = std::ranges::upper_bound(order.parts, static_cast<int32_t>(i));
    part_of[static_cast<size_t>(order.rows[i])] = static_cast<int32_t>(next - order.parts.begin());
  }
  const auto top = static_cast<int32_t>(order.parts.size());
  for (const auto& entry : grids.entries()) {
    const int32_t a = part_of[static_cast<size_t>(entry.row)], b = part_of[static_cast<size_t>(entry.column)];
    REQUIRE((a == b || a == top || b == top));
  }
}
