#pragma once

#include <autograd/optim/optimiser.h>

namespace autograd {

struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0;
  /// Looks ahead along the velocity (Nesterov 1983, as reformulated by Sutskever et al. 2013).
  bool nesterov = false;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
};

/// Stochastic gradient descent: v = momentum v + g, p = p - rate v. The velocities are Parameters.
class BACKLIGHT_API Sgd : public Optimiser {
 public:
  explicit Sgd(std::vector<Parameter> parameters, SgdOptions options = {});

  SgdOptions options() const;
  /// The velocities; none without momentum.
  std::vector<Parameter> state() const override { return velocities_; }

 protected:
  void update(std::span<const Tensor> gradients, std::vector<Assignment>& assignments) override;

 private:
  std::vector<Parameter> velocities_;
  SgdOptions options_;
};

}  // namespace autograd
