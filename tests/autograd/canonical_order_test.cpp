#include "tests/autograd/canonical_order.h"

#include <autograd/autograd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// The one order of sums, of scatter_add and of matmul: a plain reference, written from the rules in
// engine/fold.h, ops/index.h and ops/matmul.h, must give the same bits as the library, always.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;
using canonical_order::axes_of;
using canonical_order::combine;
using canonical_order::Kind;
using canonical_order::reference;
using canonical_order::rough_array;
using canonical_order::scatter_chunk;

namespace {

Tensor reduce(Kind kind, Located x, const ag::Axes& axes) {
  return kind == Kind::sum ? ag::sum(x, axes) : kind == Kind::max ? ag::max(x, axes) : ag::min(x, axes);
}

}  // namespace

TEMPLATE_TEST_CASE("Reductions keep the canonical order", "", float, double, int32_t) {
  const Shape shapes[] = {{},
                          {1},
                          {16},
                          {17},
                          {4096},
                          {4097},
                          {20000},
                          {3, 5},
                          {5, 1, 7},
                          {130, 3},
                          {3, 130},
                          {1500, 2},
                          {2, 5000},
                          {70, 2, 9},
                          {2, 70, 33},
                          {65, 4, 3},
                          {9, 1, 8, 5},
                          {4, 5, 6, 7},
                          {2, 3, 200, 2},
                          {130, 2, 3, 2},
                          {0},
                          {3, 0},
                          {3, 5000, 1},
                          {2, 40, 1, 200, 1},
                          {2, 2, 2, 2, 2, 2}};
  Random random(20);
  for (const Shape& shape : shapes) {
    const Array x = rough_array<TestType>(random, shape);
    const std::vector<TestType> values = x.template to_vector<TestType>();
    for (unsigned axes = 0; axes < 1u << shape.rank(); ++axes) {
      for (Kind kind : {Kind::sum, Kind::max, Kind::min}) {
        if (kind != Kind::sum && shape.size() == 0) continue;
        const ag::Step step;
        const Tensor result = reduce(kind, x, axes_of(axes, shape.rank()));
        INFO(shape.to_string() << " axes " << axes << " kind " << static_cast<int>(kind));
        REQUIRE(first_difference(result.values<TestType>(), reference(kind, values, shape, axes)) == -1);
      }
    }
  }
}

TEMPLATE_TEST_CASE("Fusion and threads keep the order of sums", "", float, double) {
  const Shape shapes[] = {{70000}, {300, 200}, {200, 300}, {40, 30, 50}};
  Random random(21);
  for (const Shape& shape : shapes) {
    const Array x = rough_array<TestType>(random, shape);
    const auto f = [](Located a) { return ag::sin(a) * a + 0.5; };
    std::vector<TestType> values;
    {
      const ag::Step step;
      values = f(x).template to_vector<TestType>();
    }
    for (unsigned axes = 1; axes < 1u << shape.rank(); ++axes) {
      const std::vector<TestType> expected = reference(Kind::sum, values, shape, axes);
      for (int threads : {1, 2, 7}) {
        for (size_t nodes : {size_t{1}, size_t{400}}) {
          const Threads scope(threads);
          const RegionLimit limit(nodes);
          const ag::Step step;
          const Tensor y = f(x), total = ag::sum(y, axes_of(axes, shape.rank())), mean = ag::mean(y);
          ag::evaluate({mean, total});
          INFO(shape.to_string() << " axes " << axes << " threads " << threads << " nodes " << nodes);
          REQUIRE(first_difference(total.values<TestType>(), expected) == -1);
        }
      }
    }
  }
}

TEST_CASE("A reduction of a view is that of its logical shape") {
  Random random(22);
  const Array x = rough_array<float>(random, {50, 7, 90});
  const ag::Step step;
  const Tensor view = ag::slice(ag::permute(x, {2, 0, 1}), 0, {.start = 80, .stop = 3, .step = -2});
  const std::vector<float> values = (view * 1).to_vector<float>();
  for (unsigned axes = 1; axes < 8; ++axes) {
    const Tensor result = ag::sum(view, axes_of(axes, 3));
    CHECK(first_difference(result.values<float>(), reference(Kind::sum, values, view.shape(), axes)) == -1);
  }
}

