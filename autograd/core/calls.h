#pragma once

#include <autograd/core/graph.h>

// What opaque operations run: declared here for ops/, defined in engine/.

namespace autograd {

void run_scatter_add(const Op::Call& call);
void run_matmul(const Op::Call& call);

}  // namespace autograd
