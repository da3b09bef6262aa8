#include <autograd/autograd.h>
#include <autograd/engine/kernel.h>
#include <autograd/engine/plan.h>

#include <cstdio>
#include <set>
#include <thread>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/autograd/training.h"
#include "tests/catch.h"

#ifdef __linux__
#include <unistd.h>
#endif

// What a steady loop does not do again: new machine code, new plans, more memory. Everything of the engine is of a
// thread, so each case runs in a fresh one.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

template <class Run>
void in_thread(Run&& run) {
  std::thread(run).join();
}

/// The plan by which evaluate() would compute the tensors now.
const ag::engine::Plan* plan_of(const std::vector<Tensor>& tensors) {
  ag::Graph& graph = ag::Graph::current();
  ag::engine::Recording recording;
  std::vector<uint32_t> outputs;
  for (const Tensor& tensor : tensors) outputs.push_back(graph.check(tensor));
  const ag::engine::Keep keep{outputs.size(), true};
  recording.trace(graph, outputs);
  recording.add_to_key(keep.outputs << 1 | 1);
  recording.add_to_key(ag::engine::region_limit() << 8 | static_cast<uint64_t>(ag::backend()));
  return ag::engine::find_plan(recording, keep).get();
}

std::vector<ag::Backend> machines() {
  std::vector<ag::Backend> result;
  for (const ag::Backend backend : {ag::Backend::avx2, ag::Backend::avx512}) {
    if (ag::available(backend)) result.push_back(backend);
  }
  if (result.empty()) WARN("skipped: this machine has no machine code");
  return result;
}

/// Resident memory of the process, where the system tells it; else 0.
int64_t resident_bytes() {
#ifdef __linux__
  long long total = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    const int found = std::fscanf(file, "%lld %lld", &total, &resident);
    std::fclose(file);
    if (found == 2) return resident * sysconf(_SC_PAGESIZE);
  }
#endif
  return 0;
}

}  // namespace

TEST_CASE("Changing numbers make no machine code") {
  const Training::Data data(300);
  for (const ag::Backend backend : machines()) {
    const WithBackend with(backend);
    int64_t before = 0, after = 0;
    in_thread([&] {
      Training training(data);
      training.step(0.9);
      before = ag::engine::compiled_kernels();
      for (int i = 0; i < 100; ++i) {
        training.optimiser.set_learning_rate(0.3 / (2 + i));
        training.step(0.9 / (2 + i));
      }
      after = ag::engine::compiled_kernels();
    });
    INFO(ag::name_of(backend));
    CHECK(before > 3);
    CHECK(after == before);
  }
}

TEST_CASE("Changing numbers find the plan again; other structures do not") {
  std::set<const ag::engine::Plan*> plans, others;
  std::vector<double> values, expected;
  in_thread([&] {
    const Array x = ag::arange(100, ag::DType::float32);
    const auto of = [&](double rate, double weight) {
      const Tensor loss = ag::sum(ag::square(x * rate + weight)) * weight;
      return std::vector<Tensor>{loss, ag::grad(loss, Located(x))};
    };
    for (int i = 0; i < 50; ++i) {
      const ag::Step step;
      const double rate = 0.5 / (3 + i), weight = i % 2 == 0 ? 1e-30 * i + 3 : -1e20;
      plans.insert(plan_of(of(rate, weight)));
      values.push_back(of(rate, weight)[0].item());
      const auto w = static_cast<float>(weight);
      float plain = 0;
      for (int k = 0; k < 100; ++k) {
        const float root = static_cast<float>(k) * static_cast<float>(rate) + w;
        plain += root * root;
      }
      expected.push_back(static_cast<double>(plain * w));
    }
    const ag::Step step;
    others = {plan_of(of(1, 0.5)), plan_of(of(0, 0.5)), plan_of(of(-1, 0.5)), plan_of(of(2, 0.5))};
    others.insert(plan_of({of(0.3, 0.5)[0]}));
    others.insert(*plans.begin());
  });
  CHECK(plans.size() == 1);
  CHECK(others.size() == 6);  // numbers that programs contain, and other outputs
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).epsilon(1e-5));
}

