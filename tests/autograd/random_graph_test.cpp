#include "tests/autograd/random_graph.h"

#include <algorithm>
#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/catch.h"

// One graph, however it is executed, gives one set of bits.

namespace ag = autograd;
using ag::Tensor;

namespace {

constexpr size_t default_limit = 2000;

struct Execution {
  const char* name;
  size_t region_limit = default_limit;
  int threads = 1;
  bool eager = false;     // each value is read when recorded
  bool separate = false;  // outputs are evaluated one by one, last first
  ag::Backend backend = ag::Backend::interpreter;
};

const Execution executions[] = {
    {.name = "node by node", .region_limit = 1},
    {.name = "regions of three", .region_limit = 3},
    {.name = "eager", .eager = true},
    {.name = "one by one", .separate = true},
    {.name = "two threads", .threads = 2},
    {.name = "seven threads", .threads = 7},
    {.name = "seven threads, node by node", .region_limit = 1, .threads = 7},
    {.name = "AVX2", .backend = ag::Backend::avx2},
    {.name = "AVX2, seven threads", .threads = 7, .backend = ag::Backend::avx2},
    {.name = "AVX2, node by node", .region_limit = 1, .backend = ag::Backend::avx2},
    {.name = "AVX-512", .backend = ag::Backend::avx512},
    {.name = "AVX-512, seven threads", .threads = 7, .backend = ag::Backend::avx512},
    {.name = "AVX-512, regions of three", .region_limit = 3, .backend = ag::Backend::avx512},
};

using Values = std::vector<std::vector<float>>;

Values run(uint64_t seed, RandomGraph::Options options, const Execution& execution) {
  const Threads threads(execution.threads);
  const WithBackend backend(execution.backend);
  const RegionLimit limit(execution.region_limit);
  options.eager = execution.eager;
  const ag::Step step;
  const RandomGraph graph(seed, options, ag::DType::float32);
  const std::vector<Tensor>& tensors = graph.tensors();
  Values values(tensors.size());
  if (!execution.separate) ag::evaluate(tensors);
  for (size_t i = tensors.size(); i-- > 0;) values[i] = tensors[i].to_vector<float>();
  return values;
}

/// Only the last tensors, so that most of the graph stays inside regions.
Values run_last(uint64_t seed, RandomGraph::Options options, size_t region_limit, ag::Backend backend) {
  const WithBackend with(backend);
  const RegionLimit limit(region_limit);
  const ag::Step step;
  const RandomGraph graph(seed, options, ag::DType::float32);
  const auto last = std::span(graph.tensors()).last(6);
  ag::evaluate(last);
  Values values;
  for (const Tensor& tensor : last) values.push_back(tensor.to_vector<float>());
  return values;
}

void require_equal(const Values& a, const Values& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    INFO("tensor " << i << " of " << a.size());
    REQUIRE(first_difference(a[i], b[i]) == -1);
  }
}

}  // namespace

TEST_CASE("Random graphs give the same bits however they are executed") {
  for (uint64_t seed = 0; seed < (sanitized() ? 50 : 300); ++seed) {
    const RandomGraph::Options options{.large = seed % 5 == 4};
    const Values fused = run(seed, options, {.name = "fused"});
    for (const Execution& execution : executions) {
      if (!ag::available(execution.backend)) continue;
      INFO("seed " << seed << ", " << execution.name);
      require_equal(run(seed, options, execution), fused);
    }
    INFO("seed " << seed << ", last tensors only");
    const Values last(fused.end() - 6, fused.end());
    for (ag::Backend backend : {ag::Backend::interpreter, ag::Backend::avx2, ag::Backend::avx512}) {
      if (!ag::available(backend)) continue;
      for (size_t limit : {default_limit, size_t{1}, size_t{5}}) {
        require_equal(run_last(seed, options, limit, backend), last);
      }
    }
  }
}

TEST_CASE("Random graphs in float32 are close to the same graphs in float64") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RandomGraph::Options options{.smooth = true};
    const ag::Step step;
    const RandomGraph narrow(seed, options, ag::DType::float32), wide(seed, options, ag::DType::float64);
    ag::evaluate(narrow.tensors());
    ag::evaluate(wide.tensors());
    REQUIRE(narrow.tensors().size() == wide.tensors().size());
    for (size_t i = 0; i < wide.tensors().size(); ++i) {
      const auto a = narrow.tensors()[i].values<float>();
      const auto b = wide.tensors()[i].values<double>();
      REQUIRE(narrow.tensors()[i].shape() == wide.tensors()[i].shape());
      double scale = 1, worst = 0;
      for (double value : b) scale = std::max(scale, std::fabs(value));
      for (size_t k = 0; k < b.size(); ++k) worst = std::max(worst, std::fabs(static_cast<double>(a[k]) - b[k]));
      INFO("seed " << seed << ", tensor " << i << " of " << wide.tensors().size());
      REQUIRE(worst <= 1e-3 * scale);
    }
  }
}
