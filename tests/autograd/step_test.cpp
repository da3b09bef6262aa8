#include <autograd/autograd.h>
#include <autograd/core/storage.h>

#include <array>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Steps: what lives how long.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;

namespace {

uint32_t references(const Array& array) { return array.storage()->references(); }
uint32_t readers(const Array& array) { return array.storage()->readers(); }

Tensor made_from_a_local_array() {
  const Array local = Array::of({1.F, 2.F});
  return local * 2;
}

}  // namespace

TEST_CASE("A tensor made from a local Array is safe") {
  const ag::Step step;
  const Tensor x = made_from_a_local_array();
  for (int i = 0; i < 100; ++i) ag::zeros({2});  // would reuse the memory, had it been freed
  CHECK(x.to_vector<float>() == std::vector<float>{2, 4});
}

TEST_CASE("A Step holds what it reads until it ends, once for each version") {
  const Array array = Array::of({1.F});
  {
    const ag::Step step;
    const Tensor first = array + 1, second = array * 2;
    CHECK(references(array) == 2);
    CHECK(readers(array) == 1);
    CHECK((first + second).item() == 4);
    {
      const ag::Step inner;
      CHECK((array + 5).item() == 6);
      CHECK(references(array) == 2);  // the outer Step's leaf serves
    }
  }
  CHECK(references(array) == 1);
  CHECK(readers(array) == 0);
}

TEST_CASE("A Step has one leaf for each version of a Parameter, whichever Step read it first") {
  ag::Parameter parameter(Array::of({1.F}));
  const auto node_count = [] { return ag::report().nodes; };
  const ag::Step outer;
  const Tensor first = parameter * 2;
  ag::evaluate({first});
  {
    const ag::Step inner;
    parameter.assign(Array::of({5.F}));
    const Tensor second = parameter * 2, third = parameter * 3;
    CHECK(parameter.storage()->readers() == 2);
    CHECK((second + third).item() == 25);
    CHECK(node_count() == 6);  // one leaf, two numbers
  }
  CHECK(parameter.storage()->readers() == 1);
  const Array other = Array::of({7.F});
  const Tensor between = other * 2;  // its leaf takes the place of the inner Step's
  CHECK((parameter * 2 + parameter * 3).item() == 25);
  CHECK(node_count() == 6);
  CHECK(parameter.storage()->readers() == 2);
  CHECK(first.item() == 2);
  CHECK(between.item() == 14);
}

TEST_CASE("A handle used after its Step names operation and Step") {
  Tensor product, leaf;
  {
    const ag::Step step;
    leaf = ag::tensor(Array::of({1.F}));
    product = leaf * 3;
    CHECK(product.item() == 3);
  }
  CHECK_THROWS_AS(product.item(), ag::StaleTensor);
  CHECK_THROWS_WITH(product.item(),
                    ContainsSubstring("multiply") && ContainsSubstring("Step") && ContainsSubstring("keep()"));
  CHECK_THROWS_AS(product.shape(), ag::StaleTensor);
  CHECK_THROWS_AS(product + 1, ag::StaleTensor);
  CHECK_THROWS_AS(ag::grad(product, leaf), ag::StaleTensor);
  CHECK_THROWS_WITH(leaf.shape(), ContainsSubstring("leaf"));
  SECTION("also while a later Step is open in the same place") {
    const ag::Step later;
    const Tensor same_place = Array::of({1.F}) * 3;
    CHECK_THROWS_AS(product.item(), ag::StaleTensor);
    CHECK_THROWS_AS(product + same_place, ag::StaleTensor);
    CHECK(same_place.item() == 3);
  }
}

TEST_CASE("Steps nest") {
  const ag::Step outer;
  const Tensor x = ag::tensor(Array::of({1.0, 2.0}));
  const Tensor square = x * x;
  Tensor lost;
  for (int i = 0; i < 3; ++i) {
    const ag::Step inner;
    const Tensor sum = ag::sum(square) + i;  // inside, from outside
    CHECK(sum.item() == 5 + i);
    {
      const ag::Step innermost;
      CHECK(ag::grad(sum, x).to_vector<double>() == std::vector<double>{2, 4});
    }
    CHECK((sum * 2).item() == 10 + 2 * i);
    lost = sum;
  }
  CHECK_THROWS_AS(lost.item(), ag::StaleTensor);
  CHECK(square.to_vector<double>() == std::vector<double>{1, 4});
  CHECK(ag::sum(square + x).item() == 8);
}

TEST_CASE("A value belongs to the Step of its node, not to the one that asked") {
  const ag::Step outer;
  const Tensor x = Array::of({1.F, 2.F}) * 3;
  std::span<const float> values;
  {
    const ag::Step inner;
    values = x.values<float>();
    CHECK((x + 1).values<float>()[0] == 4);
  }
  const ag::Step other;
  CHECK((ag::zeros({1000}) + 7).values<float>()[0] == 7);  // takes the inner Step's memory
  CHECK(values[0] == 3);
  CHECK(values[1] == 6);
}

