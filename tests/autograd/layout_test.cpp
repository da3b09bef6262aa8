#include <autograd/autograd.h>

#include <limits>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Values and shapes of views.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;
using Integers = std::vector<int32_t>;

namespace {

/// 0, 1, 2, ... in `shape`.
Tensor counting(const Shape& shape) { return ag::reshape(ag::arange(shape.size()), shape); }

Integers values(const Tensor& tensor) { return tensor.to_vector<int32_t>(); }

}  // namespace

TEST_CASE("reshape keeps the order of elements") {
  const ag::Step step;
  const Tensor x = counting({2, 6});
  CHECK(ag::reshape(x, {3, 4}).shape() == Shape{3, 4});
  CHECK(ag::reshape(x, {-1, 3}).shape() == Shape{4, 3});
  CHECK(ag::reshape(x, {1, 2, 1, 6}).shape() == Shape{1, 2, 1, 6});
  CHECK(ag::flatten(x).shape() == Shape{12});
  CHECK(values(ag::reshape(x, {3, 4})) == values(x));
  CHECK(values(ag::reshape(ag::transpose(x), {3, 4})) == Integers{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11});
  CHECK(ag::reshape(ag::zeros({0, 3}), {-1, 5}).shape() == Shape{0, 5});
  CHECK(ag::reshape(Array::scalar(2), {1, 1}).shape() == Shape{1, 1});
}

TEST_CASE("permute and transpose move axes") {
  const ag::Step step;
  const Tensor x = counting({2, 3, 2});
  CHECK(ag::permute(x, {2, 0, 1}).shape() == Shape{2, 2, 3});
  CHECK(values(ag::permute(x, {2, 0, 1})) == Integers{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11});
  CHECK(values(ag::permute(x, {-1, 0, 1})) == values(ag::permute(x, {2, 0, 1})));
  CHECK(ag::transpose(x).shape() == Shape{2, 2, 3});
  CHECK(values(ag::transpose(x)) == Integers{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11});
  CHECK(values(ag::permute(ag::permute(x, {1, 2, 0}), {2, 0, 1})) == values(x));
  CHECK(values(ag::permute(Array::scalar(5), {})) == Integers{5});
}

TEST_CASE("broadcast_to repeats") {
  const ag::Step step;
  CHECK(values(ag::broadcast_to(counting({2, 1}), {2, 3})) == Integers{0, 0, 0, 1, 1, 1});
  CHECK(values(ag::broadcast_to(counting({2}), {2, 2})) == Integers{0, 1, 0, 1});
  CHECK(values(ag::broadcast_to(Array::scalar(4), {3})) == Integers{4, 4, 4});
  CHECK(ag::broadcast_to(counting({1, 2}), {0, 2}).size() == 0);
  CHECK(values(ag::broadcast_to(ag::slice(counting({3, 2}), 0, {.start = 2}), {2, 2})) == Integers{4, 5, 4, 5});
}

TEST_CASE("slices follow numpy") {
  const ag::Step step;
  const Tensor x = counting({6});
  CHECK(values(ag::slice(x, 0, {})) == Integers{0, 1, 2, 3, 4, 5});
  CHECK(values(ag::slice(x, 0, {.start = 1, .stop = 4})) == Integers{1, 2, 3});
  CHECK(values(ag::slice(x, 0, {.start = -2})) == Integers{4, 5});
  CHECK(values(ag::slice(x, 0, {.stop = -4})) == Integers{0, 1});
  CHECK(values(ag::slice(x, 0, {.start = 1, .step = 2})) == Integers{1, 3, 5});
  CHECK(values(ag::slice(x, 0, {.step = 4})) == Integers{0, 4});
  CHECK(values(ag::slice(x, 0, {.step = -1})) == Integers{5, 4, 3, 2, 1, 0});
  CHECK(values(ag::slice(x, 0, {.start = 4, .stop = 1, .step = -2})) == Integers{4, 2});
  CHECK(values(ag::slice(x, 0, {.start = -2, .stop = -5, .step = -1})) == Integers{4, 3, 2});
  CHECK(values(ag::slice(x, 0, {.start = -100, .stop = 100})) == Integers{0, 1, 2, 3, 4, 5});
  CHECK(values(ag::slice(x, 0, {.start = 100, .stop = -100, .step = -3})) == Integers{5, 2});
  CHECK(ag::slice(x, 0, {.start = 4, .stop = 2}).shape() == Shape{0});
  CHECK(values(ag::slice(x, 0, {.start = 9})).empty());
  CHECK(values(ag::slice(ag::zeros({0}, ag::DType::int32), 0, {.step = -1})).empty());
  CHECK(values(ag::slice(counting({2, 3}), -1, {.start = 2})) == Integers{2, 5});
  // Steps past the ends, of which there is nothing more than past the end.
  constexpr int64_t most = std::numeric_limits<int64_t>::max(), least = std::numeric_limits<int64_t>::min();
  CHECK(values(ag::slice(x, 0, {.start = 1, .step = most})) == Integers{1});
  CHECK(values(ag::slice(x, 0, {.step = least})) == Integers{5});
  CHECK(values(ag::slice(x, 0, {.start = least, .stop = most})) == Integers{0, 1, 2, 3, 4, 5});
}

