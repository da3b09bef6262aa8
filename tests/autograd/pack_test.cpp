#include <autograd/autograd.h>
#include <autograd/ops/pack.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Many small arrays end to end: as operands, as what is assigned, and as the parameters of an optimiser.

namespace ag = autograd;
using ag::Array;
using ag::DType;
using ag::Located;
using ag::Parameter;
using ag::Tensor;

namespace {

const std::vector<int64_t> sizes{3, 0, 1, 1000, 256, 17, 1, 2500, 40};

void on_all_backends(const std::function<void()>& test) {
  for (const ag::Backend backend : backends()) {
    for (const size_t limit : {size_t{2000}, size_t{1}}) {
      const WithBackend with(backend);
      const RegionLimit nodes(limit);
      INFO(ag::name_of(backend) << ", regions of " << limit << " nodes");
      test();
    }
  }
}

template <class T>
std::vector<T> joined(std::span<const Array> arrays) {
  std::vector<T> all;
  for (const Array& array : arrays) all.insert(all.end(), array.values<T>().begin(), array.values<T>().end());
  return all;
}

std::vector<Tensor> tensors_of(std::span<const Parameter> parameters) {
  std::vector<Tensor> list;
  for (const Parameter& parameter : parameters) list.push_back(ag::tensor(parameter));
  return list;
}

std::vector<float> all_values(std::span<const Parameter> parameters) {
  std::vector<float> all;
  for (const Parameter& p : parameters) all.insert(all.end(), p.values<float>().begin(), p.values<float>().end());
  return all;
}

std::vector<Parameter> some_parameters(uint64_t seed) {
  Random random(seed);
  std::vector<Parameter> list;
  for (const int64_t size : sizes) list.emplace_back(random_array<float>(random, {size}, -1, 1));
  return list;
}

template <class T>
void check_operand() {
  Random random(11);
  std::vector<Array> arrays;
  for (const int64_t size : sizes) arrays.push_back(random_array<T>(random, {size}, -9, 9));
  const std::vector<T> all = joined<T>(arrays);
  const int64_t count = static_cast<int64_t>(all.size());
  const Array other = random_array<T>(random, {count}, -9, 9);
  const ag::Step step;
  std::vector<Tensor> parts;
  for (const Array& array : arrays) parts.push_back(ag::tensor(array));
  const Tensor packed = ag::pack(parts);
  const Tensor wanted[] = {packed, packed * other + packed, ag::flip(packed, 0), ag::max(packed),
                           ag::reshape(packed, {2, count / 2}) + 1};
  ag::evaluate(wanted);
  REQUIRE(same_values(wanted[0].values<T>(), all));
  T largest = all[0];
  for (size_t i = 0; i < all.size(); ++i) {
    largest = std::max(largest, all[i]);
    const T product = all[i] * other.values<T>()[i];
    REQUIRE(same_bits<T>(wanted[1].values<T>()[i], product + all[i]));
    REQUIRE(same_bits<T>(wanted[2].values<T>()[all.size() - 1 - i], all[i]));
    REQUIRE(same_bits<T>(wanted[4].values<T>()[i], all[i] + 1));
  }
  REQUIRE(wanted[3].item() == static_cast<double>(largest));
}

}  // namespace

TEST_CASE("pack puts arrays end to end") {
  on_all_backends([] {
    check_operand<float>();
    check_operand<double>();
    check_operand<int32_t>();
  });
  const ag::Step step;
  const Tensor mixed[] = {ag::tensor(ag::zeros({2})), ag::tensor(ag::zeros({2}, DType::int32))};
  CHECK_THROWS_AS(ag::pack(mixed), ag::DTypeError);
  CHECK_THROWS_AS(ag::pack(std::span<const Tensor>()), ag::ShapeError);
}

