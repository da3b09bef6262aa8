#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

#include <algorithm>
#include <random>

// Rows of a table by index, and the gradient to the table: what reading vertices by the triangles of pixels is.

namespace bench {

namespace {

using Inputs = std::span<const ag::Array>;
using Outputs = std::vector<ag::Tensor>;

constexpr int64_t entries = 1 << 18, rows = 10000, channels = 3;

/// Each random index as often as `run` says.
ag::Array indices(size_t run) {
  std::mt19937 bits(1);
  return ag::Array::make<int32_t>({entries}, [&](std::span<int32_t> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = i % run == 0 ? static_cast<int32_t>(bits() % rows) : out[i - 1];
  });
}

Outputs record(Inputs in) {
  const ag::Tensor gathered = ag::gather(in[1], in[0]);
  return {gathered, ag::grad(gathered, in[1], {.cotangent = ag::tensor(in[2])})};
}

std::vector<Work> works() {
  const ag::Array table = uniform({rows, channels}, -1, 1, 1), cotangent = uniform({entries, channels}, -1, 1, 2);
  return {Work{"random", {indices(1), table, cotangent}, record, baseline::gather_gradient(), 475e3 / entries},
          Work{"runs of nine", {indices(9), table, cotangent}, record, baseline::gather_gradient(), 560e3 / entries}};
}

}  // namespace

Result gather_scatter() { return worst(works()); }

Result gather_scatter_threads() {
  Result result{.value = 0};
  for (const Work& work : works()) {
    result.details.push_back(compare_threads(work));
    result.value = std::max(result.value, result.details.back().ratio);
  }
  return result;
}

}  // namespace bench