TEST_CASE("select and expand_dims change the rank") {
  const ag::Step step;
  const Tensor x = counting({2, 3});
  CHECK(values(ag::select(x, 0, 1)) == Integers{3, 4, 5});
  CHECK(values(ag::select(x, -1, -1)) == Integers{2, 5});
  CHECK(ag::select(counting({3}), 0, 2).shape() == Shape{});
  CHECK(ag::select(counting({3}), 0, 2).item() == 2);
  CHECK(ag::expand_dims(x, 0).shape() == Shape{1, 2, 3});
  CHECK(ag::expand_dims(x, 1).shape() == Shape{2, 1, 3});
  CHECK(ag::expand_dims(x, -1).shape() == Shape{2, 3, 1});
  CHECK(values(ag::expand_dims(ag::transpose(x), 1)) == Integers{0, 3, 1, 4, 2, 5});
}

TEST_CASE("Views of views compose") {
  const ag::Step step;
  const Tensor x = counting({4, 5});
  const Tensor y = ag::flip(ag::slice(ag::transpose(x), 0, {.start = 1, .step = 2}), 1);
  CHECK(values(y) == Integers{16, 11, 6, 1, 18, 13, 8, 3});
  CHECK(values(y + y) == Integers{32, 22, 12, 2, 36, 26, 16, 6});
  CHECK(values(ag::reshape(ag::select(y, 0, 1), {2, 2}) * 10) == Integers{180, 130, 80, 30});
  CHECK(values(ag::flip(ag::flip(x, 1), 1)) == values(x));
  CHECK(values(ag::broadcast_to(ag::select(y, 1, 0), {2, 2}) +
               ag::transpose(ag::broadcast_to(Array::of({0, 100}), {2, 2}))) == Integers{16, 18, 116, 118});
}

TEST_CASE("concatenate of large arrays, whose copies threads share") {
  std::vector<float> numbers(300007);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  const Array whole = Array::from(numbers, {300007});
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    const ag::Step step;
    const Tensor x = ag::tensor(whole);
    const Tensor parts[] = {ag::slice(x, 0, {.stop = 200001}), ag::slice(x, 0, {.start = 200001})};
    CHECK(ag::concatenate(parts, 0).to_vector<float>() == numbers);
  }
}

TEST_CASE("concatenate and stack join") {
  const ag::Step step;
  const Tensor x = counting({2, 2}), y = x + 10;
  CHECK(values(ag::concatenate({x, y}, 0)) == Integers{0, 1, 2, 3, 10, 11, 12, 13});
  CHECK(values(ag::concatenate({x, y}, 1)) == Integers{0, 1, 10, 11, 2, 3, 12, 13});
  CHECK(values(ag::concatenate({ag::transpose(x), ag::flip(y, 0)}, -1)) == Integers{0, 2, 12, 13, 1, 3, 10, 11});
  CHECK(values(ag::concatenate({x}, 0)) == values(x));
  CHECK(values(ag::concatenate({ag::zeros({0, 2}, ag::DType::int32), x}, 0)) == values(x));
  CHECK(ag::concatenate({ag::zeros({2, 0}), ag::zeros({2, 0})}, 1).shape() == Shape{2, 0});
  CHECK(ag::stack({x, y}, 0).shape() == Shape{2, 2, 2});
  CHECK(values(ag::stack({x, y}, -1)) == Integers{0, 10, 1, 11, 2, 12, 3, 13});
  CHECK(values(ag::stack({Array::scalar(1), Array::scalar(2), Array::scalar(3)}, 0)) == Integers{1, 2, 3});
  SECTION("of many") {
    std::vector<Tensor> list;
    for (int i = 0; i < 50; ++i) list.push_back(ag::select(x, 0, i % 2) * i);
    const Integers joined = values(ag::concatenate(list, 0));
    REQUIRE(joined.size() == 100);
    CHECK(joined[98] == 49 * 2);
    CHECK(joined[97] == 48 * 1);
  }
}

