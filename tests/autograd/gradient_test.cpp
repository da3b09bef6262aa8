#include <autograd/autograd.h>

#include <string>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// The gradients of every operation against central differences, first and second order.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;

namespace {

struct UnaryCase {
  const char* name;
  Tensor (*operation)(Located);
  double low, high;  // a range without kinks
};

const UnaryCase unary_cases[] = {
    {"negate", static_cast<Tensor (*)(Located)>(ag::operator-), -2, 2},
    {"abs", ag::abs, 0.1, 2},
    {"abs of negative", ag::abs, -2, -0.1},
    {"sign", ag::sign, 0.1, 2},
    {"square", ag::square, -2, 2},
    {"sqrt", ag::sqrt, 0.2, 2},
    {"rsqrt", ag::rsqrt, 0.2, 2},
    {"exp", ag::exp, -2, 2},
    {"log", ag::log, 0.2, 2},
    {"sin", ag::sin, -3, 3},
    {"cos", ag::cos, -3, 3},
    {"tan", ag::tan, -1, 1},
    {"asin", ag::asin, -0.8, 0.8},
    {"acos", ag::acos, -0.8, 0.8},
    {"atan", ag::atan, -2, 2},
    {"tanh", ag::tanh, -2, 2},
    {"sigmoid", ag::sigmoid, -3, 3},
    {"relu", ag::relu, 0.1, 2},
    {"relu of negative", ag::relu, -2, -0.1},
    {"erf", ag::erf, -2, 2},
    {"floor", ag::floor, 0.1, 0.9},
    {"ceil", ag::ceil, 0.1, 0.9},
    {"round", ag::round, 0.6, 1.4},
    {"cast", [](Located x) { return ag::cast(ag::cast(x, ag::DType::float64) * 3, ag::DType::float64); }, -1, 1},
};

struct BinaryCase {
  const char* name;
  Tensor (*operation)(Located, Located);
  double low, high;
};

const BinaryCase binary_cases[] = {
    {"add", ag::operator+, -2, 2},
    {"subtract", static_cast<Tensor (*)(Located, Located)>(ag::operator-), -2, 2},
    {"multiply", ag::operator*, -2, 2},
    {"divide", ag::operator/, 0.5, 2},
    {"divide by negative", [](Located x, Located y) { return x / -y; }, 0.5, 2},
    {"minimum", ag::minimum, -2, 2},
    {"maximum", ag::maximum, -2, 2},
    {"pow", ag::pow, 0.3, 2},
    {"atan2", ag::atan2, 0.3, 2},
    {"atan2 behind", [](Located y, Located x) { return ag::atan2(y, -x); }, 0.3, 2},
    {"where", [](Located x, Located y) { return ag::where(x > y, x * y, y - x); }, -2, 2},
};

const std::pair<Shape, Shape> shape_pairs[] = {
    {{2, 3}, {2, 3}},    {{2, 3}, {3}}, {{3}, {2, 3}}, {{2, 1}, {1, 3}}, {{}, {2, 2}},
    {{2, 1, 3}, {4, 1}}, {{}, {}},      {{1}, {2}},    {{0, 2}, {1, 2}}, {{1, 1}, {3}},
};

}  // namespace

TEST_CASE("Gradients of unary operations") {
  for (const UnaryCase& unary : unary_cases) {
    Random random(7);
    for (const Shape& shape : {Shape{2, 3}, Shape{}, Shape{0}}) {
      check_gradients(unary.name, [&](Inputs x) { return unary.operation(x[0]); },
                      {random_array<double>(random, shape, unary.low, unary.high)});
    }
  }
}

TEST_CASE("Gradients of binary operations under broadcasting") {
  for (const BinaryCase& binary : binary_cases) {
    Random random(8);
    for (const auto& [left, right] : shape_pairs) {
      check_gradients(binary.name + left.to_string() + right.to_string(),
                      [&](Inputs x) { return binary.operation(x[0], x[1]); },
                      {random_array<double>(random, left, binary.low, binary.high),
                       random_array<double>(random, right, binary.low, binary.high)});
    }
  }
}

