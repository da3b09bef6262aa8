#pragma once

#include <autograd/core/rng.h>
#include <autograd/core/tensor.h>

namespace autograd {

/// The rows of a data set batch by batch, in order or shuffled:
///
///   Batches batches(images.shape()[0], 32);
///   for (int epoch = 0; epoch < 20; ++epoch) {
///     batches.shuffle(rng);
///     for (int64_t i = 0; i < batches.count(); ++i) {
///       Step step;
///       const Tensor rows = batches[i];
///       optimiser.minimise(cross_entropy(model(gather(images, rows)), gather(labels, rows)));
///     }
///   }
///
/// A batch's place is a number of the step, not of its plan: all batches are computed by one plan, which a slice()
/// with another start each time would not be.
class BACKLIGHT_API Batches {
 public:
  /// ValueError for a size below 1 or above the number of examples.
  Batches(int64_t examples, int64_t size);

  /// Another random order.
  void shuffle(Rng& rng);
  /// Full batches; what is left over waits for another order.
  int64_t count() const { return order_.size() / size_; }
  int64_t size() const { return size_; }
  /// Rows of batch i: int32 [size], recorded. IndexError
  Tensor operator[](int64_t i) const;

 private:
  Array order_;
  int64_t size_;
};

}  // namespace autograd
