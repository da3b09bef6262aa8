#include <autograd/autograd.h>

#include <string>
#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Gathers from several tables by one list of indices, which the engine fetches together (engine/lookup.h), and
// regions that are computed where they are read (engine/sink.cpp): compared with plain loops.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

constexpr int64_t table_rows = 1000;

struct Scene {
  Array packed;  ///< [rows, tables]
  std::vector<Array> lists;

  Scene(int64_t tables, int64_t elements, size_t count) {
    Random random(31);
    packed = random_array<float>(random, {table_rows, tables}, -1, 1);
    for (size_t l = 0; l < count; ++l)
      lists.push_back(random_array<int32_t>(random, {elements}, 0, static_cast<double>(table_rows)));
  }

  /// Sum over lists l and tables t of (l + t + 1) table_t[list_l], in that order.
  Tensor recorded(bool views) const {
    const Tensor all = ag::tensor(packed);
    Tensor sum;
    for (size_t l = 0; l < lists.size(); ++l) {
      for (int64_t t = 0; t < packed.shape()[1]; ++t) {
        const Tensor column = ag::select(all, 1, t), table = views ? column : column + 0;
        const Tensor term = ag::gather(table, lists[l]) * static_cast<double>(static_cast<int64_t>(l) + t + 1);
        sum = l == 0 && t == 0 ? term : sum + term;
      }
    }
    return sum;
  }

  std::vector<float> by_hand() const {
    const auto values = packed.values<float>();
    const auto tables = static_cast<size_t>(packed.shape()[1]);
    std::vector<float> sums(static_cast<size_t>(lists[0].size()));
    for (size_t i = 0; i < sums.size(); ++i) {
      for (size_t l = 0; l < lists.size(); ++l) {
        const auto row = static_cast<size_t>(lists[l].values<int32_t>()[i]);
        for (size_t t = 0; t < tables; ++t) {
          const float term = values[row * tables + t] * static_cast<float>(l + t + 1);
          sums[i] = l == 0 && t == 0 ? term : sums[i] + term;
        }
      }
    }
    return sums;
  }
};

}  // namespace

TEST_CASE("Gathers by the same indices, from few and many tables, whole blocks and not") {
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    for (const int64_t tables : {2, 3, 4, 5, 8, 11, 16, 19}) {
      for (const int64_t elements : {2047, 2048, 4099, 13001}) {
        const Scene scene(tables, elements, 2);
        const std::vector<float> expected = scene.by_hand();
        for (const bool views : {false, true}) {
          const ag::Step step;
          INFO(ag::name_of(backend) << ", " << tables << " tables, " << elements << " elements, views " << views);
          REQUIRE(first_difference(scene.recorded(views).values<float>(), std::span<const float>(expected)) == -1);
        }
      }
    }
  }
}

TEST_CASE("Gathers by the same indices under a sum, in any number of threads") {
  const Scene scene(6, 200001, 3);
  const ag::Step step;
  const Tensor stored = ag::stop_gradient(Located(Array::from(scene.by_hand(), {200001})));
  const double expected = ag::sum(stored).item();
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    CHECK(ag::sum(scene.recorded(true)).item() == expected);
  }
}

TEST_CASE("Gathers of integers, from other lists, of a few rows") {
  Random random(32);
  const Array integers = random_array<int32_t>(random, {7, 4}, -100, 100),
              index = random_array<int32_t>(random, {5000}, 0, 7);
  const ag::Step step;
  const Tensor all = ag::tensor(integers);
  const auto column = [&](int64_t t) { return ag::gather(ag::select(all, 1, t), index); };
  const Tensor mixed = column(0) * column(1) + column(2) - column(3);
  const auto values = integers.values<int32_t>(), rows = index.values<int32_t>(), result = mixed.values<int32_t>();
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t* row = &values[4 * static_cast<size_t>(rows[i])];
    REQUIRE(result[i] == row[0] * row[1] + row[2] - row[3]);
  }
}

