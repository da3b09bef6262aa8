#pragma once

#include <autograd/core/evaluate.h>

#include <initializer_list>
#include <span>
#include <vector>

namespace autograd {

/// Moves Parameters down a gradient. Derive to add a method: update() records the new values.
class BACKLIGHT_API Optimiser {
 public:
  explicit Optimiser(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {}
  virtual ~Optimiser() = default;

  /// One step on the scalar `loss`, in one evaluation: forward, backward, update. The values of `loss`
  /// and `also` can be read afterwards. Parameters that the loss does not depend on get gradient zero.
  void minimise(const Tensor& loss, std::initializer_list<Tensor> also = {});
  void minimise(const Tensor& loss, std::span<const Tensor> also);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  int64_t steps() const { return steps_; }

 protected:
  /// Records the step for one gradient a parameter, and appends what is to be assigned.
  virtual void update(std::span<const Tensor> gradients, std::vector<Assignment>& assignments) = 0;

 private:
  friend void minimise(const Tensor&, std::span<Optimiser* const>, std::span<const Tensor>);
  std::vector<Parameter> parameters_;
  int64_t steps_ = 0;
  // Of one step; kept so that the next allocates nothing.
  std::vector<Located> variables_;
  std::vector<Assignment> assignments_;
  std::vector<Tensor> wanted_;
};

/// One step of several optimisers (with rates of their own) on one loss, in one evaluation.
BACKLIGHT_API void minimise(const Tensor& loss, std::span<Optimiser* const> optimisers,
                            std::span<const Tensor> also = {});

}  // namespace autograd
