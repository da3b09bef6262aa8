#include <render/raster/texture_fill.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>

using namespace render;

namespace {

Tensor leaf(const ag::Array& array) { return ag::tensor(array); }

/// Weight 1 with the given chance, else 0.
ag::Array sparse_weight(int64_t height, int64_t width, double chance, uint64_t seed) {
  Random random(seed);
  return ag::Array::make<double>({height, width, 1}, [&](std::span<double> out) {
    for (double& value : out) value = random.uniform(0, 1) < chance ? 1 : 0;
  });
}

}  // namespace

TEST_CASE("fill_unseen keeps what was seen and spreads it to the rest") {
  const ag::Step step;
  const auto [height, width] =
      GENERATE(std::pair{16, 16}, std::pair{7, 13}, std::pair{1, 9}, std::pair{5, 1}, std::pair{2, 2});
  Random random(4);
  const ag::Array texture = random_array<double>(random, {height, width, 3}, 0.25, 0.75);
  const ag::Array weight = sparse_weight(height, width, 0.3, 6);
  const Tensor filled = fill_unseen(leaf(texture), leaf(weight), MipLevels(height, width));
  REQUIRE(filled.shape() == texture.shape());
  const std::span<const double> before = texture.values<double>(), after = filled.values<double>();
  const std::span<const double> seen = weight.values<double>();
  int changed = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    if (seen[i / 3] > 0) CHECK(after[i] == before[i]);
    CHECK(after[i] >= 0.25 - 1e-12);  // a mean of what was seen
    CHECK(after[i] <= 0.75 + 1e-12);
    changed += after[i] != before[i];
  }
  CHECK(changed > 0);
}

TEST_CASE("fill_unseen of one colour is that colour, whatever stands where nothing was seen") {
  const ag::Step step;
  const ag::Array weight = sparse_weight(12, 20, 0.1, 3);
  const Tensor texture = ag::where(leaf(weight) > 0, leaf(ag::full({12, 20, 2}, 0.4, ag::DType::float64)), 1e6);
  for (const double value : fill_unseen(texture, leaf(weight), MipLevels(12, 20)).values<double>()) {
    CHECK(value == Approx(0.4).epsilon(1e-12));
  }
}

TEST_CASE("fill_unseen takes the nearest colours: a half seen on either side is parted in the middle") {
  const ag::Step step;
  // Columns 0 and 15 are seen, black and white.
  const ag::Array texture = ag::Array::make<double>({16, 16, 1}, [](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = i % 16 == 15 ? 1 : 0;
  });
  const ag::Array weight = ag::Array::make<double>({16, 16, 1}, [](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = i % 16 == 15 || i % 16 == 0 ? 1 : 0;
  });
  const Tensor filled = fill_unseen(leaf(texture), leaf(weight), MipLevels(16, 16));
  const std::span<const double> values = filled.values<double>();
  for (size_t column = 1; column < 16; ++column) CHECK(values[column] >= values[column - 1]);
  CHECK(values[2] < 0.1);
  CHECK(values[13] > 0.9);
  CHECK(values[7] + values[8] == Approx(1));
}

TEST_CASE("fill_unseen without anything seen is 0; its gradient is that of a linear map of the seen texels") {
  const ag::Array nothing = ag::zeros({6, 5, 1}, ag::DType::float64);
  Random random(9);
  const ag::Array texture = random_array<double>(random, {6, 5, 2}, 0, 1);
  {
    const ag::Step step;
    for (const double value : fill_unseen(leaf(texture), leaf(nothing), MipLevels(6, 5)).values<double>()) {
      CHECK(value == 0);
    }
  }
  const ag::Array weight = sparse_weight(6, 5, 0.4, 2);
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> x) { return fill_unseen(x[0], leaf(weight), MipLevels(6, 5)); }, {texture});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("fill_unseen refuses a weight of another size") {
  const ag::Step step;
  REQUIRE_THROWS_WITH(fill_unseen(leaf(ag::zeros({4, 4, 3})), leaf(ag::zeros({4, 4})), MipLevels(4, 4)),
                      ContainsSubstring("fill_unseen: texture [4, 4, 3] and weight [4, 4]"));
}
