#pragma once

#include <autograd/nn/functions.h>
#include <autograd/nn/initialise.h>

#include <optional>
#include <string>
#include <vector>

// Layers: plain structs of Parameters that can be called. A model is a struct of layers; its parameters() joins
// theirs, and their names ("NAME.weight") are those in files.

namespace autograd {

/// Initial weights of a shape, such as he_normal.
using Initialiser = Array (*)(Rng&, const Shape&, DType);

struct LayerOptions {
  std::string name = {};  ///< put before the parameters' names, with a dot
  bool bias = true;
  Initialiser initialise = he_normal;
  DType dtype = DType::float32;
};

/// x W + b on the last axis: [..., inputs] -> [..., outputs].
struct BACKLIGHT_API Linear {
  Linear(Rng& rng, int64_t inputs, int64_t outputs, const LayerOptions& options = {});
  Tensor operator()(Located x) const;
  std::vector<Parameter> parameters() const;

  Parameter weight;               ///< [inputs, outputs]
  std::optional<Parameter> bias;  ///< [outputs], from 0
};

/// Linear layers with an activation between them.
struct BACKLIGHT_API Mlp {
  using Activation = Tensor (*)(Located);
  /// sizes: of the inputs, of each hidden layer, of the outputs. Layers are named "0", "1", ... ValueError below two
  Mlp(Rng& rng, const std::vector<int64_t>& sizes, Activation activation, const LayerOptions& options = {});
  Tensor operator()(Located x) const;
  std::vector<Parameter> parameters() const;

  std::vector<Linear> layers;
  Activation activation;
};

/// conv2d() with a bias: [batch, height, width, inputs] -> [batch, down, across, outputs].
struct BACKLIGHT_API Conv2d {
  /// Square windows of `window` pixels.
  Conv2d(Rng& rng, int64_t window, int64_t inputs, int64_t outputs, Convolution geometry = {},
         const LayerOptions& options = {});
  Tensor operator()(Located x) const;
  std::vector<Parameter> parameters() const;

  Parameter weight;               ///< [window, window, inputs, outputs]
  std::optional<Parameter> bias;  ///< [outputs], from 0
  Convolution geometry;
};

/// layer_norm() with a scale and a shift for each element of the last axis.
struct BACKLIGHT_API LayerNorm {
  explicit LayerNorm(int64_t size, const std::string& name = "", DType dtype = DType::float32);
  Tensor operator()(Located x) const;
  std::vector<Parameter> parameters() const { return {weight, bias}; }

  Parameter weight, bias;  ///< [size], from 1 and 0
  double epsilon = 1e-5;
};

/// A vector for each of `count` things: int32 [...] -> [..., size].
struct BACKLIGHT_API Embedding {
  /// Gaussian of deviation 1.
  Embedding(Rng& rng, int64_t count, int64_t size, const std::string& name = "", DType dtype = DType::float32);
  Tensor operator()(Located indices) const;
  std::vector<Parameter> parameters() const { return {weight}; }

  Parameter weight;  ///< [count, size]
};

/// The parameters of several layers, in order: join(first.parameters(), second.parameters(), ...).
template <class... Lists>
std::vector<Parameter> join(const Lists&... lists) {
  std::vector<Parameter> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

}  // namespace autograd
