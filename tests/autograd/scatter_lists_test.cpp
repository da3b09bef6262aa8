#include <autograd/autograd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/autograd/canonical_order.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// scatter_add by several lists of indices, and gradients of tables that several lists look up, which become such.

namespace ag = autograd;
using ag::Array;
using ag::Tensor;
using canonical_order::combine;
using canonical_order::Kind;
using canonical_order::rough_array;

namespace {

struct Size {
  int64_t entries, width, rows;
  size_t lists;
};

template <class T>
struct Lists {
  Lists(Random& random, const Size& size_) : size(size_) {
    for (size_t l = 0; l < size.lists; ++l) {
      values.push_back(rough_array<T>(random, {size.entries, size.width}));
      indices.push_back(random_array<int32_t>(random, {size.entries}, 0, static_cast<double>(size.rows)));
    }
  }

  std::vector<Tensor> index_tensors() const {
    std::vector<Tensor> list;
    for (const Array& array : indices) list.push_back(ag::tensor(array));
    return list;
  }

  /// The sums of column k.
  Tensor column(int64_t k) const {
    std::vector<Tensor> of_lists;
    for (const Array& array : values) of_lists.push_back(ag::select(array, 1, k));
    return ag::scatter_add(of_lists, index_tensors(), size.rows);
  }

  Tensor rows() const {
    std::vector<Tensor> of_lists;
    for (const Array& array : values) of_lists.push_back(ag::tensor(array));
    return ag::scatter_add(of_lists, index_tensors(), size.rows);
  }

  /// Entries with partial sums of their own.
  int64_t chunk(int64_t width) const {
    std::vector<std::vector<int32_t>> all;
    for (const Array& array : indices) all.push_back(array.to_vector<int32_t>());
    return canonical_order::scatter_chunk(all, size.rows, width);
  }

  std::vector<T> expected() const {
    std::vector<T> sums(static_cast<size_t>(size.rows * size.width), 0);
    for (int64_t begin = 0, length = chunk(size.width); begin < size.entries; begin += length) {
      std::vector<T> partial(sums.size(), 0);
      for (int64_t i = begin; i < std::min(begin + length, size.entries); ++i) {
        for (size_t l = 0; l < size.lists; ++l) {
          for (int64_t k = 0; k < size.width; ++k) {
            T& sum =
                partial[static_cast<size_t>(indices[l].values<int32_t>()[static_cast<size_t>(i)] * size.width + k)];
            sum = combine(Kind::sum, sum, values[l].values<T>()[static_cast<size_t>(i * size.width + k)]);
          }
        }
      }
      for (size_t i = 0; i < sums.size(); ++i) sums[i] = combine(Kind::sum, sums[i], partial[i]);
    }
    return sums;
  }

  Size size;
  std::vector<Array> values, indices;
};

/// Column k of every row.
template <class T>
std::vector<T> column_of(const std::vector<T>& rows, int64_t width, int64_t k) {
  std::vector<T> column;
  for (auto i = static_cast<size_t>(k); i < rows.size(); i += static_cast<size_t>(width)) column.push_back(rows[i]);
  return column;
}

}  // namespace

TEMPLATE_TEST_CASE("scatter_add by several lists keeps its order", "", float, double, int32_t) {
  Random random(61);
  for (const Size& size : {Size{0, 2, 3, 2},
                           {10, 1, 1, 3},
                           {101, 3, 7, 4},
                           {2047, 5, 60, 2},
                           {100000, 1, 37, 3},
                           {70001, 6, 400, 3},
                           {40000, 8, 30000, 2},
                           // so many that chunks are joined
                           {300000, 1, 41000, 3},
                           {350001, 3, 20000, 2},
                           // many rows in any order
                           {200000, 4, 90000, 3},
                           // few rows get something
                           {500, 3, 40000, 4}}) {
    const Lists<TestType> lists(random, size);
    const std::vector<TestType> expected = lists.expected();
    for (const int threads : {1, 2, 7}) {
      INFO(size.entries << " entries of " << size.width << " to " << size.rows << " by " << size.lists << " lists, "
                        << threads << " threads");
      const Threads scope(threads);
      const ag::Step step;
      REQUIRE(first_difference(lists.rows().template values<TestType>(), expected) == -1);
      // Column by column: the same sums, of which several are made in one pass.
      if (lists.chunk(1) != lists.chunk(size.width)) continue;
      std::vector<Tensor> columns;
      for (int64_t k = 0; k < size.width; ++k) columns.push_back(lists.column(k));
      ag::evaluate(columns);
      for (size_t k = 0; k < columns.size(); ++k) {
        const std::vector<TestType> column = column_of(expected, size.width, static_cast<int64_t>(k));
        REQUIRE(first_difference(columns[k].template values<TestType>(), std::span<const TestType>(column)) == -1);
      }
    }
  }
}

