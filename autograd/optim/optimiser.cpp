#include <autograd/core/error.h>
#include <autograd/core/graph.h>
#include <autograd/core/storage.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/pack.h>
#include <autograd/ops/reduce.h>
#include <autograd/optim/optimiser.h>
#include <autograd/optim/option.h>
#include <autograd/transforms/grad.h>

#include <charconv>
#include <cmath>
#include <cstring>

namespace autograd {

namespace {

std::span<const Tensor> as_span(std::initializer_list<Tensor> list) { return {list.begin(), list.size()}; }

std::string description(const std::vector<Parameter>& parameters, size_t i) {
  const std::string& name = parameters[i].name();
  return "parameter " + std::to_string(i) + (name.empty() ? "" : " ('" + name + "')");
}

int64_t bytes_of(const Parameter& parameter) { return parameter.size() * size_of(parameter.dtype()); }

/// Of the parameter's shape and type, called "PREFIX.NAME".
Parameter zero_like(const Parameter& parameter, const std::string& prefix) {
  return Parameter(zeros(parameter.shape(), parameter.dtype()), prefix + "." + parameter.name());
}

/// Reads the parameters: built where they stay, as copies of what has just been written keep processors waiting.
void append(std::vector<Located>& variables, const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) variables.emplace_back(parameter, std::source_location::current());
}

/// min(1, limit / norm of all gradients together)
Tensor scale_to_norm(std::span<const Tensor> gradients, double limit) {
  Tensor total;
  for (const Tensor& gradient : gradients) {
    const Tensor part = cast(sum(square(gradient)), gradients[0].dtype());
    total = total.defined() ? total + part : part;
  }
  return minimum(limit / sqrt(total), 1);
}

}  // namespace

Optimiser::Optimiser(std::vector<Parameter> parameters, double learning_rate, Method method)
    : parameters_(std::move(parameters)), method_(std::move(method)), learning_rate_(0) {
  set_learning_rate(learning_rate);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!is_floating(parameters_[i].dtype())) {
      throw DTypeError("optimiser: " + description(parameters_, i) + " is " + name_of(parameters_[i].dtype()) +
                       "; expected float32 or float64");
    }
    for (size_t k = 0; k < i; ++k) {
      if (parameters_[k].storage() == parameters_[i].storage())
        throw ValueError("optimiser: " + description(parameters_, i) + " is given twice");
    }
  }
  find_packs();
}

void require_option(const char* method, const char* name, double value, double lowest, double highest) {
  if (value >= lowest && value <= highest) return;
  const auto text = [](double number) {
    char digits[32];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  };
  throw ValueError(std::string(method) + ": " + name + " " + text(value) + "; expected " + text(lowest) + " to " +
                   text(highest));
}

void Optimiser::set_learning_rate(double rate) {
  constexpr double most = std::numeric_limits<double>::max();
  require_option("optimiser", "learning_rate", rate, -most, most);
  learning_rate_ = rate;
}

void Optimiser::set_clipping(const Clipping& clipping) {
  constexpr double most = std::numeric_limits<double>::infinity();
  require_option("optimiser", "clipping value", clipping.value, 0, most);
  require_option("optimiser", "clipping norm", clipping.norm, 0, most);
  clipping_ = clipping;
}

void Optimiser::set_steps(int64_t steps) {
  if (steps < 0) throw ValueError("optimiser: " + std::to_string(steps) + " steps; expected 0 or more");
  steps_ = steps;
}

// What is remembered ----------------------------------------------------------------------------

// A pass over data costs the time of some thousand elements, so parameters smaller than that move together, and so does
// what is remembered of them. One by one it is only there where somebody has asked for the state, and still holds it.

void Optimiser::find_packs() {
  constexpr int64_t most_elements = 4096;
  for (const DType type : {DType::float32, DType::float64}) {
    Pack pack;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (parameters_[i].dtype() == type && parameters_[i].size() <= most_elements) pack.members.push_back(i);
    }
    if (method_.elementwise && pack.members.size() > 1) packs_.push_back(std::move(pack));
  }
  std::vector<bool> packed(parameters_.size());
  for (Pack& pack : packs_) {
    for (const size_t i : pack.members) {
      packed[i] = true;
      pack.parameters.push_back(parameters_[i]);
      pack.size += parameters_[i].size();
    }
    for (size_t k = 0; k < method_.remembers.size(); ++k)
      pack.remembered.emplace_back(zeros({pack.size}, pack.parameters[0].dtype()));
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!packed[i]) alone_.push_back(i);
  }
  remembered_.resize(method_.remembers.size());
  for (size_t k = 0; k < remembered_.size(); ++k) {
    remembered_[k].resize(parameters_.size());
    for (const size_t i : alone_) remembered_[k][i] = zero_like(parameters_[i], method_.remembers[k]);
  }
}

