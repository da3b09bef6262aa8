#pragma once

#include <autograd/optim/optimiser.h>

#include <utility>

namespace autograd {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< a step also takes learning_rate * weight_decay of the parameter away
};

/// Adam (Kingma & Ba 2015). The moments are Parameters. ValueError for betas outside [0, 1), and for an epsilon or
/// decay below 0.
class BACKLIGHT_API Adam : public Optimiser {
 public:
  explicit Adam(std::vector<Parameter> parameters, AdamOptions options = {});

  AdamOptions options() const;

 protected:
  Adam(std::vector<Parameter> parameters, AdamOptions options, bool elementwise);
  Moving update(const Moving& old, const Tensor& gradient) const override;
  /// What a step is divided by, given the root of the corrected second moment: element for element, or the
  /// constructor must know that it is not.
  virtual Tensor denominator(const Tensor& root) const;

 private:
  AdamOptions options_;
};

/// Adam with weight decay that is not scaled by the gradient's moments (Loshchilov & Hutter 2019): Adam's
/// options with another default.
class BACKLIGHT_API AdamW : public Adam {
 public:
  explicit AdamW(std::vector<Parameter> parameters, AdamOptions options = {.weight_decay = 1e-2})
      : Adam(std::move(parameters), options) {}
};

/// Adam with one scale for all elements of a parameter, from its largest second moment, so that the
/// direction of the step is kept (Nicolet, Jacobson, Jakob 2021, "Large Steps in Inverse Rendering of
/// Geometry", section 4). What a preconditioned gradient needs.
class BACKLIGHT_API UniformAdam : public Adam {
 public:
  explicit UniformAdam(std::vector<Parameter> parameters, AdamOptions options = {})
      : Adam(std::move(parameters), options, false) {}

 protected:
  Tensor denominator(const Tensor& root) const override;
};

}  // namespace autograd
