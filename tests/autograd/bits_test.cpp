#include <autograd/autograd.h>

#include <array>
#include <cfenv>
#include <thread>
#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/autograd/training.h"
#include "tests/catch.h"

#ifdef __SSE__
#include <xmmintrin.h>
#endif

// Whole training steps give the same bytes whatever executes them, and whatever the host has set in its
// floating-point unit. What is switched is switched before anything is planned: a fresh thread has no plans yet.

namespace ag = autograd;

TEST_CASE("Twenty training steps give the same bytes on every backend") {
  const Training::Data data(1000);
  std::vector<float> expected;
  for (const ag::Backend backend : backends()) {
    for (int threads : {1, 2, 7}) {
      for (size_t nodes : {size_t{2000}, size_t{1}, size_t{9}}) {
        const WithBackend with(backend);
        const Threads scope(threads);
        const RegionLimit limit(nodes);
        const std::vector<float> found = trained(data, 20);
        if (expected.empty()) expected = found;
        INFO(ag::name_of(backend) << ", " << threads << " threads, regions of " << nodes);
        REQUIRE(first_difference(found, expected) == -1);
      }
    }
  }
  for (const float value : expected) REQUIRE(std::isfinite(value));
  Training training(data);  // and they train
  const double first = training.step();
  for (int i = 0; i < 30; ++i) training.step();
  CHECK(training.step() < 0.9 * first);
  const Training::Data other(1000, 2);
  CHECK(first_difference(trained(other, 20), expected) != -1);
}

TEST_CASE("Backends can be changed between the steps of one training") {
  const Training::Data data(1000);
  const std::vector<ag::Backend> all = backends();
  Training one(data), changing(data);
  for (size_t i = 0; i < 20; ++i) {
    const WithBackend with(all[i % all.size()]);
    const double loss = changing.step(0.4);
    const WithBackend interpreter(ag::Backend::interpreter);
    REQUIRE(same_bits(one.step(0.4), loss));
  }
  CHECK(first_difference(one.values(), changing.values()) == -1);
}

#ifdef __SSE__

namespace {

/// Steps of both sizes that matter: one thread's work and several threads'; and values near the denormals.
std::vector<float> results(const Training::Data& data, const ag::Array& tiny) {
  std::vector<float> values = trained(data, 3);
  const ag::Step step;
  const ag::Tensor x = ag::tensor(tiny);
  for (const ag::Tensor& tensor :
       {x * 0.001, x * x, ag::exp(x * 1e38) * 1e-38, ag::sum(x * 0.3, 0), ag::sum(x * 0.3, 1), ag::sum(x * 1e-3),
        ag::max(x * 0.01, 1), x / 3, ag::sqrt(ag::abs(x)), ag::fma(x, 0.1, x), ag::pow(ag::abs(x), 1.1),
        ag::log(ag::abs(x)), ag::atan2(x, x + 1e-38), ag::sin(x), ag::matmul(x, ag::transpose(x) * 1e37),
        ag::cast(ag::cast(x, ag::DType::float64) * 1e-3, ag::DType::float32), x * 1e-40 * 1e10}) {
    values.insert(values.end(), tensor.values<float>().begin(), tensor.values<float>().end());
  }
  return values;
}

}  // namespace

TEST_CASE("What the host has set in its floating-point unit changes no byte, on any backend") {
  constexpr unsigned sticky = 0x3f, nearest = 0x1f80;
  constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x40, down = 0x2000, up = 0x4000,
                     toward_zero = 0x6000;
  const std::array modes{flush_to_zero,
                         denormals_are_zero,
                         flush_to_zero | denormals_are_zero,
                         down,
                         up,
                         toward_zero,
                         up | flush_to_zero | denormals_are_zero};
  Random random(80);
  const Training::Data data(3000);
  const ag::Array tiny = random_array<float>(random, {40, 33}, -1e-37, 1e-37);
  for (const ag::Backend backend : backends()) {
    for (int threads : {1, 2}) {
      const WithBackend with(backend);
      const Threads scope(threads);
      const std::vector<float> expected = results(data, tiny);
      for (const unsigned mode : modes) {
        std::vector<float> found;
        unsigned after = 0;
        std::thread([&] {
          const unsigned saved = _mm_getcsr();
          _mm_setcsr(nearest | mode);
          found = results(data, tiny);
          after = _mm_getcsr();
          _mm_setcsr(saved);
        }).join();
        INFO(ag::name_of(backend) << ", " << threads << " threads, mode " << mode);
        CHECK(first_difference(found, expected) == -1);
        CHECK((after & ~sticky) == (nearest | mode));
      }
    }
  }
}

#endif
