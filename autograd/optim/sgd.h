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

/// Stochastic gradient descent: v = momentum v + g, p = p - rate v. Its state is the velocities; none without momentum.
/// ValueError for a momentum or decay below 0.
class BACKLIGHT_API Sgd : public Optimiser {
 public:
  explicit Sgd(std::vector<Parameter> parameters, SgdOptions options = {});

  SgdOptions options() const;

 protected:
  Moving update(const Moving& old, const Tensor& gradient) const override;

 private:
  SgdOptions options_;
};

}  // namespace autograd
