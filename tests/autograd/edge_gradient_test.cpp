#include <autograd/autograd.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Gradients where derivatives are infinite, undefined or jump.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::vector<double> gradient_at(Tensor (*f)(Located), const std::vector<double>& x) {
  const ag::Step step;
  const Tensor variable = ag::tensor(Array::from(x, {static_cast<int64_t>(x.size())}));
  return ag::grad(ag::sum(f(variable)), variable).to_vector<double>();
}

struct Singular {
  const char* name;
  Tensor (*f)(Located);
  std::vector<double> at;      // the derivative is infinite or 0 x infinity
  std::vector<double> beyond;  // the function itself has no value, or none that is finite
};

const Singular singular_cases[] = {
    {"sqrt", ag::sqrt, {0}, {-1, infinity, not_a_number}},
    {"rsqrt", ag::rsqrt, {0}, {-1, infinity, not_a_number}},
    {"log", ag::log, {0}, {-1, not_a_number}},
    {"exp", ag::exp, {1000}, {infinity, not_a_number}},
    {"pow of the base", [](Located x) { return ag::pow(x, 0.5); }, {0}, {-1, infinity, not_a_number}},
    {"pow of the base, negative", [](Located x) { return ag::pow(x, -1); }, {0}, {infinity}},
    {"pow of the exponent", [](Located x) { return ag::pow(-1, x); }, {}, {0.5, 1}},
    {"pow of the exponent, base 0", [](Located x) { return ag::pow(0, x); }, {-1, 0, 2}, {}},
    {"pow of both", [](Located x) { return ag::pow(x, x); }, {}, {0, -0.5, infinity}},
    {"divide by x", [](Located x) { return 1 / x; }, {0}, {infinity, not_a_number}},
    {"0 / x", [](Located x) { return 0 / x; }, {0}, {}},
    {"x / 0", [](Located x) { return x * x / 0.0; }, {1, 0}, {}},
    {"x / x", [](Located x) { return x / x; }, {0}, {infinity}},
    {"norm", [](Located x) { return ag::norm(x); }, {0, 0}, {}},
    {"atan2", [](Located x) { return ag::atan2(x, x); }, {0}, {infinity}},
    {"asin", ag::asin, {1, -1}, {2, not_a_number}},
    {"acos", ag::acos, {1, -1}, {2, not_a_number}},
};

/// The gradient of f at x for an incoming gradient of 0.
Tensor gradient_of_zero(const Singular& singular, const Tensor& x) {
  const Tensor y = singular.f(x);
  return ag::grad(y, x, {.cotangent = ag::tensor(ag::zeros(y.shape(), ag::DType::float64))});
}

Tensor points(const std::vector<double>& x) { return ag::tensor(Array::from(x, {static_cast<int64_t>(x.size())})); }

}  // namespace

TEST_CASE("Where the incoming gradient is 0, so is the outgoing one") {
  for (const Singular& singular : singular_cases) {
    INFO(singular.name);
    const ag::Step step;
    const std::vector<double> zeros(singular.at.size(), 0), zeros_beyond(singular.beyond.size(), 0);
    const Tensor x = points(singular.at), beyond = points(singular.beyond);
    CHECK(gradient_of_zero(singular, x).to_vector<double>() == zeros);
    CHECK(gradient_of_zero(singular, beyond).to_vector<double>() == zeros_beyond);
    // The usual guard, where(ok, f(x), 0), twice differentiated.
    const Tensor first = ag::grad(ag::sum(ag::where(Array::scalar(false), singular.f(x), 0)), x);
    CHECK(first.to_vector<double>() == zeros);
    CHECK(ag::grad(ag::sum(first), x).to_vector<double>() == zeros);
  }
}

TEST_CASE("A second derivative survives an incoming gradient that happens to be 0") {
  // f = w op(x) at w = 0: df/dx is 0 there, but d2f/dw dx is op'(x).
  const std::pair<const char*, Tensor (*)(Located)> operations[] = {
      {"sqrt", ag::sqrt},
      {"rsqrt", ag::rsqrt},
      {"log", ag::log},
      {"exp", ag::exp},
      {"asin", ag::asin},
      {"acos", ag::acos},
      {"x / 3", [](Located x) { return x / 3; }},
      {"3 / x", [](Located x) { return 3 / x; }},
      {"pow of the base", [](Located x) { return ag::pow(x, 1.5); }},
      {"pow of the exponent", [](Located x) { return ag::pow(1.5, x); }},
      {"atan2 of y", [](Located x) { return ag::atan2(x, 2); }},
      {"atan2 of x", [](Located x) { return ag::atan2(2, x); }},
      {"norm", [](Located x) { return ag::norm(x); }},
  };
  for (const auto& [name, operation] : operations) {
    INFO(name);
    const ag::Step step;
    const Tensor w = ag::tensor(Array::scalar(0.0)), x = ag::tensor(Array::scalar(0.6));
    const Tensor mixed = ag::grad(ag::grad(w * operation(x), x), w);
    CHECK(mixed.item() == ag::grad(operation(x), x).item());
  }
  SECTION("pow at exponent 0") {
    const ag::Step step;
    const Tensor x = ag::tensor(Array::scalar(2.0)), y = ag::tensor(Array::scalar(0.0));
    CHECK(ag::grad(ag::grad(ag::pow(x, y), x), y).item() == Approx(0.5));  // d/dy (y x^(y - 1))
  }
}

