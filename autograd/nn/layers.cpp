#include <autograd/core/error.h>
#include <autograd/nn/layers.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/matmul.h>
#include <autograd/ops/random.h>
#include <autograd/ops/record.h>

namespace autograd {

namespace {

std::string named(const std::string& prefix, const char* name) { return prefix.empty() ? name : prefix + "." + name; }

std::optional<Parameter> bias_of(const LayerOptions& options, int64_t outputs) {
  if (!options.bias) return std::nullopt;
  return Parameter(zeros({outputs}, options.dtype), named(options.name, "bias"));
}

std::vector<Parameter> list_of(const Parameter& weight, const std::optional<Parameter>& bias) {
  std::vector<Parameter> list{weight};
  if (bias) list.push_back(*bias);
  return list;
}

}  // namespace

Linear::Linear(Rng& rng, int64_t inputs, int64_t outputs, const LayerOptions& options)
    : weight(options.initialise(rng, {inputs, outputs}, options.dtype), named(options.name, "weight")),
      bias(bias_of(options, outputs)) {}

Tensor Linear::operator()(Located x) const {
  const AtLine line(x);
  const Tensor input = x.as(weight.dtype());
  const Shape shape = input.shape();
  const int64_t inputs = weight.shape()[0], outputs = weight.shape()[1];
  if (shape.rank() == 0 || shape[shape.rank() - 1] != inputs) {
    throw ShapeError("Linear: an input of shape " + shape.to_string() + "; expected [..., " + std::to_string(inputs) +
                     "]");
  }
  // One product of all rows is faster than one for each of the leading axes.
  int64_t extents[max_rank];
  std::copy(shape.begin(), shape.end(), extents);
  extents[shape.rank() - 1] = outputs;
  const int64_t rows = inputs == 0 ? 0 : shape.size() / inputs;
  const Tensor product = reshape(matmul(reshape(input, Shape{rows, inputs}), weight),
                                 Shape(std::span<const int64_t>(extents, static_cast<size_t>(shape.rank()))));
  return bias ? product + *bias : product;
}

std::vector<Parameter> Linear::parameters() const { return list_of(weight, bias); }

Mlp::Mlp(Rng& rng, const std::vector<int64_t>& sizes, Activation activation_, const LayerOptions& options)
    : activation(activation_) {
  if (sizes.size() < 2) throw ValueError("Mlp: " + std::to_string(sizes.size()) + " sizes; expected at least 2");
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    LayerOptions own = options;
    own.name = named(options.name, std::to_string(i).c_str());
    layers.emplace_back(rng, sizes[i], sizes[i + 1], own);
  }
}

Tensor Mlp::operator()(Located x) const {
  const AtLine line(x);
  Tensor value = layers.front()(x);
  for (size_t i = 1; i < layers.size(); ++i) value = layers[i](activation(value));
  return value;
}

std::vector<Parameter> Mlp::parameters() const {
  std::vector<Parameter> all;
  for (const Linear& layer : layers) all = join(all, layer.parameters());
  return all;
}

Conv2d::Conv2d(Rng& rng, int64_t window, int64_t inputs, int64_t outputs, Convolution geometry_,
               const LayerOptions& options)
    : weight(options.initialise(rng, {window, window, inputs, outputs}, options.dtype), named(options.name, "weight")),
      bias(bias_of(options, outputs)),
      geometry(geometry_) {}

Tensor Conv2d::operator()(Located x) const {
  const AtLine line(x);
  const Tensor product = conv2d(x, weight, geometry);
  return bias ? product + *bias : product;
}

std::vector<Parameter> Conv2d::parameters() const { return list_of(weight, bias); }

LayerNorm::LayerNorm(int64_t size, const std::string& name, DType dtype)
    : weight(ones({size}, dtype), named(name, "weight")), bias(zeros({size}, dtype), named(name, "bias")) {}

Tensor LayerNorm::operator()(Located x) const {
  const AtLine line(x);
  return layer_norm(x, epsilon) * weight + bias;
}

Embedding::Embedding(Rng& rng, int64_t count, int64_t size, const std::string& name, DType dtype)
    : weight(normal(rng, {count, size}, 0, 1, dtype), named(name, "weight")) {}

Tensor Embedding::operator()(Located indices) const { return gather(Located(weight, indices.where()), indices); }

}  // namespace autograd
