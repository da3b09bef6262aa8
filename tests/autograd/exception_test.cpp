#include <autograd/autograd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/autograd/training.h"
#include "tests/catch.h"

// After a throw nothing has changed and the graph can be evaluated again; custom operations may evaluate graphs of
// their own, also of the very structure that is being evaluated.

namespace ag = autograd;
using ag::Array;
using ag::CustomCall;
using ag::Located;
using ag::Parameter;
using ag::Tensor;

namespace {

/// out = script(x), of x's shape, float32; its gradient is that of x.
class Scripted : public ag::CustomOp {
 public:
  using Script = std::function<void(std::span<const float> x, std::span<float> out)>;
  explicit Scripted(Script script) : script_(std::move(script)) {}
  const char* name() const override { return "scripted"; }
  ag::OutputType output(std::span<const ag::OutputType> inputs) const override { return inputs[0]; }
  void run(CustomCall& call) const override { script_(call.input<float>(0), call.output<float>(0, call.shape(0))); }
  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor>, const Tensor&) const override { return {grad}; }

 private:
  Script script_;
};

Tensor scripted(Scripted::Script script, Located x) {
  return ag::custom(std::make_shared<Scripted>(std::move(script)), {x});
}

/// Two parameters and Adam, with regions before and after whatever stands in the middle.
struct Model {
  Parameter a{ag::full({50, 7}, 0.5), "a"}, b{ag::arange(7, ag::DType::float32), "b"};
  ag::Adam optimiser{{a, b}, {.learning_rate = 0.1}};

  Tensor before() { return ag::sin(a) * b + 0.3; }
  Tensor after(const Tensor& middle) { return ag::sum(ag::square(middle - ag::mean(b))) + ag::sum(ag::exp(a * 0.1)); }
  void require_same(const Model& other) const {
    REQUIRE(first_difference(a.values<float>(), other.a.values<float>()) == -1);
    REQUIRE(first_difference(b.values<float>(), other.b.values<float>()) == -1);
    REQUIRE(a.version() == other.a.version());
    REQUIRE(optimiser.steps() == other.optimiser.steps());
  }
};

template <class E>
std::string text_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace

TEST_CASE("A custom operation that throws in the middle of a training step changes nothing") {
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    INFO(ag::name_of(backend));
    Model model, twin;
    for (int i = 0; i < 5; ++i) {
      bool fails = true;
      const Scripted::Script script = [&](std::span<const float> x, std::span<float> out) {
        std::copy(x.begin(), x.end(), out.begin());
        if (fails) throw std::runtime_error("in the middle");
      };
      const ag::Step step;
      const Tensor loss = model.after(scripted(script, model.before()));
      for (int again = 0; again < 3; ++again) {
        REQUIRE(text_of<std::runtime_error>([&] { model.optimiser.minimise(loss); }) == "in the middle");
        model.require_same(twin);
      }
      fails = false;
      model.optimiser.minimise(loss);
      const Tensor expected = twin.after(scripted(script, twin.before()));
      twin.optimiser.minimise(expected);
      model.require_same(twin);
      REQUIRE(same_bits(loss.item(), expected.item()));
    }
  }
}

TEST_CASE("A bad index inside a fused region with assignments changes nothing") {
  const Array table = ag::full({10, 3}, 2);
  std::string first;
  for (const ag::Backend backend : backends()) {
    for (int threads : {1, 2, 7}) {
      const WithBackend with(backend);
      const Threads scope(threads);
      INFO(ag::name_of(backend) << ", " << threads << " threads");
      std::vector<float> steps(100000, 1);
      steps[77777] = 5, steps[91234] = -4;  // 2 x 5 and 2 x -4 are no rows
      Parameter x(Array::from(steps, {100000})), total(Array::scalar(3.F)), y(Array::from(steps, {100000}));
      const std::vector<float> before = x.to_vector<float>();
      const ag::Step step;
      const Tensor picked = ag::select(ag::gather(table, ag::cast(x * 2, ag::DType::int32)), 1, 2);
      const ag::Assignment assignments[] = {{x, picked * 0.25 + x * 0.5}, {total, ag::sum(picked)}, {y, y * picked}};
      const std::string text = text_of<ag::IndexError>([&] { ag::evaluate({}, assignments); });
      if (first.empty()) first = text;
      CHECK(text == first);
      CHECK_THAT(text, ContainsSubstring("gather: index 10 at element 77777") && ContainsSubstring("0 to 9") &&
                           ContainsSubstring("exception_test.cpp:"));
      CHECK(first_difference(x.values<float>(), before) == -1);
      CHECK(first_difference(y.values<float>(), before) == -1);
      CHECK((x.version() == 0 && total.version() == 0 && total.item() == 3));
      x.assign(ag::full({100000}, 1));
      const Tensor right = ag::select(ag::gather(table, ag::cast(x * 2, ag::DType::int32)), 1, 2);
      const ag::Assignment again[] = {{x, right * 0.25 + x * 0.5}, {total, ag::sum(right)}};
      ag::evaluate({}, again);
      CHECK((x.values<float>()[77777] == 1 && total.item() == 200000));
    }
  }
}

