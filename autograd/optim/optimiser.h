#pragma once

#include <autograd/core/evaluate.h>

#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

namespace autograd {

/// Limits on gradients before an optimiser uses them: first on each element, then on the Euclidean norm of all
/// gradients of the optimiser together, which are scaled alike (Pascanu, Mikolov, Bengio 2013).
struct Clipping {
  double value = std::numeric_limits<double>::infinity();
  double norm = std::numeric_limits<double>::infinity();
};

/// Moves Parameters down a gradient. Derive to add a method: update() records the new values.
class BACKLIGHT_API Optimiser {
 public:
  /// ValueError for a parameter that is given twice; DTypeError for one that is not float32 or float64.
  explicit Optimiser(std::vector<Parameter> parameters, double learning_rate = 1e-3);
  virtual ~Optimiser() = default;

  /// One step on the scalar `loss`, in one evaluation: forward, backward, update. The values of `loss`
  /// and `also` can be read afterwards. Parameters that the loss does not depend on get gradient zero.
  void minimise(const Tensor& loss, std::initializer_list<Tensor> also = {});
  void minimise(const Tensor& loss, std::span<const Tensor> also);

  /// Adds the gradient of `loss`, in one evaluation, to what was accumulated since the last apply(): for
  /// batches in parts. The parameters stay.
  void accumulate(const Tensor& loss, std::initializer_list<Tensor> also = {});
  void accumulate(const Tensor& loss, std::span<const Tensor> also);
  /// One step on the sum of the gradients that were accumulated. ValueError where there are none.
  void apply();

  const std::vector<Parameter>& parameters() const { return parameters_; }
  double learning_rate() const { return learning_rate_; }
  /// A number of the step, not of its plan: it may change at every step (see schedule.h).
  void set_learning_rate(double rate) { learning_rate_ = rate; }
  const Clipping& clipping() const { return clipping_; }
  void set_clipping(const Clipping& clipping) { clipping_ = clipping; }

  /// Steps made.
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }
  /// What the method remembers from step to step beside their number, for checkpoints.
  virtual std::vector<Parameter> state() const { return {}; }

 protected:
  /// Records the step for one gradient a parameter, and appends what is to be assigned.
  virtual void update(std::span<const Tensor> gradients, std::vector<Assignment>& assignments) = 0;
  /// A zero for each parameter, of its shape and type, called "PREFIX.NAME": what the method remembers.
  std::vector<Parameter> zeros_like_parameters(const char* prefix) const;

 private:
  friend void minimise(const Tensor&, std::span<Optimiser* const>, std::span<const Tensor>);
  void evaluate_step(const Tensor& loss, std::span<const Tensor> also);
  std::span<const Tensor> clipped(std::span<const Tensor> gradients);

  std::vector<Parameter> parameters_;
  double learning_rate_;
  Clipping clipping_;
  int64_t steps_ = 0;
  std::vector<Parameter> accumulated_;  ///< made when first needed
  bool has_accumulated_ = false;
  // Of one step; kept so that the next allocates nothing.
  std::vector<Located> variables_;
  std::vector<Assignment> assignments_;
  std::vector<Tensor> wanted_, clipped_;
};

/// One step of several optimisers (with rates of their own) on one loss, in one evaluation.
BACKLIGHT_API void minimise(const Tensor& loss, std::span<Optimiser* const> optimisers,
                            std::span<const Tensor> also = {});

}  // namespace autograd