TEST_CASE("pack takes computed values, views and numbers") {
  on_all_backends([] {
    const Array table = ag::arange(600, DType::float32).reshape({30, 20});
    const ag::Step step;
    const Tensor squares = ag::square(table), column = ag::select(squares, 1, 3);
    const Tensor parts[] = {squares, column, ag::flip(column, 0), ag::broadcast_to(2.5f, {7}), ag::sum(table, 0)};
    const Tensor twice = ag::pack(parts) * 2;
    std::vector<float> expected;
    for (const Tensor& part : parts) {
      for (const float x : part.to_vector<float>()) expected.push_back(2 * x);
    }
    CHECK(same_values(twice.values<float>(), expected));
  });
}

TEST_CASE("A pack between a row's folds") {
  on_all_backends([] {
    Random random(13);
    const std::vector<Parameter> parameters = some_parameters(5);
    const std::vector<float> all = all_values(parameters);
    const auto rows = static_cast<int64_t>(all.size());
    const Array x = random_array<float>(random, {rows, 32}, -1, 1);
    const auto normalized = [&](const Tensor& shift) {
      const Tensor column = ag::reshape(ag::max(x, 1) + shift, {rows, 1});
      const Tensor e = ag::exp(x - column);
      return e / ag::reshape(ag::sum(e, 1), {rows, 1});
    };
    const ag::Step step;
    const Tensor packed = normalized(ag::pack(tensors_of(parameters)));
    const Tensor plain = normalized(ag::tensor(Array::from(all, {rows})));
    CHECK(same_values(packed.values<float>(), plain.values<float>()));
  });
}

TEST_CASE("A value is assigned to several Parameters end to end") {
  on_all_backends([] {
    for (int threads : {1, 2, 7}) {
      const Threads scope(threads);
      const std::vector<Parameter> parameters = some_parameters(7);
      std::vector<float> expected = all_values(parameters);
      for (int i = 0; i < 3; ++i) {
        const ag::Step step;
        const Tensor value = ag::pack(tensors_of(parameters)) * 0.5 + 1;
        const ag::PackedAssignment assignment{parameters, value};
        ag::evaluate({}, {}, std::span(&assignment, 1));
        for (float& x : expected) x = x * 0.5f + 1;
        REQUIRE(same_values(all_values(parameters), expected));
      }
      CHECK(parameters[0].version() == 3);
    }
  });
}

TEST_CASE("The old values of several Parameters are there for all else that reads them") {
  on_all_backends([] {
    const std::vector<Parameter> parameters = some_parameters(9);
    std::vector<Parameter> turned(parameters.rbegin(), parameters.rend());
    const Parameter copy(ag::zeros({static_cast<int64_t>(all_values(parameters).size())}));
    const std::vector<float> before = all_values(parameters), before_turned = all_values(turned);
    {
      const ag::Step step;
      const Tensor value = ag::pack(tensors_of(parameters)) + 1, again = ag::pack(tensors_of(turned)) * 2;
      const Tensor old = ag::tensor(parameters[3]), beside = parameters[4] * 3, backwards = ag::flip(value, 0);
      const Tensor wanted[] = {old, beside, backwards, again};
      const ag::Assignment single[] = {{copy, value}};
      const ag::PackedAssignment packed[] = {{parameters, value}};
      ag::evaluate(wanted, single, packed);
      for (size_t i = 0; i < before.size(); ++i) {
        REQUIRE(again.values<float>()[i] == before_turned[i] * 2);
        REQUIRE(all_values(parameters)[i] == before[i] + 1);
        REQUIRE(copy.values<float>()[i] == before[i] + 1);
        REQUIRE(backwards.values<float>()[before.size() - 1 - i] == before[i] + 1);
      }
      CHECK(old.values<float>()[5] == before[4 + 5]);
      CHECK(beside.values<float>()[5] == before[1004 + 5] * 3);
    }
    // In another order than that in which they are read.
    const std::vector<float> now = all_values(turned);
    const ag::Step step;
    const ag::PackedAssignment packed{parameters, ag::pack(tensors_of(turned)) + 0.25};
    ag::evaluate({}, {}, std::span(&packed, 1));
    const std::vector<float> after = all_values(parameters);
    for (size_t i = 0; i < now.size(); ++i) REQUIRE(after[i] == now[i] + 0.25f);
  });
}

