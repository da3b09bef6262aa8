#include <autograd/autograd.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/autograd/small_stack.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Graphs and threads; long chains; the log hook. Checks stand in the main thread: Catch2 is not
// made for others.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Parameter;
using ag::Tensor;

namespace {

void in_thread(const std::function<void()>& run) { std::thread(run).join(); }

/// The name of what `run` throws.
template <class E>
bool throws(const std::function<void()>& run) {
  try {
    run();
  } catch (const E&) {
    return true;
  } catch (...) {
  }
  return false;
}

/// Collects what goes to the log hook.
class Log {
 public:
  Log() {
    ag::set_log_hook([this](const std::string& line) { lines.push_back(line); });
  }
  ~Log() { ag::set_log_hook({}); }
  std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("A chain of a million nodes needs no deep stack") {
  double value = 0, gradient = 0;
  in_small_stack(size_t{1} << 20, [&] {
    const ag::Step step;
    const Tensor x = ag::tensor(Array::of({1.0, 2.0, 3.0}));
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = y + 1e-6;
    const Tensor sum = ag::sum(y * y);
    value = sum.item();
    gradient = ag::grad(sum, x).values<double>()[1];
  });
  CHECK(value == Approx(4 + 9 + 16));
  CHECK(gradient == Approx(6));
}

TEST_CASE("A long chain of views and reductions needs no deep stack either") {
  double value = 0;
  in_small_stack(size_t{1} << 20, [&] {
    const ag::Step step;
    Tensor y = ag::reshape(ag::arange(6, ag::DType::float64), {2, 3});
    for (int i = 0; i < 30000; ++i) y = ag::transpose(ag::flip(ag::reshape(y, {3, 2}), 0));
    for (int i = 0; i < 3000; ++i) y = y - ag::mean(y, 1, {.keep = true}) + 1;
    value = ag::sum(y).item();
  });
  CHECK(value == Approx(6));
}

TEST_CASE("A Tensor belongs to its thread") {
  const ag::Step step;
  const Tensor x = Array::of({1.F}) * 2;
  bool item = false, operand = false, gradient = false;
  std::string text;
  in_thread([&] {
    const ag::Step other;
    item = throws<ag::WrongThread>([&] { x.item(); });
    operand = throws<ag::WrongThread>([&] { x + 1; });
    gradient = throws<ag::WrongThread>([&] { ag::grad(x, x); });
    try {
      x.item();
    } catch (const ag::Error& error) {
      text = error.what();
    }
  });
  CHECK((item && operand && gradient));
  CHECK_THAT(text, ContainsSubstring("multiply") && ContainsSubstring("thread") && ContainsSubstring("keep()"));
  CHECK(x.item() == 2);
}

TEST_CASE("A Tensor of a thread that ended is stale") {
  Tensor stale;
  in_thread([&] { stale = Array::of({1.F}) * 2; });
  CHECK_THROWS_AS(stale.item(), ag::StaleTensor);
}

TEST_CASE("A Parameter that another thread's open Step reads cannot be assigned") {
  Parameter parameter(Array::of({1.F}), "shared");
  std::atomic<int> stage{0};
  std::thread reader([&] {
    const ag::Step step;
    const Tensor x = parameter * 2;
    stage = 1;
    while (stage != 2) std::this_thread::yield();
    stage = x.item() == 2 ? 3 : 4;
  });
  while (stage != 1) std::this_thread::yield();
  CHECK_THROWS_AS(parameter.assign(Array::of({5.F})), ag::ParameterInUse);
  CHECK_THROWS_WITH(parameter.assign(Array::of({5.F})), ContainsSubstring("'shared'") && ContainsSubstring("thread"));
  {
    const ag::Step step;
    CHECK((parameter + 1).item() == 2);  // reading is free
    CHECK_THROWS_AS(parameter.assign(parameter + 1), ag::ParameterInUse);
    ag::Adam optimiser({parameter});
    CHECK_THROWS_AS(optimiser.minimise(ag::sum(parameter * 2)), ag::ParameterInUse);
  }
  stage = 2;
  reader.join();
  CHECK(stage == 3);
  CHECK(parameter.version() == 0);
  parameter.assign(Array::of({5.F}));
  CHECK(parameter.item() == 5);
}

TEST_CASE("Several threads build and evaluate graphs at once") {
  Random random(70);
  const Array shared = random_array<float>(random, {30000}, -1, 1);
  const auto compute = [&](int seed) {
    const ag::Step step;
    const Tensor x = ag::tensor(shared);
    Tensor y = x * (1 + 0.1 * seed);
    for (int i = 0; i < 10; ++i) y = ag::sin(y) + x;
    return ag::grad(ag::sum(ag::square(y)), x).to_vector<float>();
  };
  std::vector<std::vector<float>> expected, results(4);
  for (int seed = 0; seed < 4; ++seed) expected.push_back(compute(seed));
  std::vector<std::thread> threads;
  for (int seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      for (int i = 0; i < 3; ++i) results[static_cast<size_t>(seed)] = compute(seed);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t seed = 0; seed < 4; ++seed) CHECK(first_difference(results[seed], expected[seed]) == -1);
}

TEST_CASE("Threads hand values on as Arrays") {
  Array result;
  in_thread([&] {
    const ag::Step step;
    result = (Array::of({1.F, 2.F}) * 5).keep();
  });
  const ag::Step step;
  CHECK((result + 1).to_vector<float>() == std::vector<float>{6, 11});
}

TEST_CASE("Unbounded growth outside a Step warns once, with the largest operations") {
  Log log;
  in_thread([] {
    Tensor x = ag::tensor(Array::of({1.F}));
    for (int i = 0; i < (1 << 20) + 10000; ++i) x = i % 4 == 0 ? ag::exp(x) : -x;
  });
  REQUIRE(log.lines.size() == 1);
  CHECK_THAT(log.lines[0], ContainsSubstring("1048576 nodes") && ContainsSubstring("negate 78643") &&
                               ContainsSubstring("exp 26214") && ContainsSubstring("Step"));
  SECTION("but not inside one") {
    in_thread([] {
      const ag::Step step;
      Tensor x = ag::tensor(Array::of({1.F}));
      for (int i = 0; i < (1 << 20) + 10000; ++i) x = -x;
    });
    CHECK(log.lines.size() == 1);
  }
}

TEST_CASE("Results do not depend on set_threads()") {
  Random random(71);
  const Array x = random_array<float>(random, {300, 300}, -1, 1);
  std::vector<float> expected;
  for (int count : {1, 2, 3, 7, 16}) {
    const Threads scope(count);
    const ag::Step step;
    const Tensor y = ag::matmul(ag::sin(x), x) + ag::sum(ag::exp(x), 0);
    const std::vector<float> values = ag::grad(ag::sum(y * y), Located(x)).to_vector<float>();
    if (expected.empty()) expected = values;
    CHECK(first_difference(values, expected) == -1);
  }
}