TEST_CASE("Gradients of operations of three") {
  Random random(9);
  const std::vector<Array> inputs{random_array<double>(random, {2, 1}, -2, 2), random_array<double>(random, {3}, -2, 2),
                                  random_array<double>(random, {}, -2, 2)};
  check_gradients(
      "fma", [](Inputs x) { return ag::fma(x[0], x[1], x[2]); }, inputs);
  check_gradients(
      "fma of one", [](Inputs x) { return ag::fma(x[0], x[0], x[0]); }, inputs);
  check_gradients(
      "clamp", [](Inputs x) { return ag::clamp(x[0] * x[1], -0.5, x[2]); }, inputs);
  check_gradients(
      "where", [](Inputs x) { return ag::where(x[2] > x[1], ag::sin(x[0]), x[1] * x[2]); }, inputs);
}

TEST_CASE("Gradients of reductions") {
  Random random(10);
  const std::vector<Array> inputs{random_array<double>(random, {2, 3, 2}, 0.2, 2)};
  const std::vector<ag::Axes> axes{{}, 0, 1, -1, {0, 1}, {0, 2}, {0, 1, 2}};
  for (const ag::Axes& axis : axes) {
    for (bool keep : {false, true}) {
      const ag::ReduceOptions options{.keep = keep};
      check_gradients(
          "sum", [&](Inputs x) { return ag::sum(ag::square(x[0]), axis, options); }, inputs);
      check_gradients(
          "mean", [&](Inputs x) { return ag::mean(ag::square(x[0]), axis, options); }, inputs);
      check_gradients(
          "max", [&](Inputs x) { return ag::max(ag::square(x[0]), axis, options); }, inputs);
      check_gradients(
          "min", [&](Inputs x) { return ag::min(ag::square(x[0]), axis, options); }, inputs);
      check_gradients(
          "norm", [&](Inputs x) { return ag::norm(x[0], axis, options); }, inputs);
    }
  }
  check_gradients("sum of nothing", [](Inputs x) { return ag::sum(x[0], 1); }, {ag::zeros({2, 0}, ag::DType::float64)});
  check_gradients("sum of a scalar", [](Inputs x) { return ag::sum(x[0] * x[0]); }, {Array::scalar(1.5)});
  check_gradients(
      "softmax",
      [](Inputs x) {
        const Tensor e = ag::exp(x[0] - ag::max(x[0], -1, {.keep = true}));
        return e / ag::sum(e, -1, {.keep = true});
      },
      inputs);
}

TEST_CASE("Gradients of views") {
  Random random(11);
  const std::vector<Array> inputs{random_array<double>(random, {2, 3, 4}, -1, 1)};
  using View = Tensor (*)(Located);
  const std::pair<const char*, View> views[] = {
      {"reshape",
       [](Located x) {
         return ag::reshape(x, {4, -1});
       }},
      {"reshape with ones",
       [](Located x) {
         return ag::reshape(x, {1, 2, 3, 1, 4});
       }},
      {"flatten", [](Located x) { return ag::flatten(x); }},
      {"permute",
       [](Located x) {
         return ag::permute(x, {2, 0, 1});
       }},
      {"transpose", [](Located x) { return ag::transpose(x); }},
      {"broadcast_to",
       [](Located x) {
         return ag::broadcast_to(ag::slice(x, 1, {.stop = 1}), {2, 2, 3, 4});
       }},
      {"expand_dims", [](Located x) { return ag::expand_dims(x, -1); }},
      {"slice", [](Located x) { return ag::slice(x, 1, {.start = 1}); }},
      {"slice with a step", [](Located x) { return ag::slice(x, 2, {.start = 1, .step = 2}); }},
      {"slice backward", [](Located x) { return ag::slice(x, 2, {.start = 3, .stop = 0, .step = -2}); }},
      {"empty slice", [](Located x) { return ag::slice(x, 2, {.start = 3, .stop = 1}); }},
      {"select", [](Located x) { return ag::select(x, 1, -1); }},
      {"flip", [](Located x) { return ag::flip(x, 0); }},
      {"view of views",
       [](Located x) {
         return ag::slice(ag::transpose(ag::flip(ag::select(x, 0, 1), 1)), 0, {.start = 1, .step = 2});
       }},
      {"reshape of a view",
       [](Located x) {
         return ag::reshape(ag::transpose(x), {6, 4});
       }},
      {"concatenate",
       [](Located x) {
         return ag::concatenate({x, ag::flip(x, 1), x}, 1);
       }},
      {"concatenate with nothing",
       [](Located x) {
         return ag::concatenate({ag::slice(x, 0, {.stop = 0}), x}, 0);
       }},
      {"stack",
       [](Located x) {
         return ag::stack({x, ag::sin(x)}, 2);
       }},
      {"stack of four",
       [](Located x) {
         return ag::stack({x, ag::sin(x), x, ag::cos(x)}, -1);
       }},
  };
  for (const auto& [name, view] : views) {
    check_gradients(
        name, [&, view = view](Inputs x) { return view(x[0]) * 2; }, inputs);
    check_gradients(
        name, [&, view = view](Inputs x) { return ag::square(view(ag::square(x[0]))); }, inputs);
  }
}