TEMPLATE_TEST_CASE("Sums by several lists are the same within the region that computes their values", "", float,
                   double) {
  // Tables, of as many rows, columns and lists.
  struct Table {
    int64_t rows;
    size_t columns, lists;
  };
  const std::vector<Table> scenes[] = {{{300, 6, 3}},
                                       {{300, 3, 3}, {40, 2, 2}, {500, 4, 3}},
                                       {{90, 1, 4}, {80, 8, 4}},
                                       {{90, 2, 3}, {80, 3, 1}, {70, 1, 2}},
                                       {{200, 1, 4}, {100, 1, 4}, {50, 1, 1}},
                                       {{60000, 6, 3}},
                                       {{300, 3, 3}, {30000, 3, 3}},
                                       {{30000, 3, 3}, {70000, 3, 3}}};
  for (const std::vector<Table>& tables : scenes) {
    for (const int64_t entries : {2049, 70001, 300000}) {
      if (sanitized() && entries > 100000) continue;
      Random random(62);
      const Array x = random_array<TestType>(random, {entries}, -1, 1);
      std::vector<std::vector<Array>> indices;
      for (const Table& table : tables) {
        std::vector<Array>& lists = indices.emplace_back();
        for (size_t l = 0; l < table.lists; ++l)
          lists.push_back(random_array<int32_t>(random, {entries}, 0, static_cast<double>(table.rows)));
      }
      const auto sums = [&](bool streamed) {
        std::vector<Tensor> all, values;
        double factor = 1;
        const Tensor in = ag::tensor(x);
        for (size_t t = 0; t < tables.size(); ++t) {
          for (size_t k = 0; k < tables[t].columns; ++k) {
            std::vector<Tensor> of_lists, lists;
            for (const Array& list : indices[t]) {
              of_lists.push_back(ag::sin(in * factor++));
              lists.push_back(ag::tensor(list));
            }
            if (!streamed) ag::evaluate(of_lists);
            all.push_back(ag::scatter_add(of_lists, lists, tables[t].rows));
          }
        }
        ag::evaluate(all);
        std::vector<std::vector<TestType>> results;
        for (const Tensor& sum : all) results.push_back(sum.template to_vector<TestType>());
        return results;
      };
      std::vector<std::vector<TestType>> expected;
      {
        const ag::Step step;
        expected = sums(false);
      }
      for (const int threads : {1, 2, 7}) {
        INFO(tables.size() << " tables, the first of " << tables[0].rows << " rows, " << entries << " entries, "
                           << threads << " threads");
        const Threads scope(threads);
        const ag::Step step;
        REQUIRE(sums(true) == expected);
      }
    }
  }
}

