#include <autograd/autograd.h>

#include <cmath>

#include "tests/autograd/custom_ops.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::Tensor;
using Inputs = std::span<const Tensor>;

TEST_CASE("gradcheck passes right gradients") {
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::GradcheckResult result =
      ag::gradcheck([&](Inputs x) { return ag::custom(square, {x[0]}); }, {Array::of({1.0, -2.0})});
  CHECK(result.passed);
  CHECK(result.message.empty());
  CHECK(result.worst < 1e-6);
}

TEST_CASE("gradcheck fails a wrong vjp and says where") {
  const auto wrong = std::make_shared<custom_ops::WrongSquare>();
  const ag::GradcheckResult result = ag::gradcheck([&](Inputs x) { return x[0] + ag::custom(wrong, {x[1]}); },
                                                   {Array::of({1.0, 2.0}), Array::of({3.0, 4.0})});
  CHECK_FALSE(result.passed);
  CHECK(result.worst > 0.1);
  CHECK_THAT(result.message, ContainsSubstring("first order") && ContainsSubstring("input 1 [2]"));
}

TEST_CASE("gradcheck fails a gradient that is only wrong in second order") {
  const ag::Differentiable f = [](Inputs x) {  // d/dx is x as it should be, but its own derivative is cut off
    return ag::square(x[0]) / 2 - ag::square(x[0] - ag::stop_gradient(x[0])) / 2;
  };
  CHECK(ag::gradcheck(f, {Array::of({1.5})}, {.order = 1}).passed);
  const ag::GradcheckResult result = ag::gradcheck(f, {Array::of({1.5})});
  CHECK_FALSE(result.passed);
  CHECK_THAT(result.message, ContainsSubstring("second order"));
}

TEST_CASE("gradcheck fails NaN") {
  const ag::Differentiable f = [](Inputs x) { return ag::sqrt(x[0]); };
  CHECK_FALSE(ag::gradcheck(f, {Array::of({-1.0})}).passed);
}

TEST_CASE("gradcheck takes float64 only") {
  const ag::Differentiable f = [](Inputs x) { return x[0] * 1; };
  CHECK_THROWS_AS(ag::gradcheck(f, {Array::of({1.F})}), ag::DTypeError);
  CHECK_THROWS_WITH(ag::gradcheck(f, {Array::of({1.F})}), ContainsSubstring("float32") && ContainsSubstring("float64"));
}
