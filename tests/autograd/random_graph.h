#pragma once

#include <autograd/autograd.h>

#include <string>
#include <vector>

#include "tests/autograd/support.h"

// Random graphs for property tests: one seed records the same operations for any type of leaf.

class RandomGraph {
 public:
  struct Options {
    bool smooth = false;  // continuous operations on tame values only, so that float32 is close to float64
    bool large = false;   // several blocks of elements
    bool eager = false;   // read each value as soon as it is recorded
  };

  RandomGraph(uint64_t seed, Options options, autograd::DType type) : random_(seed), options_(options), type_(type) {
    const int leaves = 2 + static_cast<int>(random_.below(3));
    for (int i = 0; i < leaves; ++i) add_leaf();
    const int operations = 5 + static_cast<int>(random_.below(30));
    for (int i = 0; i < operations; ++i) add_operation();
    add_gradients();
  }

  /// All tensors of the graph, gradients last.
  const std::vector<autograd::Tensor>& tensors() const { return pool_; }

 private:
  using Tensor = autograd::Tensor;
  using Shape = autograd::Shape;
  static constexpr int64_t largest = 40000;

  int64_t extent() {
    static constexpr int64_t small[] = {1, 1, 2, 3, 4, 5, 7, 16, 17, 33};
    if (!options_.smooth && random_.below(25) == 0) return 0;
    return small[random_.below(10)];
  }

  void add_leaf() {
    std::vector<int64_t> extents;
    const int64_t rank = random_.below(4);
    for (int64_t axis = 0; axis < rank; ++axis) extents.push_back(extent());
    if (options_.large)
      extents.assign({random_.below(2) == 0 ? 9000 + random_.below(5000) : 130, 1 + random_.below(3)});
    const autograd::Array array = random_array<double>(random_, Shape(extents), -1.5, 1.5);
    if (options_.smooth || random_.below(3) > 0) return keep(autograd::tensor(array.cast(type_)));
    std::vector<double> values = array.to_vector<double>();
    const std::vector<float> specials = special_values<float>();
    for (double& value : values) {
      if (random_.below(8) == 0) value = static_cast<double>(specials[static_cast<size_t>(random_.below(24))]);
    }
    keep(autograd::tensor(autograd::Array::from(values, array.shape()).cast(type_)));
  }

  Tensor any() { return pool_[static_cast<size_t>(random_.below(static_cast<int64_t>(pool_.size())))]; }

