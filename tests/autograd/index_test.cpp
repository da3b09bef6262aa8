#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// gather and scatter_add; the order of scatter_add's sums stands in canonical_order_test.cpp.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;
using Integers = std::vector<int32_t>;

TEST_CASE("gather takes rows") {
  const ag::Step step;
  const Tensor table = ag::reshape(ag::arange(8), {4, 2});
  CHECK(ag::gather(table, Array::of({3, 0, 3})).to_vector<int32_t>() == Integers{6, 7, 0, 1, 6, 7});
  CHECK(ag::gather(table, Array::from(Integers{1, 2}, {1, 2})).shape() == Shape{1, 2, 2});
  CHECK(ag::gather(table, Array::scalar(2)).to_vector<int32_t>() == Integers{4, 5});
  CHECK(ag::gather(ag::arange(5), Array::of({4, 0})).to_vector<int32_t>() == Integers{4, 0});
  CHECK(ag::gather(ag::reshape(table, {4, 1, 2}), Array::of({1})).shape() == Shape{1, 1, 2});
  CHECK(ag::gather(table, ag::arange(0)).shape() == Shape{0, 2});
  CHECK(ag::gather(table, ag::arange(0)).values<int32_t>().empty());
  CHECK(ag::gather(ag::zeros({0, 2}), ag::arange(0)).values<float>().empty());
  CHECK(ag::gather(ag::zeros({3, 0}), ag::arange(3)).shape() == Shape{3, 0});
}

TEST_CASE("gather takes computed tables and indices") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({0.5F, 1.5F, 2.5F, 3.5F}));
  const Tensor index = ag::cast(x, ag::DType::int32);
  CHECK(ag::gather(x * 2, 3 - index).to_vector<float>() == std::vector<float>{7, 5, 3, 1});
  CHECK(ag::gather(x, ag::gather(3 - index, index)).to_vector<float>() == std::vector<float>{3.5, 2.5, 1.5, 0.5});
  CHECK(ag::gather(ag::flip(x, 0), ag::slice(index, 0, {.step = 2})).to_vector<float>() ==
        std::vector<float>{3.5, 1.5});
  CHECK(ag::gather(x, ag::broadcast_to(ag::select(index, 0, 2), {2, 2})).to_vector<float>() ==
        std::vector<float>(4, 2.5F));
}

TEST_CASE("gather takes an index that is a number of the expression") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({0.5F, 1.5F, 2.5F}));
  const Tensor two = ag::cast(2, ag::DType::int32);
  CHECK(ag::gather(x, two).item() == 2.5);
  CHECK((ag::gather(x, ag::broadcast_to(two, {3})) + x).to_vector<float>() == std::vector<float>{3, 4, 5});
  CHECK(ag::sum(ag::gather(x, ag::broadcast_to(two, {2, 2}))).item() == 10);
}

TEST_CASE("A gather is read through views without being stored") {
  const ag::Step step;
  const Tensor table = ag::reshape(ag::arange(12), {4, 3});
  const Tensor rows = ag::gather(table, Array::of({3, 1, 0, 2}));  // [4, 3]
  CHECK((ag::transpose(rows) + 0).to_vector<int32_t>() == Integers{9, 3, 0, 6, 10, 4, 1, 7, 11, 5, 2, 8});
  CHECK((ag::select(rows, 1, 2) * 1).to_vector<int32_t>() == Integers{11, 5, 2, 8});
  CHECK((ag::slice(rows, 0, {.step = -2}) - 0).to_vector<int32_t>() == Integers{6, 7, 8, 3, 4, 5});
  CHECK((ag::expand_dims(ag::select(rows, 1, 0), 1) + ag::select(rows, 0, 3)).to_vector<int32_t>() ==
        Integers{15, 16, 17, 9, 10, 11, 6, 7, 8, 12, 13, 14});
}

TEST_CASE("scatter_add is the adjoint of gather") {
  const ag::Step step;
  const Tensor values = ag::tensor(Array::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {3, 2}));
  CHECK(ag::scatter_add(values, Array::of({2, 0, 2}), 4).to_vector<float>() ==
        std::vector<float>{3, 4, 0, 0, 6, 8, 0, 0});
  CHECK(ag::scatter_add(ag::flatten(values), Array::of({0, 0, 1, 1, 1, 0}), 2).to_vector<float>() ==
        std::vector<float>{9, 12});
  CHECK(ag::scatter_add(Array::of({5, 2147483647, 1}), Array::of({0, 1, 1}), 2).to_vector<int32_t>() ==
        Integers{5, INT32_MIN});
  CHECK(ag::scatter_add(values, Array::from(Integers{1, 1, 0, 0, 1, 0}, {3, 2}), 2).to_vector<float>() ==
        std::vector<float>{3 + 4 + 6, 1 + 2 + 5});
  CHECK(ag::scatter_add(Array::scalar(2.F), Array::scalar(1), 3).to_vector<float>() == std::vector<float>{0, 2, 0});
  CHECK(ag::scatter_add(ag::transpose(values), Array::of({1, 0}), 2).to_vector<float>() ==
        std::vector<float>{2, 4, 6, 1, 3, 5});
}

