#include <autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Forward values of the elementwise operations against plain loops.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

using Unary = Tensor (*)(Located);
using Binary = Tensor (*)(Located, Located);

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double relu_of(double x) { return x < 0 ? 0 : x; }

struct UnaryCase {
  const char* name;
  Unary operation;
  double (*reference)(double);
  double ulps;  // 0: correctly rounded
};

const UnaryCase unary_cases[] = {
    {"negate", static_cast<Unary>(ag::operator-), [](double x) { return -x; }, 0},
    {"abs", ag::abs, [](double x) { return std::fabs(x); }, 0},
    {"sign", ag::sign, sign_of, 0},
    {"square", ag::square, [](double x) { return x * x; }, 0},
    {"sqrt", ag::sqrt, [](double x) { return std::sqrt(x); }, 0},
    {"rsqrt", ag::rsqrt, [](double x) { return 1 / std::sqrt(x); }, 1.5},
    {"exp", ag::exp, [](double x) { return std::exp(x); }, 2},
    {"log", ag::log, [](double x) { return std::log(x); }, 2},
    {"sin", ag::sin, [](double x) { return std::sin(x); }, 2},
    {"cos", ag::cos, [](double x) { return std::cos(x); }, 2},
    {"tan", ag::tan, [](double x) { return std::tan(x); }, 2},
    {"asin", ag::asin, [](double x) { return std::asin(x); }, 2},
    {"acos", ag::acos, [](double x) { return std::acos(x); }, 2},
    {"atan", ag::atan, [](double x) { return std::atan(x); }, 2},
    {"tanh", ag::tanh, [](double x) { return std::tanh(x); }, 2},
    {"sigmoid", ag::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 3},
    {"relu", ag::relu, relu_of, 0},
    {"erf", ag::erf, [](double x) { return std::erf(x); }, 2},
    {"floor", ag::floor, [](double x) { return std::floor(x); }, 0},
    {"ceil", ag::ceil, [](double x) { return std::ceil(x); }, 0},
    {"round", ag::round, [](double x) { return std::nearbyint(x); }, 0},
};

struct BinaryCase {
  const char* name;
  Binary operation;
  double (*reference)(double, double);
  double ulps;
};

double least(double x, double y) { return std::isnan(x) || std::isnan(y) ? x + y : x < y ? x : y; }
double greatest(double x, double y) { return std::isnan(x) || std::isnan(y) ? x + y : x > y ? x : y; }

const BinaryCase binary_cases[] = {
    {"add", static_cast<Binary>(ag::operator+), [](double x, double y) { return x + y; }, 0},
    {"subtract", static_cast<Binary>(ag::operator-), [](double x, double y) { return x - y; }, 0},
    {"multiply", static_cast<Binary>(ag::operator*), [](double x, double y) { return x * y; }, 0},
    {"divide", static_cast<Binary>(ag::operator/), [](double x, double y) { return x / y; }, 0},
    {"minimum", ag::minimum, least, 0},
    {"maximum", ag::maximum, greatest, 0},
    {"pow", ag::pow, [](double x, double y) { return std::pow(x, y); }, 2},
    {"atan2", ag::atan2, [](double y, double x) { return std::atan2(y, x); }, 2},
};

/// Special values and ordinary ones, of several magnitudes.
template <class T>
std::vector<T> sample(uint64_t seed) {
  std::vector<T> values = special_values<T>();
  Random random(seed);
  for (double scale : {1.0, 3.0, 100.0}) {
    for (int i = 0; i < 40; ++i) values.push_back(static_cast<T>(random.uniform(-scale, scale)));
  }
  return values;
}

/// Every value of the sample beside every special one.
template <class T>
std::pair<std::vector<T>, std::vector<T>> sample_pairs(uint64_t seed) {
  std::pair<std::vector<T>, std::vector<T>> pairs;
  for (T x : sample<T>(seed)) {
    for (T y : special_values<T>()) {
      pairs.first.push_back(x), pairs.second.push_back(y);
      pairs.first.push_back(y), pairs.second.push_back(x);
    }
  }
  return pairs;
}

