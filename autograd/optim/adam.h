#pragma once

#include <autograd/core/array.h>
#include <autograd/core/tensor.h>

#include <initializer_list>
#include <span>
#include <vector>

namespace autograd {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
};

/// Adam (Kingma & Ba 2015). Moments are Parameters; every update of every parameter happens in one
/// evaluation together with the loss.
class BACKLIGHT_API Adam {
 public:
  explicit Adam(std::vector<Parameter> parameters, AdamOptions options = {});

  /// One step down the gradient of the scalar `loss`; its value, and those of `also`, can be read
  /// afterwards. Parameters that the loss does not depend on stay.
  void minimise(const Tensor& loss, std::initializer_list<Tensor> also = {});
  void minimise(const Tensor& loss, std::span<const Tensor> also);

  void set_learning_rate(double rate) { options_.learning_rate = rate; }
  const AdamOptions& options() const { return options_; }
  int64_t steps() const { return steps_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 protected:
  /// The step's size, elementwise or one for the whole parameter, from the corrected second moment's root.
  virtual Tensor denominator(const Tensor& root) const;

 private:
  std::vector<Parameter> parameters_, first_moments_, second_moments_;
  AdamOptions options_;
  int64_t steps_ = 0;
};

/// Adam with one scale for all elements of a parameter, from its largest second moment, so that the
/// direction of the step is kept (Nicolet, Jacobson, Jakob 2021, "Large Steps in Inverse Rendering of
/// Geometry", section 4). What a preconditioned gradient needs.
class BACKLIGHT_API UniformAdam : public Adam {
 public:
  using Adam::Adam;

 protected:
  Tensor denominator(const Tensor& root) const override;
};

}  // namespace autograd
