#include <fmt/format.h>
#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

// Functions of rows: several passes over a row, which a good engine makes while the row is in the nearest cache.

namespace bench {

namespace {

using Inputs = std::span<const ag::Array>;
using Outputs = std::vector<ag::Tensor>;

ag::Tensor softmax(const ag::Array& x) { return ag::softmax(x); }
ag::Tensor layer_norm(const ag::Array& x) { return ag::layer_norm(x); }
ag::Tensor variance(const ag::Array& x) { return ag::var(x, -1); }
ag::Tensor logsumexp(const ag::Array& x) { return ag::logsumexp(x, -1); }

template <ag::Tensor function(const ag::Array& x)>
Outputs record(Inputs in) {
  return {function(in[0])};
}

template <ag::Tensor function(const ag::Array& x)>
Outputs record_gradient(Inputs in) {
  return {ag::grad(function(in[0]), in[0], {.cotangent = ag::tensor(in[1])})};
}

void add_works(std::vector<Work>& works, int64_t lanes) {
  const bool beside = lanes < 16;
  const int64_t rows = (beside ? 1 << 18 : 1 << 20) / lanes;
  const ag::Array x = uniform({rows, lanes}, -4, 4, 1), each = uniform({rows, lanes}, -1, 1, 2);
  const ag::Array of_rows = uniform({rows}, -1, 1, 3);
  const auto add = [&](const char* name, std::vector<ag::Array> inputs, auto* record, Loop* baseline) {
    works.push_back({fmt::format("{}, {}", name, lanes), std::move(inputs), record, baseline, 0, 0, beside});
  };
  add("softmax", {x}, record<softmax>, baseline::softmax());
  add("softmax gradient", {x, each}, record_gradient<softmax>, baseline::softmax_gradient());
  add("layer norm", {x}, record<layer_norm>, baseline::layer_norm());
  add("layer norm gradient", {x, each}, record_gradient<layer_norm>, baseline::layer_norm_gradient());
  add("variance", {x}, record<variance>, baseline::variance());
  add("variance gradient", {x, of_rows}, record_gradient<variance>, baseline::variance_gradient());
  add("logsumexp", {x}, record<logsumexp>, baseline::logsumexp());
  add("logsumexp gradient", {x, of_rows}, record_gradient<logsumexp>, baseline::logsumexp_gradient());
}

}  // namespace

Result rows_worst() {
  std::vector<Work> works;
  for (const int64_t lanes : {16, 256, 4096, 3, 10}) add_works(works, lanes);
  return worst(works);
}

}  // namespace bench
