#include <autograd/autograd.h>

#include <cmath>
#include <vector>

#include "tests/autograd/custom_ops.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Parameter;
using ag::Shape;
using ag::Tensor;
using Doubles = std::vector<double>;

namespace {

Tensor leaf(const Doubles& values) { return ag::tensor(Array::from(values, {static_cast<int64_t>(values.size())})); }

/// R^3 -> R^2
Tensor curved(const Tensor& x) {
  const Tensor a = ag::select(x, 0, 0), b = ag::select(x, 0, 1), c = ag::select(x, 0, 2);
  return ag::stack({a * ag::sin(b), ag::exp(a * c) + b * b}, 0);
}

Doubles jacobian_of_curved(double a, double b, double c) {
  return {std::sin(b), a * std::cos(b), 0, c * std::exp(a * c), 2 * b, a * std::exp(a * c)};
}

void check_close(const Doubles& found, const Doubles& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO(i);
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-13));
  }
}

}  // namespace

TEST_CASE("value_and_grad computes both at once") {
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::Step step;
  const Tensor x = leaf({1, 2, 3});
  const auto [value, gradient] = ag::value_and_grad(ag::sum(ag::exp(ag::custom(square, {x}))), x);
  CHECK(square->runs == 1);
  CHECK(value.item() == Approx(std::exp(1) + std::exp(4) + std::exp(9)));
  check_close(gradient.to_vector<double>(), {2 * std::exp(1), 4 * std::exp(4), 6 * std::exp(9)});
  CHECK(square->runs == 1);
}

TEST_CASE("jvp is the Jacobian times a tangent") {
  const ag::Step step;
  const Tensor x = leaf({0.5, -1.2, 0.8}), tangent = leaf({1, -2, 0.5});
  const Doubles j = jacobian_of_curved(0.5, -1.2, 0.8);
  check_close(ag::jvp(curved(x), x, tangent).to_vector<double>(),
              {j[0] - 2 * j[1] + 0.5 * j[2], j[3] - 2 * j[4] + 0.5 * j[5]});
  // Of several variables, and of a scalar.
  const Tensor y = leaf({2.0});
  const Located variables[] = {x, y};
  const Tensor tangents[] = {tangent, leaf({3.0})};
  CHECK(ag::jvp(ag::sum(x) * ag::select(y, 0, 0), variables, tangents).item() == Approx(-0.5 * 2 + 0.1 * 3));
  // Where the derivative is infinite it stays so: no rule takes the shortcut of a gradient of 0.
  const Tensor zero = leaf({0.0});
  CHECK(std::isinf(ag::jvp(ag::sqrt(zero), zero, leaf({1.0})).item()));
}

