#include <autograd/core/error.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/reduce.h>
#include <autograd/optim/optimiser.h>
#include <autograd/transforms/grad.h>

#include <cmath>

namespace autograd {

namespace {

std::span<const Tensor> as_span(std::initializer_list<Tensor> list) { return {list.begin(), list.size()}; }

std::string description(const std::vector<Parameter>& parameters, size_t i) {
  const std::string& name = parameters[i].name();
  return "parameter " + std::to_string(i) + (name.empty() ? "" : " ('" + name + "')");
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

Optimiser::Optimiser(std::vector<Parameter> parameters, double learning_rate)
    : parameters_(std::move(parameters)), learning_rate_(learning_rate) {
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
}

std::vector<Parameter> Optimiser::zeros_like_parameters(const char* prefix) const {
  std::vector<Parameter> list;
  for (const Parameter& parameter : parameters_) {
    list.emplace_back(zeros(parameter.shape(), parameter.dtype()), prefix + ("." + parameter.name()));
  }
  return list;
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
  evaluate(wanted_, assignments_);
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
  first.assignments_.clear();
  for (const Optimiser* optimiser : optimisers) {
    first.variables_.insert(first.variables_.end(), optimiser->parameters_.begin(), optimiser->parameters_.end());
  }
  std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(first.variables_), {.unused = GradOptions::Unused::zeros});
  for (Optimiser* optimiser : optimisers) {
    const size_t count = optimiser->parameters_.size();
    optimiser->update(optimiser->clipped(gradients.first(count)), first.assignments_);
    gradients = gradients.subspan(count);
  }
  first.evaluate_step(loss, also);
  for (Optimiser* optimiser : optimisers) ++optimiser->steps_;
}

void Optimiser::accumulate(const Tensor& loss, std::initializer_list<Tensor> also) { accumulate(loss, as_span(also)); }

void Optimiser::accumulate(const Tensor& loss, std::span<const Tensor> also) {
  if (accumulated_.empty()) accumulated_ = zeros_like_parameters("gradient");
  variables_.assign(parameters_.begin(), parameters_.end());
  assignments_.clear();
  const std::span<const Tensor> gradients =
      grad(loss, std::span<const Located>(variables_), {.unused = GradOptions::Unused::zeros});
  for (size_t i = 0; i < gradients.size(); ++i) {
    assignments_.push_back({accumulated_[i], has_accumulated_ ? accumulated_[i] + gradients[i] : gradients[i]});
  }
  evaluate_step(loss, also);
  has_accumulated_ = true;
}

void Optimiser::apply() {
  if (!has_accumulated_) throw ValueError("apply: no gradient was accumulated since the last step");
  const Step step;
  assignments_.clear();
  variables_.assign(accumulated_.begin(), accumulated_.end());
  wanted_.clear();
  for (const Located& gradient : variables_) wanted_.push_back(gradient.tensor());
  update(clipped(wanted_), assignments_);
  evaluate({}, assignments_);
  has_accumulated_ = false;
  ++steps_;
}

}  // namespace autograd
