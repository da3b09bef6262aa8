#include <autograd/autograd.h>

#include <cmath>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/file_bytes.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::LossOptions;
using ag::Tensor;
using Doubles = std::vector<double>;
using Inputs = std::span<const Tensor>;

namespace {

constexpr LossOptions each{LossOptions::Reduction::none}, in_all{LossOptions::Reduction::sum};

Tensor leaf(const Doubles& values) { return ag::tensor(Array::from(values, {static_cast<int64_t>(values.size())})); }

void check_close(const Tensor& found, const Doubles& expected) {
  const Doubles values = found.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-15));
}

}  // namespace

TEST_CASE("mse and huber are their formulas, reduced as asked") {
  const ag::Step step;
  const Tensor p = leaf({1, 2, -4}), t = leaf({1.5, 2, 0});
  check_close(ag::mse(p, t, each), {0.25, 0, 16});
  CHECK(ag::mse(p, t).item() == Approx(16.25 / 3));
  CHECK(ag::mse(p, t, in_all).item() == 16.25);
  check_close(ag::huber(p, t, 2, each), {0.125, 0, 2 * (4 - 1)});
  CHECK(ag::huber(p, t).item() == Approx((0.125 + 3.5) / 3));
}

TEST_CASE("bce is its formula, and with logits stays accurate where probabilities round to 1") {
  const ag::Step step;
  const Tensor logit = leaf({0.3, -2, 4}), t = leaf({1, 0, 0.25});
  const Tensor from_logits = ag::bce_with_logits(logit, t, each);
  check_close(ag::bce(ag::sigmoid(logit), t, each), from_logits.to_vector<double>());
  CHECK(from_logits.values<double>()[0] == Approx(std::log1p(std::exp(-0.3))));
  check_close(ag::bce_with_logits(leaf({800, -800, 800}), leaf({1, 1, 0}), each), {0, 800, 800});
  check_close(ag::bce(leaf({0, 1, 0}), leaf({1, 1, 0}), each), {100, 0, 0});
}

TEST_CASE("cross_entropy is the negative logarithm of the label's share") {
  const ag::Step step;
  const Tensor logits = ag::reshape(leaf({1, 2, 3, 1000, 0, -1000}), {2, 3});
  const double total = std::exp(1) + std::exp(2) + std::exp(3);
  check_close(ag::cross_entropy(logits, Array::of({0, 0}), {LossOptions::Reduction::none}), {std::log(total) - 1, 0});
  CHECK(ag::cross_entropy(logits, Array::of({2, 2})).item() == Approx((std::log(total) - 3 + 2000) / 2));
  // Smoothing: part of the target on every class.
  const Tensor smooth = ag::cross_entropy(logits, Array::of({0, 0}), {LossOptions::Reduction::none, 0.3});
  CHECK(smooth.values<double>()[0] == Approx(std::log(total) - 0.7 * 1 - 0.1 * (1 + 2 + 3)));
  // Any leading axes, and a single row.
  const Tensor cube = ag::reshape(logits, {2, 1, 3});
  CHECK(ag::cross_entropy(cube, ag::zeros({2, 1}, ag::DType::int32), {LossOptions::Reduction::none}).shape() ==
        ag::Shape{2, 1});
  CHECK(ag::cross_entropy(leaf({0, 0}), Array::scalar(1)).item() == Approx(std::log(2)));
}

TEST_CASE("The gradient of cross_entropy is softmax minus one_hot") {
  Random random(5);
  const ag::Step step;
  const Tensor logits = ag::tensor(random_array<double>(random, {6, 4}, -3, 3));
  const Array labels = Array::of({0, 3, 1, 2, 2, 0});
  const Tensor gradient = ag::grad(ag::cross_entropy(logits, labels, {LossOptions::Reduction::sum}), logits);
  check_close(gradient - ag::softmax(logits), (-ag::one_hot(labels, 4, ag::DType::float64)).to_vector<double>());
}

TEST_CASE("Gradients of losses against central differences") {
  Random random(6);
  const Array p = random_array<double>(random, {3, 4}, 0.1, 0.9), t = random_array<double>(random, {3, 4}, -1, 1);
  const Array label = Array::of({3, 0, 1});
  check_gradients("mse", [](Inputs in) { return ag::mse(in[0], in[1]); }, {p, t});
  check_gradients("huber", [](Inputs in) { return ag::huber(in[0] * 3, in[1], 0.7); }, {p, t});
  check_gradients("bce", [](Inputs in) { return ag::bce(in[0], in[1]); }, {p, t});
  check_gradients("bce_with_logits", [](Inputs in) { return ag::bce_with_logits(in[1] * 4, in[0], each); }, {p, t});
  for (const double smoothing : {0.0, 0.2}) {
    check_gradients("cross_entropy",
                    [&](Inputs in) {
                      return ag::cross_entropy(in[0] * 3, label, {LossOptions::Reduction::none, smoothing});
                    },
                    {t});
  }
}

TEST_CASE("Losses say what does not fit") {
  const ag::Step step;
  const Tensor x = leaf({1, 2}), logits = ag::reshape(leaf({1, 2, 3, 4}), {2, 2});
  CHECK_THROWS_WITH(ag::mse(x, ag::expand_dims(x, 1)),
                    "mse: predictions [2] and targets [2, 1]; expected the same shape");
  CHECK_THROWS_WITH(ag::mse(x, 3), "mse: predictions [2] and targets []; expected the same shape");
  CHECK_THROWS_AS(ag::mse(x, ag::zeros({2})), ag::DTypeError);
  CHECK_THROWS_WITH(ag::huber(x, x, 0), "huber: delta 0.000000; expected a number above 0");
  CHECK_THROWS_WITH(ag::cross_entropy(logits, Array::of({1.F, 0.F})), "cross_entropy: float32 labels; expected int32");
  CHECK_THROWS_WITH(
      ag::cross_entropy(logits, Array::of({1, 0, 0})),
      "cross_entropy: logits [2, 2] and labels [3]; expected [..., classes] and [...], with 1 class or more");
  CHECK_THROWS_AS(ag::cross_entropy(ag::select(x, 0, 0), Array::scalar(0)), ag::ShapeError);
  CHECK_THROWS_WITH(ag::cross_entropy(logits, Array::of({1, 0}), {.label_smoothing = 2}),
                    "cross_entropy: label_smoothing 2.000000; expected 0 to 1");
  for (const int wrong : {2, -1}) {
    CHECK_THROWS_AS(ag::cross_entropy(logits, Array::of({1, wrong})).item(), ag::IndexError);
    const std::string text = error_of([&] { ag::cross_entropy(logits, Array::of({1, wrong})).item(); });
    CHECK_THAT(text, ContainsSubstring("losses_test.cpp:" + std::to_string(__LINE__ - 1)));
    CHECK_THAT(text, ContainsSubstring("index " + std::to_string(wrong) + " at") && ContainsSubstring("0 to 1"));
  }
}
