#include <autograd/autograd.h>

#include <algorithm>
#include <vector>

#include "tests/autograd/custom_ops.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::CustomCall;
using ag::OutputType;
using ag::Shape;
using ag::Tensor;

namespace {

/// Positions of the elements above a threshold, and those elements: the length depends on values.
class Above : public ag::CustomOp {
 public:
  const char* name() const override { return "above"; }
  void run(CustomCall& call) const override {
    const auto x = call.input<float>(0);
    const float threshold = call.input<float>(1)[0];
    const auto count = std::count_if(x.begin(), x.end(), [&](float value) { return value > threshold; });
    const auto positions = call.output<int32_t>(0, {count});
    const auto values = call.output<float>(1, {count});
    size_t found = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (x[i] <= threshold) continue;
      positions[found] = static_cast<int32_t>(i);
      values[found++] = x[i];
    }
  }
};

/// sum_k x_k of many inputs.
class Total : public ag::CustomOp {
 public:
  const char* name() const override { return "total"; }
  OutputType output(std::span<const OutputType> inputs) const override { return inputs[0]; }
  void run(CustomCall& call) const override {
    const auto out = call.output<double>(0, call.shape(0));
    std::fill(out.begin(), out.end(), 0);
    for (size_t k = 0; k < call.input_count(); ++k) {
      for (size_t i = 0; i < out.size(); ++i) out[i] += call.input<double>(k)[i];
    }
  }
  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor> inputs, const Tensor&) const override {
    std::vector<Tensor> gradients(inputs.size(), grad);
    gradients[1] = Tensor();  // exactly zero
    return gradients;
  }
};

/// Does what the test says.
class Scripted : public ag::CustomOp {
 public:
  explicit Scripted(std::function<void(CustomCall&)> script) : script_(std::move(script)) {}
  const char* name() const override { return "scripted"; }
  OutputType output(std::span<const OutputType>) const override { return {{2}, ag::DType::float32}; }
  void run(CustomCall& call) const override { script_(call); }
  std::vector<Tensor> vjp(const Tensor&, std::span<const Tensor>, const Tensor&) const override { return {}; }

 private:
  std::function<void(CustomCall&)> script_;
};

Tensor scripted(std::function<void(CustomCall&)> script) {
  return ag::custom(std::make_shared<Scripted>(std::move(script)), {Array::of({1.F, 2.F})});
}

}  // namespace

TEST_CASE("A lazy custom operation runs when its value is needed, once") {
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({1.0, 2.0, 3.0}));
  const Tensor y = ag::custom(square, {x * 2});
  CHECK(square->runs == 0);
  CHECK(y.shape() == Shape{3});
  CHECK(y.to_vector<double>() == std::vector<double>{4, 16, 36});
  CHECK((y + y).to_vector<double>() == std::vector<double>{8, 32, 72});
  CHECK(square->runs == 1);
}

TEST_CASE("Gradients of custom operations") {
  Random random(50);
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::GradcheckResult one =
      ag::gradcheck([&](std::span<const Tensor> x) { return ag::custom(square, {ag::sin(x[0])}) * x[0]; },
                    {random_array<double>(random, {2, 3}, -1, 1)});
  INFO(one.message);
  CHECK(one.passed);
  SECTION("of many inputs, one of them without a gradient") {
    const ag::Step step;
    std::vector<Tensor> inputs;
    for (int i = 0; i < 40; ++i) inputs.push_back(ag::tensor(ag::full({2}, i, ag::DType::float64)));
    const Tensor total = ag::custom(std::make_shared<Total>(), inputs);
    CHECK(total.to_vector<double>() == std::vector<double>{780, 780});
    const auto [first, second, last] = ag::grad(ag::sum(ag::square(total)), {inputs[0], inputs[1], inputs[39]});
    CHECK(first.to_vector<double>() == std::vector<double>{1560, 1560});
    CHECK(second.to_vector<double>() == std::vector<double>{0, 0});
    CHECK(last.to_vector<double>() == std::vector<double>{1560, 1560});
  }
}

TEST_CASE("A custom operation sees contiguous values of views") {
  const ag::Step step;
  const Tensor x = ag::reshape(ag::arange(6, ag::DType::float64), {2, 3});
  const Tensor y = ag::custom(std::make_shared<custom_ops::Square>(), {ag::flip(ag::transpose(x), 0)});
  CHECK(y.shape() == Shape{3, 2});
  CHECK(y.to_vector<double>() == std::vector<double>{4, 25, 1, 16, 0, 9});
}

TEST_CASE("An eager operation gives lists whose length depends on values") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({3.F, -1.F, 5.F, 0.F}));
  const std::vector<Tensor> lists = ag::eager(Above(), 2, {x * 2, 1});
  REQUIRE(lists.size() == 2);
  CHECK(lists[0].to_vector<int32_t>() == std::vector<int32_t>{0, 2});
  CHECK(lists[1].to_vector<float>() == std::vector<float>{6, 10});
  CHECK(ag::gather(x, lists[0]).to_vector<float>() == std::vector<float>{3, 5});
  CHECK(ag::eager(Above(), 2, {x, 100})[0].shape() == Shape{0});
  SECTION("they have no gradient") {
    CHECK_THROWS_AS(ag::grad(ag::sum(lists[1]), x), ag::UnreachedGradient);
    CHECK(ag::grad(ag::sum(ag::gather(x, lists[0])), x).to_vector<float>() == std::vector<float>{1, 0, 1, 0});
  }
}

