#pragma once

#include <autograd/core/tensor.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

namespace autograd {

/// What an operation's kernel sees: its inputs' values, contiguous and row-major, and room for outputs.
class BACKLIGHT_API CustomCall {
 public:
  size_t input_count() const { return inputs_.size(); }
  Shape shape(size_t input) const { return inputs_[input].shape; }
  DType type(size_t input) const { return inputs_[input].dtype; }
  /// DTypeError where T is not the input's type.
  template <Element T>
  std::span<const T> input(size_t i) const {
    return {static_cast<const T*>(input_data(i, dtype_of<T>())), static_cast<size_t>(inputs_[i].shape.size())};
  }
  /// Uninitialised memory of output i. A lazy operation's shape is known; an eager one's is given here. Every output
  /// must be asked for (ValueError), and written.
  template <Element T>
  std::span<T> output(size_t i, const Shape& shape) {
    return {static_cast<T*>(output_data(i, shape, dtype_of<T>())), static_cast<size_t>(shape.size())};
  }

  struct Value {
    Shape shape;
    DType dtype = DType::float32;
    const void* data = nullptr;
  };
  struct Output {
    Shape shape;
    DType dtype = DType::float32;
    void* data = nullptr;
    bool taken = false;  ///< by output()
  };
  CustomCall(const char* operation, std::span<const Value> inputs, std::span<Output> outputs, bool eager)
      : operation_(operation), inputs_(inputs), outputs_(outputs), eager_(eager) {}

 private:
  const void* input_data(size_t i, DType type) const;
  void* output_data(size_t i, const Shape& shape, DType type);

  const char* operation_;
  std::span<const Value> inputs_;
  std::span<Output> outputs_;
  bool eager_;
};

/// Shape and type of a lazy operation's output.
struct OutputType {
  Shape shape;
  DType dtype = DType::float32;
};

/// An operation of your own. Derive from it, and record it with custom() or eager().
///
/// `run` computes outputs from inputs; it may throw. For a lazy operation, `output` gives the single
/// output's shape and type from the inputs' (checked there), and `vjp` its gradients, written in tensor
/// operations; without an override the operation has no gradient (NotDifferentiable when asked). Gradients have their
/// inputs' types, and shapes that the inputs broadcast to (DTypeError, ShapeError when asked).
/// An eager operation may have several outputs, whose shapes may depend on values.
class BACKLIGHT_API CustomOp {
 public:
  virtual ~CustomOp() = default;
  virtual const char* name() const = 0;
  virtual void run(CustomCall& call) const = 0;
  /// Lazy operations only.
  virtual OutputType output(std::span<const OutputType> inputs) const;
  /// Gradients of the inputs, in order; an undefined Tensor is zero.
  virtual std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor> inputs, const Tensor& output) const;
};

/// Records the operation; it runs when its value is needed. The Step keeps it alive.
BACKLIGHT_API Tensor custom(std::shared_ptr<const CustomOp> op, std::span<const Tensor> inputs,
                            std::source_location where = std::source_location::current());
BACKLIGHT_API Tensor custom(std::shared_ptr<const CustomOp> op, std::initializer_list<Located> inputs,
                            std::source_location where = std::source_location::current());

/// Evaluates the inputs now, runs the operation, and returns its outputs as leaves (no gradient):
/// for lists whose length depends on values. They live until the innermost Step ends.
BACKLIGHT_API std::vector<Tensor> eager(const CustomOp& op, size_t outputs, std::span<const Tensor> inputs,
                                        std::source_location where = std::source_location::current());
BACKLIGHT_API std::vector<Tensor> eager(const CustomOp& op, size_t outputs, std::initializer_list<Located> inputs,
                                        std::source_location where = std::source_location::current());

}  // namespace autograd
