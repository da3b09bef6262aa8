#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// checkpoint(): the same values and gradients from less memory.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

constexpr int layers = 16, segment_layers = 4;
constexpr int64_t batch = 200, width = 40;

Tensor some_layers(std::span<const Tensor> inputs) {
  Tensor h = inputs[0];
  for (int i = 0; i < segment_layers; ++i) h = ag::tanh(ag::matmul(h, inputs[1]) + 0.1 * (i + 1));
  return h;
}

struct Result {
  std::vector<float> values;
  int64_t bytes = 0;
};

Result run(bool checkpointed) {
  Random random(50);
  const Array x = random_array<float>(random, {batch, width}, -1, 1);
  const Array w = random_array<float>(random, {width, width}, -0.3, 0.3);
  const ag::Parameter target = ag::zeros({width, width});
  const ag::Step step;
  Tensor h = ag::tensor(x);
  const Tensor weights = ag::tensor(w);
  for (int i = 0; i < layers / segment_layers; ++i) {
    const Tensor inputs[] = {h, weights};
    h = checkpointed ? ag::checkpoint(some_layers, inputs) : some_layers(inputs);
  }
  const Tensor loss = ag::sum(ag::square(h)), gradient = ag::grad(loss, weights);
  // With an assignment: else results of calls are kept for later.
  const Tensor wanted[] = {loss, gradient};
  const ag::Assignment none[] = {{target, gradient * 0}};
  ag::evaluate(wanted, none);
  const int64_t bytes = ag::report().peak_bytes;
  Result result{gradient.to_vector<float>(), bytes};
  result.values.push_back(static_cast<float>(loss.item()));
  return result;
}

}  // namespace

TEST_CASE("Checkpoints give the same loss and gradient from half of the memory") {
  const Result plain = run(false), checkpointed = run(true);
  REQUIRE(plain.values.size() == checkpointed.values.size());
  for (size_t i = 0; i < plain.values.size(); ++i) {
    CHECK(checkpointed.values[i] == Approx(plain.values[i]).epsilon(1e-4).margin(1e-5));
  }
  INFO(plain.bytes << " bytes, then " << checkpointed.bytes);
  CHECK(2 * checkpointed.bytes < plain.bytes);
}

TEST_CASE("Gradients of a checkpoint are right to second order") {
  Random random(51);
  const Array x = random_array<double>(random, {3, 4}, -1, 1), w = random_array<double>(random, {4, 4}, -1, 1);
  const std::vector<Array> points{x, w};
  const ag::GradcheckResult result = ag::gradcheck(
      [](std::span<const Tensor> v) { return ag::sum(ag::square(ag::checkpoint(some_layers, v))); }, points);
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("A checkpoint takes integers along") {
  const Array x = ag::arange(5, ag::DType::float32);
  const Array rows = ag::Array::make<int32_t>({3}, [](std::span<int32_t> out) { out[0] = 4, out[1] = 0, out[2] = 4; });
  const ag::Step step;
  const Tensor y =
      ag::checkpoint([](std::span<const Tensor> v) { return ag::square(ag::gather(v[0], v[1])); }, {x, rows});
  CHECK(ag::grad(ag::sum(y), Located(x)).to_vector<float>() == std::vector<float>{0, 0, 0, 0, 16});
}

TEST_CASE("What a checkpoint's segment captures has a gradient") {
  Random random(52);
  const Array x = random_array<double>(random, {3}, 0.5, 1.5), w = random_array<double>(random, {3}, 0.5, 1.5);
  // The input, also taken past the checkpoint; what the input was computed from; and a Parameter that appears inside.
  const ag::Parameter inner = random_array<double>(random, {3}, 0.5, 1.5);
  const auto f = [&](std::span<const Tensor> v, bool checkpointed) {
    const Tensor h = ag::sin(v[0] * v[1]);
    const auto segment = [h, w = v[1], &inner](std::span<const Tensor> in) {
      return ag::exp(in[0] * h) * w + in[0] * inner;
    };
    const Tensor inputs[] = {h};
    return ag::sum(ag::square(checkpointed ? ag::checkpoint(segment, inputs) : segment(inputs)));
  };
  const std::vector<Array> points{x, w};
  const ag::GradcheckResult result =
      ag::gradcheck([&](std::span<const Tensor> v) { return f(v, true); }, points);  // to second order
  INFO(result.message);
  CHECK(result.passed);
  const auto gradient_of_inner = [&](bool checkpointed) {
    const ag::Step step;
    const Tensor variables[] = {ag::tensor(x), ag::tensor(w)};
    return ag::grad(f(variables, checkpointed), inner).to_vector<double>();
  };
  const std::vector<double> expected = gradient_of_inner(false), found = gradient_of_inner(true);
  for (size_t i = 0; i < 3; ++i) CHECK(found[i] == Approx(expected[i]));
}

TEST_CASE("An optimiser moves the Parameters that a checkpoint's segment reads") {
  ag::Parameter scale = Array::of({1.F, 2.F});
  ag::Sgd optimiser({scale}, {.learning_rate = 1});
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({3.F, 4.F}));
  optimiser.minimise(ag::sum(ag::checkpoint([&](std::span<const Tensor> in) { return in[0] * scale; }, {x})));
  CHECK(scale.to_vector<float>() == std::vector<float>{-2, -2});
}

TEST_CASE("A checkpoint needs a segment") {
  const ag::Step step;
  CHECK_THROWS_AS(ag::checkpoint(ag::Segment(), {ag::tensor(Array::of({1.F}))}), ag::ValueError);
}