TEST_CASE("The old values of several Parameters are stored or summed beside the new ones") {
  on_all_backends([] {
    for (const bool sums : {false, true}) {
      Random random(23);
      const std::vector<Parameter> parameters = some_parameters(5);
      const std::vector<float> before = all_values(parameters);
      const auto count = static_cast<int64_t>(before.size());
      const Array start = random_array<float>(random, {300}, -1, 1),
                  end = random_array<float>(random, {count - 300}, -1, 1);
      const ag::Step step;
      const Tensor parts[] = {ag::tensor(start), ag::tensor(end)};
      const ag::PackedAssignment packed{parameters, ag::pack(tensors_of(parameters)) * 2 + ag::pack(parts)};
      const Tensor old = ag::pack(tensors_of(parameters));
      const Tensor wanted[] = {sums ? ag::sum(old) : old};
      ag::evaluate(wanted, {}, {&packed, 1});
      const std::vector<float> after = all_values(parameters);
      for (size_t i = 0; i < before.size(); ++i) {
        const float added = i < 300 ? start.values<float>()[i] : end.values<float>()[i - 300];
        REQUIRE(same_bits<float>(after[i], before[i] * 2 + added));
        if (!sums) REQUIRE(same_bits<float>(old.values<float>()[i], before[i]));
      }
      if (sums) CHECK(wanted[0].item() == ag::sum(ag::Array::from<float>(before, {count})).item());
    }
  });
}

TEST_CASE("What is assigned to several Parameters can be read by others") {
  on_all_backends([] {
    const std::vector<Parameter> parameters = some_parameters(4);
    const std::vector<float> before = all_values(parameters);
    const ag::Step step;
    const Tensor value = ag::pack(tensors_of(parameters)) + 1, backwards = ag::flip(value, 0) * 2;
    const ag::PackedAssignment packed{parameters, value};
    ag::evaluate({&backwards, 1}, {}, {&packed, 1});
    const std::vector<float> after = all_values(parameters);
    for (size_t i = 0; i < before.size(); ++i) {
      REQUIRE(after[i] == before[i] + 1);
      REQUIRE(backwards.values<float>()[before.size() - 1 - i] == after[i] * 2);
    }
  });
}

TEST_CASE("Rows are assigned to several Parameters beside their sums") {
  on_all_backends([] {
    Random random(17);
    const std::vector<Parameter> parameters = some_parameters(4);
    const auto count = static_cast<int64_t>(all_values(parameters).size());
    const Array x = random_array<float>(random, {2, count / 2}, -1, 1);
    const ag::Step step;
    const Tensor old = ag::pack(tensors_of(parameters)) * 1, doubled = x * 2, sums = ag::sum(doubled, 1);
    const ag::PackedAssignment rows{parameters, ag::reshape(doubled, {count})};
    const Tensor wanted[] = {sums, old};
    ag::evaluate(wanted, {}, {&rows, 1});
    const std::vector<float> after = all_values(parameters);
    for (size_t i = 0; i < after.size(); ++i) REQUIRE(after[i] == x.values<float>()[i] * 2);
  });
}

TEST_CASE("Several Parameters are written where they lie") {
  const std::vector<Parameter> parameters(some_parameters(3));
  const ag::Step step;
  const ag::PackedAssignment assignment{parameters, ag::pack(tensors_of(parameters)) * 2};
  ag::evaluate({}, {}, std::span(&assignment, 1));
  CHECK(ag::report().peak_bytes == 0);
  CHECK(ag::report().regions == 1);
}