TEST_CASE("jvp can be differentiated again") {
  const ag::GradcheckResult result =
      ag::gradcheck([](std::span<const Tensor> in) { return ag::jvp(curved(in[0]), in[0], in[1]); },
                    {Array::from(Doubles{0.5, -1.2, 0.8}, {3}), Array::from(Doubles{1, -2, 0.5}, {3})});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("hvp is the Hessian times a vector") {
  const ag::Step step;
  const Tensor x = leaf({0.5, -1.2}), v = leaf({2, -1});
  const Tensor a = ag::select(x, 0, 0), b = ag::select(x, 0, 1);
  const Tensor f = a * a * a * b + ag::sin(b);
  check_close(ag::hvp(f, x, v).to_vector<double>(), {6 * 0.5 * -1.2 * 2 - 3 * 0.25, 3 * 0.25 * 2 + std::sin(-1.2)});
  // A vector that depends on x is taken as constant.
  check_close(ag::hvp(ag::sum(ag::square(x)), x, ag::exp(x)).to_vector<double>(),
              {2 * std::exp(0.5), 2 * std::exp(-1.2)});
  // Of two variables: the mixed derivative links them.
  const Tensor y = leaf({3.0});
  const Located variables[] = {x, y};
  const Tensor vectors[] = {v, leaf({0.25})};
  const auto products = ag::hvp(ag::sum(ag::square(x)) * ag::sum(y), variables, vectors);
  check_close(products[0].to_vector<double>(), {6 * 2 + 2 * 0.5 * 0.25, -6 - 2 * 1.2 * 0.25});
  check_close(products[1].to_vector<double>(), {2 * (0.5 * 2 + 1.2)});
  // Of a linear function: zero.
  check_close(ag::hvp(ag::sum(x), x, v).to_vector<double>(), {0, 0});
}

TEST_CASE("jacobian has a row for each output, whichever side is shorter") {
  const ag::Step step;
  const Tensor x = leaf({0.5, -1.2, 0.8});
  const Tensor wide = ag::jacobian(curved(x), x);
  CHECK(wide.shape() == Shape{2, 3});
  check_close(wide.to_vector<double>(), jacobian_of_curved(0.5, -1.2, 0.8));
  const Tensor two = leaf({0.3, 2});
  const Tensor tall = ag::jacobian(
      ag::stack({ag::sum(two), ag::select(two, 0, 0) * ag::select(two, 0, 1), ag::exp(ag::select(two, 0, 1))}, 0), two);
  CHECK(tall.shape() == Shape{3, 2});
  check_close(tall.to_vector<double>(), {1, 1, 2, 0.3, 0, std::exp(2)});
  const Tensor matrix = ag::reshape(leaf({1, 2, 3, 4, 5, 6}), {2, 3});
  CHECK(ag::jacobian(ag::sum(matrix, 0), matrix).shape() == Shape{3, 2, 3});
  CHECK(ag::jacobian(ag::sum(matrix), matrix).to_vector<double>() == Doubles(6, 1.0));
  CHECK(ag::jacobian(ag::slice(matrix, 0, {.stop = 0}), matrix).shape() == Shape{0, 3, 2, 3});
  CHECK_THROWS_WITH(ag::jacobian(ag::broadcast_to(x, {2, 2, 2, 2, 3}), ag::reshape(x, {3, 1})),
                    ContainsSubstring("more than 6 axes"));
}

TEST_CASE("hessian is symmetric, and that of a quadratic form its matrix") {
  Random random(3);
  const Array matrix = random_array<double>(random, {4, 4}, -1, 1);
  const ag::Step step;
  const Tensor x = leaf({1, -0.5, 2, 0.3});
  const Tensor column = ag::reshape(x, {4, 1});
  const Tensor h = ag::hessian(ag::sum(column * ag::matmul(matrix, column)) / 2, x);
  const auto m = matrix.values<double>();
  for (size_t i = 0; i < 4; ++i) {
    for (size_t k = 0; k < 4; ++k)
      CHECK(h.values<double>()[4 * i + k] == Approx((m[4 * i + k] + m[4 * k + i]) / 2).margin(1e-14));
  }
  const Tensor scalar = ag::select(x, 0, 2);
  CHECK(ag::hessian(scalar * scalar * scalar, scalar).shape() == Shape{});
  CHECK(ag::hessian(scalar * scalar * scalar, scalar).item() == Approx(12));
}

TEST_CASE("Derivatives say what does not fit") {
  const ag::Step step;
  const Tensor x = leaf({1, 2}), y = leaf({1, 2, 3});
  CHECK_THROWS_WITH(ag::jvp(ag::exp(x), x, y), "jvp: a vector of shape [3] for a variable of shape [2]");
  CHECK_THROWS_WITH(ag::hvp(ag::sum(ag::exp(x)), x, y), "hvp: a vector of shape [3] for a variable of shape [2]");
  CHECK_THROWS_AS(ag::jvp(ag::exp(x), y, y), ag::UnreachedGradient);
  CHECK_THROWS_AS(ag::jacobian(ag::exp(x), y), ag::UnreachedGradient);
  CHECK_THROWS_AS(ag::hessian(ag::sum(x), y), ag::UnreachedGradient);
  CHECK_THROWS_AS(ag::hessian(x, x), ag::ShapeError);
  CHECK_THROWS_AS(ag::jacobian(x, 3), ag::ValueError);
  const Located variables[] = {x, y};
  CHECK_THROWS_WITH(ag::jvp(ag::sum(x) + ag::sum(y), variables, std::span<const Tensor>(&x, 1)),
                    "jvp: 1 vectors for 2 variables; expected one each, and at least one");
}

TEST_CASE("custom_vjp replaces the chain rule, for first and second derivatives") {
  // log(1 + e^x) overflows at 1000; its gradient by the rule does not.
  const auto softplus = [](const Tensor& x) {
    return ag::custom_vjp(ag::log(1 + ag::exp(x)), {x},
                          [=](const Tensor& g) { return std::vector{g * ag::sigmoid(x)}; });
  };
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> in) { return softplus(in[0] * 2) * in[0]; }, {Array::from(Doubles{-1, 0.3, 2}, {3})});
  INFO(result.message);
  CHECK(result.passed);
  const ag::Step step;
  const Tensor x = leaf({1000});
  CHECK(ag::grad(ag::sum(softplus(x)), x).item() == 1);
  CHECK(std::isinf(softplus(x).item()));
}

