#include <autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Sorting, selecting and searching against the standard library's algorithms.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;
using Integers = std::vector<int32_t>;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
bool is_less(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(b) ? !std::isnan(a) : a < b;
  return a < b;
}

template <class T>
Integers expected_order(std::span<const T> row, bool descending) {
  Integers order(row.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t i, int32_t j) {
    const T a = row[static_cast<size_t>(i)], b = row[static_cast<size_t>(j)];
    return descending ? is_less(b, a) : is_less(a, b);
  });
  return order;
}

/// Numbers with many equal ones, and all the special ones.
template <class T>
Array mixed(Random& random, const Shape& shape) {
  const std::vector<T> specials = special_values<T>();
  return Array::make<T>(shape, [&](std::span<T> out) {
    for (T& value : out) {
      value = random.below(4) == 0 ? specials[static_cast<size_t>(random.below(static_cast<int64_t>(specials.size())))]
                                   : static_cast<T>(random.uniform(-20, 20)) * (random.below(2) == 0 ? T(1) : T(1000));
    }
  });
}

}  // namespace

TEMPLATE_TEST_CASE("Rows are sorted as by std::stable_sort, NaN last", "", float, double, int32_t) {
  Random random(50);
  for (int64_t count : {1, 2, 5, 31, 511, 512, 3000}) {
    for (bool descending : {false, true}) {
      const Array x = mixed<TestType>(random, {70, count});
      const Threads threads(3);
      const ag::Step step;
      const Tensor order = ag::argsort(x, 1, {.descending = descending});
      const Tensor sorted = ag::sort(x, -1, {.descending = descending});
      const Tensor first = ag::topk(x, (count + 2) / 3, 1, {.largest = descending}).indices;
      const auto orders = order.values<int32_t>(), firsts = first.values<int32_t>();
      const auto values = sorted.template values<TestType>();
      const auto width = static_cast<size_t>(count), k = static_cast<size_t>((count + 2) / 3);
      bool same_order = true, same_sorted = true, same_first = true;
      for (size_t row = 0; row < 70; ++row) {
        const auto elements = x.template values<TestType>().subspan(row * width, width);
        const Integers expected = expected_order(elements, descending);
        same_order = same_order && std::ranges::equal(expected, orders.subspan(row * width, width));
        same_first = same_first && std::ranges::equal(std::span(expected).first(k), firsts.subspan(row * k, k));
        for (size_t i = 0; i < width; ++i) {
          same_sorted = same_sorted && same_bits(values[row * width + i], elements[static_cast<size_t>(expected[i])]);
        }
      }
      INFO(count << " elements, descending: " << descending);
      CHECK(same_order);
      CHECK(same_sorted);
      CHECK(same_first);
    }
  }
}

TEST_CASE("Any axis is sorted") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<float>{3, 1, 2, 0, 5, 4, 9, 7, 8, 6, 11, 10}, {3, 2, 2}));
  CHECK(ag::argsort(x, 0).to_vector<int32_t>() == Integers{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2});
  CHECK(ag::sort(x, 1).to_vector<float>() == std::vector<float>{2, 0, 3, 1, 5, 4, 9, 7, 8, 6, 11, 10});
  const auto [values, indices] = ag::topk(x, 1, 0);
  CHECK(values.shape() == Shape{1, 2, 2});
  CHECK(values.to_vector<float>() == std::vector<float>{8, 6, 11, 10});
  CHECK(indices.to_vector<int32_t>() == Integers{2, 2, 2, 2});
  CHECK(ag::topk(x, 2, 0, {.largest = false}).values.to_vector<float>() == std::vector<float>{3, 1, 2, 0, 5, 4, 9, 7});
}

TEST_CASE("Sorting nothing, and what cannot be sorted") {
  const ag::Step step;
  CHECK(ag::sort(ag::zeros({0})).shape() == Shape{0});
  CHECK(ag::argsort(ag::zeros({3, 0}), 0).shape() == Shape{3, 0});
  CHECK(ag::topk(ag::zeros({2, 3}), 0).values.shape() == Shape{2, 0});
  CHECK_THROWS_WITH(ag::topk(ag::zeros({2, 3}), 4), ContainsSubstring("topk: k is 4; expected 0 to 3"));
  CHECK_THROWS_AS(ag::topk(ag::zeros({2, 3}), -1), ag::ValueError);
  CHECK_THROWS_AS(ag::sort(ag::zeros({2, 3}), 2), ag::ShapeError);
  CHECK_THROWS_AS(ag::sort(Array::scalar(1.F)), ag::ShapeError);
  CHECK_THROWS_AS(ag::argsort(Array::of({true, false})), ag::DTypeError);
}

