#include <autograd/autograd.h>

#include <array>
#include <string>
#include <vector>

#include "tests/autograd/canonical_order.h"
#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Reductions of what a region computes, several together, over views and broadcasts: equal to plain loops in the
// canonical order, byte for byte, on each backend and for any number of threads.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;
using canonical_order::axes_of;
using canonical_order::Kind;
using canonical_order::reference;
using canonical_order::rough_array;

namespace {

struct Execution {
  ag::Backend backend;
  int threads;
};

std::vector<Execution> executions() {
  std::vector<Execution> result;
  for (const ag::Backend backend : backends()) {
    for (int threads : {1, 2, 7}) result.push_back({backend, threads});
  }
  return result;
}

/// A reduction, and what it must give.
struct Wanted {
  Kind kind;
  unsigned axes;
  std::vector<float> expected;
};

std::vector<Wanted> wanted(const std::vector<float>& values, const Shape& shape, bool all_kinds) {
  std::vector<Wanted> result;
  for (unsigned axes = 1; axes < 1u << shape.rank(); ++axes) {
    for (Kind kind : {Kind::sum, Kind::max, Kind::min}) {
      if (kind != Kind::sum && !all_kinds) continue;
      result.push_back({kind, axes, reference(kind, values, shape, axes)});
    }
  }
  return result;
}

/// Which reductions an evaluation asks for: kernels are cut differently for threads with each choice.
enum class Choice { every, and_stored, with_last_axis, without_last_axis_or_all };

bool chosen(Choice choice, unsigned axes, int rank) {
  const bool last = (axes >> (rank - 1) & 1) != 0, all = axes + 1 == 1u << rank;
  if (choice == Choice::with_last_axis) return last;
  return choice != Choice::without_last_axis_or_all || !last || all;
}

/// Evaluates reductions of record() together; it gives a new Tensor each time, so that nothing is known of it.
template <class Record>
void check(const std::vector<Wanted>& all, const std::vector<float>& values, Record record) {
  for (const Execution& execution : executions()) {
    const WithBackend with(execution.backend);
    const Threads scope(execution.threads);
    for (const Choice choice :
         {Choice::every, Choice::and_stored, Choice::with_last_axis, Choice::without_last_axis_or_all}) {
      const ag::Step step;
      const Tensor y = record();
      std::vector<const Wanted*> asked;
      std::vector<Tensor> outputs;
      for (const Wanted& one : all) {
        if (!chosen(choice, one.axes, y.rank())) continue;
        asked.push_back(&one);
        const ag::Axes axes = axes_of(one.axes, y.rank());
        outputs.push_back(one.kind == Kind::sum   ? ag::sum(y, axes)
                          : one.kind == Kind::max ? ag::max(y, axes)
                                                  : ag::min(y, axes));
      }
      if (choice == Choice::and_stored) outputs.push_back(y);
      ag::evaluate(outputs);
      INFO(ag::name_of(execution.backend)
           << ", " << execution.threads << " threads, choice " << static_cast<int>(choice));
      for (size_t i = 0; i < asked.size(); ++i) {
        INFO("axes " << asked[i]->axes << " kind " << static_cast<int>(asked[i]->kind));
        REQUIRE(first_difference(outputs[i].values<float>(), asked[i]->expected) == -1);
      }
      if (choice == Choice::and_stored) REQUIRE(first_difference(y.values<float>(), values) == -1);
    }
  }
}

/// y, for so much work that threads are woken.
Tensor laborious(const Tensor& y) { return ag::where(ag::exp(ag::tanh(y)) > -1, y, 7); }

/// (x + row) column, with x read as it lies, or turned, or every second element backward.
void check_matrix(Random& random, int64_t rows, int64_t lanes, int view, bool all_kinds) {
  const Array x = view == 0   ? rough_array<float>(random, {rows, lanes})
                  : view == 1 ? rough_array<float>(random, {lanes, rows})
                              : rough_array<float>(random, {rows, 2 * lanes});
  const Array row = rough_array<float>(random, {lanes}), column = rough_array<float>(random, {rows, 1});
  std::vector<float> values;
  const auto from = x.values<float>(), add = row.values<float>(), factor = column.values<float>();
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < lanes; ++k) {
      const int64_t at = view == 0 ? i * lanes + k : view == 1 ? k * rows + i : (i + 1) * 2 * lanes - 1 - 2 * k;
      const float sum = from[static_cast<size_t>(at)] + add[static_cast<size_t>(k)];
      values.push_back(sum * factor[static_cast<size_t>(i)]);
    }
  }
  INFO("[" << rows << ", " << lanes << "] view " << view);
  check(wanted(values, {rows, lanes}, all_kinds), values, [&] {
    const Tensor seen = view == 0   ? ag::tensor(x)
                        : view == 1 ? ag::transpose(x)
                                    : ag::slice(x, 1, {.start = -1, .step = -2});
    return laborious((seen + row) * column);
  });
}

