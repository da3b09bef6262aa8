#include <autograd/core/array.h>
#include <autograd/core/error.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;

TEST_CASE("An array copies what it is made from") {
  std::vector<float> host{1, 2, 3, 4, 5, 6};
  const Array array = Array::from(host, {2, 3});
  host[0] = 9;
  CHECK(array.shape() == ag::Shape{2, 3});
  CHECK(array.dtype() == ag::DType::float32);
  CHECK(array.size() == 6);
  CHECK(array.bytes() == 24);
  CHECK(array.to_vector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(reinterpret_cast<uintptr_t>(array.data()) % 64 == 0);
}

TEST_CASE("Literals make arrays of every type") {
  CHECK(Array::of({1.F, 2.F}).shape() == ag::Shape{2});
  CHECK(Array::of({1.0, 2.0}).dtype() == ag::DType::float64);
  CHECK(Array::of({1, 2, 3}).dtype() == ag::DType::int32);
  CHECK(Array::of({true, false}).to_vector<bool>() == std::vector<bool>{true, false});
  CHECK(Array::scalar(2.5).shape() == ag::Shape{});
  CHECK(Array::scalar(2.5).item() == 2.5);
  CHECK(Array::scalar(true).item() == 1);
  CHECK(Array::scalar(-3).item() == -3);
}

TEST_CASE("Initialisers fill") {
  CHECK(ag::zeros({2, 2}).to_vector<float>() == std::vector<float>(4, 0.F));
  CHECK(ag::ones({3}, ag::DType::int32).to_vector<int32_t>() == std::vector<int32_t>{1, 1, 1});
  CHECK(ag::full({2}, 0.25, ag::DType::float64).to_vector<double>() == std::vector<double>{0.25, 0.25});
  CHECK(ag::full({1}, 1, ag::DType::boolean).item() == 1);
  CHECK(ag::arange(4).to_vector<int32_t>() == std::vector<int32_t>{0, 1, 2, 3});
  CHECK(ag::arange(3, ag::DType::float32).to_vector<float>() == std::vector<float>{0, 1, 2});
  CHECK(ag::arange(0).size() == 0);
  CHECK(Array::make<int32_t>({2}, [](std::span<int32_t> out) { out[0] = 5, out[1] = 6; }).to_vector<int32_t>() ==
        std::vector<int32_t>{5, 6});
}

TEST_CASE("Arrays share their memory and stay valid") {
  Array array = Array::of({1, 2});
  const Array copy = array;
  CHECK(copy.data() == array.data());
  const Array moved = std::move(array);
  CHECK(moved.data() == copy.data());
  CHECK(array.size() == 2);  // a moved-from Array is as good as before  NOLINT(bugprone-use-after-move)
  array = Array::of({7});
  CHECK(array.item() == 7);
  CHECK(copy.to_vector<int32_t>() == std::vector<int32_t>{1, 2});
  Array& itself = array;
  array = itself;
  CHECK(array.item() == 7);
  CHECK(Array().shape() == ag::Shape{0});
}

TEST_CASE("cast() converts element by element") {
  const Array floats = Array::of({-1.75F, 0.F, 3e9F, std::numeric_limits<float>::quiet_NaN()});
  CHECK(floats.cast(ag::DType::int32).to_vector<int32_t>() == std::vector<int32_t>{-1, 0, INT32_MIN, INT32_MIN});
  CHECK(floats.cast(ag::DType::boolean).to_vector<bool>() == std::vector<bool>{true, false, true, true});
  CHECK(Array::of({16777217}).cast(ag::DType::float32).to_vector<float>() == std::vector<float>{16777216.F});
  CHECK(Array::of({1e300}).cast(ag::DType::float32).item() == std::numeric_limits<double>::infinity());
  CHECK(floats.cast(ag::DType::float32).data() == floats.data());
}

TEST_CASE("reshape() keeps the elements") {
  const Array array = ag::arange(6);
  const Array matrix = array.reshape({2, 3});
  CHECK(matrix.shape() == ag::Shape{2, 3});
  CHECK(matrix.to_vector<int32_t>() == array.to_vector<int32_t>());
  CHECK_THROWS_AS(array.reshape({4}), ag::ShapeError);
  CHECK_THROWS_WITH(array.reshape({4}), ContainsSubstring("[6]") && ContainsSubstring("[4]"));
}

TEST_CASE("Misuse of an array is refused") {
  CHECK_THROWS_AS(Array::from(std::vector<float>{1, 2}, {3}), ag::ShapeError);
  CHECK_THROWS_WITH(Array::from(std::vector<float>{1, 2}, {3}),
                    ContainsSubstring("2 values") && ContainsSubstring("[3]"));
  CHECK_THROWS_AS(ag::zeros({2}).item(), ag::ShapeError);
  CHECK_THROWS_AS(ag::zeros({0}).item(), ag::ShapeError);
  CHECK_THROWS_WITH(ag::zeros({2}).item(), ContainsSubstring("[2]"));
  CHECK_THROWS_AS(ag::zeros({2}).values<double>(), ag::DTypeError);
  CHECK_THROWS_WITH(ag::zeros({2}).values<double>(), ContainsSubstring("float64") && ContainsSubstring("float32"));
  CHECK_THROWS_AS(ag::zeros({2}).to_vector<int32_t>(), ag::DTypeError);
  CHECK_THROWS_AS(ag::arange(-1), ag::SizeError);
}

TEST_CASE("Empty arrays are legal") {
  const Array empty = ag::zeros({3, 0, 2});
  CHECK(empty.size() == 0);
  CHECK(empty.values<float>().empty());
  CHECK(empty.cast(ag::DType::int32).shape() == ag::Shape{3, 0, 2});
  CHECK(empty.reshape({0}).shape() == ag::Shape{0});
  CHECK(Array::from(std::vector<double>{}, {0}).dtype() == ag::DType::float64);
}
