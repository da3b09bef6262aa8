#pragma once

#include <autograd/autograd.h>

#include <cstring>
#include <vector>

#include "tests/autograd/support.h"

// Whole training steps with an operation of every kind, over odd sizes: 1000 points, 33 rows, 7 columns.

class Training {
 public:
  /// What a training reads and never changes; threads may share it.
  struct Data {
    explicit Data(int64_t points, uint64_t seed = 1) : Data(points, Random(seed)) {}
    autograd::Array table, weights, bias, rows, groups, target;

   private:
    Data(int64_t points, Random random)
        : table(random_array<float>(random, {33, 7}, -1, 1)),
          weights(random_array<float>(random, {7, 33}, -1, 1)),
          bias(random_array<float>(random, {33}, -1, 1)),
          rows(random_array<int32_t>(random, {points}, 0, 33)),
          groups(random_array<int32_t>(random, {points}, 0, 7)),
          target(random_array<float>(random, {7, 33}, 0, 1)) {}
  };

  explicit Training(const Data& data) : data_(data) {}

  /// Adam's step on a loss whose weights are annealed; returns the loss.
  double step(double annealed = 0.37) {
    using namespace autograd;
    const Step scope;
    const Tensor points = gather(table, data_.rows);                        // [points, 7]
    const Tensor hidden = tanh(matmul(points, weights) + bias);             // [points, 33]
    const Tensor powers = exp(hidden - max(hidden, 1, {.keep = true}));     // softmax: rows of 33 lanes
    const Tensor shares = powers / sum(powers, 1, {.keep = true});          // [points, 33]
    const Tensor pooled = scatter_add(shares * annealed, data_.groups, 7);  // [7, 33]
    const Tensor columns = mean(square(hidden), 0);                         // [33]: a reduction over rows
    const Tensor waves = mean(sin(3 * hidden) * erf(matmul(points, weights) * 0.7) / (1.5 + cos(hidden + mean(bias))));
    const Tensor loss =
        mean(square(pooled * 0.05 - data_.target)) + annealed * sum(log(1.1 + columns)) + waves * (annealed * 0.01);
    optimiser.minimise(loss);
    return loss.item();
  }

  /// The bytes of everything that steps change.
  std::vector<float> values() const {
    std::vector<float> all;
    for (const autograd::Parameter& parameter : optimiser.parameters()) {
      all.insert(all.end(), parameter.values<float>().begin(), parameter.values<float>().end());
    }
    return all;
  }

  const Data& data_;
  autograd::Parameter table{data_.table, "table"}, weights{data_.weights, "weights"}, bias{data_.bias, "bias"};
  autograd::Adam optimiser{{table, weights, bias}, {.learning_rate = 0.01}};
};

/// The losses of `steps` steps and what they end with.
inline std::vector<float> trained(const Training::Data& data, int steps) {
  Training training(data);
  std::vector<float> results;
  for (int i = 0; i < steps; ++i) results.push_back(static_cast<float>(training.step(0.37 + 0.01 * i)));
  const std::vector<float> values = training.values();
  results.insert(results.end(), values.begin(), values.end());
  return results;
}
