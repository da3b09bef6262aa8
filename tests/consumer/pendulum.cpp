#include <autograd/autograd.h>

#include <vector>

#include "check.h"

namespace ag = autograd;
using ag::Tensor;

// A damped pendulum, angle'' = -(g / length) sin(angle) - damping angle', is simulated by Runge-Kutta steps. From its
// angle at 20 moments its length and damping are recovered, by Adam on the derivative of the simulation itself.

struct State {
  Tensor angle, speed;
};

State change(const State& s, const Tensor& length, const Tensor& damping) {
  return {s.speed, -9.81 / length * ag::sin(s.angle) - damping * s.speed};
}

State moved(const State& s, const State& d, double time) {
  return {s.angle + time * d.angle, s.speed + time * d.speed};
}

State runge_kutta(const State& s, const Tensor& length, const Tensor& damping, double time) {
  const State a = change(s, length, damping), b = change(moved(s, a, time / 2), length, damping);
  const State c = change(moved(s, b, time / 2), length, damping), d = change(moved(s, c, time), length, damping);
  return {s.angle + time / 6 * (a.angle + 2 * b.angle + 2 * c.angle + d.angle),
          s.speed + time / 6 * (a.speed + 2 * b.speed + 2 * c.speed + d.speed)};
}

/// Angles at 20 moments, 0.1 s apart, let go at 1 radian.
Tensor simulate(const Tensor& length, const Tensor& damping) {
  State state{ag::cast(1, ag::DType::float64), ag::cast(0, ag::DType::float64)};
  std::vector<Tensor> angles;
  for (int i = 0; i < 20; ++i) {
    state = runge_kutta(state, length, damping, 0.1);
    angles.push_back(state.angle);
  }
  return ag::stack(angles, 0);
}

int main() {
  const auto number = [](double value) { return ag::Array::scalar(value); };
  const ag::Array observed = [&] {
    const ag::Step step;
    return simulate(ag::tensor(number(0.8)), ag::tensor(number(0.25))).keep();
  }();
  ag::Parameter length(number(1.0)), damping(number(0.05));
  ag::Adam optimiser({length, damping}, {.learning_rate = 0.03});
  double loss = 0;
  for (int i = 0; i < 200; ++i) {
    const ag::Step step;
    const Tensor error = ag::mse(simulate(ag::tensor(length), ag::tensor(damping)), observed);
    optimiser.set_learning_rate(ag::CosineDecay{.rate = 0.03, .steps = 250}(i));
    optimiser.minimise(error);
    loss = error.item();
  }
  std::printf("loss %.2e\n", loss);
  return check("length", length.item(), 0.8, 1e-4) + check("damping", damping.item(), 0.25, 1e-4);
}