  /// A tensor that broadcasts with `x` to something of reasonable size.
  Tensor partner(const Tensor& x) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      const Tensor y = any();
      try {
        if (autograd::broadcast_shapes("", x.shape(), y.shape()).size() <= largest) return y;
      } catch (const autograd::ShapeError&) {
      }
    }
    return random_.below(2) == 0 ? x : autograd::sum(any());
  }

  int axis_of(const Tensor& x) { return static_cast<int>(random_.below(x.rank())); }

  autograd::Axes axes_of(const Tensor& x) {
    autograd::Axes axes;
    if (random_.below(3) == 0) return axes;
    axes.all = false;
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (random_.below(2) == 0) axes.list[axes.count++] = axis;
    }
    return axes;
  }

  void add_operation() {
    const Tensor x = any();
    switch (random_.below(6)) {
      case 0: return keep(unary(x));
      case 1:
      case 2: return keep(binary(x, partner(x)));
      case 3: return keep(reduction(x));
      case 4: return keep(view(x));
      default: return keep(indexed(x));
    }
  }

  Tensor unary(const Tensor& x) {
    using namespace autograd;
    switch (random_.below(options_.smooth ? 7 : 16)) {
      case 0: return sin(x);
      case 1: return tanh(x);
      case 2: return -x;
      case 3: return square(tanh(x));
      case 4: return x * random_.uniform(-1, 1) + random_.uniform(-1, 1);
      case 5: return sigmoid(x);
      case 6: return exp(tanh(x));
      case 7: return exp(x);
      case 8: return sqrt(abs(x));
      case 9: return log(x);
      case 10: return relu(x);
      case 11: return floor(x * 3);
      case 12: return cast(x > 0.25, x.dtype());
      case 13: return cast(clamp(cast(x * 10, DType::int32), -50, 50) * 3 + 1, x.dtype());
      case 14: return sign(x) / x;
      default: return stop_gradient(x) * 2 - abs(x);
    }
  }

  Tensor binary(const Tensor& x, const Tensor& y) {
    using namespace autograd;
    switch (random_.below(options_.smooth ? 5 : 10)) {
      case 0: return x + y;
      case 1: return x - y;
      case 2: return tanh(x) * tanh(y);
      case 3: return x / (2 + tanh(y));
      case 4: return fma(tanh(x), y, x);
      case 5: return x * y;
      case 6: return minimum(x, y);
      case 7: return maximum(x, y);
      case 8: return where(x < y, x, y * 2);
      default: return x / y;
    }
  }

  Tensor reduction(const Tensor& x) {
    using namespace autograd;
    const ReduceOptions options{.keep = random_.below(2) == 0};
    const Axes axes = axes_of(x);
    if (x.size() == 0 || options_.smooth || random_.below(2) == 0) return tanh(mean(x, axes, options)) + 0.5;
    switch (random_.below(9)) {
      case 0: return max(x, axes, options);
      case 1: return min(x, axes, options);
      case 2: return norm(x, axes, options);
      case 3: return prod(tanh(x) + 0.5, axes, options);
      case 4: return var(x, axes, {.keep = options.keep});
      case 5: return logsumexp(x, axes, options);
      case 6: return x.rank() > 0 ? cumsum(x, axis_of(x), {.reverse = options.keep}) : x;
      case 7: return cast(argmin(x, axes, options), x.dtype());
      default: return sum(x, axes, options);
    }
  }

  Tensor view(const Tensor& x) {
    using namespace autograd;
    const int rank = x.rank();
    switch (random_.below(10)) {
      case 0: return rank < 2 ? flatten(x) : transpose(x);
      case 1: return rank == 0 ? reshape(x, {1, 1}) : flip(x, axis_of(x));
      case 2: return rank < 5 ? expand_dims(x, static_cast<int>(random_.below(rank + 1))) : x;
      case 3: return flatten(x);
      case 4: return rank == 3 ? permute(x, {2, 0, 1}) : rank == 2 ? reshape(x, {x.shape()[1], x.shape()[0]}) : x;
      case 5: return rank == 0 ? x : slice(x, axis_of(x), {.start = random_.below(3), .step = 1 + random_.below(3)});
      case 6: {
        if (rank == 0 || rank > 4 || 3 * x.size() > largest) return x;
        const Shape shape = x.shape();
        std::vector<int64_t> extents(shape.begin(), shape.end());
        extents.insert(extents.begin(), 3);
        return broadcast_to(x, Shape(extents));
      }
      case 7: return rank == 1 ? pad(x, {{1, 2}}, {.value = 0.75}) : x;
      case 8: return rank == 0 ? x : roll(x, random_.below(5) - 2, axis_of(x));
      default: {
        if (rank == 0) return x;
        const int axis = axis_of(x);
        const int64_t count = x.shape()[axis];
        return count == 0 ? x : select(x, axis, random_.below(count));
      }
    }
  }

  Tensor indexed(const Tensor& x) {
    using namespace autograd;
    if (x.rank() == 0) return stack({x, x * 2, x + 1}, 0);
    const int64_t rows = x.shape()[0];
    switch (random_.below(6)) {
      case 0:
      case 1: {
        if (rows == 0) return x;
        const int64_t width = x.size() / rows;
        const Array index = random_array<int32_t>(random_, {1 + random_.below(2 * rows)}, 0, static_cast<double>(rows));
        if (index.size() * width > largest) return x;
        if (random_.below(2) == 0) return gather(x, index);
        return gather(x, minimum(flip(index, 0) * 2, static_cast<int32_t>(rows - 1)));
      }
      case 2: {
        const int64_t targets = 1 + random_.below(10);
        const Array index = random_array<int32_t>(random_, {rows}, 0, static_cast<double>(targets));
        return tanh(scatter_add(x, index, targets) / static_cast<double>(1 + rows));
      }
      case 3: return 2 * x.size() > largest ? x : concatenate({x, flip(x, 0)}, axis_of(x));
      case 4: return sort(x, axis_of(x), {.descending = random_.below(2) == 0});
      default: {
        if (x.rank() < 2 || x.rank() > 3 || x.size() > 2000) return tanh(x);
        return matmul(x, transpose(x)) / static_cast<double>(1 + x.size());
      }
    }
  }

  /// Gradients of a few sums with respect to the leaves and others.
  void add_gradients() {
    const size_t recorded = pool_.size();
    for (int i = 0; i < 2; ++i) {
      const Tensor f = autograd::sum(pool_[recorded - 1 - static_cast<size_t>(random_.below(3)) % recorded]);
      const std::vector<autograd::Located> variables{pool_[0], pool_[1], any()};
      const auto gradients = autograd::grad(f, std::span<const autograd::Located>(variables),
                                            {.unused = autograd::GradOptions::Unused::zeros});
      for (const Tensor& gradient : gradients) keep(gradient);
    }
  }

  void keep(const Tensor& tensor) {
    pool_.push_back(tensor);
    if (options_.eager) autograd::evaluate({tensor});
  }

  Random random_;
  Options options_;
  autograd::DType type_;
  std::vector<Tensor> pool_;
};