TEMPLATE_TEST_CASE("scatter_add_weighted adds entry by entry, each list's in turn", "", float, double) {
  Random random(31);
  constexpr size_t entries = 1900;
  for (const auto& [rows, width, lists] : {std::tuple{7, 3, 8}, {60000, 4, 2}, {90, 1, 3}, {5, 6, 1}}) {
    std::vector<Array> columns, weights, indices;
    const ag::Shape shape{2, entries / 2};
    for (int c = 0; c < width; ++c) columns.push_back(random_array<TestType>(random, shape, -9, 9));
    for (int k = 0; k < lists; ++k) {
      weights.push_back(random_array<TestType>(random, shape, -1, 1));
      indices.push_back(random_array<int32_t>(random, shape, 0, rows));
    }
    std::vector<TestType> expected(static_cast<size_t>(rows * width));
    for (size_t i = 0; i < entries; ++i) {
      for (size_t k = 0; k < weights.size(); ++k) {
        const auto row = static_cast<size_t>(indices[k].values<int32_t>()[i]) * columns.size();
        for (size_t c = 0; c < columns.size(); ++c)
          expected[row + c] += weights[k].template values<TestType>()[i] * columns[c].template values<TestType>()[i];
      }
    }
    for (const int threads : {1, 3}) {
      const Threads scope(threads);
      const ag::Step step;
      const auto tensors = [](const std::vector<Array>& arrays) {
        std::vector<Tensor> list;
        for (const Array& array : arrays) list.push_back(ag::tensor(array));
        return list;
      };
      const Tensor sums = ag::scatter_add_weighted(tensors(columns), tensors(weights), tensors(indices), rows);
      REQUIRE(sums.shape() == Shape{rows, width});
      REQUIRE(first_difference(sums.template values<TestType>(), std::span<const TestType>(expected)) == -1);
    }
  }
}

TEST_CASE("scatter_add_weighted refuses what does not fit") {
  const ag::Step step;
  const Tensor a = ag::tensor(Array::of({1.F, 2.F})), b = ag::tensor(Array::of({1.F, 2.F, 3.F}));
  const Tensor index = ag::tensor(Array::of({0, 1})), other = ag::cast(a, ag::DType::float64);
  const auto add = [&](const Tensor& column, const Tensor& weight, const Tensor& to) {
    return ag::scatter_add_weighted(std::array{column}, std::array{weight}, std::array{to}, 2);
  };
  REQUIRE_THROWS_WITH(ag::scatter_add_weighted({}, std::array{a}, std::array{index}, 2),
                      ContainsSubstring("no columns or no indices"));
  REQUIRE_THROWS_WITH(ag::scatter_add_weighted(std::array{a}, {}, std::array{index}, 2),
                      ContainsSubstring("0 lists of weights for 1 of indices"));
  REQUIRE_THROWS_WITH(add(a, b, index), ContainsSubstring("[3] and [2]; expected one shape"));
  REQUIRE_THROWS_AS(add(a, other, index), ag::DTypeError);
  REQUIRE_THROWS_AS(add(index, a, index), ag::DTypeError);
  REQUIRE_THROWS_AS(add(a, a, a), ag::DTypeError);
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    REQUIRE_THROWS_WITH(add(a, a, ag::tensor(Array::of({0, 2}))).values<float>(),
                        ContainsSubstring("scatter_add_weighted: index 2 at element 1 of list 0"));
  }
  REQUIRE_THROWS_AS(ag::scatter_add_weighted(std::array{a}, std::array{a}, std::array{index}, 0).values<float>(),
                    ag::IndexError);
  const Tensor none = ag::tensor(ag::zeros({0}));
  CHECK(ag::scatter_add_weighted(std::array{none}, std::array{none}, std::array{ag::cast(none, ag::DType::int32)}, 2)
            .to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("scatter_add of nothing gives zeros") {
  const ag::Step step;
  CHECK(ag::scatter_add(ag::zeros({0, 2}), ag::arange(0), 2).to_vector<float>() == std::vector<float>(4, 0.F));
  CHECK(ag::scatter_add(ag::zeros({0, 2}), ag::arange(0), 0).shape() == Shape{0, 2});
  CHECK(ag::scatter_add(ag::zeros({3, 0}), ag::arange(3), 2).shape() == Shape{2, 0});
  CHECK(ag::scatter_add(ag::zeros({3, 0}), ag::arange(3), 3).values<float>().empty());
}

TEST_CASE("gather agrees with a plain loop on large tables") {
  Random random(30);
  const Array table = random_array<float>(random, {1000, 3}, -1, 1);
  const Array index = random_array<int32_t>(random, {20000}, 0, 1000);
  const auto rows = table.values<float>();
  const auto at = index.values<int32_t>();
  const Threads threads(3);
  const ag::Step step;
  const Tensor result = ag::gather(table, index);
  const auto values = result.values<float>();
  bool equal = values.size() == 60000;
  for (size_t i = 0; equal && i < values.size(); ++i)
    equal = values[i] == rows[static_cast<size_t>(at[i / 3]) * 3 + i % 3];
  CHECK(equal);
}
