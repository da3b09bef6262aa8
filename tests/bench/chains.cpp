#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

#include <algorithm>

// Long chains of elementwise operations: what fusion is for.

namespace bench {

namespace {

using Inputs = std::span<const ag::Array>;
using Outputs = std::vector<ag::Tensor>;

constexpr int64_t chain_size = 1 << 20, large_chain_size = 1 << 22;

// The chain: eight times p = o + d t, t += |p - c| - r ----------------------------------------------------

enum Input { o = 0, d = 3, c = 6, r = 9, t = 10 };  // where x of the vector stands, or the scalar

std::vector<ag::Array> chain_inputs(const ag::Shape& shape_of_sphere, int64_t size = chain_size) {
  std::vector<ag::Array> inputs;
  for (uint32_t i = o; i < c; ++i) inputs.push_back(uniform({size}, -1, 1, i));
  for (uint32_t i = c; i < r; ++i) inputs.push_back(uniform(shape_of_sphere, -1, 1, i));
  inputs.push_back(uniform(shape_of_sphere, 0.1f, 0.5f, r));
  inputs.push_back(uniform({size}, 0.1f, 1, t));
  return inputs;
}

ag::Tensor record_chain(Inputs in) {
  ag::Tensor distance = ag::tensor(in[t]);
  for (int round = 0; round < 8; ++round) {
    const ag::Tensor px = in[o] + in[d] * distance;
    const ag::Tensor py = in[o + 1] + in[d + 1] * distance;
    const ag::Tensor pz = in[o + 2] + in[d + 2] * distance;
    const ag::Tensor square = ag::square(px - in[c]) + ag::square(py - in[c + 1]) + ag::square(pz - in[c + 2]);
    distance = distance + (ag::sqrt(square) - in[r]);
  }
  return distance;
}

Outputs record_chain_forward(Inputs in) { return {record_chain(in)}; }

Outputs record_chain_gradient(Inputs in) {
  const auto gradients =
      ag::grad(ag::sum(record_chain(in)), {in[d], in[d + 1], in[d + 2], in[c], in[c + 1], in[c + 2], in[r]});
  return {gradients.begin(), gradients.end()};
}

// sum(tanh(exp(-x x) y + z)) ------------------------------------------------------------------------------

Outputs record_exp_chain_gradient(Inputs in) {
  const ag::Array &x = in[0], &y = in[1], &z = in[2];
  const ag::Tensor sum = ag::sum(ag::tanh(ag::exp(-x * x) * y + z));
  const auto [to_x, to_y, to_z] = ag::grad(sum, {x, y, z});
  return {sum, to_x, to_y, to_z};
}

Work exp_chain(int log2_size) {
  const ag::Shape shape{int64_t{1} << log2_size};
  return {.name = "2^" + std::to_string(log2_size),
          .inputs = {uniform(shape, -2, 2, 1), uniform(shape, -2, 2, 2), uniform(shape, -2, 2, 3)},
          .record = record_exp_chain_gradient,
          .baseline = baseline::exp_chain_gradient()};
}

}  // namespace

Result chain_forward() {
  return worst({Work{.name = "2^20",
                     .inputs = chain_inputs({chain_size}),
                     .record = record_chain_forward,
                     .baseline = baseline::chain_forward(),
                     .reference_ns = 2.6}});
}

Result chain_gradient() {
  return worst({Work{.name = "c, r arrays",
                     .inputs = chain_inputs({chain_size}),
                     .record = record_chain_gradient,
                     .baseline = baseline::chain_gradient_of_arrays(),
                     .reference_ns = 6.7},
                Work{.name = "c, r scalars",
                     .inputs = chain_inputs({}),
                     .record = record_chain_gradient,
                     .baseline = baseline::chain_gradient_of_scalars(),
                     .reference_ns = 6.7}});
}

Result thread_scaling() {
  Work work{.name = "c, r arrays",
            .inputs = chain_inputs({large_chain_size}, large_chain_size),
            .record = record_chain_gradient};
  Result result{.value = 0};
  result.details.push_back(compare_threads(work));
  work.name = "c, r scalars";
  work.inputs = chain_inputs({}, large_chain_size);
  result.details.push_back(compare_threads(work));
  result.value = 1 / std::max(result.details[0].ratio, result.details[1].ratio);
  return result;
}

Result exp_chain_gradient() { return worst({exp_chain(16), exp_chain(20), exp_chain(22)}); }

}  // namespace bench
