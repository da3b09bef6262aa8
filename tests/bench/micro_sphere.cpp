#include <tests/bench/rows.h>

#include <array>
#include <cmath>
#include <stdexcept>
#include <thread>

// The smallest fit there is: a soft sphere in a picture of 16 x 16 pixels.
//
//   value(p) = exp(-k (|p - c| - exp(q)))    loss = mean (value - target)^2    SGD on c and q

namespace bench {

namespace {

constexpr int64_t size = 16;
constexpr double k = 2, rate = 0.05;
constexpr int steps = 200;

struct Sphere {
  ag::Parameter cx, cy, cz, q;
};

Sphere sphere(float cx, float cy, float cz, float q) {
  return {ag::Array::scalar(cx), ag::Array::scalar(cy), ag::Array::scalar(cz), ag::Array::scalar(q)};
}

/// Pixel centres on [-1, 1], as a column or a row.
ag::Array pixels(const ag::Shape& shape) {
  return ag::Array::make<float>(shape, [](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = (2 * static_cast<float>(i) + 1) / static_cast<float>(size) - 1;
  });
}

ag::Tensor render(const Sphere& s, const ag::Array& x, const ag::Array& y) {
  const ag::Tensor distance = ag::sqrt(ag::square(x - s.cx) + ag::square(y - s.cy) + ag::square(s.cz));
  return ag::exp(-k * (distance - ag::exp(s.q)));
}

double descend(const Sphere& s, const ag::Array& x, const ag::Array& y, const ag::Array& target) {
  const ag::Step step;
  const ag::Tensor loss = ag::mean(ag::square(render(s, x, y) - target));
  const auto [to_cx, to_cy, to_cz, to_q] = ag::grad(loss, {s.cx, s.cy, s.cz, s.q});
  const std::array<ag::Assignment, 4> assignments{{{s.cx, s.cx - rate * to_cx},
                                                   {s.cy, s.cy - rate * to_cy},
                                                   {s.cz, s.cz - rate * to_cz},
                                                   {s.q, s.q - rate * to_q}}};
  ag::evaluate(std::span<const ag::Tensor>(&loss, 1), assignments);
  return loss.item();
}

/// Milliseconds of a fit.
double fit(const ag::Array& x, const ag::Array& y, const ag::Array& target) {
  const Sphere fitted = sphere(-0.2f, 0.2f, 0.5f, -1);
  double first = 0, last = 0;
  const double time = seconds([&] {
    first = descend(fitted, x, y, target);
    for (int i = 1; i < steps; ++i) last = descend(fitted, x, y, target);
  });
  if (!(last < first / 10)) throw std::runtime_error("micro_sphere_ms: the fit does not converge");
  return time * 1e3;
}

}  // namespace

/// Plans are cached by thread: in a thread of its own each fit makes them anew.
Result micro_sphere_ms() {
  const ag::Step step;
  const ag::Array x = pixels({size}), y = pixels({size, 1});
  const ag::Array target = render(sphere(0.2f, -0.1f, 0.3f, -0.7f), x, y).keep();
  std::vector<double> times(15);
  for (double& time : times) std::thread([&] { time = fit(x, y, target); }).join();
  return {median(times)};
}

}  // namespace bench
