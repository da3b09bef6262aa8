#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

// A step of Adam where the gradients exist: what the optimiser costs by itself.

namespace bench {

namespace {

// A large rate, so that a wrong step shows in the parameters.
constexpr ag::AdamOptions options{.learning_rate = 0.1};

class Adam {
 public:
  Adam(uint32_t count, int64_t size) {
    for (uint32_t k = 0; k < count; ++k) {
      gradients_.push_back(uniform({size}, -1, 1, 2 * k));
      parameters_.emplace_back(uniform({size}, -1, 1, 2 * k + 1));
    }
    optimiser_ = std::make_unique<ag::Adam>(parameters_, options);
  }

  void step() {
    const ag::Step step;
    given_.clear();
    for (const ag::Array& gradient : gradients_) given_.push_back(ag::tensor(gradient));
    optimiser_->apply(std::span<const ag::Tensor>(given_));
  }

  const std::vector<ag::Array>& gradients() const { return gradients_; }
  const std::vector<ag::Parameter>& parameters() const { return parameters_; }

 private:
  std::vector<ag::Array> gradients_;
  std::vector<ag::Parameter> parameters_;
  std::vector<ag::Tensor> given_;
  std::unique_ptr<ag::Adam> optimiser_;
};

/// The same by hand: a loop over each parameter.
class AdamByHand {
 public:
  explicit AdamByHand(const Adam& adam) : gradients_(adam.gradients()) {
    for (const ag::Parameter& parameter : adam.parameters()) {
      first_.emplace_back(parameter.size());
      second_.emplace_back(parameter.size());
      parameters_.emplace_back(parameter.size());
      std::fill_n(first_.back().data(), parameter.size(), 0.0f);
      std::fill_n(second_.back().data(), parameter.size(), 0.0f);
      std::ranges::copy(parameter.values<float>(), parameters_.back().data());
    }
  }

  void step() {
    ++steps_;
    const float numbers[] = {static_cast<float>(options.learning_rate / (1 - std::pow(options.beta1, steps_))),
                             static_cast<float>(1 / (1 - std::pow(options.beta2, steps_)))};
    for (size_t k = 0; k < gradients_.size(); ++k) {
      const float* const in[] = {gradients_[k].values<float>().data(), numbers};
      float* const out[] = {first_[k].data(), second_[k].data(), parameters_[k].data()};
      const auto size = static_cast<long>(gradients_[k].size());
      loop_(in, out, size, size);
    }
  }

  std::span<const float> parameter(size_t k) const { return parameters_[k].values(); }

 private:
  Loop* loop_ = baseline::adam();
  std::vector<ag::Array> gradients_;
  std::vector<Floats> first_, second_, parameters_;
  int steps_ = 0;
};

Detail compare_adam(const std::string& name, uint32_t count, int64_t size) {
  Adam engine(count, size);
  AdamByHand hand(engine);
  for (int i = 0; i < 3; ++i) engine.step(), hand.step();
  for (size_t k = 0; k < count; ++k) {
    check_equal("optimiser_worst, " + name, k, engine.parameters()[k].values<float>(), hand.parameter(k));
  }
  return compare(
      name, static_cast<double>(count * size), [&] { engine.step(); }, [&] { hand.step(); });
}

}  // namespace

Result optimiser_worst() {
  Result result{.value = 0};
  result.details = {compare_adam("1000 of 256 elements", 1000, 256), compare_adam("one of 2^22", 1, 1 << 22)};
  for (const Detail& detail : result.details) result.value = std::max(result.value, detail.ratio);
  return result;
}

}  // namespace bench
