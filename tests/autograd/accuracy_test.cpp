#include "tests/autograd/accuracy.h"

#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "tests/catch.h"

// The error bounds that autograd/ir/maths.h states for float32, over a dense sample. The run over every float is
// tests/bench/accuracy.cpp.

using accuracy::Function;
using accuracy::Worst;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float tiny = std::numeric_limits<float>::denorm_min();
constexpr float largest = std::numeric_limits<float>::max();

/// Where functions change their ways, and the special values.
std::vector<float> borders() {
  std::vector<float> values = special_values<float>();
  const float places[] = {0.5f,       0.55f,      1,     0.6666667f, 1.3333334f, 0.70710678f,  1.41421356f, 3,
                          4,          10,         17,    80,         87.33654f,  88.72284f,    103.97f,     1.5707964f,
                          3.1415927f, 0.7853982f, 30000, 8388608,    16777216,   2147483648.f, 0x1p-126f,   0x1p-100f};
  for (float place : places) {
    for (float value : {std::nextafter(place, 0.f), place, std::nextafter(place, infinity)}) {
      values.push_back(value), values.push_back(-value);
    }
  }
  for (int i = 1; i <= 20; ++i) values.push_back(static_cast<float>(i)), values.push_back(-static_cast<float>(i));
  return values;
}

void check(const Function& function, std::span<const float> x, std::span<const float> y) {
  const Worst worst = accuracy::worst_of(function, x, y);
  INFO(function.name << "(" << worst.x << ", " << worst.y << ") = " << worst.value << " is off by " << worst.error);
  CHECK(worst.error <= function.bound);
}

/// Every border beside every border.
void check_borders(const Function& function) {
  std::vector<float> x, y;
  for (float a : borders()) {
    for (float b : borders()) x.push_back(a), y.push_back(b);
  }
  check(function, x, y);
}

template <class Pair>
void check_random(const Function& function, Pair&& random_pair) {
  Random random(7);
  std::vector<float> x(1 << 20), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) std::tie(x[i], y[i]) = random_pair(random);
  check(function, x, y);
}

struct Row {
  float x, y, expected;
};

void check_rows(const Function& function, std::span<const Row> rows) {
  for (const Row& row : rows) {
    const autograd::Step step;
    const float value =
        function.operation(autograd::Array::of({row.x}), autograd::Array::of({row.y})).values<float>()[0];
    INFO(function.name << "(" << row.x << ", " << row.y << ") = " << value << ", expected " << row.expected);
    CHECK(same_bits(value, row.expected));
  }
}

}  // namespace

TEST_CASE("float32 functions keep their error bounds") {
  std::vector<float> x = borders();
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 1009) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  for (const Function& function : accuracy::one_argument) check(function, x, x);
}

TEST_CASE("Odd float32 functions keep zeros and small arguments") {
  const std::vector<float> x = {0.f, -0.f, tiny, -tiny, 3 * tiny, 1e-40f, -1e-40f, 0x1p-126f, 1e-20f, -1e-20f};
  using Unary = autograd::Tensor (*)(autograd::Located);
  for (const Unary function : {autograd::sin, autograd::tan, autograd::asin, autograd::atan, autograd::tanh}) {
    const autograd::Step step;
    CHECK(same_values(function(autograd::Array::from(x, {10})).values<float>(), std::span<const float>(x)));
  }
  const autograd::Step step;
  const auto erf = autograd::erf(autograd::Array::of({0.f, -0.f})).values<float>();
  CHECK((same_bits(erf[0], 0.f) && same_bits(erf[1], -0.f)));
}

TEST_CASE("exp is 0 below 2^-126 and overflows where float does") {
  const autograd::Step step;
  const auto values =
      autograd::exp(autograd::Array::of({-87.33655f, -87.33654f, 88.72283f, 88.72284f, -infinity, infinity, 0.f}))
          .values<float>();
  CHECK(same_bits(values[0], 0.f));
  CHECK(values[1] >= 0x1p-126f);
  CHECK(values[2] <= largest);
  CHECK(values[3] == infinity);
  CHECK(same_bits(values[4], 0.f));
  CHECK(values[5] == infinity);
  CHECK(values[6] == 1);
}

TEST_CASE("pow keeps its error bound") {
  check_borders(accuracy::pow);
  check_random(accuracy::pow, accuracy::random_power);
}

TEST_CASE("pow follows C99 (F.10.4.4) at special values") {
  const Row rows[] = {
      {not_a_number, 0, 1},
      {not_a_number, -0.f, 1},
      {infinity, 0, 1},
      {1, not_a_number, 1},
      {1, infinity, 1},
      {-1, infinity, 1},
      {-1, -infinity, 1},
      {not_a_number, 2, not_a_number},
      {2, not_a_number, not_a_number},
      {0, not_a_number, not_a_number},
      {-8, 1.f / 3, not_a_number},
      {-1, 0.5f, not_a_number},
      {-2, 2, 4},
      {-2, 3, -8},
      {-2, -1, -0.5f},
      {-2, 16777216, infinity},
      {-0.5f, 16777215, -0.f},
      {2, 127, 0x1p127f},
      {2, 128, infinity},
      {-2, 128, infinity},
      {2, -126, 0x1p-126f},
      {2, -127, 0},
      {0, 1, 0},
      {-0.f, 1, -0.f},
      {-0.f, 2, 0},
      {-0.f, 1.5f, 0},
      {0, -1, infinity},
      {-0.f, -1, -infinity},
      {-0.f, -2, infinity},
      {-0.f, -infinity, infinity},
      {0, tiny, 0},
      {infinity, tiny, infinity},
      {infinity, -1, 0},
      {-infinity, 3, -infinity},
      {-infinity, 2, infinity},
      {-infinity, 0.5f, infinity},
      {-infinity, -3, -0.f},
      {-infinity, -2, 0},
      {0.5f, infinity, 0},
      {0.5f, -infinity, infinity},
      {-2, infinity, infinity},
      {-2, -infinity, 0},
      {1 - 0x1p-24f, largest, 0},
      {1 + 0x1p-23f, largest, infinity},
      {tiny, 1.f / 149, 0.5f},
  };
  check_rows(accuracy::pow, rows);
}

TEST_CASE("atan2 keeps its error bound") {
  check_borders(accuracy::atan2);
  check_random(accuracy::atan2, accuracy::random_direction);
}

TEST_CASE("atan2 follows C99 (F.10.1.4) at special values") {
  constexpr float pi = 0x1.921fb6p1f;
  const Row rows[] = {
      {0, 0, 0},
      {-0.f, 0, -0.f},
      {0, -0.f, pi},
      {-0.f, -0.f, -pi},
      {0, 1, 0},
      {-0.f, 1, -0.f},
      {0, -1, pi},
      {-0.f, -1, -pi},
      {1, 0, pi / 2},
      {-1, -0.f, -pi / 2},
      {1, infinity, 0},
      {-1, infinity, -0.f},
      {1, -infinity, pi},
      {infinity, 1, pi / 2},
      {-infinity, -1, -pi / 2},
      {infinity, infinity, pi / 4},
      {-infinity, infinity, -pi / 4},
      {infinity, -infinity, 0x1.2d97c8p1f},  // 3 pi / 4
      {tiny, tiny, pi / 4},
      {tiny, 1, tiny},
      {not_a_number, 1, not_a_number},
      {1, not_a_number, not_a_number},
      {0, not_a_number, not_a_number},
      {not_a_number, infinity, not_a_number},
  };
  check_rows(accuracy::atan2, rows);
}
