#include <autograd/autograd.h>
#include <autograd/core/philox.h>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::DType;
using ag::Parameter;
using ag::Philox;
using ag::Rng;
using ag::Tensor;

namespace {

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};

template <class T>
Moments moments_of(const Array& array) {
  Moments result;
  const auto n = static_cast<double>(array.size());
  for (const T x : array.values<T>()) result.mean += static_cast<double>(x) / n;
  for (const T x : array.values<T>()) {
    const double d = static_cast<double>(x) - result.mean;
    result.variance += d * d / n;
    result.skew += d * d * d / n;
    result.kurtosis += d * d * d * d / n;
  }
  result.skew /= std::pow(result.variance, 1.5);
  result.kurtosis /= result.variance * result.variance;
  return result;
}

/// Pearson's statistic of the elements in equal parts of [0, 1).
double chi_squared(std::span<const float> values, size_t parts) {
  std::vector<double> counts(parts);
  for (const float x : values) ++counts[static_cast<size_t>(static_cast<double>(x) * static_cast<double>(parts))];
  const double expected = static_cast<double>(values.size()) / static_cast<double>(parts);
  double sum = 0;
  for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

}  // namespace

TEST_CASE("Philox gives the published answers") {
  // kat_vectors of the authors' Random123 library.
  CHECK(Philox::block({0, 0, 0, 0}, {0, 0}) == Philox::Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t all = 0xffffffff;
  CHECK(Philox::block({all, all, all, all}, {all, all}) ==
        Philox::Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(Philox::block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Philox::Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("Uniform numbers are the words of their draw, position by position") {
  Rng rng(uint64_t{7} << 32 | 5);
  rng.draw();
  const Array x = ag::uniform(rng, {3, 3});
  std::vector<float> expected;
  for (uint32_t block = 0; block < 3; ++block) {
    for (const uint32_t word : Philox::block({block, 0, 1, 0}, {5, 7})) {
      if (expected.size() < 9) expected.push_back(std::ldexp(static_cast<float>(word >> 8), -24));
    }
  }
  CHECK(x.to_vector<float>() == expected);
  CHECK(ag::uniform(rng, {2}, 0, 1, DType::float64).values<double>()[1] ==
        [words = Philox::block({0, 0, 2, 0}, {5, 7})] {
          return std::ldexp(static_cast<double>((uint64_t{words[2]} << 32 | words[3]) >> 11), -53);
        }());
  CHECK(rng.state() == Rng::Draw{uint64_t{7} << 32 | 5, 3});
}

TEST_CASE("Uniform numbers fill their interval evenly") {
  Rng rng(1);
  const Array x = ag::uniform(rng, {100000});
  CHECK(*std::ranges::min_element(x.values<float>()) >= 0);
  CHECK(*std::ranges::max_element(x.values<float>()) < 1);
  const Moments moments = moments_of<float>(x);
  CHECK(moments.mean == Approx(0.5).margin(4 * std::sqrt(1 / 12.0 / 100000)));
  CHECK(moments.variance == Approx(1 / 12.0).epsilon(0.02));
  const double statistic = chi_squared(x.values<float>(), 1001);  // 1000 +- 45
  CHECK((statistic > 820 && statistic < 1180));
  const Array y = ag::uniform(rng, {1000}, -3, 5, DType::float64);
  CHECK(*std::ranges::min_element(y.values<double>()) == Approx(-3).margin(0.1));
  CHECK(*std::ranges::max_element(y.values<double>()) == Approx(5).margin(0.1));
}

TEMPLATE_TEST_CASE("Normal numbers have the moments of the bell curve", "", float, double) {
  Rng rng(2);
  const Moments moments = moments_of<TestType>(ag::normal(rng, {200000}, 3, 0.5, ag::dtype_of<TestType>()));
  CHECK(moments.mean == Approx(3).margin(4 * 0.5 / std::sqrt(200000)));
  CHECK(moments.variance == Approx(0.25).epsilon(0.015));
  CHECK(moments.skew == Approx(0).margin(0.025));
  CHECK(moments.kurtosis == Approx(3).margin(0.05));
}

TEST_CASE("Draws are independent of each other, and so are generators that were split") {
  Rng rng(3);
  Rng other = rng.split();
  const Array x = ag::normal(rng, {50000}), y = ag::normal(rng, {50000}), z = ag::normal(other, {50000});
  const auto correlation = [](const Array& a, const Array& b) {
    return std::inner_product(a.values<float>().begin(), a.values<float>().end(), b.values<float>().begin(), 0.0) /
           50000;
  };
  for (const double found : {correlation(x, y), correlation(x, z), correlation(y, z)}) {
    CHECK(found == Approx(0).margin(4 / std::sqrt(50000)));
  }
  Rng again(3);
  CHECK(again.split().state() == Rng(3).split().state());
  CHECK_FALSE(again.split().state() == Rng(3).split().state());
}

TEST_CASE("A generator goes on from a saved state") {
  Rng rng(4);
  ag::uniform(rng, {5});
  Rng resumed(rng.state());
  CHECK(same_values(ag::normal(rng, {7}).to_vector<float>(), ag::normal(resumed, {7}).to_vector<float>()));
  CHECK(rng.state() == resumed.state());
  CHECK_FALSE(same_values(ag::uniform(rng, {7}).to_vector<float>(), ag::uniform(rng, {7}).to_vector<float>()));
}

TEST_CASE("Recorded random numbers equal those made at once, however they are evaluated") {
  Rng at_once(5);
  const std::vector<float> u = ag::uniform(at_once, {100001}, -1, 2).to_vector<float>();
  const std::vector<float> z = ag::normal(at_once, {100001}, 1, 3).to_vector<float>();
  for (const ag::Backend backend : backends()) {
    for (const int threads : {1, 3}) {
      const WithBackend with(backend);
      const Threads use(threads);
      Rng rng(5);
      const ag::Step step;
      const Tensor uniform = ag::random_uniform(rng, {100001}, -1, 2), normal = ag::random_normal(rng, {100001}, 1, 3);
      CHECK(same_values((uniform * normal).values<float>(), [&] {
        std::vector<float> product(u);
        for (size_t i = 0; i < product.size(); ++i) product[i] *= z[i];
        return product;
      }()));
      CHECK(same_values(uniform.values<float>(), u));
      CHECK(same_values(normal.values<float>(), z));
    }
  }
}

TEST_CASE("A recorded random tensor is the same in forward and backward, and another in the next step") {
  Rng rng(6);
  Parameter x(ag::ones({1000}));
  std::set<double> sums;
  for (int i = 0; i < 5; ++i) {
    const ag::Step step;
    const Tensor noise = ag::random_uniform(rng, {1000});
    const Tensor gradient = ag::grad(ag::sum(ag::square(x) * noise), x);
    CHECK(same_values(gradient.to_vector<float>(), (noise * 2).to_vector<float>()));
    sums.insert(ag::sum(noise).item());
  }
  CHECK(sums.size() == 5);
}

TEST_CASE("Gradients reach the parameters of a distribution") {
  for (const bool gaussian : {false, true}) {
    const ag::GradcheckResult result = ag::gradcheck(
        [&](std::span<const Tensor> in) {
          Rng rng(7);
          return ag::square(gaussian ? ag::random_normal(rng, {4, 3}, in[0], in[1], DType::float64)
                                     : ag::random_uniform(rng, {4, 3}, in[0], in[1], DType::float64));
        },
        {Array::from(std::vector<double>{1, 2, 3}, {3}), Array::scalar(0.5)});
    INFO(result.message);
    CHECK(result.passed);
  }
}

TEST_CASE("permutation holds every number once, all orders alike") {
  Rng rng(8);
  const Array order = ag::permutation(rng, 1000);
  std::vector<int32_t> sorted = order.to_vector<int32_t>();
  CHECK_FALSE(std::ranges::is_sorted(sorted));
  std::ranges::sort(sorted);
  CHECK(sorted == ag::arange(1000).to_vector<int32_t>());
  std::vector<int> counts(6);
  for (int i = 0; i < 6000; ++i) {
    const std::vector<int32_t> three = ag::permutation(rng, 3).to_vector<int32_t>();
    ++counts[static_cast<size_t>(2 * three[0] + (three[1] > three[2] ? 1 : 0))];
  }
  for (const int count : counts) CHECK(count == Approx(1000).margin(120));
  CHECK(ag::permutation(rng, 0).size() == 0);
  CHECK(ag::permutation(rng, 1).to_vector<int32_t>() == std::vector<int32_t>{0});
}

TEST_CASE("Random numbers of no elements, and what is refused") {
  Rng rng(9);
  CHECK(ag::normal(rng, {0, 3}).shape() == ag::Shape{0, 3});
  CHECK_THROWS_AS(ag::uniform(rng, {3}, 0, 1, DType::int32), ag::DTypeError);
  CHECK_THROWS_AS(ag::permutation(rng, -1), ag::Error);
  const ag::Step step;
  CHECK_THROWS_WITH(ag::random_normal(rng, {3}, ag::zeros({2, 3})),
                    "normal: the parameters broadcast to [2, 3]; expected what broadcasts to [3]");
  CHECK_THROWS_AS(ag::random_normal(rng, {3}, ag::zeros({4})), ag::ShapeError);
}

TEST_CASE("Initial weights have the deviation that their layer needs") {
  Rng rng(10);
  const ag::Shape dense{500, 300}, window{3, 3, 40, 120};  // fan_in 500 and 360, fan_out 300 and 1080
  const auto deviation = [](const Array& weights) { return std::sqrt(moments_of<float>(weights).variance); };
  CHECK(deviation(ag::he_normal(rng, dense)) == Approx(std::sqrt(2 / 500.0)).epsilon(0.02));
  CHECK(deviation(ag::he_uniform(rng, window)) == Approx(std::sqrt(2 / 360.0)).epsilon(0.02));
  CHECK(deviation(ag::xavier_normal(rng, window)) == Approx(std::sqrt(2 / 1440.0)).epsilon(0.02));
  CHECK(deviation(ag::xavier_uniform(rng, dense)) == Approx(std::sqrt(2 / 800.0)).epsilon(0.02));
  const Array weights = ag::xavier_uniform(rng, dense, DType::float64);
  CHECK(*std::ranges::max_element(weights.values<double>()) < std::sqrt(6 / 800.0));
  CHECK(*std::ranges::min_element(weights.values<double>()) >= -std::sqrt(6 / 800.0));
  CHECK_THROWS_WITH(ag::he_normal(rng, {5}), "he_normal: shape [5]; expected [..., inputs, outputs]");
}