TEST_CASE("Steps that differ in one thing alone are told apart") {
  // Each function is recorded between steps of the first one: node for node alike but for what its line names.
  using Function = Tensor (*)(const Array&, const Array&);
  const Function base = [](const Array& x, const Array& y) { return ag::sum(ag::slice(x * y, 0, {.stop = 8})) * 3; };
  const Function variants[] = {
      base,
      [](const Array& x, const Array& y) { return ag::sum(ag::slice(x + y, 0, {.stop = 8})) * 3; },  // op
      [](const Array& x, const Array&) { return ag::sum(ag::slice(x * x, 0, {.stop = 8})) * 3; },    // input
      [](const Array& x, const Array& y) {
        return ag::sum(ag::slice(x * y, 0, {.start = 2, .stop = 10})) * 3;
      },                                                                                             // view
      [](const Array& x, const Array& y) { return ag::max(ag::slice(x * y, 0, {.stop = 8})) * 3; },  // reduction
      [](const Array& x, const Array& y) { return ag::sum(ag::slice(x * y, 0, {.stop = 9})) * 3; },  // extent
      [](const Array& x, const Array& y) { return ag::sum(ag::slice(x * y, 0, {.stop = 8})) * 4; },  // number
      [](const Array& x, const Array& y) { return ag::sum(ag::slice(x * y, 0, {.stop = 8})) * 2; },  // a special one
      [](const Array& x, const Array& y) {                                                           // a known value
        const Tensor product = x * y;
        ag::evaluate({product});
        return ag::sum(ag::slice(product, 0, {.stop = 8})) * 3;
      },
      [](const Array& x, const Array& y) {  // many inputs
        return ag::sum(ag::concatenate({x, y, x, y, x}, 0)) * 3;
      },
      [](const Array& x, const Array& y) {  // others of them
        return ag::sum(ag::concatenate({x, y, y, y, x}, 0)) * 3;
      },
  };
  std::vector<double> fresh, among;
  const Array x = ag::arange(12, ag::DType::float32), y = ag::full({12}, 0.5);
  for (const Function variant : variants) {
    in_thread([&] {
      const ag::Step step;
      fresh.push_back(variant(x, y).item());
    });
  }
  in_thread([&] {
    for (const Function variant : variants) {
      for (const Function function : {base, variant, base, variant}) {
        const ag::Step step;
        among.push_back(function(x, y).item());
      }
    }
  });
  for (size_t i = 0; i < fresh.size(); ++i) {
    INFO("variant " << i);
    const std::vector<double> found(among.begin() + static_cast<ptrdiff_t>(4 * i),
                                    among.begin() + static_cast<ptrdiff_t>(4 * i + 4));
    CHECK(found == std::vector<double>{fresh[0], fresh[i], fresh[0], fresh[i]});
  }
}

TEST_CASE("A step that repeats another notices an overwritten Parameter") {
  ag::Parameter p = ag::full({4}, 2);
  const Array next = ag::full({4}, 3);
  for (int i = 0; i < 3; ++i) {
    const ag::Step step;
    const Tensor square = ag::square(p);
    if (i == 2) {
      p.assign(next);
      CHECK_THROWS_AS(ag::evaluate({square}), ag::OverwrittenParameter);
    } else {
      CHECK(square.values<float>()[0] == 4);
    }
  }
}

TEST_CASE("An Array in the memory of one that is gone is told apart") {
  for (int i = 0; i < 6; ++i) {
    const Array array = ag::ones({8 + i % 2});
    const ag::Step step;
    CHECK(ag::sum(array).item() == static_cast<double>(array.size()));  // of the nodes only the leaf differs
  }
}

TEST_CASE("Changing sizes make no machine code") {
  for (const ag::Backend backend : machines()) {
    const WithBackend with(backend);
    int64_t before = 0, after = 0, rows_before = 0, rows_after = 0;
    in_thread([&] {
      const auto step = [](int64_t points) {
        const Training::Data data(points);
        Training(data).step();
      };
      step(1000);
      before = ag::engine::compiled_kernels();
      for (int64_t i = 0; i < 60; ++i) step(1001 + 37 * i);
      after = ag::engine::compiled_kernels();
    });
    in_thread([&] {
      const auto step = [](int64_t rows, int64_t lanes) {
        const Array x = ag::full({rows, lanes}, 0.5), row = ag::full({lanes}, 0.3), column = ag::full({rows, 1}, 0.2);
        const ag::Step scope;
        const Tensor y = ag::exp(x * row) + column;
        ag::evaluate({ag::sum(y, 0), ag::sum(y, 1), ag::grad(ag::sum(y), Located(row)), ag::transpose(y) * 3});
      };
      step(200, 300);
      rows_before = ag::engine::compiled_kernels();
      for (int64_t i = 0; i < 60; ++i) step(201 + i, 300), step(200, 301 + 7 * i);
      rows_after = ag::engine::compiled_kernels();
    });
    INFO(ag::name_of(backend));
    CHECK(before > 3);
    CHECK(after == before);
    CHECK(rows_before > 0);
    CHECK(rows_after == rows_before);
  }
}

TEST_CASE("Ten thousand steps take no more memory than a thousand") {
  if (sanitized() || resident_bytes() == 0) {
    WARN("skipped: resident memory says nothing here");
    return;
  }
  const Training::Data data(40);
  int64_t early = 0, late = 0;
  in_thread([&] {
    Training training(data);
    for (int i = 0; i < 10000; ++i) {
      if (i == 1000) early = resident_bytes();
      training.optimiser.set_learning_rate(0.01 / (2 + i));
      training.step(0.5 / (1 + i));
    }
    late = resident_bytes();
  });
  INFO(early << " bytes, then " << late);
  CHECK(std::abs(late - early) < 2 << 20);
}

TEST_CASE("Sizes that are new at every step take no more memory either") {
  if (sanitized() || resident_bytes() == 0) {
    WARN("skipped: resident memory says nothing here");
    return;
  }
  int64_t early = 0, late = 0;
  in_thread([&] {
    const Array all = ag::full({4000}, 0.5);
    for (int i = 0; i < 3000; ++i) {
      if (i == 1000) early = resident_bytes();
      const ag::Step step;
      const Tensor x = ag::slice(all, 0, {.stop = 500 + i});
      const Tensor loss = ag::sum(ag::tanh(x * 0.3) * ag::flip(x, 0));
      ag::grad(loss, Located(all)).values<float>();
    }
    late = resident_bytes();
  });
  INFO(early << " bytes, then " << late);
  CHECK(std::abs(late - early) < 4 << 20);
}
