#include <autograd/autograd.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Padding, rolling, splitting.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::PadMode;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;
using Integers = std::vector<int32_t>;

namespace {

Tensor counting(const Shape& shape) { return ag::reshape(ag::arange(shape.size()), shape); }

Integers values(const Tensor& tensor) { return tensor.to_vector<int32_t>(); }

}  // namespace

TEST_CASE("Padding by a constant") {
  const ag::Step step;
  const Tensor x = counting({2, 2}) + 1;
  CHECK(values(ag::pad(x, {{1, 0}, {0, 2}})) == Integers{0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0});
  CHECK(ag::pad(x, {{1, 0}, {0, 2}}).shape() == Shape{3, 4});
  CHECK(values(ag::pad(x, {{0, 0}, {1, 0}}, {.value = -7})) == Integers{-7, 1, 2, -7, 3, 4});
  CHECK(values(ag::pad(ag::transpose(x), {{0, 1}, {}}, {.value = 9})) == Integers{1, 3, 2, 4, 9, 9});
  CHECK(values(ag::pad(x, {{}, {}})) == values(x));
  CHECK(values(ag::pad(ag::zeros({0}, ag::DType::int32), {{1, 1}}, {.value = 3})) == Integers{3, 3});
  CHECK(values(ag::pad(Array::scalar(5), {})) == Integers{5});
  CHECK(ag::pad(Array::of({0.5F}), {{1, 0}}, {.value = -std::numeric_limits<double>::infinity()}).to_vector<float>() ==
        std::vector<float>{-std::numeric_limits<float>::infinity(), 0.5F});
  CHECK(ag::pad(Array::of({0.5}), {{0, 1}}, {.value = 0.1}).to_vector<double>() == std::vector<double>{0.5, 0.1});
  const auto mask = ag::pad(x > 2, {{}, {1, 0}}, {.value = 1}).to_vector<bool>();
  CHECK(mask == std::vector<bool>{true, false, false, true, true, true});
}

TEST_CASE("Padding by what is there") {
  const ag::Step step;
  const Tensor x = counting({3});
  CHECK(values(ag::pad(x, {{2, 1}}, {.mode = PadMode::edge})) == Integers{0, 0, 0, 1, 2, 2});
  CHECK(values(ag::pad(x, {{2, 1}}, {.mode = PadMode::reflect})) == Integers{2, 1, 0, 1, 2, 1});
  CHECK(values(ag::pad(x, {{2, 1}}, {.mode = PadMode::wrap})) == Integers{1, 2, 0, 1, 2, 0});
  CHECK(values(ag::pad(x, {{3, 3}}, {.mode = PadMode::wrap})) == Integers{0, 1, 2, 0, 1, 2, 0, 1, 2});
  CHECK(values(ag::pad(x, {{0, 2}}, {.mode = PadMode::reflect})) == Integers{0, 1, 2, 1, 0});
  CHECK(values(ag::pad(counting({2, 2}), {{1, 0}, {0, 1}}, {.mode = PadMode::edge})) ==
        Integers{0, 1, 1, 0, 1, 1, 2, 3, 3});
  CHECK(values(ag::pad(counting({2, 2}), {{1, 1}, {1, 1}}, {.mode = PadMode::wrap})) ==
        Integers{3, 2, 3, 2, 1, 0, 1, 0, 3, 2, 3, 2, 1, 0, 1, 0});
  CHECK(values(ag::pad(counting({1}), {{2, 2}}, {.mode = PadMode::edge})) == Integers{0, 0, 0, 0, 0});
}

TEST_CASE("Padding that does not fit is an error") {
  const ag::Step step;
  const Tensor x = counting({3});
  CHECK_THROWS_WITH(ag::pad(x, {{1, 1}, {1, 1}}), ContainsSubstring("pad: 2 paddings for shape [3]"));
  CHECK_THROWS_AS(ag::pad(x, {{-1, 0}}), ag::ValueError);
  CHECK_THROWS_AS(ag::pad(x, {{3, 0}}, {.mode = PadMode::reflect}), ag::ShapeError);
  CHECK_THROWS_WITH(ag::pad(x, {{0, 4}}, {.mode = PadMode::wrap}), ContainsSubstring("4 elements on axis 0 of [3]"));
  CHECK_THROWS_AS(ag::pad(ag::arange(0), {{1, 0}}, {.mode = PadMode::edge}), ag::ShapeError);
  CHECK_THROWS_AS(ag::pad(x, {{0, 1}}, {.value = 0.5}), ag::DTypeError);
}

TEST_CASE("roll carries elements around") {
  const ag::Step step;
  const Tensor x = counting({5});
  CHECK(values(ag::roll(x, 2, 0)) == Integers{3, 4, 0, 1, 2});
  CHECK(values(ag::roll(x, -1, 0)) == Integers{1, 2, 3, 4, 0});
  CHECK(values(ag::roll(x, 12, 0)) == values(ag::roll(x, 2, 0)));
  CHECK(values(ag::roll(x, -10, 0)) == values(x));
  CHECK(values(ag::roll(counting({2, 3}), 1, -1)) == Integers{2, 0, 1, 5, 3, 4});
  CHECK(ag::roll(ag::zeros({0, 2}), 3, 0).shape() == Shape{0, 2});
  CHECK_THROWS_AS(ag::roll(x, 1, 1), ag::ShapeError);
}