/// Whether `value` is the reference rounded to T, give or take.
template <class T>
bool close(T value, double reference, double ulps) {
  const T rounded = static_cast<T>(reference);
  if (same_bits(value, rounded)) return true;
  // Functions that decay like exp end at the smallest normal number.
  if (ulps > 0 && std::is_same_v<T, float> && value == 0 && std::fabs(rounded) < std::numeric_limits<T>::min()) {
    return true;
  }
  if (!std::isfinite(value) || !std::isfinite(rounded)) return false;
  if (ulps == 0) return false;
  const double ulp =
      std::max<double>(std::nextafter(std::fabs(rounded), std::numeric_limits<T>::infinity()) - std::fabs(rounded),
                       std::numeric_limits<T>::denorm_min());
  return std::fabs(static_cast<double>(value) - reference) <= ulps * ulp;
}

template <class T>
Array array_of(const std::vector<T>& values) {
  return Array::make<T>({static_cast<int64_t>(values.size())},
                        [&](std::span<T> out) { std::copy(values.begin(), values.end(), out.begin()); });
}

}  // namespace

TEMPLATE_TEST_CASE("Unary operations give the reference's values", "", float, double) {
  const std::vector<TestType> x = sample<TestType>(1);
  for (const UnaryCase& unary : unary_cases) {
    INFO(unary.name);
    const ag::Step step;
    const Tensor result = unary.operation(array_of(x));
    REQUIRE(result.dtype() == ag::dtype_of<TestType>());
    const auto values = result.values<TestType>();
    for (size_t i = 0; i < x.size(); ++i) {
      INFO("x " << x[i] << ", got " << values[i]);
      REQUIRE(close(values[i], unary.reference(static_cast<double>(x[i])), unary.ulps));
    }
  }
}

TEMPLATE_TEST_CASE("Binary operations give the reference's values", "", float, double) {
  const auto [x, y] = sample_pairs<TestType>(2);
  for (const BinaryCase& binary : binary_cases) {
    INFO(binary.name);
    const ag::Step step;
    const auto values = binary.operation(array_of(x), array_of(y)).template values<TestType>();
    for (size_t i = 0; i < x.size(); ++i) {
      const double reference = binary.reference(static_cast<double>(x[i]), static_cast<double>(y[i]));
      const bool tie_of_zeros = reference == 0 && values[i] == 0 && binary.reference == least;
      INFO("x " << x[i] << ", y " << y[i] << ", got " << values[i]);
      REQUIRE((close(values[i], reference, binary.ulps) || tie_of_zeros));
    }
  }
}

TEMPLATE_TEST_CASE("fma rounds once", "", float, double) {
  const TestType tiny = std::numeric_limits<TestType>::epsilon();
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({TestType(1) + tiny, TestType(3)}));
  const auto values = ag::fma(x, x, -(x * x)).template values<TestType>();
  CHECK(values[0] == tiny * tiny);
  CHECK(values[1] == 0);
  CHECK(ag::fma(x, 2, 1).template values<TestType>()[1] == 7);
}