TEST_CASE("The gradient of what several lists look up is one scatter_add") {
  Random random(63);
  const Array table = random_array<float>(random, {50}, -1, 1);
  std::vector<Array> arrays, factors;
  for (int l = 0; l < 4; ++l) {
    arrays.push_back(random_array<int32_t>(random, {3000}, 0, 50));
    factors.push_back(random_array<float>(random, {3000}, -1, 1));
  }
  const ag::Step step;
  const Tensor x = ag::tensor(table);
  std::vector<Tensor> indices, values;
  for (size_t l = 0; l < arrays.size(); ++l) {
    indices.push_back(ag::tensor(arrays[l]));
    values.push_back(ag::tensor(factors[l]));
  }
  const auto looked_up = [&](std::initializer_list<size_t> order) {
    Tensor sum;
    for (const size_t l : order) {
      const Tensor part = ag::sum(ag::gather(x, indices[l]) * values[l]);
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  };
  // The lists stand in the order in which they came to be, however they are used: sums of one order are equal.
  const std::vector<float> expected = ag::scatter_add(values, indices, 50).to_vector<float>();
  const auto separately = [&] {
    Tensor sum;
    for (size_t l = 0; l < 4; ++l) {
      const Tensor part = ag::scatter_add(values[l], indices[l], 50);
      sum = sum.defined() ? sum + part : part;
    }
    return sum.to_vector<float>();
  };
  REQUIRE(separately() != expected);  // else nothing is shown
  CHECK(ag::grad(looked_up({0, 1, 2, 3}), x).to_vector<float>() == expected);
  CHECK(ag::grad(looked_up({2, 0, 3, 1}), x).to_vector<float>() == expected);
  // Something of another form in between.
  const Tensor between = looked_up({3, 1}) + ag::sum(ag::square(x)) + looked_up({0, 2});
  const std::vector<float> with_others = ag::grad(between, x).to_vector<float>();
  for (size_t i = 0; i < 50; ++i) {
    const double wanted = expected[i] + 2 * static_cast<double>(table.values<float>()[i]);
    CHECK(std::abs(with_others[i] - wanted) < 1e-5);
  }
  // A list that is used twice takes both values at once.
  const Tensor twice = ag::sum(ag::gather(x, indices[0]) * values[0]) + ag::sum(ag::gather(x, indices[0]) * values[1]);
  CHECK(ag::grad(twice, x).to_vector<float>() ==
        ag::scatter_add(values[1] + values[0], indices[0], 50).to_vector<float>());
}

TEST_CASE("Gradients of what many lists, and lists of several lengths, look up") {
  Random random(64);
  const Array table = random_array<double>(random, {6, 2}, 0.5, 1.5);
  std::vector<Array> lists;
  for (int l = 0; l < 7; ++l) lists.push_back(random_array<int32_t>(random, {l < 5 ? 4 : 3}, 0, 6));
  const auto f = [&](std::span<const Tensor> inputs) {
    Tensor sum;
    for (const Array& list : lists) {
      const Tensor part = ag::sum(ag::sin(ag::square(ag::gather(inputs[0], list))));
      sum = sum.defined() ? sum * part : part;
    }
    return sum;
  };
  const ag::GradcheckResult result = ag::gradcheck(f, {table});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("scatter_add by several lists refuses what does not fit") {
  const ag::Step step;
  const Tensor a = ag::tensor(Array::of({1.F, 2.F})), b = ag::tensor(Array::of({1.F, 2.F, 3.F}));
  const Tensor at = ag::tensor(Array::of({0, 1})), at_b = ag::tensor(Array::of({0, 1, 2}));
  const auto add = [](std::vector<Tensor> values, std::vector<Tensor> indices, int64_t rows = 2) {
    return ag::scatter_add(values, indices, rows);
  };
  REQUIRE_THROWS_WITH(add({}, {}), ContainsSubstring("scatter_add: 0 lists of values for 0 of indices"));
  REQUIRE_THROWS_WITH(add({a}, {at, at}), ContainsSubstring("1 lists of values for 2 of indices"));
  REQUIRE_THROWS_WITH(add({a, a, a, a, a}, {at, at, at, at, at}), ContainsSubstring("5 lists; expected at most 4"));
  REQUIRE_THROWS_WITH(add({a, b}, {at, at_b}), ContainsSubstring("[2] and [3]; expected one shape"));
  REQUIRE_THROWS_WITH(add({a, b}, {at, at}), ContainsSubstring("values [3] for indices [2]"));
  REQUIRE_THROWS_AS(add({a, ag::cast(a, ag::DType::float64)}, {at, at}), ag::DTypeError);
  REQUIRE_THROWS_AS(add({a, a}, {at, a}), ag::DTypeError);
  const Tensor bad = ag::tensor(Array::of({0, 2}));
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    REQUIRE_THROWS_WITH(add({a, a}, {at, bad}).values<float>(),
                        ContainsSubstring("scatter_add: index 2 at element 1 of list 1 (recorded at"));
  }
}
