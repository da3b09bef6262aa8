#include <autograd/autograd.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "tests/autograd/random_graph.h"
#include "tests/autograd/small_stack.h"
#include "tests/autograd/support.h"
#include "tests/autograd/training.h"
#include "tests/catch.h"

// Many graphs at once, and very long ones on a small stack, by every backend. Checks stand in the main thread.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

/// A graph of its own for each `which`, all from the same Arrays.
std::vector<float> shared_graph(const Training::Data& data, size_t which) {
  const ag::Step step;
  const Array mine = data.table;  // threads count references at once
  const Tensor points = ag::gather(mine, data.rows);
  Tensor y = points * (1.5 + 0.1 * static_cast<double>(which));
  for (size_t i = 0; i <= which; ++i) {
    y = (i + which) % 2 == 0 ? ag::sin(y) + points : ag::tanh(y * points) - 0.3;
    if (i % 3 == 2) y = y - ag::mean(y, static_cast<int>(which % 2), {.keep = true});
  }
  const Tensor added = ag::scatter_add(y, data.groups, 7), product = ag::matmul(y, data.weights);
  const Tensor loss = ag::sum(ag::square(added)) * 1e-3 + ag::mean(ag::exp(product * 0.1));
  const auto [table, weights] = ag::grad(loss, {Located(mine), Located(data.weights)});
  ag::evaluate({loss, table, weights});
  std::vector<float> result{static_cast<float>(loss.item())};
  for (const Tensor& gradient : {table, weights}) {
    result.insert(result.end(), gradient.values<float>().begin(), gradient.values<float>().end());
  }
  return result;
}

std::vector<float> random_graphs(uint64_t first, uint64_t count) {
  std::vector<float> result;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const ag::Step step;
    const RandomGraph graph(seed, {.large = seed % 3 == 0}, ag::DType::float32);
    ag::evaluate(graph.tensors());
    for (const Tensor& tensor : graph.tensors()) {
      result.insert(result.end(), tensor.values<float>().begin(), tensor.values<float>().end());
    }
  }
  return result;
}

}  // namespace

TEST_CASE("Eight threads build and evaluate different graphs at once") {
  constexpr size_t count = 8;
  const Training::Data data(5000);
  for (const ag::Backend backend : backends()) {
    for (int parallel : {1, 3}) {
      const WithBackend with(backend);
      const Threads inside(parallel);
      const auto compute = [&](size_t which) {
        std::vector<float> values = shared_graph(data, which);
        for (const std::vector<float>& more : {random_graphs(100 * which, 3), trained(data, 2)}) {
          values.insert(values.end(), more.begin(), more.end());
        }
        return values;
      };
      std::vector<std::vector<float>> expected, results(count), again(count);
      for (size_t which = 0; which < count; ++which) expected.push_back(compute(which));
      std::atomic<size_t> ready{0};
      std::vector<std::thread> threads;
      for (size_t which = 0; which < count; ++which) {
        threads.emplace_back([&, which] {
          ++ready;
          while (ready < count) std::this_thread::yield();
          results[which] = compute(which);  // plans and code are made at once
          again[which] = compute(which);    // and found at once
        });
      }
      for (std::thread& thread : threads) thread.join();
      for (size_t which = 0; which < count; ++which) {
        INFO(ag::name_of(backend) << ", " << parallel << " threads each, graph " << which);
        CHECK(first_difference(results[which], expected[which]) == -1);
        CHECK(first_difference(again[which], expected[which]) == -1);
      }
      for (size_t which = 1; which < count; ++which) CHECK(expected[which] != expected[0]);
    }
  }
}

TEST_CASE("A chain of a million float32 nodes needs no deep stack, whatever executes it") {
  constexpr int links = 500000;  // of two nodes
  std::vector<float> value{1, -2, 3, 0.5F, 1e-3F}, slope(5, 1);
  const float factor = 1 + 0x1p-20F, offset = 1e-6F;
  for (int i = 0; i < links; ++i) {
    for (size_t k = 0; k < 5; ++k) value[k] = value[k] * factor + offset, slope[k] = slope[k] * factor;
  }
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    std::vector<float> found, gradient;
    int64_t nodes = 0;
    in_small_stack(size_t{1} << 20, [&] {
      const ag::Step step;
      const Tensor x = ag::tensor(Array::of({1.F, -2.F, 3.F, 0.5F, 1e-3F}));
      const Tensor a = ag::tensor(Array::scalar(factor)), b = ag::tensor(Array::scalar(offset));
      Tensor y = x;
      for (int i = 0; i < links; ++i) y = y * a + b;
      const Tensor slopes = ag::grad(ag::sum(y), x);
      ag::evaluate({y, slopes});
      nodes = ag::report().nodes;
      found = y.to_vector<float>();
      gradient = slopes.to_vector<float>();
    });
    INFO(ag::name_of(backend));
    CHECK(nodes > 3 * links);
    CHECK(first_difference(found, value) == -1);
    CHECK(first_difference(gradient, slope) == -1);
  }
}