TEST_CASE("What lies in one part of a concatenation is read there") {
  Random random(41);
  const Array x = random_array<float>(random, {3, 5}, -1, 1), y = random_array<float>(random, {3, 4}, -1, 1);
  const auto joined = [&] { return ag::concatenate({ag::Located(x) * 2, ag::Located(y) * 3}, 1); };
  const auto regions_of = [&](auto&& view) {
    const ag::Step step;
    const Tensor taken = view(joined());
    const Tensor sum = taken + 1;
    const std::vector<float> seen = sum.to_vector<float>();
    const int64_t regions = ag::report().regions;
    const ag::Step other;
    CHECK(seen == (view(ag::tensor(joined().keep())) + 1).template to_vector<float>());
    return regions;
  };
  CHECK(regions_of([](const Tensor& all) { return ag::slice(all, 1, {.start = 1, .stop = 5}); }) == 2);
  CHECK(regions_of([](const Tensor& all) { return ag::slice(all, 1, {.start = 8, .stop = 4, .step = -2}); }) == 2);
  CHECK(regions_of([](const Tensor& all) { return ag::select(all, 1, 5); }) == 2);
  CHECK(regions_of([](const Tensor& all) { return ag::transpose(ag::slice(all, 1, {.start = 5})); }) == 2);
  // of both parts
  CHECK(regions_of([](const Tensor& all) { return ag::slice(all, 1, {.start = 4, .stop = 6}); }) > 2);
  CHECK(regions_of([](const Tensor& all) { return ag::select(all, 0, 2); }) > 2);
}

TEST_CASE("A stretch of memory in another shape is read where it is") {
  const ag::Step step;
  const Tensor x = counting({4, 2, 3});
  ag::evaluate({x});
  const auto regions = [](const Tensor& tensor) { return ag::report({tensor}).regions; };
  const Tensor rows = ag::slice(x, 0, {.start = 1, .stop = 3});  // elements 6 to 17
  SECTION("by arithmetic") {
    const Tensor doubled = ag::reshape(rows, {3, 4}) * 2;
    CHECK(regions(doubled) == 1);
    CHECK(values(doubled) == Integers{12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34});
  }
  SECTION("by operations that read memory") {
    const Tensor sums = ag::sum(ag::reshape(rows, {2, 3, 2}), {1});
    const Tensor chosen = ag::gather(ag::reshape(rows, {4, 3}), Array::from(Integers{3}, {1}));
    CHECK(regions(ag::reshape(rows, {3, 4}) * ag::cumsum(ag::reshape(rows, {3, 4}), 0)) == 2);
    CHECK(values(sums) == Integers{24, 27, 42, 45});
    CHECK(values(ag::cumsum(ag::reshape(rows, {3, 4}), 0)) == Integers{6, 7, 8, 9, 16, 18, 20, 22, 30, 33, 36, 39});
    CHECK(values(chosen) == Integers{15, 16, 17});
    CHECK(ag::sum(ag::cast(ag::reshape(rows, {12}), ag::DType::float64)).item() == 138);
  }
  SECTION("of the middle of a row") {
    const Tensor row = ag::slice(ag::select(x, 0, 2), 0, {.start = 1});  // [1, 3]: 15 to 17
    CHECK(regions(ag::reshape(ag::slice(row, 1, {.start = 1}), {2, 1}) + 1) == 1);
    CHECK(values(ag::reshape(ag::slice(row, 1, {.start = 1}), {2, 1}) + 1) == Integers{17, 18});
  }
  SECTION("an output is an array of its own") {
    CHECK(values(ag::reshape(rows, {3, 4})) == Integers{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
    CHECK(values(ag::reshape(rows, {4, 3})) == values(rows));
  }
  SECTION("what is no stretch is copied") {
    const Tensor columns = ag::reshape(ag::slice(x, 2, {.start = 1}), {4, 4}) * 2;  // without every third element
    CHECK(regions(columns) == 2);
    CHECK(values(columns) == Integers{2, 4, 8, 10, 14, 16, 20, 22, 26, 28, 32, 34, 38, 40, 44, 46});
    const Tensor turned = ag::reshape(ag::slice(x, 0, {.step = -1}), {12, 2}) + 0;
    CHECK(values(ag::slice(turned, 0, {.stop = 3})) == Integers{18, 19, 20, 21, 22, 23});
    const Tensor every_other = ag::reshape(ag::slice(x, 0, {.step = 2}), {6, 2}) + 0;
    CHECK(values(every_other) == Integers{0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17});
  }
}

TEMPLATE_TEST_CASE("Views take every type", "", float, double, int32_t, bool) {
  const std::vector<TestType> specials = special_values<TestType>();
  const auto count = static_cast<int64_t>(specials.size());
  const Array x = Array::make<TestType>(
      {count}, [&](std::span<TestType> out) { std::copy(specials.begin(), specials.end(), out.begin()); });
  const ag::Step step;
  std::vector<TestType> backward(specials.rbegin(), specials.rend());
  CHECK(same_values(ag::flip(x, 0).template values<TestType>(), backward));
  const Tensor twice = ag::concatenate({x, ag::flip(x, 0)}, 0);
  CHECK(same_values(ag::slice(twice, 0, {.start = count}).template values<TestType>(), backward));
  const Tensor rows = ag::broadcast_to(ag::expand_dims(x, 1), {count, 2});
  CHECK(same_values(ag::select(ag::transpose(rows), 0, 1).template values<TestType>(), specials));
  CHECK(same_values(ag::gather(x, ag::arange(count)).template values<TestType>(), specials));
}