TEST_CASE("Steps leave nothing behind") {
  const Array x = Array::of({1.F, 2.F});
  Array kept;
  for (int i = 0; i < 20000; ++i) {
    const ag::Step step;
    Tensor y = x * i;
    for (int k = 0; k < 20; ++k) y = y + ag::zeros({2});
    if (i % 1000 == 0) kept = y.keep();
  }
  CHECK(references(x) == 1);
  CHECK(kept.to_vector<float>() == std::vector<float>{19000, 38000});
}

TEST_CASE("Many leaves find their own storage") {
  std::vector<Array> arrays;
  for (int i = 0; i < 1000; ++i) arrays.push_back(Array::of({i}));
  for (int round = 0; round < 3; ++round) {
    const ag::Step step;
    int64_t wrong = 0;
    {
      const ag::Step inner;
      for (int i = 500; i < 1000; ++i) wrong += (arrays[static_cast<size_t>(i)] + 0).item() != i;
    }
    for (int twice = 0; twice < 2; ++twice) {
      for (int i = 0; i < 1000; ++i) wrong += (arrays[static_cast<size_t>(i)] + 0).item() != i;
    }
    CHECK(wrong == 0);
    CHECK(readers(arrays[700]) == 1);
  }
  CHECK(references(arrays[3]) == 1);
}

TEST_CASE("Without a Step the thread's root Step records") {
  const Tensor x = Array::of({2.F}) * 4;
  CHECK(x.item() == 8);
  {
    const ag::Step step;
    CHECK((x + 1).item() == 9);
  }
  CHECK((x * x).item() == 64);
}

TEST_CASE("values() stays until the Step ends") {
  const ag::Step step;
  const Tensor x = Array::of({1.F, 2.F}) + 1;
  const std::span<const float> values = x.values<float>();
  for (int i = 0; i < 100; ++i) (x * i + ag::zeros({2})).values<float>();
  CHECK(x.values<float>().data() == values.data());
  CHECK(values[1] == 3);
}

TEST_CASE("A memory limit names the largest buffers") {
  ag::Step step;
  step.set_memory_limit(1 << 20);
  const Tensor small = ag::exp(ag::zeros({1000}));
  const Tensor large = ag::matmul(ag::zeros({600, 2}), ag::zeros({2, 700})), larger = ag::exp(ag::zeros({1000, 1000}));
  CHECK_NOTHROW(small.values<float>());
  CHECK_THROWS_AS(larger.values<float>(), ag::OutOfMemory);
  CHECK_THROWS_WITH(larger.values<float>(), ContainsSubstring("1048576") && ContainsSubstring("exp [1000, 1000]") &&
                                                ContainsSubstring("step_test.cpp:") && ContainsSubstring("4000000"));
  CHECK_THROWS_WITH((ag::evaluate({large, larger})),
                    ContainsSubstring("exp [1000, 1000]") && ContainsSubstring("matmul [600, 700]"));
  CHECK(ag::sum(larger).item() == 1000000);  // fused: needs no such buffer
  SECTION("inner Steps obey outer limits") {
    const ag::Step inner;
    CHECK_THROWS_AS(ag::exp(ag::zeros({1000, 1000})).values<float>(), ag::OutOfMemory);
  }
  CHECK_THROWS_AS(step.set_memory_limit(-1), ag::ValueError);
  SECTION("a refused evaluation can be repeated") {
    step.set_memory_limit(0);
    CHECK(larger.values<float>()[999999] == 1);
  }
}

TEST_CASE("report() tells what an evaluation will take before it runs, and keeps the plan") {
  const ag::Parameter w(ag::ones({300, 300}));
  const ag::Step step;
  const Tensor y = ag::matmul(ag::matmul(w, w), w), loss = ag::sum(ag::exp(y * 1e-6));
  const std::vector<ag::Assignment> descent{{w, ag::tensor(w) - ag::grad(loss, w)}};
  const ag::Report before = ag::report(std::array{loss}, descent);
  CHECK(w.values<float>()[0] == 1);
  CHECK(before.run_seconds == 0);
  CHECK(before.peak_bytes > 2 * 4 * 300 * 300);
  ag::evaluate(std::array{loss}, descent);
  const ag::Report after = ag::report();
  CHECK(after.peak_bytes == before.peak_bytes);
  CHECK(after.nodes == before.nodes);
  CHECK(after.regions == before.regions);
  CHECK(after.instructions == before.instructions);
  CHECK(ag::report({loss}).regions == 0);  // it is there
  REQUIRE_THROWS_AS(ag::report(std::array{loss}, std::array{ag::Assignment{w, loss}}), ag::ShapeError);
}

TEST_CASE("report() tells what the last evaluation did") {
  const ag::Step step;
  const Tensor x = Array::of({1.F, 2.F, 3.F}) * 2, y = ag::sum(ag::sqrt(x) + ag::sqrt(x));
  y.item();
  const ag::Report report = ag::report();
  CHECK(report.regions == 1);
  CHECK(report.nodes >= 5);
  CHECK(report.instructions == 5);  // load, literal, multiply, one square root, add
  CHECK(report.peak_bytes == 64);
}