TEMPLATE_TEST_CASE("scatter_add keeps its order", "", float, double, int32_t) {
  Random random(23);
  struct Case {
    int64_t entries, width, rows;
  };
  for (const Case& size : {Case{0, 2, 3},
                           {10, 1, 1},
                           {100, 3, 7},
                           {32768, 1, 50},
                           {100000, 1, 37},
                           {70000, 3, 1000},
                           {600000, 1, 11},
                           // so many that chunks are joined
                           {300000, 1, 41000},
                           {350001, 3, 20000},
                           // many rows in any order: one ascending sum each
                           {300000, 1, 350000},
                           {300000, 4, 90000},
                           {200000, 5, 60000},
                           {40000, 9, 300},
                           // few rows get something
                           {5000, 3, 40000},
                           {3, 5, 100},
                           // as many columns as rows are wide, and fewer
                           {50001, 8, 20000},
                           {50002, 6, 20003}}) {
    const Array values = rough_array<TestType>(random, {size.entries, size.width});
    const Array indices = random_array<int32_t>(random, {size.entries}, 0, static_cast<double>(size.rows));
    const std::vector<TestType> v = values.template to_vector<TestType>();
    const std::vector<int32_t> index = indices.to_vector<int32_t>();
    const int64_t chunk = scatter_chunk({index}, size.rows, size.width);
    std::vector<TestType> expected(static_cast<size_t>(size.rows * size.width), 0);
    for (int64_t begin = 0; begin < size.entries; begin += chunk) {
      std::vector<TestType> partial(expected.size(), 0);
      for (int64_t i = begin * size.width; i < std::min(begin + chunk, size.entries) * size.width; ++i) {
        const auto at = static_cast<size_t>(index[static_cast<size_t>(i / size.width)] * size.width + i % size.width);
        partial[at] = combine(Kind::sum, partial[at], v[static_cast<size_t>(i)]);
      }
      for (size_t i = 0; i < expected.size(); ++i) expected[i] = combine(Kind::sum, expected[i], partial[i]);
    }
    for (int threads : {1, 2, 7}) {
      const Threads scope(threads);
      const ag::Step step;
      INFO(size.entries << " entries of " << size.width << " to " << size.rows << ", threads " << threads);
      REQUIRE(first_difference(ag::scatter_add(values, indices, size.rows).template values<TestType>(), expected) ==
              -1);
      // Column by column: the same sums, of which several are made in one pass.
      if (scatter_chunk({index}, size.rows, 1) != chunk) continue;
      std::vector<Tensor> columns;
      for (int64_t k = 0; k < size.width; ++k)
        columns.push_back(ag::scatter_add(ag::select(values, 1, k), indices, size.rows));
      ag::evaluate(columns);
      for (size_t k = 0; k < columns.size(); ++k) {
        const auto column = columns[k].template values<TestType>();
        bool equal = true;
        for (size_t row = 0; row < column.size(); ++row)
          equal = equal && first_difference(column.subspan(row, 1),
                                            std::span(expected).subspan(row * columns.size() + k, 1)) == -1;
        REQUIRE(equal);
      }
    }
  }
}

TEMPLATE_TEST_CASE("matmul is a chain of fused multiply-adds", "", float, double) {
  Random random(24);
  struct Case {
    int64_t m, k, n;
  };
  for (const Case& size : {Case{1, 1, 1},
                           {3, 5, 7},
                           {4, 33, 32},
                           {5, 64, 65},
                           {64, 100, 40},
                           {2, 4096, 3},
                           {3, 4097, 33},
                           {2, 9000, 2},
                           {100, 1, 100},
                           {2, 0, 3},
                           {0, 3, 2},
                           {2, 3, 0}}) {
    const Array a = rough_array<TestType>(random, {size.m, size.k}),
                b = rough_array<TestType>(random, {size.k, size.n});
    const auto left = a.template values<TestType>(), right = b.template values<TestType>();
    std::vector<TestType> expected(static_cast<size_t>(size.m * size.n), 0);
    for (size_t i = 0; i < expected.size(); ++i) {
      const size_t row = i / static_cast<size_t>(size.n), column = i % static_cast<size_t>(size.n);
      for (int64_t begin = 0; begin < size.k; begin += 4096) {
        TestType sum = 0;
        for (int64_t k = begin; k < std::min(size.k, begin + 4096); ++k) {
          sum = std::fma(left[row * static_cast<size_t>(size.k) + static_cast<size_t>(k)],
                         right[static_cast<size_t>(k * size.n) + column], sum);
        }
        expected[i] = begin == 0 ? sum : expected[i] + sum;
      }
    }
    for (int threads : {1, 2, 7}) {
      const Threads scope(threads);
      const ag::Step step;
      INFO(size.m << " x " << size.k << " x " << size.n << ", threads " << threads);
      REQUIRE(first_difference(ag::matmul(a, b).template values<TestType>(), expected) == -1);
    }
  }
}
