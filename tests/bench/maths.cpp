#include <tests/bench/baselines.h>
#include <tests/bench/rows.h>

// Functions one by one, against libmvec: g++ -ffast-math calls it for sixteen or eight elements at once.

namespace bench {

namespace {

using Inputs = std::span<const ag::Array>;
using Outputs = std::vector<ag::Tensor>;

ag::Array numbers(float low, float high, uint32_t seed = 1) { return uniform({1 << 20}, low, high, seed); }

}  // namespace

Result math_worst() {
  const ag::Array wide = numbers(-30, 30), positive = numbers(1e-3f, 100), ten = numbers(-10, 10);
  const ag::Array eight = numbers(-8, 8, 2);
  return worst(
      {Work{"exp", {numbers(-80, 80)}, [](Inputs in) { return Outputs{ag::exp(in[0])}; }, baseline::exp()},
       Work{"log", {positive}, [](Inputs in) { return Outputs{ag::log(in[0])}; }, baseline::log()},
       Work{"pow", {positive, eight}, [](Inputs in) { return Outputs{ag::pow(in[0], in[1])}; }, baseline::pow()},
       Work{"tanh", {eight}, [](Inputs in) { return Outputs{ag::tanh(in[0])}; }, baseline::tanh()},
       Work{"sin", {wide}, [](Inputs in) { return Outputs{ag::sin(in[0])}; }, baseline::sin()},
       Work{"cos", {wide}, [](Inputs in) { return Outputs{ag::cos(in[0])}; }, baseline::cos()},
       Work{"sigmoid", {wide}, [](Inputs in) { return Outputs{ag::sigmoid(in[0])}; }, baseline::sigmoid()},
       Work{"erf", {numbers(-5, 5)}, [](Inputs in) { return Outputs{ag::erf(in[0])}; }, baseline::erf()},
       Work{"atan2",
            {ten, numbers(-10, 10, 2)},
            [](Inputs in) { return Outputs{ag::atan2(in[0], in[1])}; },
            baseline::atan2()}});
}

}  // namespace bench