constexpr int64_t all_rows[] = {1, 63, 64, 65, 1024, 1025};
constexpr int64_t all_lanes[] = {1, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 8191, 8192, 8193};

}  // namespace

TEST_CASE("Reductions of a region over rows, lanes and all, at the sizes where blocks begin") {
  Random random(100);
  int view = 0;
  for (const int64_t rows : all_rows) {
    for (const int64_t lanes : all_lanes) {
      if (rows * lanes <= 70000) check_matrix(random, rows, lanes, view++ % 3, true);
    }
  }
}

TEST_CASE("Reductions of large regions") {
  Random random(101);
  for (const auto& [rows, lanes] : {std::array<int64_t, 2>{65, 4097},
                                    {64, 4096},
                                    {64, 8192},
                                    {1025, 65},
                                    {1024, 64},
                                    {1025, 513},
                                    {1024, 512},
                                    {63, 8193},
                                    {130, 4096},
                                    {100, 512},
                                    {127, 1024},
                                    {90, 2048}}) {
    check_matrix(random, rows, lanes, static_cast<int>(random.below(3)), false);
  }
}

TEST_CASE("Reductions of random matrices") {
  Random random(102);
  for (int i = 0; i < 60; ++i) {
    INFO("case " << i);
    check_matrix(random, 1 + random.below(i % 2 == 0 ? 200 : 30), 1 + random.below(i % 2 == 0 ? 70 : 900), i % 3,
                 i % 5 == 0);
  }
}

TEST_CASE("Reductions of regions of three axes, over each choice of them at once") {
  static constexpr int64_t extents[] = {1, 2, 3, 5, 7, 15, 16, 17, 33, 63, 64, 65, 130};
  Random random(103);
  for (int i = 0; i < 80; ++i) {
    int64_t n[3];
    do {
      for (int64_t& extent : n) extent = extents[random.below(13)];
      if (i % 8 == 0) n[random.below(3)] = 4095 + random.below(3);
    } while (n[0] * n[1] * n[2] > (i % 8 == 0 ? 80000 : 30000));
    // x[k][i][j] permuted, a matrix along the first axis, a vector along the last, one number for each middle index.
    const Array x = rough_array<float>(random, {n[2], n[0], n[1]}), first = rough_array<float>(random, {n[1], n[2]});
    const Array last = rough_array<float>(random, {n[2]}), middle = rough_array<float>(random, {n[1], 1});
    const auto a = x.values<float>(), b = first.values<float>(), c = last.values<float>(), d = middle.values<float>();
    std::vector<float> values;
    for (int64_t p = 0; p < n[0]; ++p) {
      for (int64_t q = 0; q < n[1]; ++q) {
        for (int64_t r = 0; r < n[2]; ++r) {
          const float left = a[static_cast<size_t>((r * n[0] + p) * n[1] + q)] * c[static_cast<size_t>(r)];
          values.push_back(left + b[static_cast<size_t>(q * n[2] + r)] * d[static_cast<size_t>(q)]);
        }
      }
    }
    const Shape shape{n[0], n[1], n[2]};
    INFO("case " << i << " " << shape.to_string());
    check(wanted(values, shape, i % 4 == 0), values, [&] {
      return ag::permute(x, {1, 2, 0}) * last + ag::tensor(first) * middle;
    });
  }
}

