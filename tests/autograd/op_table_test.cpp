#include <autograd/autograd.h>

#include <string>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Every differentiable operation in one table: first and second derivatives against central differences, where the
// function is smooth. Kinks, ties, empty tensors and other edges are in the tests of each family.

namespace ag = autograd;
using ag::Array;
using ag::DType;
using ag::Located;
using ag::Shape;
using ag::Tensor;

namespace {

using Inputs = std::span<const Tensor>;

struct Row {
  std::string name;
  ag::Differentiable f;
  std::vector<Array> inputs;
};

class Numbers {
 public:
  Array of(const Shape& shape, double low, double high) { return random_array<double>(random_, shape, low, high); }

 private:
  Random random_{91};
};

Tensor integers(const std::vector<int32_t>& values, const Shape& shape) {
  return ag::tensor(Array::from(values, shape));
}

std::vector<Row> elementwise(Numbers& numbers) {
  std::vector<Row> rows;
  const auto add = [&](const char* name, auto operation, double low, double high) {
    rows.push_back({name, [=](Inputs x) { return operation(x[0]); }, {numbers.of({3, 2}, low, high)}});
  };
  const auto add_two = [&](const char* name, auto operation, double low, double high) {
    rows.push_back({name,
                    [=](Inputs x) { return operation(x[0], x[1]); },
                    {numbers.of({3, 1}, low, high), numbers.of({2}, low, high)}});
  };
  struct Unary {
    const char* name;
    Tensor (*operation)(Located);
    double low, high;
  };
  const Unary unaries[] = {
      {"abs", ag::abs, 0.5, 2},          {"square", ag::square, -2, 2},   {"sqrt", ag::sqrt, 0.5, 2},
      {"rsqrt", ag::rsqrt, 0.5, 2},      {"exp", ag::exp, -2, 2},         {"log", ag::log, 0.5, 2},
      {"sin", ag::sin, -2, 2},           {"cos", ag::cos, -2, 2},         {"tan", ag::tan, -1, 1},
      {"asin", ag::asin, -0.8, 0.8},     {"acos", ag::acos, -0.8, 0.8},   {"atan", ag::atan, -2, 2},
      {"tanh", ag::tanh, -2, 2},         {"sigmoid", ag::sigmoid, -3, 3}, {"relu", ag::relu, 0.5, 2},
      {"softplus", ag::softplus, -3, 3}, {"gelu", ag::gelu, -2, 2},       {"erf", ag::erf, -2, 2},
  };
  for (const auto& [name, operation, low, high] : unaries)
    add(
        name, [operation = operation](const Tensor& x) { return operation(x); }, low, high);
  add(
      "leaky_relu", [](const Tensor& x) { return ag::leaky_relu(x); }, -2, -0.5);
  add_two(
      "add", [](const Tensor& x, const Tensor& y) { return x + y; }, -2, 2);
  add_two(
      "subtract", [](const Tensor& x, const Tensor& y) { return -x - y; }, -2, 2);
  add_two(
      "multiply", [](const Tensor& x, const Tensor& y) { return x * y; }, -2, 2);
  add_two(
      "divide", [](const Tensor& x, const Tensor& y) { return x / y; }, 0.5, 2);
  add_two(
      "pow", [](const Tensor& x, const Tensor& y) { return ag::pow(x, y); }, 0.5, 2);
  add_two(
      "atan2", [](const Tensor& x, const Tensor& y) { return ag::atan2(x, y); }, 0.5, 2);
  add_two(
      "minimum", [](const Tensor& x, const Tensor& y) { return ag::minimum(x * x, y); }, -2, 2);
  add_two(
      "maximum", [](const Tensor& x, const Tensor& y) { return ag::maximum(x * x, y); }, -2, 2);
  add_two(
      "clamp", [](const Tensor& x, const Tensor& y) { return ag::clamp(x * y, -0.9, 0.9); }, -2, 2);
  add_two(
      "fma", [](const Tensor& x, const Tensor& y) { return ag::fma(x, y, x * x); }, -2, 2);
  add_two(
      "where", [](const Tensor& x, const Tensor& y) { return ag::where(x > y, x * y, y * y); }, -2, 2);
  return rows;
}

std::vector<Row> moving(Numbers& numbers) {
  std::vector<Row> rows;
  const auto add = [&](const char* name, auto operation) {
    // Of a square, so that the second derivative is not 0.
    rows.push_back({name, [=](Inputs x) { return operation(ag::square(x[0])); }, {numbers.of({3, 4}, -2, 2)}});
  };
  add("reshape", [](const Tensor& x) { return ag::reshape(x, {2, -1}); });
  add("flatten", [](const Tensor& x) { return ag::flatten(x); });
  add("permute", [](const Tensor& x) { return ag::permute(x, {1, 0}); });
  add("swap_axes", [](const Tensor& x) { return ag::swap_axes(x, 0, -1); });
  add("transpose", [](const Tensor& x) { return ag::transpose(x); });
  add("broadcast_to", [](const Tensor& x) { return ag::broadcast_to(x, {2, 3, 4}); });
  add("expand_dims", [](const Tensor& x) { return ag::expand_dims(x, 1); });
  add("squeeze", [](const Tensor& x) { return ag::squeeze(ag::expand_dims(x, 1), 1); });
  add("slice", [](const Tensor& x) { return ag::slice(x, 1, {.start = 3, .step = -2}); });
  add("select", [](const Tensor& x) { return ag::select(x, 0, -1); });
  add("flip", [](const Tensor& x) { return ag::flip(x, 1) * x; });
  add("split", [](const Tensor& x) { return ag::split(x, 2, 1)[1] * ag::split(x, {1, 3}, 1)[0]; });
  add("diagonal", [](const Tensor& x) { return ag::diagonal(x); });
  add("concatenate", [](const Tensor& x) { return ag::concatenate({x, x * x}, 1); });
  add("stack", [](const Tensor& x) { return ag::stack({x, x * x}, 1); });
  add("roll", [](const Tensor& x) { return ag::roll(x, -3, 1) * x; });
  for (const ag::PadMode mode : {ag::PadMode::constant, ag::PadMode::edge, ag::PadMode::reflect, ag::PadMode::wrap})
    add("pad", [mode](const Tensor& x) { return ag::pad(x, {{1, 2}, {0, 3}}, {.mode = mode}); });
  add("tril", [](const Tensor& x) { return ag::tril(x, 1); });
  add("triu", [](const Tensor& x) { return ag::triu(x, -1); });
  add("trace", [](const Tensor& x) { return ag::trace(x); });
  add("gather", [](const Tensor& x) { return ag::gather(x, integers({2, 0, 2, 1}, {2, 2})); });
  add("scatter_add", [](const Tensor& x) { return ag::scatter_add(x, integers({1, 0, 1}, {3}), 3); });
  add("scatter_add by several lists", [](const Tensor& x) {
    const Tensor values[] = {x, x * x, ag::sin(x)};
    const Tensor indices[] = {integers({1, 0, 1}, {3}), integers({2, 2, 1}, {3}), integers({0, 1, 1}, {3})};
    return ag::scatter_add(values, indices, 3);
  });
  add("scatter_add_weighted", [](const Tensor& x) {
    const Tensor columns[] = {x, x * x}, weights[] = {x + 1, 2 * x, ag::sin(x)};
    const Tensor index = integers({1, 0, 1, 3, 3, 0, 1, 1, 2, 0, 0, 3}, {3, 4});
    const Tensor indices[] = {index, 3 - index, index};
    return ag::scatter_add_weighted(columns, weights, indices, 4);
  });
  add("take_along_axis", [](const Tensor& x) { return ag::take_along_axis(x, integers({3, 0, 3}, {3, 1}), 1); });
  add("masked_select", [](const Tensor& x) { return ag::masked_select(x, x > 1); });
  add("sort", [](const Tensor& x) { return ag::sort(x, 0); });
  add("topk", [](const Tensor& x) { return ag::topk(x, 2, 1, {.largest = false}).values; });
  add("cast", [](const Tensor& x) { return ag::cast(x, DType::float64); });
  add("patches", [](const Tensor& x) { return ag::patches(ag::reshape(x, {1, 3, 4, 1}), {.height = 2, .width = 2}); });
  add("max_pool2d", [](const Tensor& x) {
    return ag::max_pool2d(ag::reshape(x, {1, 3, 4, 1}), {.height = 2, .width = 2});
  });
  add("avg_pool2d", [](const Tensor& x) {
    return ag::avg_pool2d(ag::reshape(x, {1, 3, 4, 1}), {.height = 2, .width = 2});
  });
  return rows;
}

std::vector<Row> reducing(Numbers& numbers) {
  std::vector<Row> rows;
  const auto add = [&](const char* name, auto operation) {
    rows.push_back({name, [=](Inputs x) { return operation(x[0]); }, {numbers.of({3, 4}, 0.5, 2)}});
  };
  add("sum", [](const Tensor& x) { return ag::sum(x * x, 1); });
  add("prod", [](const Tensor& x) { return ag::prod(x, 0); });
  add("mean", [](const Tensor& x) { return ag::mean(x * x); });
  add("var", [](const Tensor& x) { return ag::var(x, 1, {.correction = 1}); });
  add("std", [](const Tensor& x) { return ag::std(x, 0); });
  add("norm", [](const Tensor& x) { return ag::norm(x, 1); });
  add("logsumexp", [](const Tensor& x) { return ag::logsumexp(x, 0); });
  add("max", [](const Tensor& x) { return ag::max(x * x, 1); });
  add("min", [](const Tensor& x) { return ag::min(x * x, 0); });
  add("cumsum", [](const Tensor& x) { return ag::cumsum(x * x, 1, {.reverse = true}); });
  add("softmax", [](const Tensor& x) { return ag::softmax(x, 0); });
  add("log_softmax", [](const Tensor& x) { return ag::log_softmax(x); });
  add("layer_norm", [](const Tensor& x) { return ag::layer_norm(x); });
  add("mse", [](const Tensor& x) { return ag::mse(x, 1 / x); });
  add("huber", [](const Tensor& x) { return ag::huber(x * 3, 1 / x, 0.5); });
  add("bce", [](const Tensor& x) { return ag::bce(x / 3, 1 / (1 + x)); });
  add("bce_with_logits", [](const Tensor& x) { return ag::bce_with_logits(x, 1 / (1 + x)); });
  add("cross_entropy", [](const Tensor& x) { return ag::cross_entropy(x, integers({3, 0, 1}, {3})); });
  add("einsum", [](const Tensor& x) { return ag::einsum("ij,kj,ij->ik", {x, x, 1 / x}); });
  add("matmul", [](const Tensor& x) { return ag::matmul(x, ag::transpose(x)); });
  add("conv2d", [](const Tensor& x) {
    return ag::conv2d(ag::reshape(x, {1, 3, 4, 1}), ag::reshape(ag::slice(x, 0, {.stop = 1}), {2, 2, 1, 1}));
  });
  return rows;
}

Tensor positive(const Tensor& x) {
  return ag::matmul(x, ag::transpose(x)) +
         ag::tensor(Array::from(std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3}));
}

