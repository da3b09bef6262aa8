#include <autograd/core/error.h>
#include <autograd/nn/batches.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/iota.h>
#include <autograd/ops/random.h>

namespace autograd {

Batches::Batches(int64_t examples, int64_t size) : order_(arange(examples)), size_(size) {
  if (size < 1 || size > examples)
    throw ValueError("Batches: batches of " + std::to_string(size) + " from " + std::to_string(examples) +
                     " examples; expected 1 to " + std::to_string(examples));
}

void Batches::shuffle(Rng& rng) { order_ = permutation(rng, order_.size()); }

Tensor Batches::operator[](int64_t i) const {
  if (i < 0 || i >= count())
    throw IndexError("Batches: batch " + std::to_string(i) + "; expected 0 to " + std::to_string(count() - 1));
  return gather(order_, iota({size_}) + i * size_);
}

}  // namespace autograd