TEST_CASE("Reductions of gathered rows, and of several values in one region") {
  Random random(104);
  for (int i = 0; i < 30; ++i) {
    const int64_t rows = 1 + random.below(1200), lanes = 1 + random.below(40);
    const Array table = rough_array<float>(random, {50, lanes}), index = random_array<int32_t>(random, {rows}, 0, 50);
    const auto t = table.values<float>();
    const auto chosen = index.values<int32_t>();
    std::vector<float> picked, squares;
    for (int64_t k = 0; k < rows * lanes; ++k) {
      const int64_t row = chosen[static_cast<size_t>(k / lanes)];
      picked.push_back(t[static_cast<size_t>(row * lanes + k % lanes)] + 0.3F);
      squares.push_back(picked.back() * picked.back());
    }
    const Shape shape{rows, lanes};
    for (const Execution& execution : executions()) {
      const WithBackend with(execution.backend);
      const Threads scope(execution.threads);
      const ag::Step step;
      const Tensor x = ag::gather(table, index) + 0.3, y = x * x;
      std::vector<Tensor> outputs;
      for (unsigned axes = 1; axes < 4; ++axes) {
        for (const Tensor& value : {x, y}) outputs.push_back(ag::sum(value, axes_of(axes, 2)));
      }
      ag::evaluate(outputs);
      INFO(shape.to_string() << ", " << ag::name_of(execution.backend) << ", " << execution.threads << " threads");
      for (unsigned axes = 1; axes < 4; ++axes) {
        const auto at = 2 * (axes - 1);
        REQUIRE(first_difference(outputs[at].values<float>(), reference(Kind::sum, picked, shape, axes)) == -1);
        REQUIRE(first_difference(outputs[at + 1].values<float>(), reference(Kind::sum, squares, shape, axes)) == -1);
      }
    }
  }
}

TEST_CASE("A mean and its gradient are one pass over the data: each region computes scalars of numbers itself") {
  Random random(97);
  const Array x = random_array<float>(random, {9000}, -1, 1);
  std::vector<float> gradients[2];
  for (const size_t nodes : {size_t{1}, size_t{2000}}) {
    const RegionLimit limit(nodes);
    const ag::Step step;
    const Tensor loss = ag::mean(ag::square(ag::tensor(x) - 0.3)) / 7;
    const Tensor gradient = ag::grad(loss, x);
    ag::evaluate({loss, gradient});
    if (nodes > 1) CHECK(ag::report().regions == 2);  // and what becomes of the sum
    gradients[nodes == 1] = gradient.to_vector<float>();
  }
  CHECK(gradients[0] == gradients[1]);
  const ag::Step step;
  Tensor deep = ag::broadcast_to(ag::Located(2).as(ag::DType::float32), {});
  for (int i = 0; i < 40; ++i) deep = ag::sqrt(deep + 1);  // deeper than a region computes itself
  CHECK((deep + x).values<float>()[5] == static_cast<float>(deep.item()) + x.values<float>()[5]);
}

TEST_CASE("An integer division of numbers by zero is reported as its own") {
  const ag::Step step;
  const auto number = [](int value) { return ag::broadcast_to(ag::Located(value).as(ag::DType::int32), {}); };
  const Tensor quotient = number(1) / number(0);
  REQUIRE_THROWS_WITH((Array::of({1, 2, 3}) + quotient).values<int32_t>(),
                      ContainsSubstring("divide: integer division by zero"));
}