TEST_CASE("The first index that does not exist is named where gathers share a list") {
  std::vector<int32_t> index(100001, 3);
  for (const int i : {70003, 70001, 100000}) index[static_cast<size_t>(i)] = i == 70001 ? -5 : 1000 + i;
  const Array indices = Array::from(index, {100001}), packed = Array::from(std::vector<float>(40, 1), {10, 4});
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    const ag::Step step;
    const Tensor all = ag::tensor(packed);
    Tensor sum = ag::tensor(ag::zeros({100001}));
    for (int64_t t = 0; t < 4; ++t) sum = sum + ag::gather(ag::select(all, 1, t), indices);
    CHECK_THROWS_AS(sum.values<float>(), ag::IndexError);
    try {
      sum.values<float>();
    } catch (const ag::IndexError& error) {
      const std::string text = error.what();
      INFO(text);
      CHECK(text.find("gather: index -5 at element 70001 (recorded at") == 0);
      CHECK(text.find("lookup_test.cpp:") != std::string::npos);
      CHECK(text.find("expected 0 to 9") != std::string::npos);
    }
  }
}

TEST_CASE("What a later region alone reads is computed there, with the same bits") {
  Random random(33);
  const Array x = random_array<float>(random, {40000}, -1, 1), index = random_array<int32_t>(random, {40000}, 0, 40000);
  std::vector<float> results[2];
  for (const size_t nodes : {size_t{1}, size_t{2000}}) {
    const RegionLimit limit(nodes);
    const ag::Step step;
    const Tensor a = ag::tensor(x), early = ag::exp(a) * a, other = ag::sin(a) + early;
    const Tensor scattered = ag::scatter_add(a, index, 40000);  // a call in between
    const Tensor late = early * scattered - other, gathered = ag::gather(late, index) + other;
    ag::evaluate({gathered});
    results[nodes == 1] = gathered.to_vector<float>();
  }
  CHECK(first_difference(results[0], results[1]) == -1);
}

TEST_CASE("Gathers of whole rows, that blocks cut anywhere") {
  Random random(34);
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    for (const int64_t width : {2, 3, 4, 7, 64, 3001}) {
      const int64_t count = 9001 / width + 2;
      const Array table = random_array<float>(random, {50, width + 2}, -1, 1),
                  index = random_array<int32_t>(random, {count}, 0, 50),
                  other = random_array<float>(random, {count, width}, -1, 1);
      const auto t = table.values<float>(), o = other.values<float>();
      const auto rows = index.values<int32_t>();
      std::vector<float> expected;
      for (size_t i = 0; i < rows.size(); ++i) {
        for (size_t k = 0; k < static_cast<size_t>(width); ++k) {
          const float value = t[static_cast<size_t>(rows[i]) * static_cast<size_t>(width + 2) + k + 1];
          expected.push_back(value * o[expected.size()] + value);
        }
      }
      for (const int threads : {1, 2, 7}) {
        const Threads scope(threads);
        const ag::Step step;
        const Tensor row = ag::gather(ag::slice(table, 1, {.start = 1, .stop = width + 1}), index);
        INFO(ag::name_of(backend) << ", rows of " << width << ", " << threads << " threads");
        REQUIRE(first_difference((row * other + row).values<float>(), std::span<const float>(expected)) == -1);
        const Tensor sum = ag::sum(row), stored = ag::sum(ag::stop_gradient(row));
        CHECK(sum.item() == stored.item());
      }
    }
  }
}

TEST_CASE("The first row that does not exist is named where whole rows are gathered") {
  std::vector<int32_t> index(20001, 3);
  for (const int i : {15003, 15001}) index[static_cast<size_t>(i)] = i == 15001 ? -5 : 1000;
  const Array indices = Array::from(index, {20001}), table = Array::from(std::vector<float>(30, 1), {10, 3});
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    const ag::Step step;
    std::string text;
    try {
      (ag::gather(table, indices) * 2).values<float>();
    } catch (const ag::IndexError& error) {
      text = error.what();
    }
    INFO(text);
    CHECK(text.find("gather: index -5 at element 15001 (recorded at") == 0);
  }
}
