#include <autograd/core/dtype.h>
#include <autograd/core/error.h>
#include <autograd/core/shape.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/catch.h"

using autograd::broadcast_shapes;
using autograd::normalize_axis;
using autograd::Shape;
using autograd::ShapeError;
using autograd::SizeError;

TEST_CASE("A shape knows its extents, size and text") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape[0] == 2);
  CHECK(shape[2] == 4);
  CHECK(shape.size() == 24);
  CHECK(shape.to_string() == "[2, 3, 4]");
  CHECK(std::vector<int64_t>(shape.begin(), shape.end()) == std::vector<int64_t>{2, 3, 4});
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{}.to_string() == "[]");
  CHECK(Shape{5, 0, 3}.size() == 0);
}

TEST_CASE("Shapes are equal when rank and extents are") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2} == Shape{2, 1});
  CHECK_FALSE(Shape{} == Shape{1});
}

TEST_CASE("A shape that cannot be addressed is refused") {
  CHECK(Shape{1, 1, 1, 1, 1, 1}.rank() == 6);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1}), SizeError);
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1}), ContainsSubstring("7 axes") && ContainsSubstring("6"));
  CHECK_THROWS_AS((Shape{2, -1}), SizeError);
  CHECK_THROWS_WITH((Shape{2, -1}), ContainsSubstring("negative") && ContainsSubstring("[2, -1]"));

  CHECK(Shape{2147483647}.size() == 2147483647);
  CHECK_THROWS_AS(Shape{2147483648}, SizeError);
  CHECK_THROWS_WITH((Shape{65536, 32768}), ContainsSubstring("[65536, 32768]") && ContainsSubstring("2147483647"));
  SECTION("also where the product overflows 64 bits") {
    const int64_t large = int64_t{1} << 62;
    CHECK_THROWS_AS((Shape{large, large, large}), SizeError);
    CHECK_THROWS_AS((Shape{4, large}), SizeError);
  }
  SECTION("a zero extent makes any other harmless") {
    CHECK(Shape{int64_t{1} << 40, 0}.size() == 0);
    CHECK(Shape{0, 65536, 65536}.size() == 0);
  }
}

TEST_CASE("Axes count from either end") {
  CHECK(normalize_axis("sum", 0, 3) == 0);
  CHECK(normalize_axis("sum", 2, 3) == 2);
  CHECK(normalize_axis("sum", -1, 3) == 2);
  CHECK(normalize_axis("sum", -3, 3) == 0);
  CHECK_THROWS_AS(normalize_axis("sum", 3, 3), ShapeError);
  CHECK_THROWS_AS(normalize_axis("sum", -4, 3), ShapeError);
  CHECK_THROWS_AS(normalize_axis("sum", 0, 0), ShapeError);
  CHECK_THROWS_WITH(normalize_axis("sum", 3, 3),
                    ContainsSubstring("sum") && ContainsSubstring("axis 3") && ContainsSubstring("-3 to 2"));
}

TEST_CASE("Shapes broadcast by numpy's rule") {
  CHECK(broadcast_shapes("add", {2, 3}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast_shapes("add", {2, 3}, {}) == Shape{2, 3});
  CHECK(broadcast_shapes("add", {3}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast_shapes("add", {2, 1}, {1, 3}) == Shape{2, 3});
  CHECK(broadcast_shapes("add", {4, 1, 3}, {5, 1}) == Shape{4, 5, 3});
  CHECK(broadcast_shapes("add", {0, 3}, {1, 3}) == Shape{0, 3});
  CHECK(broadcast_shapes("add", {1}, {0}) == Shape{0});
  CHECK_THROWS_AS(broadcast_shapes("add", {2}, {0}), ShapeError);
  CHECK_THROWS_AS(broadcast_shapes("add", {2, 3}, {2}), ShapeError);
  CHECK_THROWS_WITH(broadcast_shapes("add", {2, 3}, {2}),
                    ContainsSubstring("add") && ContainsSubstring("[2, 3] and [2]") && ContainsSubstring("equal or 1"));
  CHECK_THROWS_AS(broadcast_shapes("add", {1, 65536}, {65536, 1}), SizeError);
}

TEST_CASE("Conversions have one result everywhere") {
  using autograd::convert;
  CHECK(convert<int32_t>(2.9) == 2);
  CHECK(convert<int32_t>(-2.9F) == -2);
  CHECK(convert<int32_t>(2147483647.0) == 2147483647);
  CHECK(convert<int32_t>(2147483648.0) == INT32_MIN);
  CHECK(convert<int32_t>(-2147483648.0) == INT32_MIN);
  CHECK(convert<int32_t>(-3e9F) == INT32_MIN);
  CHECK(convert<int32_t>(std::numeric_limits<float>::quiet_NaN()) == INT32_MIN);
  CHECK(convert<int32_t>(std::numeric_limits<double>::infinity()) == INT32_MIN);
  CHECK(convert<bool>(0.25F));
  CHECK(convert<bool>(std::nan("")));
  CHECK_FALSE(convert<bool>(-0.0));
  CHECK(convert<float>(16777217) == 16777216.F);
  CHECK(convert<double>(true) == 1.0);
}
