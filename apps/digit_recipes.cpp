#include <apps/digit_recipes.h>

#include <algorithm>

namespace {

namespace ag = autograd;
using ag::Tensor;

constexpr int64_t side = 28, digits = 10;

// "sgd" ----------------------------------------------------------------------------------------------------------
// The classic: 784-256-128-10 with relu, plain gradient descent, ten times slower for the last quarter.

class DenseModel : public DigitModel {
 public:
  explicit DenseModel(ag::Rng& rng) : mlp_(rng, {side * side, 256, 128, digits}, ag::relu) {}

  Tensor operator()(const Tensor& pixels) const override { return mlp_(ag::reshape(pixels, {-1, side * side})); }
  std::vector<ag::Parameter> parameters() const override { return mlp_.parameters(); }

 private:
  ag::Mlp mlp_;
};

std::unique_ptr<ag::Optimiser> make_sgd(std::vector<ag::Parameter> parameters) {
  return std::make_unique<ag::Sgd>(std::move(parameters));
}

double sgd_rate(int64_t step, int64_t steps) {
  return ag::StepDecay{.rate = 0.02, .every = std::max<int64_t>(steps * 3 / 4, 1)}(step);
}

// "best" ---------------------------------------------------------------------------------------------------------
// Two convolutions, each followed by pooling; 28 -> 24 -> 12 -> 10 -> 5. The bias and relu come after pooling, on a
// quarter of the elements: neither changes which element is the largest.

class ConvolutionalModel : public DigitModel {
 public:
  explicit ConvolutionalModel(ag::Rng& rng)
      : first_(rng, 5, 1, 16, {}, {.name = "first", .bias = false}),
        first_bias_(ag::zeros({16}), "first.bias"),
        second_(rng, 3, 16, 32, {}, {.name = "second", .bias = false}),
        second_bias_(ag::zeros({32}), "second.bias"),
        last_(rng, 5 * 5 * 32, digits, {.name = "last"}) {}

  Tensor operator()(const Tensor& pixels) const override {
    const Tensor image = ag::expand_dims(pixels, 3);                                             // [batch, 28, 28, 1]
    const Tensor strokes = ag::relu(ag::max_pool2d(first_(image), {2, 2, 2}) + first_bias_);     // [batch, 12, 12, 16]
    const Tensor shapes = ag::relu(ag::max_pool2d(second_(strokes), {2, 2, 2}) + second_bias_);  // [batch, 5, 5, 32]
    return last_(ag::reshape(shapes, {-1, 5 * 5 * 32}));
  }
  std::vector<ag::Parameter> parameters() const override {
    return {first_.weight, first_bias_, second_.weight, second_bias_, last_.weight, *last_.bias};
  }

 private:
  ag::Conv2d first_;
  ag::Parameter first_bias_;
  ag::Conv2d second_;
  ag::Parameter second_bias_;
  ag::Linear last_;
};

std::unique_ptr<ag::Optimiser> make_adamw(std::vector<ag::Parameter> parameters) {
  return std::make_unique<ag::AdamW>(std::move(parameters));
}

double one_cycle(int64_t step, int64_t steps) {
  return ag::OneCycle{.rate = 4e-3, .steps = steps, .rising = 0.2, .start_divisor = 10, .final_divisor = 1e3}(step);
}

template <class Model>
std::unique_ptr<DigitModel> make_model(ag::Rng& rng) {
  return std::make_unique<Model>(rng);
}

}  // namespace

int64_t DigitModel::parameter_count() const {
  int64_t count = 0;
  for (const ag::Parameter& parameter : parameters()) count += parameter.size();
  return count;
}

const std::vector<DigitRecipe>& digit_recipes() {
  static const std::vector<DigitRecipe> recipes{
      {.name = "sgd",
       .epochs = 20,
       .batch = 32,
       .model = make_model<DenseModel>,
       .optimiser = make_sgd,
       .learning_rate = sgd_rate},
      {.name = "best",
       .epochs = 10,
       .batch = 100,
       .shift = 2,
       .model = make_model<ConvolutionalModel>,
       .optimiser = make_adamw,
       .learning_rate = one_cycle},
  };
  return recipes;
}

const DigitRecipe* find_digit_recipe(const std::string& name) {
  const std::vector<DigitRecipe>& all = digit_recipes();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const DigitRecipe& recipe) { return recipe.name == name; });
  return found == all.end() ? nullptr : &*found;
}