TEST_CASE("split cuts an axis") {
  const ag::Step step;
  const Tensor x = counting({2, 6});
  const auto parts = ag::split(x, 3, 1);
  REQUIRE(parts.size() == 3);
  CHECK(values(parts[0]) == Integers{0, 1, 6, 7});
  CHECK(values(parts[2]) == Integers{4, 5, 10, 11});
  const auto uneven = ag::split(x, {1, 0, 5}, -1);
  REQUIRE(uneven.size() == 3);
  CHECK(values(uneven[0]) == Integers{0, 6});
  CHECK(uneven[1].shape() == Shape{2, 0});
  CHECK(uneven[2].shape() == Shape{2, 5});
  CHECK(values(ag::concatenate(uneven, 1)) == values(x));
  CHECK_THROWS_WITH(ag::split(x, 4, 1), ContainsSubstring("split: axis 1 of [2, 6] into 4 equal parts"));
  CHECK_THROWS_AS(ag::split(x, 0, 1), ag::ShapeError);
  CHECK_THROWS_WITH(ag::split(x, {1, 2}, 1), ContainsSubstring("together 3 elements of axis 1 of [2, 6]"));
  CHECK_THROWS_AS(ag::split(x, {7, -1}, 1), ag::ShapeError);
}

TEST_CASE("Axes are swapped, squeezed, flipped; diagonals are views") {
  const ag::Step step;
  const Tensor x = counting({2, 1, 3});
  CHECK(ag::swap_axes(x, 0, -1).shape() == Shape{3, 1, 2});
  CHECK(values(ag::swap_axes(x, 0, 2)) == Integers{0, 3, 1, 4, 2, 5});
  CHECK(ag::squeeze(x, 1).shape() == Shape{2, 3});
  CHECK_THROWS_WITH(ag::squeeze(x, 0), ContainsSubstring("squeeze: axis 0 of [2, 1, 3]"));
  CHECK(values(ag::flip(x)) == Integers{5, 4, 3, 2, 1, 0});
  CHECK(values(ag::flip(x, {0, 1})) == Integers{3, 4, 5, 0, 1, 2});
  CHECK_THROWS_AS(ag::flip(x, {0, -3}), ag::ShapeError);
  CHECK(values(ag::diagonal(counting({3, 3}))) == Integers{0, 4, 8});
  CHECK(values(ag::diagonal(counting({2, 4}))) == Integers{0, 5});
  CHECK(values(ag::diagonal(counting({4, 2}))) == Integers{0, 3});
  CHECK(values(ag::diagonal(counting({2, 2, 2}))) == Integers{0, 3, 4, 7});
  CHECK(values(ag::diagonal(ag::transpose(counting({1, 3})))) == Integers{0});
  CHECK(ag::diagonal(ag::zeros({2, 0, 3})).shape() == Shape{2, 0});
  CHECK_THROWS_AS(ag::diagonal(counting({3})), ag::ShapeError);
}

TEST_CASE("Gradients of padding, rolling and splitting") {
  Random random(26);
  const std::vector<Array> inputs{random_array<double>(random, {2, 3, 3}, -1, 1)};
  using View = Tensor (*)(Located);
  const std::pair<const char*, View> views[] = {
      {"pad",
       [](Located x) {
         return ag::pad(x, {{1, 0}, {0, 2}, {}}, {.value = 0.5});
       }},
      {"pad by 0",
       [](Located x) {
         return ag::pad(x, {{1, 0}, {0, 2}, {}});
       }},
      {"pad by edge",
       [](Located x) {
         return ag::pad(x, {{2, 2}, {}, {0, 1}}, {.mode = PadMode::edge});
       }},
      {"pad by reflection",
       [](Located x) {
         return ag::pad(x, {{1, 1}, {2, 0}, {}}, {.mode = PadMode::reflect});
       }},
      {"pad by wrapping",
       [](Located x) {
         return ag::pad(x, {{2, 0}, {1, 3}, {}}, {.mode = PadMode::wrap});
       }},
      {"roll", [](Located x) { return ag::roll(x, 2, 1); }},
      {"flip",
       [](Located x) {
         return ag::flip(x, {0, 2});
       }},
      {"swap_axes", [](Located x) { return ag::swap_axes(x, 0, 2); }},
      {"squeeze", [](Located x) { return ag::squeeze(ag::expand_dims(x, 1), 1); }},
      {"diagonal", [](Located x) { return ag::diagonal(x); }},
      {"split",
       [](Located x) {
         const auto parts = ag::split(x, {1, 2}, 2);
         return parts[0] * parts[1];
       }},
  };
  for (const auto& [name, view] : views) {
    check_gradients(
        name, [&, view = view](Inputs x) { return ag::square(view(ag::square(x[0]))); }, inputs);
  }
}