void Optimiser::put_together(Pack& pack) {
  for (std::vector<std::optional<Parameter>>& parts : remembered_) {
    const Parameter whole = zeros({pack.size}, pack.parameters[0].dtype());
    std::byte* to = whole.storage()->data;
    for (const size_t i : pack.members) {
      const int64_t bytes = bytes_of(parameters_[i]);
      std::memcpy(to, parts[i]->storage()->data, static_cast<size_t>(bytes));
      parts[i].reset();
      to += bytes;
    }
    pack.remembered.push_back(whole);
  }
}

void Optimiser::take_apart(Pack& pack) {
  for (size_t k = 0; k < pack.remembered.size(); ++k) {
    const std::byte* from = pack.remembered[k].storage()->data;
    for (const size_t i : pack.members) {
      const Parameter& part = remembered_[k][i].emplace(zero_like(parameters_[i], method_.remembers[k]));
      std::memcpy(part.storage()->data, from, static_cast<size_t>(bytes_of(part)));
      from += bytes_of(part);
    }
  }
  pack.remembered.clear();
}

/// Whether somebody else has what is remembered of a parameter.
bool Optimiser::is_held(const Pack& pack) const {
  for (const std::vector<std::optional<Parameter>>& parts : remembered_) {
    for (const size_t i : pack.members) {
      if (parts[i]->storage()->references() > 1) return true;
    }
  }
  return false;
}

std::vector<Parameter> Optimiser::state() {
  for (Pack& pack : packs_) take_apart(pack);
  std::vector<Parameter> list;
  for (const std::vector<std::optional<Parameter>>& parts : remembered_) {
    for (const std::optional<Parameter>& part : parts) list.push_back(*part);
  }
  return list;
}

// A step ----------------------------------------------------------------------------------------

void Optimiser::add_step(std::span<const Located> parameters, std::span<const Tensor> gradients,
                         Assignments& assignments) {
  for (const size_t i : alone_) add_step(i, parameters[i].tensor(), gradients[i], assignments);
  for (Pack& pack : packs_) {
    const bool apart = pack.remembered.size() < method_.remembers.size();
    if (apart && is_held(pack)) {
      for (const size_t i : pack.members) add_step(i, parameters[i].tensor(), gradients[i], assignments);
      continue;
    }
    if (apart) put_together(pack);
    add_step(pack, parameters, gradients, assignments);
  }
}

void Optimiser::add_step(size_t i, const Tensor& parameter, const Tensor& gradient, Assignments& assignments) {
  check(Graph::current(), i, parameter, gradient);
  Moving old{parameter};
  for (size_t k = 0; k < remembered_.size(); ++k) old.remembered[k] = Located(*remembered_[k][i]).tensor();
  const Moving moved = update(old, gradient);
  for (size_t k = 0; k < remembered_.size(); ++k)
    assignments.single.push_back({*remembered_[k][i], moved.remembered[k]});
  assignments.single.push_back({parameters_[i], moved.parameter});
}

void Optimiser::add_step(const Pack& together, std::span<const Located> parameters, std::span<const Tensor> gradients,
                         Assignments& assignments) {
  const Graph& graph = Graph::current();
  const DType type = together.parameters[0].dtype();
  const size_t count = together.members.size();
  packing_.resize(2 * count);  // parameters, then gradients
  for (size_t k = 0; k < count; ++k) {
    const size_t i = together.members[k];
    packing_[k] = parameters[i].tensor();
    packing_[count + k] = gradients[i];
    check(graph, i, packing_[k], packing_[count + k]);
  }
  const std::span<const Tensor> packing(packing_);
  Moving old{pack(packing.first(count), together.size, type)};
  for (size_t k = 0; k < together.remembered.size(); ++k) old.remembered[k] = Located(together.remembered[k]).tensor();
  const Moving moved = update(old, pack(packing.last(count), together.size, type));
  for (size_t k = 0; k < together.remembered.size(); ++k)
    assignments.single.push_back({together.remembered[k], moved.remembered[k]});
  assignments.packed.push_back({together.parameters, moved.parameter});
}

/// Nodes tell, which are nearer than what the parameter holds.
void Optimiser::check(const Graph& graph, size_t i, const Tensor& parameter, const Tensor& gradient) const {
  const Node &wanted = graph.node(graph.check(parameter)), &given = graph.node(graph.check(gradient));
  if (!same_shape(given, wanted) || given.dtype != wanted.dtype) [[unlikely]]
    refuse(i, wanted, given);
}

