#pragma once

#include <autograd/ops/custom.h>
#include <autograd/ops/elementwise.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

// Custom operations that the tests record.

namespace custom_ops {

/// x^2 of a float64 tensor; counts its runs.
class Square : public autograd::CustomOp {
 public:
  const char* name() const override { return "test_square"; }
  autograd::OutputType output(std::span<const autograd::OutputType> inputs) const override { return inputs[0]; }
  void run(autograd::CustomCall& call) const override {
    ++runs;
    const auto x = call.input<double>(0);
    const auto out = call.output<double>(0, call.shape(0));
    for (size_t i = 0; i < x.size(); ++i) out[i] = x[i] * x[i];
  }
  std::vector<autograd::Tensor> vjp(const autograd::Tensor& grad, std::span<const autograd::Tensor> inputs,
                                    const autograd::Tensor&) const override {
    return {2 * grad * inputs[0]};
  }
  mutable std::atomic<int> runs{0};
};

/// x^2 whose gradient forgets the 2.
class WrongSquare : public Square {
 public:
  std::vector<autograd::Tensor> vjp(const autograd::Tensor& grad, std::span<const autograd::Tensor> inputs,
                                    const autograd::Tensor&) const override {
    return {grad * inputs[0]};
  }
};

/// x^2 without a gradient.
class OpaqueSquare : public Square {
 public:
  std::vector<autograd::Tensor> vjp(const autograd::Tensor& grad, std::span<const autograd::Tensor> inputs,
                                    const autograd::Tensor& output) const override {
    return CustomOp::vjp(grad, inputs, output);
  }
};

/// x itself; throws while `fails` is set.
class Fragile : public autograd::CustomOp {
 public:
  const char* name() const override { return "test_fragile"; }
  autograd::OutputType output(std::span<const autograd::OutputType> inputs) const override { return inputs[0]; }
  void run(autograd::CustomCall& call) const override {
    if (fails) throw std::runtime_error("fragile");
    const auto x = call.input<double>(0);
    const auto out = call.output<double>(0, call.shape(0));
    std::copy(x.begin(), x.end(), out.begin());
  }
  std::vector<autograd::Tensor> vjp(const autograd::Tensor& grad, std::span<const autograd::Tensor>,
                                    const autograd::Tensor&) const override {
    return {grad};
  }
  mutable std::atomic<bool> fails{true};
};

}  // namespace custom_ops