std::vector<Row> solving(Numbers& numbers) {
  std::vector<Row> rows;
  const auto add = [&](const char* name, auto operation) {
    rows.push_back({name, [=](Inputs x) { return operation(x[0], positive(x[0])); }, {numbers.of({3, 3}, -1, 1)}});
  };
  add("det", [](const Tensor&, const Tensor& a) { return ag::det(a); });
  add("inverse", [](const Tensor&, const Tensor& a) { return ag::inverse(a); });
  add("solve", [](const Tensor& x, const Tensor& a) { return ag::solve(a, x); });
  add("solve_triangular", [](const Tensor& x, const Tensor& a) { return ag::solve_triangular(a, x); });
  add("cholesky", [](const Tensor&, const Tensor& a) { return ag::cholesky(a); });
  add("cholesky_solve", [](const Tensor& x, const Tensor& a) { return ag::cholesky_solve(ag::cholesky(a), x); });
  add("eigh", [](const Tensor&, const Tensor& a) { return ag::eigh(a).values; });
  return rows;
}

}  // namespace

TEST_CASE("Every operation's first and second derivatives") {
  Numbers numbers;
  for (const auto& family : {elementwise(numbers), moving(numbers), reducing(numbers), solving(numbers)}) {
    for (const Row& row : family) check_gradients(row.name, row.f, row.inputs);
  }
}