TEST_CASE("int32 arithmetic wraps and divides toward zero") {
  const auto [x, y] = sample_pairs<int32_t>(3);
  const ag::Step step;
  const auto wrap = [](int64_t value) { return static_cast<int32_t>(static_cast<uint64_t>(value)); };
  const auto check = [&, &x = x, &y = y](const Tensor& result, const auto& reference) {
    const auto values = result.values<int32_t>();
    for (size_t i = 0; i < x.size(); ++i) {
      INFO("x " << x[i] << ", y " << y[i] << ", got " << values[i]);
      REQUIRE(values[i] == wrap(reference(int64_t{x[i]}, int64_t{y[i]})));
    }
  };
  const Tensor a = ag::tensor(array_of(x)), b = ag::tensor(array_of(y));
  check(a + b, [](int64_t p, int64_t q) { return p + q; });
  check(a - b, [](int64_t p, int64_t q) { return p - q; });
  check(a * b, [](int64_t p, int64_t q) { return p * q; });
  const Tensor divisor = ag::where(b == 0, 3, b);
  check(a / divisor, [](int64_t p, int64_t q) { return p / (q == 0 ? 3 : q); });
  check(a % divisor, [](int64_t p, int64_t q) { return p % (q == 0 ? 3 : q); });
  check(ag::minimum(a, b), [](int64_t p, int64_t q) { return std::min(p, q); });
  check(ag::maximum(a, b), [](int64_t p, int64_t q) { return std::max(p, q); });
  check(-a, [](int64_t p, int64_t) { return -p; });
  check(ag::abs(a), [](int64_t p, int64_t) { return p < 0 ? -p : p; });
  check(ag::sign(a), [](int64_t p, int64_t) { return p > 0 ? 1 : p < 0 ? -1 : 0; });
  check(ag::square(a), [](int64_t p, int64_t) { return p * p; });
  check(ag::relu(a), [](int64_t p, int64_t) { return std::max<int64_t>(p, 0); });
  check(ag::clamp(a, -5, 5), [](int64_t p, int64_t) { return std::clamp<int64_t>(p, -5, 5); });
  check(a / -1, [](int64_t p, int64_t) { return -p; });
}

TEMPLATE_TEST_CASE("Comparisons are ordered, != is unordered", "", float, double, int32_t, bool) {
  const auto [x, y] = sample_pairs<TestType>(4);
  const ag::Step step;
  const Tensor a = ag::tensor(array_of(x)), b = ag::tensor(array_of(y));
  const auto check = [&, &x = x, &y = y](const Tensor& result, const auto& reference) {
    REQUIRE(result.dtype() == ag::DType::boolean);
    const auto values = result.template values<bool>();
    for (size_t i = 0; i < x.size(); ++i) {
      INFO("x " << x[i] << ", y " << y[i]);
      REQUIRE(values[i] == reference(x[i], y[i]));
    }
  };
  check(a == b, [](TestType p, TestType q) { return p == q; });
  check(a != b, [](TestType p, TestType q) { return p != q; });
  check(a < b, [](TestType p, TestType q) { return p < q; });
  check(a <= b, [](TestType p, TestType q) { return p <= q; });
  check(a > b, [](TestType p, TestType q) { return p > q; });
  check(a >= b, [](TestType p, TestType q) { return p >= q; });
  check(!(a < b), [](TestType p, TestType q) { return !(p < q); });
}

TEST_CASE("Logic has its truth tables") {
  const ag::Step step;
  const Tensor a = ag::tensor(Array::of({false, false, true, true}));
  const Tensor b = ag::tensor(Array::of({false, true, false, true}));
  CHECK((a && b).to_vector<bool>() == std::vector<bool>{false, false, false, true});
  CHECK((a || b).to_vector<bool>() == std::vector<bool>{false, true, true, true});
  CHECK((!a).to_vector<bool>() == std::vector<bool>{true, true, false, false});
  CHECK((a && true).to_vector<bool>() == std::vector<bool>{false, false, true, true});
}

TEMPLATE_TEST_CASE("where() selects without touching the other side", "", float, double, int32_t, bool) {
  const std::vector<TestType> specials = special_values<TestType>();
  const ag::Step step;
  const Tensor x = ag::tensor(array_of(specials));
  const Tensor other = ag::tensor(ag::zeros({1}, ag::dtype_of<TestType>()));
  const Tensor yes = ag::where(Array::scalar(true), x, other), no = ag::where(Array::of({false}), x, other);
  CHECK(same_values(yes.template values<TestType>(), specials));
  CHECK(same_values(no.template values<TestType>(), std::vector<TestType>(specials.size(), TestType(0))));
}

