#pragma once

#include <autograd/core/evaluate.h>

#include <array>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace autograd {

class Graph;
struct Node;

/// Limits on gradients before an optimiser uses them: first on each element, then on the Euclidean norm of all
/// gradients of the optimiser together, which are scaled alike (Pascanu, Mikolov, Bengio 2013).
struct Clipping {
  double value = std::numeric_limits<double>::infinity();
  double norm = std::numeric_limits<double>::infinity();
};

/// What a method remembers of a parameter from step to step: this many Tensors at most.
inline constexpr size_t most_remembered = 2;

/// Moves Parameters down a gradient. Derive to add a method: update() records the new values.
class BACKLIGHT_API Optimiser {
 public:
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
  /// One step on gradients from elsewhere, in the order of parameters(): of several losses, changed after grad(), or
  /// made by other means. In one evaluation, after which the values of `also` can be read.
  /// throws  ValueError: too few or too many; ShapeError, DTypeError: not as its parameter
  void apply(std::initializer_list<Tensor> gradients, std::initializer_list<Tensor> also = {});
  void apply(std::span<const Tensor> gradients, std::span<const Tensor> also = {});

  const std::vector<Parameter>& parameters() const { return parameters_; }
  double learning_rate() const { return learning_rate_; }
  /// A number of the step, not of its plan: it may change at every step (see schedule.h). ValueError unless finite.
  void set_learning_rate(double rate);
  const Clipping& clipping() const { return clipping_; }
  /// ValueError for a limit below 0
  void set_clipping(const Clipping& clipping);

  /// Steps made.
  int64_t steps() const { return steps_; }
  /// ValueError below 0
  void set_steps(int64_t steps);
  /// What the method remembers from step to step beside their number, for checkpoints: "first_moment.NAME" of every
  /// parameter, and so on. They stay true from step to step; while somebody holds them, steps of many small parameters
  /// are slower.
  std::vector<Parameter> state();

 protected:
  /// How a method works.
  struct Method {
    std::vector<std::string> remembers;  ///< names of what it remembers of each parameter, zero at first
    bool elementwise = true;  ///< an element's step depends on no other, so several parameters can move as one
  };
  /// A parameter and what is remembered of it, in the order of the names; or those of several parameters, end to end.
  struct Moving {
    Tensor parameter;
    std::array<Tensor, most_remembered> remembered = {};
  };

  /// ValueError for a parameter that is given twice and a rate that is not finite; DTypeError for a parameter that is
  /// not float32 or float64.
  Optimiser(std::vector<Parameter> parameters, double learning_rate, Method method);
  /// Records the new values of a step.
  virtual Moving update(const Moving& old, const Tensor& gradient) const = 0;

 private:
  friend void minimise(const Tensor&, std::span<Optimiser* const>, std::span<const Tensor>);
  /// What one evaluation assigns.
  struct Assignments {
    std::vector<Assignment> single;
    std::vector<PackedAssignment> packed;
  };
  /// Small parameters of one type, which move as one.
  struct Pack {
    std::vector<size_t> members;  ///< of parameters_
    std::vector<Parameter> parameters;
    int64_t size = 0;                   ///< elements of all
    std::vector<Parameter> remembered;  ///< end to end, by name; none while the members have their own
  };
  void find_packs();
  void put_together(Pack& pack);
  void take_apart(Pack& pack);
  bool is_held(const Pack& pack) const;
  void add_step(std::span<const Located> parameters, std::span<const Tensor> gradients, Assignments& assignments);
  void add_step(size_t i, const Tensor& parameter, const Tensor& gradient, Assignments& assignments);
  void add_step(const Pack& together, std::span<const Located> parameters, std::span<const Tensor> gradients,
                Assignments& assignments);
  void evaluate_step(const Tensor& loss, std::span<const Tensor> also);
  void check(const Graph& graph, size_t i, const Tensor& parameter, const Tensor& gradient) const;
  [[noreturn]] void refuse(size_t i, const Node& parameter, const Node& gradient) const;
  std::span<const Tensor> clipped(std::span<const Tensor> gradients);

  std::vector<Parameter> parameters_;
  Method method_;
  std::vector<Pack> packs_;
  std::vector<size_t> alone_;  ///< parameters in no pack
  /// By name, then parameter; none where a pack has it.
  std::vector<std::vector<std::optional<Parameter>>> remembered_;
  double learning_rate_;
  Clipping clipping_;
  int64_t steps_ = 0;
  std::vector<Parameter> accumulated_;  ///< made when first needed
  bool has_accumulated_ = false;
  // Of one step; kept so that the next allocates nothing.
  std::vector<Located> variables_;
  Assignments assignments_;
  std::vector<Tensor> wanted_, clipped_, packing_;
};

/// One step of several optimisers (with rates of their own) on one loss, in one evaluation. A Parameter that belongs to
/// two of them makes the last one's step.
BACKLIGHT_API void minimise(const Tensor& loss, std::span<Optimiser* const> optimisers,
                            std::span<const Tensor> also = {});

}  // namespace autograd
