#include <autograd/autograd.h>

#include <cmath>
#include <numbers>

#include "check.h"

namespace ag = autograd;
using ag::Tensor;

// The greeks of a European call: derivatives of its price, first and second order, by grad() and in closed form
// (Black & Scholes 1973).

Tensor normal_below(const Tensor& x) { return 0.5 * (1 + ag::erf(x / std::numbers::sqrt2)); }

struct Market {
  Tensor spot, strike, years, rate, volatility;
};

Tensor call_price(const Market& m) {
  const Tensor spread = m.volatility * ag::sqrt(m.years);
  const Tensor d1 = (ag::log(m.spot / m.strike) + (m.rate + ag::square(m.volatility) / 2) * m.years) / spread;
  return m.spot * normal_below(d1) - m.strike * ag::exp(-m.rate * m.years) * normal_below(d1 - spread);
}

int main() {
  const double spot = 105, strike = 100, years = 0.75, rate = 0.03, volatility = 0.2;
  const ag::Step step;
  const auto number = [](double value) { return ag::tensor(ag::Array::scalar(value)); };
  const Market m{number(spot), number(strike), number(years), number(rate), number(volatility)};
  const Tensor price = call_price(m);
  const auto [delta, theta, rho, vega] = ag::grad(price, {m.spot, m.years, m.rate, m.volatility});
  const auto [gamma, vanna] = ag::grad(delta, {m.spot, m.volatility});
  const Tensor volga = ag::grad(vega, m.volatility);

  const double root = std::sqrt(years), spread = volatility * root;
  const double d1 = (std::log(spot / strike) + (rate + volatility * volatility / 2) * years) / spread, d2 = d1 - spread;
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
  const double density = std::exp(-d1 * d1 / 2) / std::sqrt(2 * std::numbers::pi);
  const double discounted = strike * std::exp(-rate * years);
  constexpr double tolerance = 1e-9;
  return check("price", price.item(), spot * below(d1) - discounted * below(d2), tolerance) +
         check("delta", delta.item(), below(d1), tolerance) +
         check("vega", vega.item(), spot * density * root, tolerance) +
         check("theta (by years to expiry)", theta.item(),
               spot * density * volatility / (2 * root) + rate * discounted * below(d2), tolerance) +
         check("rho", rho.item(), discounted * years * below(d2), tolerance) +
         check("gamma", gamma.item(), density / (spot * spread), tolerance) +
         check("vanna", vanna.item(), -density * d2 / volatility, tolerance) +
         check("volga", volga.item(), spot * density * root * d1 * d2 / volatility, tolerance);
}