TEST_CASE("A custom operation may evaluate") {
  const ag::Step step;
  const Tensor outside = ag::tensor(Array::of({1.F, 2.F})) * 10;
  const Tensor y = scripted([outside](CustomCall& call) {
    const ag::Step inner;
    Tensor sum = outside;
    for (int i = 0; i < 1000; ++i) sum = sum + Array::from(call.input<float>(0), {2});  // moves the graph's memory
    const auto values = sum.values<float>();
    std::copy(values.begin(), values.end(), call.output<float>(0, {2}).begin());
  });
  CHECK((y + outside * 0).to_vector<float>() == std::vector<float>{1010, 2020});
}

TEST_CASE("Misuse inside a custom operation is reported") {
  const ag::Step step;
  CHECK_THROWS_AS(scripted([](CustomCall& call) { call.input<double>(0); }).item(), ag::ShapeError);
  CHECK_THROWS_AS(scripted([](CustomCall& call) { call.input<double>(0); }).values<float>(), ag::DTypeError);
  CHECK_THROWS_WITH(scripted([](CustomCall& call) { call.input<double>(0); }).values<float>(),
                    ContainsSubstring("input 0") && ContainsSubstring("float32") && ContainsSubstring("float64"));
  CHECK_THROWS_AS(scripted([](CustomCall& call) { call.input<float>(1); }).values<float>(), ag::IndexError);
  CHECK_THROWS_AS(scripted([](CustomCall& call) { call.output<float>(1, {2}); }).values<float>(), ag::IndexError);
  CHECK_THROWS_AS(scripted([](CustomCall& call) { call.output<float>(0, {3}); }).values<float>(), ag::ShapeError);
  CHECK_THROWS_WITH(scripted([](CustomCall& call) { call.output<int32_t>(0, {2}); }).values<float>(),
                    ContainsSubstring("declared as [2] float32") && ContainsSubstring("int32"));
  CHECK_THROWS_WITH(scripted([](CustomCall& call) { call.output<float>(0, {3}); }).values<float>(),
                    ContainsSubstring("scripted: output 0"));
  CHECK_THROWS_WITH(scripted([](CustomCall& call) { call.input<float>(1); }).values<float>(), "scripted: input 1 of 1");
  CHECK_THROWS_WITH(scripted([](CustomCall&) {}).values<float>(), "scripted: an output was not written");
  CHECK_THROWS_AS(ag::eager(Scripted([](CustomCall&) {}), 1, {Array::of({1.F})}), ag::ValueError);
  CHECK_THROWS_AS(ag::custom(nullptr, {Array::of({1.F})}), ag::ValueError);
  CHECK_THROWS_AS(ag::custom(std::make_shared<Above>(), {Array::of({1.F}), 1}), ag::ValueError);
  CHECK_THROWS_WITH(ag::custom(std::make_shared<Above>(), {Array::of({1.F}), 1}),
                    ContainsSubstring("above") && ContainsSubstring("output()"));
  const Tensor x = ag::tensor(Array::of({1.F, 2.F}));
  const Tensor wrong = ag::custom(std::make_shared<Scripted>([](CustomCall&) {}), {x});
  CHECK_THROWS_AS(ag::grad(ag::sum(wrong), x), ag::ValueError);
  CHECK_THROWS_WITH(ag::grad(ag::sum(wrong), x), ContainsSubstring("scripted") && ContainsSubstring("0 gradients"));
}

TEST_CASE("A custom operation without a vjp is not differentiable") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({1.0}));
  const auto opaque = std::make_shared<custom_ops::OpaqueSquare>();
  const Tensor y = ag::custom(opaque, {x});
  CHECK_THROWS_AS(ag::grad(ag::sum(y), x), ag::NotDifferentiable);
  CHECK_THROWS_WITH(ag::grad(ag::sum(y), x), ContainsSubstring("test_square") && ContainsSubstring("stop_gradient"));
  CHECK(ag::grad(ag::sum(ag::custom(opaque, {ag::stop_gradient(x)}) * x), x).item() == 1);
}

TEST_CASE("A gradient of a custom operation that does not fit its input is named") {
  /// The first element of its input, and a gradient of the test's own.
  class First : public ag::CustomOp {
   public:
    explicit First(Tensor gradient) : gradient_(gradient) {}
    const char* name() const override { return "first"; }
    OutputType output(std::span<const OutputType> inputs) const override { return {{}, inputs[0].dtype}; }
    void run(CustomCall& call) const override { call.output<double>(0, {})[0] = call.input<double>(0)[0]; }
    std::vector<Tensor> vjp(const Tensor&, std::span<const Tensor>, const Tensor&) const override {
      return {gradient_};
    }

   private:
    Tensor gradient_;
  };
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({1.0, 2.0}));
  const auto gradient = [&](const Array& given) {
    return ag::grad(ag::custom(std::make_shared<First>(ag::tensor(given)), {x}), x);
  };
  CHECK(gradient(Array::of({3.0, 4.0})).to_vector<double>() == std::vector<double>{3, 4});
  CHECK(gradient(ag::ones({5, 2}, ag::DType::float64)).to_vector<double>() == std::vector<double>{5, 5});
  CHECK_THROWS_AS(gradient(Array::of({3.0F, 4.0F})), ag::DTypeError);
  CHECK_THROWS_WITH(gradient(Array::of({3.0F, 4.0F})),
                    "first: the rule gave a float32 gradient for input 0, which is float64");
  CHECK_THROWS_AS(gradient(Array::scalar(3.0)), ag::ShapeError);
  CHECK_THROWS_WITH(gradient(ag::ones({7}, ag::DType::float64)),
                    ContainsSubstring("first: ") && ContainsSubstring("[7]"));
}