void Optimiser::refuse(size_t i, const Node& parameter, const Node& gradient) const {
  if (!same_shape(gradient, parameter)) {
    throw ShapeError("apply: a gradient " + gradient.shape().to_string() + " for " + description(parameters_, i) + " " +
                     parameter.shape().to_string());
  }
  throw DTypeError(std::string("apply: a gradient of ") + name_of(gradient.dtype) + " for " +
                   description(parameters_, i) + " of " + name_of(parameter.dtype));
}

std::span<const Tensor> Optimiser::clipped(std::span<const Tensor> gradients) {
  const double none = Clipping().value;
  if (gradients.empty() || (clipping_.value == none && clipping_.norm == none)) return gradients;
  clipped_.assign(gradients.begin(), gradients.end());
  if (clipping_.value != none) {
    for (Tensor& gradient : clipped_) gradient = clamp(gradient, -clipping_.value, clipping_.value);
  }
  if (clipping_.norm != none) {
    const Tensor scale = scale_to_norm(clipped_, clipping_.norm);
    for (Tensor& gradient : clipped_) gradient = gradient * cast(scale, gradient.dtype());
  }
  return clipped_;
}

void Optimiser::evaluate_step(const Tensor& loss, std::span<const Tensor> also) {
  wanted_.assign(1, loss);
  wanted_.insert(wanted_.end(), also.begin(), also.end());
  evaluate(wanted_, assignments_.single, assignments_.packed);
}

void Optimiser::minimise(const Tensor& loss, std::initializer_list<Tensor> also) { minimise(loss, as_span(also)); }

void Optimiser::minimise(const Tensor& loss, std::span<const Tensor> also) {
  Optimiser* const self = this;
  autograd::minimise(loss, std::span<Optimiser* const>(&self, 1), also);
}

void minimise(const Tensor& loss, std::span<Optimiser* const> optimisers, std::span<const Tensor> also) {
  if (optimisers.empty()) throw ValueError("minimise: no optimiser given");
  Optimiser& first = *optimisers[0];
  first.variables_.clear();
  first.assignments_.single.clear();
  first.assignments_.packed.clear();
  for (const Optimiser* optimiser : optimisers) append(first.variables_, optimiser->parameters_);
  std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(first.variables_), {.unused = GradOptions::Unused::zeros});
  std::span<const Located> variables = first.variables_;
  for (Optimiser* optimiser : optimisers) {
    const size_t count = optimiser->parameters_.size();
    optimiser->add_step(variables.first(count), optimiser->clipped(gradients.first(count)), first.assignments_);
    variables = variables.subspan(count);
    gradients = gradients.subspan(count);
  }
  first.evaluate_step(loss, also);
  for (Optimiser* optimiser : optimisers) ++optimiser->steps_;
}

void Optimiser::accumulate(const Tensor& loss, std::initializer_list<Tensor> also) { accumulate(loss, as_span(also)); }

void Optimiser::accumulate(const Tensor& loss, std::span<const Tensor> also) {
  for (size_t i = accumulated_.size(); i < parameters_.size(); ++i)
    accumulated_.push_back(zero_like(parameters_[i], "gradient"));
  variables_.clear();
  append(variables_, parameters_);
  assignments_.single.clear();
  assignments_.packed.clear();
  const std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(variables_), {.unused = GradOptions::Unused::zeros});
  for (size_t i = 0; i < gradients.size(); ++i) {
    assignments_.single.push_back({accumulated_[i], has_accumulated_ ? accumulated_[i] + gradients[i] : gradients[i]});
  }
  evaluate_step(loss, also);
  has_accumulated_ = true;
}

void Optimiser::apply() {
  if (!has_accumulated_) throw ValueError("apply: no gradient was accumulated since the last step");
  const Step step;
  wanted_.clear();
  for (const Parameter& gradient : accumulated_) wanted_.push_back(Located(gradient).tensor());
  apply(std::span<const Tensor>(wanted_));
  has_accumulated_ = false;
}

void Optimiser::apply(std::initializer_list<Tensor> gradients, std::initializer_list<Tensor> also) {
  apply(as_span(gradients), as_span(also));
}

void Optimiser::apply(std::span<const Tensor> gradients, std::span<const Tensor> also) {
  if (gradients.size() != parameters_.size()) {
    throw ValueError("apply: " + std::to_string(gradients.size()) + " gradients for " +
                     std::to_string(parameters_.size()) + " parameters");
  }
  assignments_.single.clear();
  assignments_.packed.clear();
  variables_.clear();
  append(variables_, parameters_);
  add_step(variables_, clipped(gradients), assignments_);
  evaluate(also, assignments_.single, assignments_.packed);
  ++steps_;
}

}  // namespace autograd
