#include <autograd/core/error.h>
#include <autograd/nn/functions.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/random.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

namespace autograd {

// The largest element only keeps exp() in range: the result does not depend on it, so no gradient goes through it.
Tensor softmax(Located x, int axis) {
  const AtLine line(x);
  const Tensor input = floating("softmax", x);
  const Tensor powers = exp(input - max(stop_gradient(input), axis, {.keep = true}));
  return powers / sum(powers, axis, {.keep = true});
}

Tensor log_softmax(Located x, int axis) {
  const AtLine line(x);
  const Tensor input = floating("log_softmax", x);
  return input - logsumexp(input, axis, {.keep = true});
}

Tensor layer_norm(Located x, double epsilon) {
  const AtLine line(x);
  const Tensor input = floating("layer_norm", x);
  const Tensor centred = input - mean(input, -1, {.keep = true});
  return centred * rsqrt(mean(square(centred), -1, {.keep = true}) + epsilon);
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
