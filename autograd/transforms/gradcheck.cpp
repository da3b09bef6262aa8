#include <autograd/core/error.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/reduce.h>
#include <autograd/transforms/grad.h>
#include <autograd/transforms/gradcheck.h>

#include <algorithm>
#include <cmath>

namespace autograd {

namespace {

/// Reproducible weights in [-1, 1): SplitMix64 (Steele, Lea, Flood 2014).
Array weights(const Shape& shape, uint64_t seed) {
  return Array::make<double>(shape, [&](std::span<double> out) {
    for (double& value : out) {
      uint64_t z = seed += 0x9e3779b97f4a7c15u;
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
      z = (z ^ z >> 27) * 0x94d049bb133111ebu;
      value = static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
    }
  });
}

std::vector<Tensor> leaves(const std::vector<Array>& inputs) {
  std::vector<Tensor> list;
  for (const Array& input : inputs) list.push_back(Located(input).tensor());
  return list;
}

/// A scalar of the function's output: the sum of its elements with fixed weights.
Tensor weighted(const Tensor& value, uint64_t seed) { return sum(value * weights(value.shape(), seed)); }

using Scalar = std::function<Tensor(std::span<const Tensor>)>;

double value_at(const Scalar& f, const std::vector<Array>& inputs) {
  const Step step;
  return f(leaves(inputs)).item();
}

std::vector<Tensor> gradients(const Tensor& f, const std::vector<Tensor>& variables) {
  const std::vector<Located> located(variables.begin(), variables.end());
  const std::span<const Tensor> list =
      grad(f, std::span<const Located>(located), {.unused = GradOptions::Unused::zeros});
  return {list.begin(), list.end()};
}

void compare(const Scalar& f, const std::vector<Array>& inputs, const GradcheckOptions& options, const char* what,
             GradcheckResult& result) {
  std::vector<std::vector<double>> analytic;
  {
    const Step step;
    const std::vector<Tensor> variables = leaves(inputs);
    for (const Tensor& gradient : gradients(f(variables), variables)) analytic.push_back(gradient.to_vector<double>());
  }
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<double> at = inputs[k].to_vector<double>();
    for (size_t i = 0; i < at.size(); ++i) {
      const double step = options.step * std::max(1.0, std::fabs(at[i]));
      std::vector<Array> moved = inputs;
      const auto value = [&](double x) {
        std::vector<double> elements = at;
        elements[i] = x;
        moved[k] = Array::from(elements, inputs[k].shape());
        return value_at(f, moved);
      };
      const double difference = (value(at[i] + step) - value(at[i] - step)) / (2 * step);
      const double error = std::fabs(analytic[k][i] - difference) / (1 + std::fabs(difference));
      const bool good = error <= options.tolerance;  // false for NaN
      if (good) {
        result.worst = std::max(result.worst, error);
        continue;
      }
      if (!result.passed && !(error > result.worst)) continue;
      result.passed = false;
      result.worst = error;
      result.message = std::string(what) + ": input " + std::to_string(k) + " " + inputs[k].shape().to_string() +
                       ", element " + std::to_string(i) + ": gradient " + std::to_string(analytic[k][i]) +
                       ", difference " + std::to_string(difference);
    }
  }
}

}  // namespace

GradcheckResult gradcheck(const Differentiable& f, const std::vector<Array>& inputs, const GradcheckOptions& options) {
  for (const Array& input : inputs) {
    if (input.dtype() != DType::float64) {
      throw DTypeError(std::string("gradcheck: ") + name_of(input.dtype()) + " input; expected float64");
    }
  }
  GradcheckResult result;
  const Scalar first = [&](std::span<const Tensor> x) { return weighted(f(x), options.seed); };
  compare(first, inputs, options, "first order", result);
  if (options.order < 2 || !result.passed) return result;
  const Scalar second = [&](std::span<const Tensor> x) {
    const std::vector<Tensor> variables(x.begin(), x.end());
    Tensor total;
    uint64_t seed = options.seed + 1;
    for (const Tensor& gradient : gradients(first(x), variables)) {
      const Tensor part = weighted(gradient, seed++);
      total = total.defined() ? total + part : part;
    }
    return total;
  };
  compare(second, inputs, options, "second order", result);
  return result;
}

}  // namespace autograd
