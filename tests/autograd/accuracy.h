#pragma once

#include <autograd/core/evaluate.h>
#include <autograd/ops/elementwise.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "tests/autograd/support.h"

// How far the float32 functions are from the exact results: what the test and the exhaustive run of
// tests/bench/accuracy.cpp share. libm in double is exact enough: it is off by 2^-29 ulp of a float.

namespace accuracy {

namespace ag = autograd;
using ag::Located;
using ag::Tensor;

/// A function of one argument takes y, too, and ignores it.
struct Function {
  const char* name;
  Tensor (*operation)(Located x, Located y);
  double (*exact)(double x, double y);
  double bound;          ///< ulp
  bool flushes = false;  ///< gives 0 where the result is below 2^-126
};

inline const Function one_argument[] = {
    {"exp", [](Located x, Located) { return ag::exp(x); }, [](double x, double) { return std::exp(x); }, 2, true},
    {"log", [](Located x, Located) { return ag::log(x); }, [](double x, double) { return std::log(x); }, 2},
    {"tanh", [](Located x, Located) { return ag::tanh(x); }, [](double x, double) { return std::tanh(x); }, 2},
    {"sigmoid", [](Located x, Located) { return ag::sigmoid(x); },
     [](double x, double) { return 1 / (1 + std::exp(-x)); }, 3, true},
    {"erf", [](Located x, Located) { return ag::erf(x); }, [](double x, double) { return std::erf(x); }, 4},
    {"sin", [](Located x, Located) { return ag::sin(x); }, [](double x, double) { return std::sin(x); }, 2},
    {"cos", [](Located x, Located) { return ag::cos(x); }, [](double x, double) { return std::cos(x); }, 2},
    {"tan", [](Located x, Located) { return ag::tan(x); }, [](double x, double) { return std::tan(x); }, 4},
    {"asin", [](Located x, Located) { return ag::asin(x); }, [](double x, double) { return std::asin(x); }, 2},
    {"acos", [](Located x, Located) { return ag::acos(x); }, [](double x, double) { return std::acos(x); }, 2},
    {"atan", [](Located x, Located) { return ag::atan(x); }, [](double x, double) { return std::atan(x); }, 2},
};
inline const Function pow = {"pow", [](Located x, Located y) { return ag::pow(x, y); },
                             [](double x, double y) { return std::pow(x, y); }, 4, true};
inline const Function atan2 = {"atan2", [](Located y, Located x) { return ag::atan2(y, x); },
                               [](double y, double x) { return std::atan2(y, x); }, 2};

/// Distance in units of the last place of the exact result; infinite where a NaN, the sign (of zero, too) or
/// flushing to zero is wrong. Results from 2^128 on are infinity.
inline double ulps(float value, double exact, bool flushes) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(exact) || std::isnan(value)) return std::isnan(exact) && std::isnan(value) ? 0 : wrong;
  if (std::signbit(value) != std::signbit(exact)) return wrong;
  const double magnitude = std::min(std::fabs(exact), 0x1p128);
  if (flushes && magnitude < 0x1p-126 && value == 0) return 0;
  if (flushes && magnitude < 0x1p-126 * (1 - 1e-6)) return wrong;
  if (magnitude == 0) return value == 0 ? 0 : wrong;
  const double ulp = std::ldexp(1.0, std::max(std::ilogb(magnitude), -126) - 23);
  return std::fabs(std::min(std::fabs(static_cast<double>(value)), 0x1p128) - magnitude) / ulp;
}

struct Worst {
  double error = 0;  ///< ulp
  float x = 0, y = 0, value = 0;
};

/// The largest error of `function` over the pairs x[i], y[i], of those that are not rounded correctly.
inline Worst worst_of(const Function& function, std::span<const float> x, std::span<const float> y) {
  const ag::Shape shape = {static_cast<int64_t>(x.size())};
  const ag::Step step;
  const Tensor result = function.operation(ag::Array::from(x, shape), ag::Array::from(y, shape));
  const std::span<const float> values = result.values<float>();
  Worst worst;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = function.exact(static_cast<double>(x[i]), static_cast<double>(y[i]));
    const float rounded = static_cast<float>(exact);
    if (values[i] == rounded && std::fabs(rounded) >= 0x1p-126f) continue;  // most are: saves half of the time
    const double error = ulps(values[i], exact, function.flushes);
    if (error > worst.error) worst = {error, x[i], y[i], values[i]};
  }
  return worst;
}

inline float any_float(Random& random) { return std::bit_cast<float>(static_cast<uint32_t>(random.next())); }

/// For pow: any floats, and bases whose power y spreads over all of float's range; every other one near 1.
inline std::pair<float, float> random_power(Random& random) {
  if (random.below(4) == 0) return {any_float(random), any_float(random)};
  if (random.below(4) == 0) {
    return {static_cast<float>(random.uniform(-10, 10)), static_cast<float>(random.below(41) - 20)};
  }
  const bool near_one = random.below(2) == 0;
  const double x = near_one ? 1 + random.uniform(-0.5, 0.5) * std::exp2(random.uniform(-24, 0))
                            : std::exp2(random.uniform(-149, 128));
  return {static_cast<float>(x), static_cast<float>(random.uniform(-130, 130) / std::log2(x))};
}

/// For atan2: any floats, and pairs within a factor of 2^16 of each other.
inline std::pair<float, float> random_direction(Random& random) {
  const float x = any_float(random);
  if (random.below(4) == 0) return {any_float(random), x};
  const double ratio = std::exp2(random.uniform(-16, 16)) * (random.below(2) == 0 ? 1 : -1);
  return {static_cast<float>(static_cast<double>(x) * ratio), x};
}

}  // namespace accuracy
