#include <autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "check.h"

namespace ag = autograd;
using ag::Tensor;

// Rosenbrock's valley in 50 dimensions, by Newton's method: each direction solves H d = -g by conjugate gradients,
// which need the Hessian only times a vector. Known: the minimum is 0, where all coordinates are 1.

Tensor rosenbrock(const Tensor& x) {
  const Tensor head = ag::slice(x, 0, {.stop = -1}), tail = ag::slice(x, 0, {.start = 1});
  return ag::sum(100 * ag::square(tail - ag::square(head)) + ag::square(1 - head));
}

double dot(const Tensor& a, const Tensor& b) { return ag::sum(a * b).item(); }

/// An approximate solution d of H d = -g: conjugate gradients, which stop early far from the minimum, and where the
/// curvature is not positive (Nocedal & Wright 2006, algorithm 7.1).
Tensor newton_direction(const Tensor& f, const Tensor& x, const Tensor& g) {
  Tensor d = 0 * g, r = g, p = -g;
  double rr = dot(r, r);
  const double enough = std::min(0.5, std::pow(rr, 0.25)) * std::sqrt(rr);
  for (int i = 0; i < 200; ++i) {
    const Tensor hp = ag::hvp(f, x, p);
    const double curvature = dot(p, hp);
    if (curvature <= 0) return i == 0 ? -g : d;
    const double alpha = rr / curvature;
    d = d + alpha * p;
    r = r + alpha * hp;
    const double next = dot(r, r);
    if (std::sqrt(next) < enough) break;
    p = next / rr * p - r;
    rr = next;
    ag::evaluate({d, r, p});  // what the next product builds on is computed once
  }
  return d;
}

int main() {
  ag::Parameter x(ag::full({50}, -1, ag::DType::float64));
  double value = 0;
  int steps = 0;
  for (; steps < 200; ++steps) {
    const ag::Step step;
    const Tensor at = ag::tensor(x), f = rosenbrock(at), g = ag::grad(f, at);
    ag::evaluate({f, g});
    value = f.item();
    if (std::sqrt(dot(g, g)) < 1e-10) break;
    const Tensor d = newton_direction(f, at, g);
    const double slope = dot(g, d);
    double length = 1;  // halved until the value falls enough (Armijo)
    while (length > 1e-10 && rosenbrock(at + length * d).item() > value + 1e-4 * length * slope) length /= 2;
    x.assign(at + length * d);
  }
  std::printf("%d steps\n", steps);
  int failed = check("value", value, 0, 1e-18);
  for (const size_t k : {size_t{0}, size_t{24}, size_t{49}})
    failed += check("coordinate", x.values<double>()[k], 1, 1e-8);
  return failed;
}
