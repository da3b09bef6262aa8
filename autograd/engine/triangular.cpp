#include <autograd/core/calls.h>
#include <autograd/engine/interpreter_kernels.h>

namespace autograd {

void solve_triangular(const TriangularFactor& factor, double* x) { engine::kernel_table().solve(factor, x); }

}  // namespace autograd
