#include <autograd/autograd.h>
#include <tests/catch.h>

#include <cmath>
#include <limits>
#include <sstream>

namespace ag = autograd;

namespace {

template <class T>
std::string printed(const T& value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

}  // namespace

TEST_CASE("arrays, parameters and tensors are printed with type, shape and elements") {
  CHECK(printed(ag::Array::of({1.5f, -0.1f, 3e20f})) == "float32 [3] [1.5, -0.1, 3e+20]");
  CHECK(printed(ag::arange(6).reshape({2, 3})) == "int32 [2, 3] [[0, 1, 2], [3, 4, 5]]");
  CHECK(printed(ag::Array::scalar(0.1)) == "float64 [] 0.1");
  CHECK(printed(ag::zeros({0, 2})) == "float32 [0, 2] []");
  CHECK(printed(ag::Parameter(ag::Array::of({true, false}))) == "bool [2] [true, false]");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(printed(ag::Array::of({nan, -nan, -HUGE_VALF})) == "float32 [3] [nan, nan, -inf]");
  const ag::Step step;
  CHECK(printed(ag::Located(2).as(ag::DType::float32) * ag::Array::of({1.0f, 2.0f})) == "float32 [2] [2, 4]");
}

TEST_CASE("of long axes the ends are printed") {
  CHECK(printed(ag::arange(1000)) == "int32 [1000] [0, 1, 2, ..., 997, 998, 999]");
  CHECK(printed(ag::arange(400).reshape({200, 2})) ==
        "int32 [200, 2] [[0, 1], [2, 3], [4, 5], ..., [394, 395], [396, 397], [398, 399]]");
}
