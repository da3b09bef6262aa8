#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

// A bias: broadcast on the way forward, summed on the way back, over either axis.

namespace bench {

namespace {

using Inputs = std::span<const ag::Array>;
using Outputs = std::vector<ag::Tensor>;

constexpr int64_t rows = 1 << 14, columns = 64;

Outputs with_gradients(const ag::Tensor& sum, Inputs in) {
  const auto [to_x, to_b] = ag::grad(sum, {in[1], in[2]});
  return {sum, to_x, to_b};
}

Outputs record_sum(Inputs in) { return with_gradients(ag::sum(in[0] * (in[1] + in[2])), in); }
Outputs record_product(Inputs in) { return with_gradients(ag::sum(in[0] * in[1] * in[2]), in); }

}  // namespace

Result broadcast_worst() {
  const ag::Array w = uniform({rows, columns}, -1, 1, 1), x = uniform({rows, columns}, -1, 1, 2);
  const ag::Array row = uniform({columns}, -1, 1, 3), column = uniform({rows, 1}, -1, 1, 4);
  return worst({Work{"w (x + b), b [64]", {w, x, row}, record_sum, baseline::row_sum_gradient()},
                Work{"w x b, b [64]", {w, x, row}, record_product, baseline::row_product_gradient()},
                Work{"w (x + b), b [2^14, 1]", {w, x, column}, record_sum, baseline::column_sum_gradient()},
                Work{"w x b, b [2^14, 1]", {w, x, column}, record_product, baseline::column_product_gradient()}});
}

}  // namespace bench