TEST_CASE("cast() converts between all types") {
  const ag::Step step;
  const auto check = [](const Array& array) {
    for (ag::DType type : {ag::DType::float32, ag::DType::float64, ag::DType::int32, ag::DType::boolean}) {
      const Array expected = array.cast(type), result = ag::cast(array, type).keep();
      INFO(ag::name_of(array.dtype()) << " to " << ag::name_of(type));
      REQUIRE(result.dtype() == type);
      const Array a = expected.cast(ag::DType::float64), b = result.cast(ag::DType::float64);
      REQUIRE(same_values(a.values<double>(), b.values<double>()));
    }
  };
  check(array_of(sample<float>(5)));
  check(array_of(sample<double>(5)));
  check(array_of(special_values<int32_t>()));
  check(Array::of({true, false}));
}

TEST_CASE("Numbers take the type of the tensor they meet") {
  const ag::Step step;
  CHECK((Array::of({1.0}) + 0.1).dtype() == ag::DType::float64);
  CHECK((Array::of({1.0}) + 0.1).item() == 1.1);
  CHECK((0.1 + Array::of({1.F})).item() == static_cast<double>(1.F + 0.1F));
  CHECK((Array::of({7}) / 2).item() == 3);
  CHECK((Array::of({7}) * 2.0).item() == 14);
  CHECK(ag::sqrt(4).dtype() == ag::DType::float32);
  CHECK(ag::pow(2, 0.5).item() == Approx(1.41421356));
  CHECK((Array::of({1}) + 2147483646.0).item() == 2147483647);
  CHECK_THROWS_AS(Array::of({7}) + 0.5, ag::DTypeError);
  CHECK_THROWS_AS(Array::of({7}) + std::nan(""), ag::DTypeError);
  CHECK_THROWS_WITH(Array::of({7}) * 0.5, ContainsSubstring("elementwise_test.cpp:"));
  CHECK_THROWS_AS(Array::of({7}) + 3000000000U, ag::ValueError);
  CHECK_THROWS_AS(Array::of({7}) * -1e300, ag::ValueError);
  const float zeros[] = {-0.F, 0.F};
  for (float zero : zeros) {
    CHECK(std::signbit((Located(zero) * Located(1)).item()) == std::signbit(zero));
    CHECK(std::signbit((Array::of({-0.F}) + zero).item()) == std::signbit(zero));
  }
}

TEST_CASE("Rewrites of expressions are exact") {
  const std::vector<float> x = special_values<float>();
  const ag::Step step;
  const Tensor a = ag::tensor(array_of(x));
  const Tensor zero = a * 0, none = a - a, same = a + 0;
  for (size_t i = 0; i < x.size(); ++i) {
    CHECK(same_bits(zero.values<float>()[i], x[i] * 0));
    CHECK(same_bits(none.values<float>()[i], x[i] - x[i]));
    CHECK(same_bits(same.values<float>()[i], x[i] + 0));
    CHECK(same_bits((a * -1).values<float>()[i], -x[i]));
    CHECK(same_bits((-(-a)).values<float>()[i], x[i]));
    CHECK(same_bits(ag::abs(-a).values<float>()[i], std::fabs(x[i])));
    CHECK(same_bits((a / 1).values<float>()[i], x[i]));
    CHECK(same_bits(ag::stop_gradient(a).values<float>()[i], x[i]));
  }
}

TEST_CASE("Elementwise operations of nothing give nothing") {
  const ag::Step step;
  const Tensor empty = ag::tensor(ag::zeros({0, 3}));
  CHECK((empty + Array::of({1.F, 2.F, 3.F})).shape() == ag::Shape{0, 3});
  CHECK(ag::exp(empty).values<float>().empty());
  CHECK(ag::cast(empty, ag::DType::int32).values<int32_t>().empty());
  CHECK(ag::where(empty > 0, empty, 1).values<float>().empty());
}
