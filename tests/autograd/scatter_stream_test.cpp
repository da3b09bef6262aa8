#include <autograd/autograd.h>

#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// scatter_adds of what one region computes, which take its values block by block (engine/scatter_plan.cpp): compared
// with scatter_adds of values that were computed before.

namespace ag = autograd;
using ag::Array;
using ag::Tensor;

namespace {

struct Size {
  int64_t entries, rows;
  size_t lists, columns;
};

template <class T>
Array between_minus_one_and_one(Random& random, int64_t count) {
  return random_array<T>(random, {count}, -1, 1);
}

/// Column k of what list l adds: element by element from x, in one region.
Tensor value(const Tensor& x, size_t l, size_t k) {
  return ag::sin(x * static_cast<double>(k + 1)) + static_cast<double>(l) * x;
}

class Scene {
 public:
  Scene(const Size& size, Array (*make)(Random&, int64_t)) : size_(size) {
    Random random(51);
    x_ = make(random, size.entries);
    for (size_t l = 0; l < size.lists; ++l)
      lists_.push_back(random_array<int32_t>(random, {size.entries}, 0, static_cast<double>(size.rows)));
  }

  /// All sums. Streamed: with the region that computes what they add; else after it.
  std::vector<Tensor> sums(bool streamed, bool keep_values = false) const {
    const Tensor x = ag::tensor(x_);
    std::vector<Tensor> values, sums;
    for (size_t l = 0; l < size_.lists; ++l) {
      for (size_t k = 0; k < size_.columns; ++k) values.push_back(value(x, l, k));
    }
    if (!streamed) ag::evaluate(values);
    for (size_t i = 0; i < values.size(); ++i)
      sums.push_back(ag::scatter_add(values[i], lists_[i / size_.columns], size_.rows));
    std::vector<Tensor> asked = sums;
    if (keep_values) asked.insert(asked.end(), values.begin(), values.end());
    ag::evaluate(asked);
    return asked;
  }

 private:
  Size size_;
  Array x_;
  std::vector<Array> lists_;
};

template <class T>
void check_equal(const Scene& scene, bool keep_values) {
  std::vector<std::vector<T>> expected;
  {
    const ag::Step step;
    for (const Tensor& sum : scene.sums(false, keep_values)) expected.push_back(sum.to_vector<T>());
  }
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    const ag::Step step;
    const std::vector<Tensor> sums = scene.sums(true, keep_values);
    for (size_t i = 0; i < sums.size(); ++i) {
      INFO(threads << " threads, sum " << i);
      REQUIRE(first_difference(sums[i].values<T>(), std::span<const T>(expected[i])) == -1);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("scatter_adds give the same bits within the region that computes their values", "", float, double) {
  const Size sizes[] = {{2048, 100, 1, 1},    {2047, 100, 2, 3},    {5001, 40, 3, 6},  {70001, 300, 4, 8},
                        {70001, 11, 5, 2},    {3001, 77, 9, 3},     {4099, 500, 2, 9}, {100003, 20000, 1, 5},
                        {40000, 30000, 2, 2}, {300000, 60000, 1, 2}};
  for (const Size& size : sizes) {
    INFO(size.entries << " entries, " << size.rows << " rows, " << size.lists << " lists of " << size.columns);
    const Scene scene(size, &between_minus_one_and_one<TestType>);
    check_equal<TestType>(scene, false);
    if (size.entries < 10000) check_equal<TestType>(scene, true);
  }
}

TEST_CASE("Indices may be computed in the same evaluation") {
  Random random(54);
  const Array x = random_array<float>(random, {70001}, -1, 1);
  const Array corner = random_array<int32_t>(random, {70001}, 0, 300);
  // By a region before that of the values, and by the same one.
  for (const bool before : {true, false}) {
    const auto sums = [&](bool streamed) {
      const Tensor values = ag::sin(ag::tensor(x));
      const Tensor rows = ag::tensor(corner) * 2 + 1;
      if (!streamed) ag::evaluate({rows, values});
      const Tensor first = ag::scatter_add(values, rows, 600);
      if (!before) return first.to_vector<float>();
      return ag::scatter_add(ag::gather(first, rows) * values, rows, 600).to_vector<float>();
    };
    const ag::Step step;
    CHECK(sums(true) == sums(false));
  }
}

TEST_CASE("A region of two types scatters both") {
  Random random(53);
  const Array x = random_array<float>(random, {5000}, -1, 1), index = random_array<int32_t>(random, {5000}, 0, 9);
  const ag::Step step;
  const Tensor narrow = ag::sin(x), wide = ag::cast(narrow, ag::DType::float64) * 2;
  const Tensor sums[] = {ag::scatter_add(narrow, index, 9), ag::scatter_add(wide, index, 9)};
  ag::evaluate(sums);
  const std::vector<float> values = narrow.to_vector<float>();
  const auto rows = index.values<int32_t>();
  std::vector<float> expected(9, 0);
  std::vector<double> expected_wide(9, 0);
  for (size_t i = 0; i < values.size(); ++i) {
    expected[static_cast<size_t>(rows[i])] += values[i];
    expected_wide[static_cast<size_t>(rows[i])] += 2 * static_cast<double>(values[i]);
  }
  CHECK(sums[0].to_vector<float>() == expected);
  CHECK(sums[1].to_vector<double>() == expected_wide);
}

TEST_CASE("Values that only scatter_adds of their region read take no memory") {
  const Scene scene({100000, 50, 3, 6}, &between_minus_one_and_one<float>);
  const ag::Step step;
  scene.sums(true);
  CHECK(ag::report().peak_bytes < 100000 * 4);
}

TEST_CASE("The first index that does not exist is named where a region's values are scattered") {
  std::vector<int32_t> index(100001, 3);
  for (const int i : {70003, 70001}) index[static_cast<size_t>(i)] = i == 70001 ? -5 : 1000;
  const Array indices = Array::from(index, {100001}), x = Array::from(std::vector<float>(100001, 0.5f), {100001});
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    const ag::Step step;
    const Tensor sum = ag::scatter_add(ag::sin(x), indices, 10);
    std::string text;
    try {
      sum.values<float>();
    } catch (const ag::IndexError& error) {
      text = error.what();
    }
    INFO(text);
    CHECK(text.find("scatter_add: index -5 at element 70001 (recorded at") == 0);
    CHECK(text.find("expected 0 to 9") != std::string::npos);
  }
}

TEST_CASE("A gradient by gathered coordinates is right to second order where it is scattered at once") {
  Random random(52);
  const Array table = random_array<double>(random, {5, 3}, 0.5, 1.5),
              index = random_array<int32_t>(random, {3000}, 0, 5);
  const auto f = [&](std::span<const Tensor> inputs) {
    Tensor product;
    for (int64_t k = 0; k < 3; ++k) {
      const Tensor column = ag::gather(ag::select(inputs[0], 1, k), index);
      product = k == 0 ? ag::sin(column) : product * (column + ag::square(column));
    }
    return ag::mean(product);
  };
  const ag::GradcheckResult result = ag::gradcheck(f, {table});
  INFO(result.message);
  CHECK(result.passed);
}
