#include <autograd/core/error.h>
#include <autograd/nn/functions.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/random.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

#include <algorithm>
#include <limits>

namespace autograd {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The gradient of the second input of four.
Gradients of_second(const Tensor& gradient) {
  const std::span<Tensor> all = list_of(4);
  std::fill(all.begin(), all.end(), Tensor());
  all[1] = gradient;
  return Gradients(all);
}

/// What is left when the axes are folded in which `folded` has one element; it keeps them.
Tensor sum_as(const Tensor& x, const Tensor& folded) {
  Axes axes;
  axes.all = false;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (folded.shape()[axis] == 1) axes.list[axes.count++] = axis;
  }
  return sum(x, axes, {.keep = true});
}

}  // namespace

// y = e s, e = exp(x - max x), s = 1 / sum e, with the inputs x, e and s. vjp: y (g - sum g y), where the sum is that
// of g e times s: it is known as soon as s is. A row that is masked as a whole has no y, and passes on no gradient; one
// with elements that are infinite or no numbers passes on none where its own is 0.
static const Op softmax_op{"softmax", Op::Kind::view, nullptr, [](const Vjp& v) {
                             const Tensor powers = v.inputs[2], scale = where(v.inputs[3] == infinity, 0, v.inputs[3]);
                             const Tensor average = sum_as(v.grad * powers, scale) * scale;
                             return of_second(zero_of_zero(v.grad, powers * ((v.grad - average) * scale)));
                           }};

// The largest element only keeps exp() in range: the result does not depend on it. Where it is infinite, 0 stands for
// it, so that no inf - inf arises.
Tensor softmax(Located x, int axis) {
  const AtLine line(x);
  const Tensor input = floating("softmax", x);
  const Tensor largest = max(stop_gradient(input), axis, {.keep = true});
  const Tensor powers = exp(input - where(abs(largest) == infinity, 0, largest));
  const Tensor scale = 1 / sum(powers, axis, {.keep = true});
  return with_gradient(softmax_op, powers * scale, {input, powers, scale});
}

Tensor log_softmax(Located x, int axis) {
  const AtLine line(x);
  const Tensor input = floating("log_softmax", x);
  return input - logsumexp(input, axis, {.keep = true});
}

// y = d s, d = x - mean x, s = 1 / sqrt(mean d^2 + epsilon), with the inputs x, d and s.
// vjp: s (g - mean g - y mean(g y)), where mean(g y) = s mean(g d) is known once the mean of x is.
static const Op layer_norm_op{"layer_norm", Op::Kind::view, nullptr, [](const Vjp& v) {
                                const Tensor centred = v.inputs[2], scale = v.inputs[3];
                                const Tensor slope = mean(v.grad * centred, -1, {.keep = true}) * square(scale);
                                const Tensor rest = v.grad - mean(v.grad, -1, {.keep = true}) - slope * centred;
                                return of_second(scale * rest);
                              }};

Tensor layer_norm(Located x, double epsilon) {
  const AtLine line(x);
  const Tensor input = floating("layer_norm", x);
  const Tensor centred = input - mean(input, -1, {.keep = true});
  const Tensor scale = rsqrt(mean(square(centred), -1, {.keep = true}) + epsilon);
  return with_gradient(layer_norm_op, centred * scale, {input, centred, scale});
}

Tensor dropout(Located x, Rng& rng, double probability) {
  const AtLine line(x);
  if (!(probability >= 0 && probability < 1))
    throw ValueError("dropout: probability " + std::to_string(probability) + "; expected 0 to below 1");
  const Tensor input = floating("dropout", x);
  const Tensor kept = random_uniform(rng, input.shape(), 0, 1, input.dtype()) >= probability;
  return where(kept, input * (1 / (1 - probability)), 0);
}

Tensor conv2d(Located x, Located weight, Convolution options) {
  const AtLine line(x);
  const Tensor images = floating("conv2d", x), kernel = floating("conv2d", weight);
  const Shape of_images = images.shape(), of_kernel = kernel.shape();
  if (of_images.rank() != 4 || of_kernel.rank() != 4 || of_images[3] != of_kernel[2]) {
    throw ShapeError("conv2d: images " + of_images.to_string() + " and weight " + of_kernel.to_string() +
                     "; expected [batch, height, width, inputs] and [window height, window width, inputs, outputs]");
  }
  const Window window{of_kernel[0], of_kernel[1], options.stride, options.padding};
  const Tensor rows = patches(images, window);
  const Shape shape = rows.shape();
  const Tensor product = matmul(reshape(rows, Shape{shape[0] * shape[1] * shape[2], shape[3]}),
                                reshape(kernel, Shape{shape[3], of_kernel[3]}));
  return reshape(product, Shape{shape[0], shape[1], shape[2], of_kernel[3]});
}

Tensor max_pool2d(Located x, const Window& window) {
  const AtLine line(x);
  const Tensor images = floating("max_pool2d", x);
  return gather(flatten(images), largest_in_windows(images, window));
}

Tensor avg_pool2d(Located x, const Window& window) {
  const AtLine line(x);
  const Tensor images = floating("avg_pool2d", x);
  const Tensor rows = patches(images, window);
  const Shape shape = rows.shape();
  const int64_t channels = images.shape()[3];
  return mean(reshape(rows, Shape{shape[0], shape[1], shape[2], window.height * window.width, channels}), 3);
}

}  // namespace autograd