TEST_CASE("A memory limit that refuses a training step, once lifted, changed nothing") {
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    INFO(ag::name_of(backend));
    const Training::Data data(1000);
    Training training(data), twin(data);
    training.step(), twin.step();
    {
      ag::Step outer;
      outer.set_memory_limit(100000);
      const std::string text = text_of<ag::OutOfMemory>([&] { training.step(); });
      CHECK_THAT(text, ContainsSubstring("the Step's limit is 100000") && ContainsSubstring("training.h:"));
      CHECK(first_difference(training.values(), twin.values()) == -1);
      CHECK(training.table.version() == 1);
      outer.set_memory_limit(0);
      CHECK(same_bits(training.step(), twin.step()));
    }
    CHECK(first_difference(training.values(), twin.values()) == -1);
  }
}

TEST_CASE("Evaluations that throw leave no memory behind") {
  bool fails = true;
  const Scripted::Script script = [&](std::span<const float> x, std::span<float> out) {
    if (fails) throw std::runtime_error("in the middle");
    std::copy(x.begin(), x.end(), out.begin());
  };
  ag::Step step;
  step.set_memory_limit(1 << 20);
  const Tensor y = ag::sum(scripted(script, ag::zeros({10000}) + 1));  // 40,000 bytes each time
  for (int i = 0; i < 100; ++i) {
    INFO("after " << i << " throws");
    REQUIRE(text_of<std::runtime_error>([&] { y.item(); }) == "in the middle");
  }
  fails = false;
  CHECK(y.item() == 10000);
}

namespace {

/// f(x, depth), whose custom operation adds f(other x, depth - 1), by one and the same structure at each depth.
Tensor nested(const Array& x, double scale, int depth) {
  const Tensor early = ag::sin(Located(x) * scale) + 0.25;
  const Tensor middle = scripted(
      [x, scale, depth](std::span<const float> in, std::span<float> out) {
        const std::vector<float> mine(in.begin(), in.end());
        float inner = 0;
        if (depth > 0) {
          const ag::Step step;
          const Tensor total = nested(ag::full(x.shape(), 0.1 * depth), scale * 0.5, depth - 1);
          inner = static_cast<float>(total.item());
        }
        for (size_t i = 0; i < in.size(); ++i) out[i] = mine[i] + inner;
        if (!same_values(in, mine)) throw std::runtime_error("the inner evaluation took the outer one's memory");
      },
      early);
  return ag::mean(ag::cos(middle * scale) * early + Located(x) * 0.5);  // `early` is needed again
}

float plain_nested(const std::vector<float>& x, float scale, int depth) {
  float inner = 0;
  if (depth > 0) {
    const std::vector<float> next(x.size(), static_cast<float>(0.1 * depth));
    inner = plain_nested(next, scale * 0.5F, depth - 1);
  }
  float total = 0;
  for (const float value : x) {
    const float early = std::sin(value * scale) + 0.25F;
    total += std::cos((early + inner) * scale) * early + value * 0.5F;
  }
  return total / static_cast<float>(x.size());
}

}  // namespace

TEST_CASE("A custom operation can evaluate the structure that it is part of") {
  Random random(90);
  const Array x = random_array<float>(random, {500}, -1, 1);
  std::vector<double> found;
  for (const ag::Backend backend : backends()) {
    for (int threads : {1, 2}) {
      const WithBackend with(backend);
      const Threads scope(threads);
      INFO(ag::name_of(backend) << ", " << threads << " threads");
      const ag::Step step;
      found.push_back(nested(x, 0.7, 5).item());
      CHECK(found.back() == Approx(plain_nested(x.to_vector<float>(), 0.7F, 5)).epsilon(1e-4));
      CHECK(same_bits(found.back(), found.front()));
    }
  }
}

TEST_CASE("An inner evaluation that throws leaves the outer one's Parameters alone") {
  Model model, twin;
  bool fails = true;
  const Array table = ag::full({4}, 3);
  const Scripted::Script script = [&](std::span<const float> x, std::span<float> out) {
    const ag::Step inner;
    const Array index = ag::full({1}, fails ? 9 : 1, ag::DType::int32);
    const Tensor picked = ag::gather(table, Located(index) + 0);
    const float value = static_cast<float>(picked.item());
    for (size_t i = 0; i < x.size(); ++i) out[i] = x[i] * value;
  };
  const ag::Step step;
  const Tensor loss = model.after(scripted(script, model.before()));
  CHECK_THROWS_AS(model.optimiser.minimise(loss), ag::IndexError);
  model.require_same(twin);
  fails = false;
  model.optimiser.minimise(loss);
  twin.optimiser.minimise(twin.after(scripted(script, twin.before())));
  model.require_same(twin);
}
