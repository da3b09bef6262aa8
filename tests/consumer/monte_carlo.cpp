#include <autograd/autograd.h>

#include <cmath>
#include <numbers>

#include "check.h"

namespace ag = autograd;
using ag::Tensor;

// A call option's price and delta by simulating the stock at expiry: one million paths, differentiated path by path
// (Broadie & Glasserman 1996). Known: the closed form. The paths are never stored: simulation, payoff, mean and
// derivative are one pass.
int main() {
  constexpr double strike = 100, years = 0.75, rate = 0.03, volatility = 0.2, spot_now = 105;
  constexpr int64_t paths = 1 << 20;
  ag::Rng rng(1);

  const ag::Step step;
  const Tensor spot = ag::tensor(ag::Array::scalar(static_cast<float>(spot_now)));
  const Tensor noise = ag::random_normal(rng, {paths});
  const double drift = (rate - volatility * volatility / 2) * years;
  const Tensor expiry = spot * ag::exp(drift + volatility * std::sqrt(years) * noise);
  const Tensor price = std::exp(-rate * years) * ag::mean(ag::relu(expiry - strike));
  const Tensor delta = ag::grad(price, spot);
  ag::evaluate({price, delta});

  const double spread = volatility * std::sqrt(years);
  const double d1 = (std::log(spot_now / strike) + (rate + volatility * volatility / 2) * years) / spread;
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
  const double known = spot_now * below(d1) - strike * std::exp(-rate * years) * below(d1 - spread);
  // Standard errors: 0.014 and 0.0006.
  return check("price", price.item(), known, 0.06) + check("delta", delta.item(), below(d1), 0.0025);
}