TEST_CASE("custom_vjp takes broadcast inputs, leaves some out, and does not pass through its output") {
  const ag::Step step;
  const Tensor x = leaf({1, 2, 3}), scale = leaf({2}), unused = leaf({5, 5, 5});
  Tensor seen;
  const Tensor y = ag::custom_vjp(x * scale + unused, {x, scale, unused}, [&](const Tensor& g) {
    seen = g;
    return std::vector{g * 10, g * x, Tensor()};
  });
  CHECK(y.to_vector<double>() == Doubles{7, 9, 11});
  const auto [of_x, of_scale, of_unused] =
      ag::grad(ag::sum(y * y), {x, scale, unused}, {.unused = ag::GradOptions::Unused::zeros});
  CHECK(of_x.to_vector<double>() == Doubles{140, 180, 220});
  CHECK(of_scale.item() == 14 * 1 + 18 * 2 + 22 * 3);
  CHECK(of_unused.to_vector<double>() == Doubles{0, 0, 0});
  CHECK(seen.shape() == Shape{3});
  // Fused like the output itself, also behind views.
  CHECK(ag::sum(ag::transpose(ag::broadcast_to(y, {2, 3})) * 2).item() == 2 * 2 * 27);
  // Four inputs lie elsewhere than three.
  const Tensor four = ag::custom_vjp(x * 2, {x, x, x, x}, [](const Tensor& g) { return std::vector{g, g, g, g}; });
  CHECK(ag::grad(ag::sum(four), x).to_vector<double>() == Doubles{4, 4, 4});
}

TEST_CASE("A straight-through gradient rounds forward and passes backward") {
  const ag::Step step;
  const Tensor x = leaf({0.2, 0.7, 1.6});
  const Tensor y = ag::custom_vjp(ag::round(x), {x}, [](const Tensor& g) { return std::vector{g}; });
  CHECK(y.to_vector<double>() == Doubles{0, 1, 2});
  CHECK(ag::grad(ag::sum(y * 3), x).to_vector<double>() == Doubles{3, 3, 3});
}

TEST_CASE("A custom rule that does not fit is named") {
  const ag::Step step;
  const Tensor x = leaf({1, 2, 3});
  const auto gradient = [&](ag::VjpRule rule) { ag::grad(ag::sum(ag::custom_vjp(x * 2, {x}, std::move(rule))), x); };
  CHECK_THROWS_WITH(gradient([](const Tensor& g) {
                      return std::vector{g, g};
                    }),
                    "custom_vjp: the rule gave 2 gradients for 1 inputs");
  CHECK_THROWS_WITH(gradient([](const Tensor& g) { return std::vector{ag::sum(g)}; }),
                    "custom_vjp: the rule gave a gradient of shape [] for input 0 of shape [3]");
  CHECK_THROWS_AS(gradient([](const Tensor&) { return std::vector{leaf({1, 2})}; }), ag::ShapeError);
  CHECK_THROWS_AS(gradient([](const Tensor& g) { return std::vector{ag::cast(g, ag::DType::float32)}; }),
                  ag::DTypeError);
  CHECK_THROWS_AS(gradient(nullptr), ag::ValueError);
  CHECK_THROWS_AS(ag::custom_vjp(x > 0, {x}, [](const Tensor& g) { return std::vector{g}; }), ag::DTypeError);
}

TEST_CASE("A custom rule's gradient goes to its inputs alone") {
  const ag::Step step;
  const Tensor x = leaf({1, 2, 3}), y = x * 2, captured = leaf({4, 5, 6});
  const Tensor z = ag::custom_vjp(y * captured, {x}, [](const Tensor& g) { return std::vector{g}; });
  CHECK(ag::grad(ag::sum(z), x).to_vector<double>() == Doubles{1, 1, 1});
  CHECK_THROWS_AS(ag::grad(ag::sum(z), captured), ag::UnreachedGradient);
  CHECK_THROWS_AS(ag::grad(ag::sum(z), y), ag::UnreachedGradient);
  CHECK(ag::grad(ag::sum(z) + ag::sum(captured), captured).to_vector<double>() == Doubles{1, 1, 1});
}

TEST_CASE("A vector of another type than its variable is named") {
  const ag::Step step;
  const Tensor x = leaf({1, 2}), v = ag::tensor(ag::ones({2}));
  CHECK_THROWS_AS(ag::jvp(x * x, x, v), ag::DTypeError);
  CHECK_THROWS_WITH(ag::jvp(x * x, x, v), "jvp: a float32 vector for a float64 variable");
  CHECK_THROWS_WITH(ag::hvp(ag::sum(x * x), x, v), "hvp: a float32 vector for a float64 variable");
}

TEST_CASE("A partial derivative holds the other variables fixed") {
  const ag::Step step;
  const Tensor x = leaf({1, 2}), y = ag::square(x);
  const Tensor f = ag::sum(x * y);
  const auto [all_x, all_y] = ag::grad(f, {x, y});
  CHECK(all_x.to_vector<double>() == Doubles{3, 12});
  CHECK(all_y.to_vector<double>() == Doubles{1, 2});
  const auto [partial_x, partial_y] = ag::grad(f, {x, y}, {.partial = true});
  CHECK(partial_x.to_vector<double>() == Doubles{1, 4});
  CHECK(partial_y.to_vector<double>() == Doubles{1, 2});
  CHECK(ag::grad(ag::sum(y), {x, y}, {.partial = true})[0].to_vector<double>() == Doubles{0, 0});
}
