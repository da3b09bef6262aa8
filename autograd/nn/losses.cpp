#include <autograd/core/error.h>
#include <autograd/nn/losses.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/iota.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

namespace autograd {

namespace {

using Reduction = LossOptions::Reduction;

Tensor reduced(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean: return mean(losses);
    case Reduction::sum: return sum(losses);
    case Reduction::none: break;
  }
  return losses;
}

struct Pair {
  Tensor prediction, target;
};

Pair same_shape(const char* operation, const Located& prediction, const Located& target) {
  const Tensor first = floating(operation, prediction), second = target.as(first.dtype());
  if (first.shape() != second.shape()) {
    throw ShapeError(std::string(operation) + ": predictions " + first.shape().to_string() + " and targets " +
                     second.shape().to_string() + "; expected the same shape");
  }
  return {first, second};
}

/// log(x), at least -100.
Tensor bounded_log(const Tensor& x) { return maximum(log(x), -100); }

}  // namespace

Tensor mse(Located prediction, Located target, LossOptions options) {
  const AtLine line(prediction);
  const auto [p, t] = same_shape("mse", prediction, target);
  return reduced(square(p - t), options.reduction);
}

Tensor huber(Located prediction, Located target, double delta, LossOptions options) {
  const AtLine line(prediction);
  if (!(delta > 0)) throw ValueError("huber: delta " + std::to_string(delta) + "; expected a number above 0");
  const auto [p, t] = same_shape("huber", prediction, target);
  const Tensor d = p - t, size = abs(d);
  return reduced(where(size <= delta, 0.5 * square(d), delta * (size - 0.5 * delta)), options.reduction);
}

// log(sum exp(z)) - z[label]. The label's logit is selected by comparison, so that its gradient fuses with the rest;
// gathering the class by the label checks the label.
Tensor cross_entropy(Located logits, Located labels, CrossEntropyOptions options) {
  const AtLine line(logits);
  const Tensor z = floating("cross_entropy", logits), label = labels.as(DType::int32);
  const Shape shape = z.shape();
  if (label.dtype() != DType::int32)
    throw DTypeError(std::string("cross_entropy: ") + name_of(label.dtype()) + " labels; expected int32");
  const Shape expected(shape.extents().first(static_cast<size_t>(std::max(shape.rank() - 1, 0))));
  if (shape.rank() == 0 || label.shape() != expected || (shape[shape.rank() - 1] == 0 && label.size() > 0)) {
    throw ShapeError("cross_entropy: logits " + shape.to_string() + " and labels " + label.shape().to_string() +
                     "; expected [..., classes] and [...], with 1 class or more");
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    throw ValueError("cross_entropy: label_smoothing " + std::to_string(options.label_smoothing) + "; expected 0 to 1");
  const Tensor classes = iota({shape[shape.rank() - 1]});
  const Tensor chosen = expand_dims(gather(classes, label), -1) == classes;
  Tensor score = sum(where(chosen, z, 0), -1);
  if (options.label_smoothing != 0)
    score = (1 - options.label_smoothing) * score + options.label_smoothing * mean(z, -1);
  return reduced(logsumexp(z, -1) - score, options.reduction);
}

Tensor bce(Located probability, Located target, LossOptions options) {
  const AtLine line(probability);
  const auto [p, t] = same_shape("bce", probability, target);
  return reduced(-(t * bounded_log(p) + (1 - t) * bounded_log(1 - p)), options.reduction);
}

// softplus(z) - t z = -t log(sigmoid(z)) - (1 - t) log(1 - sigmoid(z))
Tensor bce_with_logits(Located logit, Located target, LossOptions options) {
  const AtLine line(logit);
  const auto [z, t] = same_shape("bce_with_logits", logit, target);
  return reduced(softplus(z) - t * z, options.reduction);
}

}  // namespace autograd
