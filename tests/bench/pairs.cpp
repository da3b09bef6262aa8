#include <fmt/format.h>
#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

// A sum over all pairs of two sets of points, as kernel methods, Chamfer-like losses and optimal transport have it:
//
//   s_i = sum_j exp(-|x_i - y_j|^2) w_j    and then sum_i s_i or sum_i log s_i
//
// There are 2^26 pairs: memory for one float each would be 256 MiB.

namespace bench {

namespace {

using Inputs = std::span<const ag::Array>;
using Outputs = std::vector<ag::Tensor>;

constexpr int64_t points = 8192;
constexpr double pairs = static_cast<double>(points) * points;
// Extra memory that counts as O(points): some sums for each point and each of a few blocks of points.
constexpr int64_t most_bytes = 64 * 2 * points * int64_t{sizeof(float)};

enum Input { x = 0, y = 3, w = 6 };  // where the first coordinate stands

std::vector<ag::Array> inputs() {
  std::vector<ag::Array> list;
  for (uint32_t k = x; k < y; ++k) list.push_back(uniform({points, 1}, 0, 1, k));
  for (uint32_t k = y; k < w; ++k) list.push_back(uniform({points}, 0, 1, k));
  list.push_back(uniform({points}, 0, 1, w));
  return list;
}

/// exp(-|x_i - y_j|^2) w_j [points, points]
ag::Tensor terms(Inputs in) {
  const ag::Tensor square =
      ag::square(in[x] - in[y]) + ag::square(in[x + 1] - in[y + 1]) + ag::square(in[x + 2] - in[y + 2]);
  return ag::exp(-square) * in[w];
}

Outputs with_gradients(const ag::Tensor& sum, Inputs in) {
  const auto gradients = ag::grad(sum, {in[x], in[x + 1], in[x + 2], in[y], in[y + 1], in[y + 2], in[w]});
  Outputs outputs{sum};
  outputs.insert(outputs.end(), gradients.begin(), gradients.end());
  return outputs;
}

Outputs record_sum(Inputs in) { return {ag::sum(terms(in))}; }
Outputs record_sum_gradient(Inputs in) { return with_gradients(ag::sum(terms(in)), in); }
Outputs record_log_gradient(Inputs in) { return with_gradients(ag::sum(ag::log(ag::sum(terms(in), 1))), in); }

Result measure(const std::vector<Work>& works) {
  Result result = worst(works);
  const int64_t bytes = peak_bytes(works[0]);
  result.note = fmt::format("memory beside the inputs {:.2f} MiB", static_cast<double>(bytes) / (1 << 20));
  if (bytes > most_bytes) result.failure = fmt::format("needs {} bytes; expected O(points), {}", bytes, most_bytes);
  return result;
}

}  // namespace

Result pairwise() {
  return measure({Work{.name = "with gradients",
                       .inputs = inputs(),
                       .record = record_sum_gradient,
                       .baseline = baseline::pairwise_gradient(),
                       .elements = pairs},
                  Work{.name = "value only",
                       .inputs = inputs(),
                       .record = record_sum,
                       .baseline = baseline::pairwise(),
                       .reference_ns = 0.55,
                       .elements = pairs,
                       .beside = true}});
}

Result pairwise_log() {
  return measure({Work{.name = "with gradients",
                       .inputs = inputs(),
                       .record = record_log_gradient,
                       .baseline = baseline::pairwise_log_gradient(),
                       .elements = pairs}});
}

}  // namespace bench
