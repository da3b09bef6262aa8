#pragma once

#include <autograd/core/tensor.h>

// What a training makes small. float32, float64. Each gives one number for each element (of cross-entropy, each row),
// of which the mean is taken, or the sum, or nothing. ShapeError where prediction and target do not have the same
// shape: a loss that broadcasts hides mistakes.

namespace autograd {

struct LossOptions {
  enum class Reduction : uint8_t { mean, sum, none };
  Reduction reduction = Reduction::mean;
};

/// (prediction - target)^2
BACKLIGHT_API Tensor mse(Located prediction, Located target, LossOptions options = {});

/// d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), of d = prediction - target (Huber 1964). ValueError for
/// delta not above 0
BACKLIGHT_API Tensor huber(Located prediction, Located target, double delta = 1, LossOptions options = {});

struct CrossEntropyOptions {
  LossOptions::Reduction reduction = LossOptions::Reduction::mean;
  double label_smoothing = 0;  ///< part of the target that is spread over all classes, 0 to 1
};
/// -log softmax(logits)[label] for logits [..., classes] and int32 labels [...], without overflow. An evaluation with
/// a label outside [0, classes) throws IndexError.
BACKLIGHT_API Tensor cross_entropy(Located logits, Located labels, CrossEntropyOptions options = {});

/// Binary cross-entropy, -t log(p) - (1 - t) log(1 - p), for probabilities p; logarithms count as at least -100, so
/// that a sure mistake stays finite.
BACKLIGHT_API Tensor bce(Located probability, Located target, LossOptions options = {});
/// The same for p = sigmoid(logit), accurate for any logit.
BACKLIGHT_API Tensor bce_with_logits(Located logit, Located target, LossOptions options = {});

}  // namespace autograd