TEST_CASE("Gradients of gather and scatter_add") {
  Random random(12);
  const Array table = random_array<double>(random, {4, 2}, -1, 1),
              rows = random_array<double>(random, {3, 2, 2}, -1, 1);
  const Array indices = Array::from(std::vector<int32_t>{0, 3, 3, 1, 0, 3}, {3, 2});
  check_gradients("gather", [&](Inputs x) { return ag::square(ag::gather(x[0], indices)); }, {table});
  check_gradients("gather of a view",
                  [&](Inputs x) { return ag::sin(ag::gather(ag::transpose(x[0]), ag::minimum(indices, 1))); }, {table});
  check_gradients("gather through a view",
                  [&](Inputs x) { return ag::flip(ag::transpose(ag::gather(ag::square(x[0]), indices)), 0); }, {table});
  check_gradients("scatter_add", [&](Inputs x) { return ag::square(ag::scatter_add(x[0], indices, 5)); }, {rows});
  check_gradients("no rows", [&](Inputs x) { return ag::gather(x[0], ag::arange(0)); }, {table});
  check_gradients("chain",
                  [&](Inputs x) { return ag::scatter_add(ag::square(ag::gather(x[0], indices)), indices, 4) * x[0]; },
                  {table});
}

TEST_CASE("Gradients of matmul") {
  Random random(13);
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 3}, {3, 4}},   {{2, 2, 3}, {3, 2}}, {{2, 1, 2, 3}, {3, 3, 1}},    {{2, 0}, {0, 3}},
      {{0, 3}, {3, 2}},   {{2, 3}, {2, 3, 2}}, {{3, 1, 1, 2}, {1, 2, 2, 1}}, {{2, 1, 2, 1, 2}, {3, 1, 2, 2}},
      {{1, 2, 3}, {3, 1}}};
  for (const auto& [left, right] : shapes) {
    check_gradients("matmul", [](Inputs x) { return ag::square(ag::matmul(x[0], x[1])); },
                    {random_array<double>(random, left, -1, 1), random_array<double>(random, right, -1, 1)});
  }
  check_gradients("A A^T", [](Inputs x) { return ag::matmul(x[0], ag::transpose(x[0])); },
                  {random_array<double>(random, {2, 3}, -1, 1)});
}

TEST_CASE("Gradients of a shared value add up") {
  Random random(14);
  check_gradients("shared",
                  [](Inputs x) {
                    const Tensor a = ag::sin(x[0]), b = a * a, c = b + a;
                    return c * b / (2 + a) + ag::sum(c);
                  },
                  {random_array<double>(random, {3}, -1, 1)});
}

