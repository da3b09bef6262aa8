#include <autograd/core/calls.h>
#include <autograd/core/parallel.h>
#include <autograd/engine/interpreter_kernels.h>

#include <algorithm>

// Forward, a part subtracts from its own rows and from those behind all parts, the top: each part has a top of its
// own, and the sums of what they subtract are added in order. Backward, parts only read the top.

namespace autograd {

namespace {

constexpr double element_cost = 0.8;  // nanoseconds, of L

}  // namespace

void solve_triangular(const TriangularFactor& factor, double* x, Arena& scratch) {
  const auto [forward, backward] = *engine::kernel_table().triangular;
  const auto parts = std::max<int64_t>(static_cast<int64_t>(factor.parts.size()) - 1, 0);
  const int64_t top = parts > 0 ? factor.parts.back() : 0, top_numbers = 4 * (factor.size - top);
  const double cost = static_cast<double>(factor.starts[top]) * element_cost;
  const auto begin_of = [&](int64_t part) { return factor.parts[static_cast<size_t>(part)]; };
  auto* tops = scratch.array<double>(parts * top_numbers);
  parallel_for(parts, cost, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      double* own = tops + part * top_numbers;
      std::fill_n(own, top_numbers, 0.0);
      forward(factor, begin_of(part), begin_of(part + 1), x, own - 4 * top);
    }
  });
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t i = 0; i < top_numbers; ++i) x[4 * top + i] += tops[part * top_numbers + i];
  }
  forward(factor, top, factor.size, x, x);
  backward(factor, top, factor.size, x);
  parallel_for(parts, cost, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) backward(factor, begin_of(part), begin_of(part + 1), x);
  });
}

}  // namespace autograd