TEST_CASE("Assignments to several Parameters are checked") {
  const std::vector<Parameter> parameters = some_parameters(3);
  const ag::Step step;
  const auto assign = [&](const Tensor& value) {
    const ag::PackedAssignment assignment{parameters, value};
    ag::evaluate({}, {}, std::span(&assignment, 1));
  };
  CHECK_THROWS_AS(assign(ag::tensor(ag::zeros({5}))), ag::ShapeError);
  CHECK_THROWS_AS(assign(ag::tensor(ag::zeros({3818, 1}))), ag::ShapeError);
  CHECK_THROWS_AS(assign(ag::tensor(ag::zeros({3818}, DType::float64))), ag::DTypeError);
  const Tensor read = parameters[3] + 1;
  assign(ag::tensor(ag::ones({3818})));
  CHECK(all_values(parameters) == std::vector<float>(3818, 1));
  CHECK_THROWS_AS(read.values<float>(), ag::OverwrittenParameter);
}

namespace {

/// Parameters of many sizes and both types, and a loss with a gradient of its own for each element.
struct Job {
  std::vector<Parameter> parameters;
  std::vector<Array> targets;

  Job() {
    Random random(21);
    for (const int64_t size : {5L, 4096L, 1L, 5000L, 300L, 2L, 77L}) {
      add(random_array<float>(random, {size}, -1, 1), random_array<float>(random, {size}, -1, 1));
      add(random_array<double>(random, {1, size}, -1, 1), random_array<double>(random, {1, size}, -1, 1));
    }
  }
  Tensor loss() const {
    Tensor total = ag::sum(ag::square(parameters[0] - targets[0]));
    for (size_t i = 1; i < parameters.size(); ++i) {
      const Tensor part = ag::sum(ag::square(parameters[i] - targets[i]) * ag::exp(parameters[i]));
      total = total + ag::cast(part, DType::float32);
    }
    return total;
  }
  void require_same(const Job& other) const {
    for (size_t i = 0; i < parameters.size(); ++i) {
      INFO("parameter " << i);
      require_equal(parameters[i], other.parameters[i]);
    }
  }
  static void require_equal(const Parameter& a, const Parameter& b) {
    REQUIRE(a.dtype() == b.dtype());
    if (a.dtype() == DType::float32) REQUIRE(first_difference(a.values<float>(), b.values<float>()) == -1);
    if (a.dtype() == DType::float64) REQUIRE(first_difference(a.values<double>(), b.values<double>()) == -1);
  }

 private:
  void add(const Array& start, const Array& target) {
    parameters.emplace_back(start, "p" + std::to_string(parameters.size()));
    targets.push_back(target);
  }
};

using Make = std::function<std::unique_ptr<ag::Optimiser>(std::vector<Parameter>)>;

template <class Method, class Options>
Make make(const Options& options) {
  return [options](std::vector<Parameter> parameters) { return std::make_unique<Method>(parameters, options); };
}

const std::vector<Make> methods{
    make<ag::Adam>(ag::AdamOptions{.learning_rate = 0.1}),
    make<ag::AdamW>(ag::AdamOptions{.learning_rate = 0.1, .weight_decay = 0.3}),
    make<ag::UniformAdam>(ag::AdamOptions{.learning_rate = 0.1}), make<ag::Sgd>(ag::SgdOptions{.learning_rate = 0.01}),
    make<ag::Sgd>(ag::SgdOptions{.learning_rate = 0.01, .momentum = 0.5, .nesterov = true, .weight_decay = 0.1})};

/// One optimiser of all parameters, or one for each, so that each moves by itself.
struct Optimisers {
  std::vector<std::unique_ptr<ag::Optimiser>> list;

  Optimisers(const Make& method, const Job& job, bool together) {
    if (together) {
      list.push_back(method(job.parameters));
    } else {
      for (const Parameter& parameter : job.parameters) list.push_back(method({parameter}));
    }
  }
  void step(const Job& job) {
    std::vector<ag::Optimiser*> all;
    for (const auto& optimiser : list) all.push_back(optimiser.get());
    const ag::Step step;
    ag::minimise(job.loss(), all);
  }
};

}  // namespace