TEST_CASE("The gradient of the gradient of the gradient") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::scalar(0.7));
  const Tensor first = ag::grad(ag::sin(x) * x, x), second = ag::grad(first, x), third = ag::grad(second, x);
  CHECK(first.item() == Approx(std::cos(0.7) * 0.7 + std::sin(0.7)));
  CHECK(second.item() == Approx(2 * std::cos(0.7) - 0.7 * std::sin(0.7)));
  CHECK(third.item() == Approx(-3 * std::sin(0.7) - 0.7 * std::cos(0.7)));
}

TEST_CASE("Gradients with respect to several variables, intermediates and Parameters") {
  ag::Parameter w(Array::of({2.0, 3.0}));
  const Array x = Array::of({5.0, 7.0});
  const ag::Step step;
  const Tensor product = w * x;
  const auto [dw, dx, dproduct] = ag::grad(ag::sum(product * product), {w, x, product});
  CHECK(dw.to_vector<double>() == std::vector<double>{2 * 10 * 5, 2 * 21 * 7});
  CHECK(dx.to_vector<double>() == std::vector<double>{2 * 10 * 2, 2 * 21 * 3});
  CHECK(dproduct.to_vector<double>() == std::vector<double>{20, 42});
  SECTION("a cotangent stands for what follows") {
    const Tensor g = ag::grad(product, w, {.cotangent = ag::tensor(Array::of({1.0, 10.0}))});
    CHECK(g.to_vector<double>() == std::vector<double>{5, 70});
  }
  SECTION("a function is its own variable") {
    const Tensor f = ag::sum(product);
    CHECK(ag::grad(f, f).item() == 1);
  }
  SECTION("gradients keep the variable's type") {
    const Tensor narrow = ag::cast(w, ag::DType::float32);
    CHECK(ag::grad(ag::sum(narrow * narrow), w).dtype() == ag::DType::float64);
  }
}

TEST_CASE("A gradient that comes in pieces is put together without zeros") {
  Random random(43);
  const Array x = random_array<float>(random, {40, 3}, -1, 1);
  const ag::Step step;
  const Tensor input = ag::tensor(x);
  for (const int axis : {0, 1}) {
    Tensor sum;
    std::vector<Tensor> pieces;
    for (int64_t k = 0; k < 3; ++k) {
      const Tensor piece = axis == 1 ? ag::select(input, 1, k)
                                     : ag::slice(input, 0, {.start = 13 * k, .stop = k == 2 ? 40 : 13 * (k + 1)});
      const Tensor part = ag::sum(ag::sin(piece) * static_cast<double>(k + 1));
      sum = k == 0 ? part : sum + part;
    }
    const Tensor gradient = ag::grad(sum, input);
    const std::vector<float> seen = gradient.to_vector<float>();
    CHECK(ag::report().regions <= 4);  // three pieces and their concatenation
    for (size_t i = 0; i < seen.size(); ++i) {
      const double factor =
          axis == 1 ? static_cast<double>(i % 3) + 1 : std::min<double>(static_cast<double>(i / 39), 2) + 1;
      REQUIRE(seen[i] == Approx(factor * std::cos(x.values<float>()[i])));
    }
  }
  // A gap, an overlap, another axis, a step
  const Tensor odd = ag::sum(ag::slice(input, 0, {.stop = 4}) * 2) +
                     ag::sum(ag::slice(input, 0, {.start = 6, .stop = 9}) * 3) +
                     ag::sum(ag::slice(input, 0, {.start = 8}) * 5) + ag::sum(ag::select(input, 1, 1) * 7) +
                     ag::sum(ag::slice(input, 0, {.step = 2}) * 11);
  const std::vector<float> seen = ag::grad(odd, input).to_vector<float>();
  for (size_t i = 0; i < seen.size(); ++i) {
    const size_t row = i / 3;
    const int expected = (row < 4 ? 2 : 0) + (row >= 6 && row < 9 ? 3 : 0) + (row >= 8 ? 5 : 0) + (i % 3 == 1 ? 7 : 0) +
                         (row % 2 == 0 ? 11 : 0);
    REQUIRE(seen[i] == static_cast<float>(expected));
  }
}