TEST_CASE("Gradients at kinks") {
  CHECK(gradient_at(ag::abs, {0, -0.0, 2, -2}) == std::vector<double>{0, 0, 1, -1});
  CHECK(gradient_at(ag::relu, {0, -0.0, 2, -2}) == std::vector<double>{0, 0, 1, 0});
  CHECK(gradient_at([](Located x) { return ag::norm(x); }, {0, 0, 0}) == std::vector<double>{0, 0, 0});
  const std::vector<double> rows = gradient_at(
      [](Located x) {
        return ag::norm(ag::reshape(x, {2, 2}), 1);
      },
      {0, 0, 3, 4});
  CHECK((rows[0] == 0 && rows[1] == 0));
  CHECK(rows[2] == Approx(0.6));
  CHECK(rows[3] == Approx(0.8));
  CHECK(gradient_at(ag::floor, {0.5, 1}) == std::vector<double>{0, 0});
  SECTION("the norm's second derivative at 0 is 0 too") {
    const ag::Step step;
    const Tensor x = ag::tensor(ag::zeros({2}, ag::DType::float64));
    CHECK(ag::grad(ag::sum(ag::grad(ag::norm(x), x)), x).to_vector<double>() == std::vector<double>{0, 0});
  }
}

TEST_CASE("Ties of minimum and maximum share the gradient") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({1.0, 2.0, 3.0})), y = ag::tensor(Array::of({2.0, 2.0, 2.0}));
  const auto [low_x, low_y] = ag::grad(ag::sum(ag::minimum(x, y)), {x, y});
  CHECK(low_x.to_vector<double>() == std::vector<double>{1, 0.5, 0});
  CHECK(low_y.to_vector<double>() == std::vector<double>{0, 0.5, 1});
  const auto [high_x, high_y] = ag::grad(ag::sum(ag::maximum(x, y)), {x, y});
  CHECK(high_x.to_vector<double>() == std::vector<double>{0, 0.5, 1});
  CHECK(high_y.to_vector<double>() == std::vector<double>{1, 0.5, 0});
  CHECK(ag::grad(ag::sum(ag::maximum(x, x)), x).to_vector<double>() == std::vector<double>{1, 1, 1});
}

TEST_CASE("Ties of a reduction share the gradient") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<double>{3, 1, 3, 2, 2, 2, 5, 4, 0}, {3, 3}));
  CHECK(ag::grad(ag::sum(ag::max(x, 1)), x).to_vector<double>() ==
        std::vector<double>{0.5, 0, 0.5, 1 / 3., 1 / 3., 1 / 3., 1, 0, 0});
  CHECK(ag::grad(ag::min(x), x).to_vector<double>() == std::vector<double>{0, 0, 0, 0, 0, 0, 0, 0, 1});
  CHECK(ag::grad(ag::max(x, {0, 1}, {.keep = true}), x,
                 {.cotangent = ag::tensor(ag::full({1, 1}, 4, ag::DType::float64))})
            .to_vector<double>() == std::vector<double>{0, 0, 0, 0, 0, 0, 4, 0, 0});
}

TEST_CASE("where() keeps NaN and infinity of the other side out of the gradient") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({0.0, -1.0, 4.0, not_a_number}));
  const Tensor f = ag::where(x > 0, ag::sqrt(x) + 1 / x + ag::log(x), 0);
  CHECK(ag::sum(f).item() == Approx(2 + 0.25 + std::log(4.0)));
  const std::vector<double> gradient = ag::grad(ag::sum(f), x).to_vector<double>();
  CHECK(gradient[0] == 0);
  CHECK(gradient[1] == 0);
  CHECK(gradient[2] == Approx(0.25 - 1 / 16. + 0.25));
  CHECK(gradient[3] == 0);
}

TEST_CASE("The value behind a comparison, an index or stop_gradient has no gradient") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({0.3, 1.7}));
  CHECK(ag::grad(ag::sum(ag::stop_gradient(x) * x), x).to_vector<double>() == std::vector<double>{0.3, 1.7});
  const Tensor chosen = ag::gather(x, ag::cast(x, ag::DType::int32));
  CHECK(ag::grad(ag::sum(chosen * chosen), x).to_vector<double>() == std::vector<double>{0.6, 3.4});
  const Tensor f = ag::sum(ag::floor(x) + ag::cast(x > 1, ag::DType::float64) * x);
  CHECK(ag::grad(f, x).to_vector<double>() == std::vector<double>{0, 1});
}
