#pragma once

#include <autograd/core/graph.h>

// Views and their adjoints; private to ops/.

namespace autograd {

/// Element i of the input goes to start + step i, on each axis.
struct Placement {
  int64_t start[max_rank];
  int64_t step[max_rank];
};

/// Zeros of `shape` with x placed among them; the adjoint of a slice.
Tensor embed(const Tensor& x, const Placement& placement, const Shape& shape);
/// Among copies of the scalar `fill`, which has no gradient.
Tensor embed(const Tensor& x, const Placement& placement, const Shape& shape, const Tensor& fill);

/// a + b of embeddings among zeros that lie side by side: one embedding of the two joined, or just that where together
/// they are all there is. So a gradient that comes in pieces is put together without zeros. Undefined for others.
Tensor join_embedded(const Tensor& a, const Tensor& b);

/// The view that changes nothing: output axis i walks input axis i.
StridedView plain_view(int rank);

Tensor record_view(const Tensor& x, const StridedView& view, const Shape& shape, std::source_location where);

}  // namespace autograd