TEST_CASE("Gradients of sorted values go back where they came from") {
  Random random(51);
  const std::vector<Array> inputs{random_array<double>(random, {3, 4, 2}, -1, 1)};
  const Array weights = random_array<double>(random, {3, 4, 2}, -1, 1);
  for (int axis : {0, 1, 2}) {
    check_gradients(
        "sort", [&](Inputs x) { return ag::square(ag::sort(x[0], axis)) * weights; }, inputs);
    check_gradients(
        "sort downward", [&](Inputs x) { return ag::sin(ag::sort(x[0] * 2, axis, {.descending = true})); }, inputs);
    check_gradients(
        "topk", [&](Inputs x) { return ag::exp(ag::topk(x[0], 2, axis).values); }, inputs);
  }
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({2.0, not_a_number, 2.0, 1.0}));
  const Tensor slope = ag::tensor(Array::of({10.0, 20.0, 30.0, 40.0}));
  CHECK(ag::grad(ag::sort(x), x, {.cotangent = slope}).to_vector<double>() == std::vector<double>{20, 40, 30, 10});
}

TEMPLATE_TEST_CASE("searchsorted agrees with std::lower_bound and std::upper_bound", "", float, double, int32_t) {
  Random random(52);
  for (int64_t count : {0, 1, 2, 17, 1000}) {
    std::vector<TestType> edges = mixed<TestType>(random, {count}).template to_vector<TestType>();
    std::sort(edges.begin(), edges.end(), is_less<TestType>);
    const Array values = mixed<TestType>(random, {20, 40});
    for (bool right : {false, true}) {
      Integers expected;
      for (TestType value : values.template values<TestType>()) {
        const auto found = right ? std::upper_bound(edges.begin(), edges.end(), value, is_less<TestType>)
                                 : std::lower_bound(edges.begin(), edges.end(), value, is_less<TestType>);
        expected.push_back(static_cast<int32_t>(found - edges.begin()));
      }
      const ag::Step step;
      CHECK(ag::searchsorted(Array::from(edges, {count}), values, {.right = right}).template to_vector<int32_t>() ==
            expected);
    }
  }
}

TEST_CASE("searchsorted of many rows, of one value, of nothing") {
  const ag::Step step;
  const Array edges = Array::from(std::vector<float>{0, 1, 2, 10, 20, 30}, {2, 3});
  const Array values = Array::from(std::vector<float>{1, -1, 5, 1, 20, 40, 9, 25}, {2, 4});
  CHECK(ag::searchsorted(edges, values).to_vector<int32_t>() == Integers{1, 0, 3, 1, 1, 3, 0, 2});
  CHECK(ag::searchsorted(Array::of({1.F, 2.F}), 1.5).item() == 1);
  CHECK(ag::searchsorted(ag::zeros({0, 3}), ag::zeros({0, 2})).shape() == Shape{0, 2});
  CHECK(ag::searchsorted(ag::zeros({2, 0}), ag::zeros({2, 2})).to_vector<int32_t>() == Integers{0, 0, 0, 0});
  CHECK_THROWS_WITH(ag::searchsorted(edges, ag::zeros({3, 4})),
                    ContainsSubstring("searchsorted: edges [2, 3] for values [3, 4]"));
  CHECK_THROWS_AS(ag::searchsorted(edges, ag::arange(3)), ag::DTypeError);
  CHECK_THROWS_AS(ag::searchsorted(Array::scalar(1.F), values), ag::ShapeError);
}

