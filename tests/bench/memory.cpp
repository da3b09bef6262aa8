#include <fmt/format.h>
#include <tests/bench/rows.h>

#include <algorithm>

// Memory that the engine plans for a step of gradient descent, over what any engine needs at the worst moment: values
// that exist by then and are read after it. Parameters and data are not counted; the gradients of all parameters are,
// as no parameter changes before all that could fail is done.

namespace bench {

namespace {

constexpr double float_bytes = sizeof(float);

struct Network {
  std::vector<ag::Parameter> parameters;  ///< of each layer the weights, then the biases

  /// widths[0] is that of the input.
  explicit Network(const std::vector<int64_t>& widths) {
    for (size_t k = 0; k + 1 < widths.size(); ++k) {
      parameters.emplace_back(uniform({widths[k], widths[k + 1]}, -0.1f, 0.1f, static_cast<uint32_t>(k)));
      parameters.emplace_back(ag::zeros({widths[k + 1]}));
    }
  }

  ag::Tensor layer(const ag::Tensor& x, size_t k) const {
    return ag::matmul(x, parameters[2 * k]) + parameters[2 * k + 1];
  }

  double bytes_of_layer(size_t k) const {
    return static_cast<double>(parameters[2 * k].size() + parameters[2 * k + 1].size()) * float_bytes;
  }

  /// Planned bytes of a step on the loss.
  double descend(const ag::Tensor& loss) const {
    ag::Sgd(parameters).minimise(loss);
    return static_cast<double>(ag::report().peak_bytes);
  }
};

struct Memory {
  std::string name;
  double planned, needed;  ///< bytes
};

/// The worst moment is the last: the gradients of all parameters, and that of the first layer's output, of which those
/// of the first layer's parameters are made.
Memory multilayer_perceptron() {
  constexpr int64_t batch = 32;
  const Network network({784, 256, 128, 10});
  const ag::Array images = uniform({batch, 784}, 0, 1, 1);
  const ag::Array labels = ag::Array::make<int32_t>({batch}, [](std::span<int32_t> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int32_t>(i % 10);
  });
  const ag::Step step;
  ag::Tensor h = ag::tensor(images);
  for (size_t k = 0; k < 2; ++k) h = ag::relu(network.layer(h, k));
  const double planned = network.descend(ag::cross_entropy(network.layer(h, 2), labels));
  double needed = batch * 256 * float_bytes;
  for (size_t k = 0; k < 3; ++k) needed += network.bytes_of_layer(k);
  return {"MLP 784-256-128-10, batch 32", planned, needed};
}

/// The worst moment is the first of the way back: the outputs of layers 1 to 19, the gradient of layer 20 before its
/// tanh (in the place of its output), the gradients of its parameters, and the gradient of layer 19 that is being made.
Memory deep_network() {
  constexpr int64_t batch = 1024, width = 64, layers = 20;
  const Network network(std::vector<int64_t>(layers + 1, width));
  const ag::Array x = uniform({batch, width}, -1, 1, 1);
  const ag::Step step;
  ag::Tensor h = ag::tensor(x);
  for (size_t k = 0; k < layers; ++k) h = ag::tanh(network.layer(h, k));
  const double planned = network.descend(ag::mean(ag::square(h)));
  return {"20 layers tanh(h w + b), [1024, 64]", planned,
          (layers + 1) * batch * width * float_bytes + network.bytes_of_layer(0)};
}

}  // namespace

Result peak_memory_ratio() {
  Result result{.value = 0};
  for (const Memory& memory : {multilayer_perceptron(), deep_network()}) {
    const double ratio = memory.planned / memory.needed;
    result.value = std::max(result.value, ratio);
    result.note += fmt::format("{}{}: {:.2f} ({:.2f} of {:.2f} MiB)", result.note.empty() ? "" : "; ", memory.name,
                               ratio, memory.planned / (1 << 20), memory.needed / (1 << 20));
  }
  return result;
}

}  // namespace bench