TEST_CASE("Small parameters that move as one take the same values") {
  on_all_backends([] {
    for (const Make& method : methods) {
      const Job job, twin;
      Optimisers together(method, job, true), apart(method, twin, false);
      for (int i = 0; i < 3; ++i) {
        together.step(job), apart.step(twin);
        job.require_same(twin);
      }
    }
  });
}

TEST_CASE("The state of parameters that move as one can be read, held and assigned") {
  for (const Make& method : methods) {
    const Job job, twin;
    Optimisers together(method, job, true), apart(method, twin, false);
    const auto check_state = [&](const std::vector<Parameter>& state) {
      const size_t count = job.parameters.size();
      for (size_t k = 0; k < state.size(); ++k) {
        const Parameter expected = apart.list[k % count]->state()[k / count];
        REQUIRE(state[k].shape() == job.parameters[k % count].shape());
        REQUIRE(state[k].name() == expected.name());
        Job::require_equal(state[k], expected);
      }
    };
    const auto step = [&] { together.step(job), apart.step(twin); };
    check_state(together.list[0]->state());
    step();
    check_state(together.list[0]->state());
    {
      const std::vector<Parameter> held = together.list[0]->state();
      for (int i = 0; i < 2; ++i) {
        step();
        check_state(held);
      }
      for (size_t k = 0; k < held.size(); ++k) {
        Parameter mine = held[k], other = apart.list[k % job.parameters.size()]->state()[k / job.parameters.size()];
        mine.assign(ag::full(mine.shape(), 0.125, mine.dtype()));
        other.assign(ag::full(mine.shape(), 0.125, mine.dtype()));
      }
      step();
      job.require_same(twin);
      check_state(held);
    }
    for (int i = 0; i < 2; ++i) step();
    job.require_same(twin);
    check_state(together.list[0]->state());
  }
}

TEST_CASE("Small parameters can be clipped, accumulated and assigned between steps") {
  const Job job, twin;
  Optimisers together(methods[0], job, true), apart(methods[0], twin, false);
  const auto accumulate = [](Optimisers& optimisers, const Job& of) {
    for (const auto& optimiser : optimisers.list) {
      const ag::Step step;
      optimiser->set_clipping({.value = 0.5});
      optimiser->accumulate(of.loss());
      optimiser->accumulate(of.loss() * 0.5);
    }
    for (const auto& optimiser : optimisers.list) optimiser->apply();
  };
  for (int i = 0; i < 2; ++i) {
    accumulate(together, job), accumulate(apart, twin);
    for (const Job* one : {&job, &twin}) {
      Parameter p = one->parameters[2];
      p.assign(ag::full(p.shape(), 0.5 * i, p.dtype()));
    }
    together.step(job), apart.step(twin);
    job.require_same(twin);
  }
}

TEST_CASE("A step of many small parameters that throws changes nothing") {
  on_all_backends([] {
    const Job job, twin;
    Optimisers together(methods[0], job, true), apart(methods[0], twin, false);
    const ag::Step step;
    const Array table = ag::ones({4});
    const Parameter index(ag::full({3}, 9, DType::int32));
    const Tensor bad = ag::sum(ag::gather(table, Located(index) + 0));
    for (int i = 0; i < 2; ++i) {
      CHECK_THROWS_AS(together.list[0]->minimise(job.loss() * bad), ag::IndexError);
      CHECK_THROWS_AS(together.list[0]->minimise(job.loss(), {bad}), ag::IndexError);
      job.require_same(twin);
      CHECK((job.parameters[0].version() == 0 && together.list[0]->steps() == 0));
    }
    together.step(job), apart.step(twin);
    job.require_same(twin);
  });
}