TEST_CASE("take_along_axis chooses in each row") {
  const ag::Step step;
  const Tensor x = ag::reshape(ag::arange(12), {2, 3, 2});
  CHECK(ag::take_along_axis(x, ag::argmax(x, 1, {.keep = true}), 1).to_vector<int32_t>() == Integers{4, 5, 10, 11});
  const Array index = Array::from(Integers{2, 0, 1, 1}, {2, 1, 2});
  CHECK(ag::take_along_axis(x, index, 1).to_vector<int32_t>() == Integers{4, 1, 8, 9});
  CHECK_THROWS_WITH(ag::take_along_axis(x, index, 0), ContainsSubstring("differ elsewhere than on axis 0"));
  CHECK_THROWS_AS(ag::take_along_axis(x, ag::cast(index, ag::DType::float32), 1), ag::DTypeError);
  const Tensor outside = ag::take_along_axis(x, Array::from(Integers{3, 0, 1, 1}, {2, 1, 2}), 1);
  CHECK_THROWS_AS(outside.to_vector<int32_t>(), ag::IndexError);  // also where another row has the element
  const Tensor below = ag::take_along_axis(x, Array::from(Integers{0, 0, -1, 1}, {2, 1, 2}), 1);
  CHECK_THROWS_AS(below.to_vector<int32_t>(), ag::IndexError);
  CHECK_THROWS_WITH(outside.to_vector<int32_t>(),
                    ContainsSubstring("index 3 at element 0") && ContainsSubstring("expected 0 to 2"));
  CHECK(ag::take_along_axis(ag::zeros({2, 0}), ag::zeros({2, 0}, ag::DType::int32), 1).shape() == Shape{2, 0});
}

TEST_CASE("one_hot") {
  const ag::Step step;
  CHECK(ag::one_hot(Array::of({2, 0, -1, 3}), 3).to_vector<float>() ==
        std::vector<float>{0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(ag::one_hot(Array::scalar(1), 2, ag::DType::int32).to_vector<int32_t>() == Integers{0, 1});
  CHECK(ag::one_hot(Array::of({1}), 2, ag::DType::boolean).dtype() == ag::DType::boolean);
  CHECK(ag::one_hot(ag::arange(0), 4).shape() == Shape{0, 4});
  CHECK(ag::one_hot(ag::arange(2), 0).shape() == Shape{2, 0});
  CHECK_THROWS_AS(ag::one_hot(ag::zeros({2}), 3), ag::DTypeError);
  CHECK_THROWS_AS(ag::one_hot(ag::arange(2), -1), ag::ValueError);
}

TEST_CASE("masked_select and flat_nonzero") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<double>{1, -2, 3, -4, 5, -6}, {2, 3}));
  CHECK(ag::masked_select(x, x > 0).to_vector<double>() == std::vector<double>{1, 3, 5});
  CHECK(ag::flat_nonzero(x < 0).to_vector<int32_t>() == Integers{1, 3, 5});
  CHECK(ag::masked_select(x, Array::of({true, false, true})).to_vector<double>() == std::vector<double>{1, 3, -4, -6});
  CHECK(ag::masked_select(ag::select(x, 0, 0), x > 2).to_vector<double>() == std::vector<double>{3, -2});
  CHECK(ag::masked_select(x, x > 100).shape() == Shape{0});
  CHECK(ag::masked_select(ag::transpose(x), ag::transpose(x) > 0).to_vector<double>() == std::vector<double>{1, 5, 3});
  CHECK(ag::flat_nonzero(ag::zeros({0, 2}, ag::DType::boolean)).shape() == Shape{0});
  CHECK_THROWS_WITH(ag::masked_select(x, x), ContainsSubstring("masked_select: mask of float64; expected bool"));
  CHECK_THROWS_AS(ag::masked_select(x, Array::of({true, false})), ag::ShapeError);
  CHECK_THROWS_AS(ag::flat_nonzero(x), ag::DTypeError);
}

TEST_CASE("Gradients of elements that were chosen") {
  Random random(53);
  const std::vector<Array> inputs{random_array<double>(random, {3, 4}, -1, 1)};
  const Array index = Array::from(Integers{0, 3, 3, 1, 0, 0}, {3, 2});
  check_gradients(
      "take_along_axis", [&](Inputs x) { return ag::exp(ag::take_along_axis(x[0], index, 1)); }, inputs);
  check_gradients(
      "take_along_axis 0",
      [&](Inputs x) { return ag::exp(ag::take_along_axis(ag::transpose(x[0]), ag::transpose(index), 0)); }, inputs);
  check_gradients(
      "masked_select", [](Inputs x) { return ag::square(ag::masked_select(x[0] * 2, x[0] > 0)); }, inputs);
  check_gradients(
      "masked_select of a broadcast",
      [](Inputs x) { return ag::square(ag::masked_select(ag::select(x[0], 0, 1), x[0] > 0)); }, inputs);
}
