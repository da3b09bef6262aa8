#include <autograd/core/error.h>
#include <autograd/nn/initialise.h>
#include <autograd/ops/random.h>

#include <cmath>

namespace autograd {

namespace {

struct Fans {
  double in, out;
};

Fans fans_of(const char* operation, const Shape& shape) {
  if (shape.rank() < 2)
    throw ShapeError(std::string(operation) + ": shape " + shape.to_string() + "; expected [..., inputs, outputs]");
  double window = 1;
  for (int axis = 0; axis < shape.rank() - 2; ++axis) window *= static_cast<double>(shape[axis]);
  return {window * static_cast<double>(shape[shape.rank() - 2]), window * static_cast<double>(shape[shape.rank() - 1])};
}

double he_deviation(const char* operation, const Shape& shape) { return std::sqrt(2 / fans_of(operation, shape).in); }

double xavier_deviation(const char* operation, const Shape& shape) {
  const Fans fans = fans_of(operation, shape);
  return std::sqrt(2 / (fans.in + fans.out));
}

/// Uniform in [-b, b) has the deviation b / sqrt(3).
Array uniform_of(Rng& rng, const Shape& shape, double deviation, DType type) {
  const double bound = std::sqrt(3) * deviation;
  return uniform(rng, shape, -bound, bound, type);
}

}  // namespace

Array he_normal(Rng& rng, const Shape& shape, DType type) {
  return normal(rng, shape, 0, he_deviation("he_normal", shape), type);
}

Array he_uniform(Rng& rng, const Shape& shape, DType type) {
  return uniform_of(rng, shape, he_deviation("he_uniform", shape), type);
}

Array xavier_normal(Rng& rng, const Shape& shape, DType type) {
  return normal(rng, shape, 0, xavier_deviation("xavier_normal", shape), type);
}

Array xavier_uniform(Rng& rng, const Shape& shape, DType type) {
  return uniform_of(rng, shape, xavier_deviation("xavier_uniform", shape), type);
}

}  // namespace autograd
