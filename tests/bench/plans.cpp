#include <fmt/format.h>
#include <tests/bench/rows.h>

#include <random>

// What an evaluation costs that differs from all before it: in its operations, or only in its sizes.

namespace bench {

namespace {

using Function = ag::Tensor(ag::Located);
constexpr Function* functions[] = {ag::tanh, ag::exp, ag::sin, ag::sigmoid, ag::cos, ag::erf};

ag::Tensor arithmetic(const ag::Tensor& h, const ag::Array& y, uint32_t choice) {
  switch (choice % 4) {
    case 0: return h + y;
    case 1: return h - y;
    case 2: return h * y;
    default: return ag::maximum(h, y);
  }
}

/// 300 operations on [n, 8] and [8]: nine of arithmetic, which `variant` chooses, and a function, thirty times.
ag::Tensor record_graph(const ag::Array& x, const ag::Array& y, uint32_t variant) {
  std::mt19937 choices(variant);
  ag::Tensor h = ag::tensor(x);
  for (size_t i = 0; i < 30; ++i) {
    for (int k = 0; k < 9; ++k) h = arithmetic(h, y, static_cast<uint32_t>(choices() >> 16));
    h = functions[i % std::size(functions)](h);
  }
  return h;
}

const ag::Array& bias() {
  static const ag::Array array = uniform({8}, -1, 1, 2);
  return array;
}

double step_seconds(const ag::Array& x) {
  return seconds([&] {
    const ag::Step step;
    ag::evaluate({record_graph(x, bias(), 0)});
  });
}

}  // namespace

Result first_plan_ms() {
  const ag::Array x = uniform({2, 8}, -1, 1, 1);
  std::vector<double> times;
  for (uint32_t variant = 1; variant <= 31; ++variant) {
    const ag::Step step;
    const ag::Tensor h = record_graph(x, bias(), variant);
    times.push_back(seconds([&] { ag::evaluate({h}); }));
  }
  return {median(times) * 1e3};
}

Result resize_us() {
  std::vector<double> extra, again;
  for (int64_t n = 2; n < 34; ++n) {
    const ag::Array x = uniform({n, 8}, -1, 1, 1);
    const double first = step_seconds(x);
    again.push_back(step_seconds(x));
    if (n > 2) extra.push_back(first - again.back());  // the very first makes the plan
  }
  return {median(extra) * 1e6, fmt::format("a cached step takes {:.1f} us", median(again) * 1e6)};
}

}  // namespace bench
