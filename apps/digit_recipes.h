#pragma once

#include <autograd/autograd.h>

#include <memory>
#include <string>
#include <vector>

/// A network that tells digits apart.
class DigitModel {
 public:
  virtual ~DigitModel() = default;
  /// Scores of the ten digits, [batch, 10], for float32 pixels [batch, 28, 28] from 0 to 1.
  virtual autograd::Tensor operator()(const autograd::Tensor& pixels) const = 0;
  virtual std::vector<autograd::Parameter> parameters() const = 0;

  int64_t parameter_count() const;
};

/// A network and how it is trained.
struct DigitRecipe {
  std::string name;
  int epochs = 0;
  int64_t batch = 0;
  int64_t shift = 0;  ///< training images are moved by up to so many pixels, each time anew
  double label_smoothing = 0;
  std::unique_ptr<DigitModel> (*model)(autograd::Rng& rng) = nullptr;
  std::unique_ptr<autograd::Optimiser> (*optimiser)(std::vector<autograd::Parameter> parameters) = nullptr;
  /// The learning rate of step `step` of `steps`.
  double (*learning_rate)(int64_t step, int64_t steps) = nullptr;
};

const std::vector<DigitRecipe>& digit_recipes();
/// Null where there is none of that name.
const DigitRecipe* find_digit_recipe(const std::string& name);
