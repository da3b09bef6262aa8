#include <autograd/optim/schedule.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace autograd {

namespace {

/// From a to b along half a wave; `part` from 0 to 1.
double half_wave(double a, double b, double part) {
  return b + (a - b) * (1 + std::cos(std::numbers::pi * std::clamp(part, 0.0, 1.0))) / 2;
}

}  // namespace

double StepDecay::operator()(int64_t step) const {
  return rate * std::pow(factor, static_cast<double>(step / std::max<int64_t>(every, 1)));
}

double ExponentialDecay::operator()(int64_t step) const { return rate * std::pow(factor, static_cast<double>(step)); }

double CosineDecay::operator()(int64_t step) const {
  if (step < warmup) return rate * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const auto length = static_cast<double>(std::max<int64_t>(steps - warmup, 1));
  return half_wave(rate, final_rate, static_cast<double>(step - warmup) / length);
}

double OneCycle::operator()(int64_t step) const {
  const double length = static_cast<double>(std::max<int64_t>(steps - 1, 1));
  const double part = static_cast<double>(step) / length;
  if (part < rising) return half_wave(rate / start_divisor, rate, part / rising);
  return half_wave(rate, rate / final_divisor, rising < 1 ? (part - rising) / (1 - rising) : 1);
}

}  // namespace autograd
