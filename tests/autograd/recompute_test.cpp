#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// What a later region computes again rather than read it (engine/recompute.cpp): less memory, the same bits.

namespace ag = autograd;
using ag::Array;
using ag::Tensor;

namespace {

constexpr int64_t batch = 1024, width = 64;

/// Gradients of mean(f(... f(f(x w) w) ...)^2) by `layers` weights; f's derivative by its result is cheap.
struct Chain {
  std::vector<ag::Parameter> weights;
  Array x;

  explicit Chain(size_t layers) {
    Random random(71);
    x = random_array<float>(random, {batch, width}, -1, 1);
    for (size_t k = 0; k < layers; ++k) weights.emplace_back(random_array<float>(random, {width, width}, -0.2, 0.2));
  }

  template <class Function>
  std::vector<Tensor> gradients(Function&& f) const {
    Tensor h = ag::tensor(x);
    std::vector<ag::Located> parameters;
    for (const ag::Parameter& weight : weights) {
      parameters.emplace_back(weight);
      h = f(ag::matmul(h, weight));
    }
    const std::span<const Tensor> gradients = ag::grad(ag::mean(ag::square(h)), parameters);
    return {gradients.begin(), gradients.end()};
  }
};

}  // namespace

TEST_CASE("A way back through layers keeps one array a layer") {
  constexpr size_t layers = 12;
  const Chain chain(layers);
  const auto peak = [&](auto&& f) {
    const ag::Step step;
    std::vector<ag::Assignment> descent;  // after which nothing is kept
    const std::vector<Tensor> gradients = chain.gradients(f);
    for (size_t k = 0; k < layers; ++k)
      descent.push_back({chain.weights[k], ag::tensor(chain.weights[k]) - 0.1 * gradients[k]});
    ag::evaluate({}, descent);
    return static_cast<double>(ag::report().peak_bytes) / static_cast<double>(batch * width * 4);
  };
  // The gradients of weights stay, 1/16 of a layer's output each; those of outputs pass by.
  CHECK(peak([](const Tensor& y) { return ag::tanh(y); }) < layers + layers / 16.0 + 2.5);
  CHECK(peak([](const Tensor& y) { return ag::sigmoid(y); }) < layers + layers / 16.0 + 2.5);
  // relu keeps where its inputs are positive, a byte an element
  CHECK(peak([](const Tensor& y) { return ag::relu(y); }) < layers + layers / 4.0 + layers / 16.0 + 2.5);
}

TEST_CASE("Values that are computed again have the same bits") {
  const Chain chain(3);
  std::vector<std::vector<float>> results[2];
  for (const size_t nodes : {size_t{1}, size_t{2000}}) {
    const RegionLimit limit(nodes);
    const ag::Step step;
    const std::vector<Tensor> gradients = chain.gradients([](const Tensor& y) { return ag::tanh(y) * ag::sigmoid(y); });
    ag::evaluate(gradients);
    for (const Tensor& gradient : gradients) results[nodes == 1].push_back(gradient.to_vector<float>());
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("Much that a way back wants of lookups and arithmetic is computed again, not kept") {
  const bool computed_indices = GENERATE(false, true);
  constexpr int64_t elements = 200000, rows = 500;
  Random random(72);
  const Array table = random_array<float>(random, {rows, 4}, 0.5, 1.5),
              factors = random_array<float>(random, {elements}, 0.5, 1.5),
              index = random_array<int32_t>(random, {elements}, 0, rows),
              target = random_array<int32_t>(random, {elements}, 0, elements);
  std::vector<float> results[2];
  for (const size_t nodes : {size_t{1}, size_t{2000}}) {
    const RegionLimit limit(nodes);
    const ag::Step step;
    const Tensor all = ag::tensor(table), factor = ag::tensor(factors);
    Tensor product = ag::gather(ag::select(all, 1, 0), index) * factor;
    for (int k = 1; k < 16; ++k) {
      const Tensor rows_of_k = computed_indices ? ag::minimum(index + k, rows - 1) : ag::tensor(index);
      product = product * ag::gather(ag::select(all, 1, k % 4), rows_of_k) + product;
    }
    const Tensor called = ag::scatter_add(product, target, elements);  // which parts the way back from the way there
    // A gradient of the table takes the lists of indices from memory.
    const Tensor gradient = ag::grad(ag::sum(called * product), computed_indices ? factor : all);
    results[nodes == 1] = gradient.to_vector<float>();
    // Some 30 factors that the way back reads, one of which is kept.
    if (nodes > 1) CHECK(static_cast<double>(ag::report().peak_bytes) / (elements * 4.0) < 12);
  }
  CHECK(first_difference(results[0], results[1]) == -1);
}
