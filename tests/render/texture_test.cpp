#include <render/raster/derivatives.h>
#include <render/raster/texture.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>
#include <limits>

using namespace render;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// A plain texture, texel by texel ----------------------------------------------------------------------

struct PlainTexture {
  int64_t height, width, channels;
  std::vector<double> texels;  // [height, width, channels]

  double at(int64_t row, int64_t column, int64_t channel) const {
    return texels[static_cast<size_t>((row * width + column) * channels + channel)];
  }
};

PlainTexture plain_of(const ag::Array& texture) {
  return {texture.shape()[0], texture.shape()[1], texture.shape()[2], texture.to_vector<double>()};
}

/// Where an endless texture has its texel number `index` along an axis.
int64_t reference_cell(int64_t index, int64_t extent, Wrap wrap) {
  if (wrap == Wrap::clamp) return std::clamp<int64_t>(index, 0, extent - 1);
  const int64_t period = wrap == Wrap::mirror ? 2 * extent : extent;
  const int64_t within = ((index % period) + period) % period;
  return within < extent ? within : period - 1 - within;
}

std::vector<double> reference_bilinear(const PlainTexture& texture, double u, double v, Wrap wrap) {
  const double x = u * static_cast<double>(texture.width) - 0.5;
  const double y = (1 - v) * static_cast<double>(texture.height) - 0.5;
  const auto left = static_cast<int64_t>(std::floor(x)), top = static_cast<int64_t>(std::floor(y));
  std::vector<double> colour(static_cast<size_t>(texture.channels));
  for (int64_t down = 0; down < 2; ++down) {
    for (int64_t right = 0; right < 2; ++right) {
      const double weight =
          (1 - std::fabs(x - static_cast<double>(left + right))) * (1 - std::fabs(y - static_cast<double>(top + down)));
      const int64_t row = reference_cell(top + down, texture.height, wrap);
      const int64_t column = reference_cell(left + right, texture.width, wrap);
      for (int64_t c = 0; c < texture.channels; ++c) {
        colour[static_cast<size_t>(c)] += weight * texture.at(row, column, c);
      }
    }
  }
  return colour;
}

PlainTexture reference_half(const PlainTexture& fine) {
  PlainTexture half{(fine.height + 1) / 2, (fine.width + 1) / 2, fine.channels, {}};
  for (int64_t row = 0; row < half.height; ++row) {
    for (int64_t column = 0; column < half.width; ++column) {
      for (int64_t c = 0; c < fine.channels; ++c) {
        double sum = 0;
        for (const int64_t y : {2 * row, std::min(2 * row + 1, fine.height - 1)}) {
          for (const int64_t x : {2 * column, std::min(2 * column + 1, fine.width - 1)}) sum += fine.at(y, x, c);
        }
        half.texels.push_back(sum / 4);
      }
    }
  }
  return half;
}

// Inputs ------------------------------------------------------------------------------------------------

ag::Array random_texture(int64_t height, int64_t width, int64_t channels = 3, uint64_t seed = 3) {
  Random random(seed);
  return random_array<double>(random, {height, width, channels}, 0, 1);
}

/// Coordinates in and around [0, 1], each at least `margin` texels away from where a weight has a kink.
ag::Array smooth_coordinates(int64_t count, int64_t height, int64_t width, uint64_t seed, double margin = 0.02) {
  Random random(seed);
  return ag::Array::make<double>({2, count}, [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) {
      const auto extent = static_cast<double>(i < out.size() / 2 ? width : height);
      double distance = 0;
      do {
        out[i] = random.uniform(-1.9, 2.9);
        const double cell = out[i] * extent * 2;  // kinks at texel centres and, of mirror and clamp, at borders
        distance = std::fabs(cell - std::round(cell)) / 2;
      } while (distance < margin);
    }
  });
}

Vec2 uv_of(const Tensor& coordinates) { return {ag::select(coordinates, 0, 0), ag::select(coordinates, 0, 1)}; }
Vec2 uv_of(const ag::Array& coordinates) { return uv_of(ag::tensor(coordinates)); }

Tensor level_zero(const ag::Array& texture) { return ag::reshape(ag::Located(texture), {-1, texture.shape()[2]}); }

Tensor constant(std::initializer_list<double> values) { return ag::tensor(ag::Array::of<double>(values)); }

void check_close(const Tensor& values, const std::vector<double>& expected, double tolerance = 1e-12) {
  const std::vector<double> got = ag::cast(values, ag::DType::float64).to_vector<double>();
  REQUIRE(got.size() == expected.size());
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::fabs(got[i] - expected[i]));
  CHECK(worst <= tolerance);
}

void check_finite(const Tensor& values) {
  for (const double value : values.values<double>()) CHECK(std::isfinite(value));
}

void check_gradients(const ag::Differentiable& f, const std::vector<ag::Array>& inputs) {
  const ag::GradcheckResult result = ag::gradcheck(f, inputs);
  INFO(result.message);
  CHECK(result.passed);
}

}  // namespace

// Levels ------------------------------------------------------------------------------------------------

TEST_CASE("mip levels halve, rounding up, and lie one after the other") {
  const MipLevels levels(5, 3);
  REQUIRE(levels.count() == 4);
  const int64_t expected[4][3] = {{0, 5, 3}, {15, 3, 2}, {21, 2, 1}, {23, 1, 1}};
  for (int i = 0; i < 4; ++i) {
    CHECK(levels[i].first == expected[i][0]);
    CHECK(levels[i].height == expected[i][1]);
    CHECK(levels[i].width == expected[i][2]);
  }
  CHECK(levels.texels() == 24);
  CHECK(MipLevels(1, 1).count() == 1);
  CHECK(MipLevels(1, 16384).count() == 15);
  CHECK(MipLevels(1024, 1024).texels() == 1398101);
  CHECK(MipLevels(64, 64, 3).count() == 3);
  REQUIRE_THROWS_WITH(MipLevels(0, 4), ContainsSubstring("MipLevels: 15 levels of 0 x 4 texels"));
  REQUIRE_THROWS_AS(MipLevels(4, 16385), ag::ValueError);
  REQUIRE_THROWS_AS(MipLevels(4, 4, 0), ag::ValueError);
}

TEST_CASE("mipmap: a texel is the mean of four, the last row and column counting twice where they are alone") {
  const ag::Step step;
  const auto [height, width] =
      GENERATE(std::pair{8, 8}, std::pair{5, 7}, std::pair{1, 6}, std::pair{9, 1}, std::pair{1, 1}, std::pair{2, 3});
  const ag::Array texture = random_texture(height, width, 2);
  const MipLevels levels(height, width);
  PlainTexture level = plain_of(texture);
  std::vector<double> expected;
  for (int i = 0; i < levels.count(); ++i) {
    if (i > 0) level = reference_half(level);
    expected.insert(expected.end(), level.texels.begin(), level.texels.end());
  }
  const Tensor texels = mipmap(ag::tensor(texture), levels);
  CHECK(texels.shape() == ag::Shape{levels.texels(), 2});
  check_close(texels, expected, 1e-15);
  check_gradients([&](std::span<const Tensor> x) { return mipmap(ag::reshape(x[0], texture.shape()), levels); },
                  {texture});
}

TEST_CASE("mipmap refuses a texture of another size") {
  const ag::Step step;
  REQUIRE_THROWS_WITH(mipmap(ag::tensor(ag::zeros({4, 5, 3})), MipLevels(5, 4)),
                      ContainsSubstring("mipmap: a texture [4, 5, 3]; expected [5, 4, channels]"));
  REQUIRE_THROWS_AS(mipmap(ag::tensor(ag::zeros({4, 4})), MipLevels(4, 4)), ag::ShapeError);
}

Tensor sum_of_weights(const Taps& taps) {
  Tensor sum = taps.weight[0];
  for (size_t k = 1; k < taps.count; ++k) sum = sum + taps.weight[k];
  return sum;
}

// Filters -----------------------------------------------------------------------------------------------

TEST_CASE("bilinear samples agree with a texture laid out endlessly") {
  const ag::Step step;
  const Wrap wrap = GENERATE(Wrap::repeat, Wrap::clamp, Wrap::mirror);
  const auto [height, width] =
      GENERATE(std::pair{8, 8}, std::pair{5, 7}, std::pair{1, 6}, std::pair{3, 1}, std::pair{1, 1});
  const ag::Array texture = random_texture(height, width);
  const ag::Array coordinates = smooth_coordinates(60, height, width, 7, 0);
  std::vector<double> expected;
  for (size_t i = 0; i < 60; ++i) {
    const std::span<const double> at = coordinates.values<double>();
    const std::vector<double> colour = reference_bilinear(plain_of(texture), at[i], at[60 + i], wrap);
    expected.insert(expected.end(), colour.begin(), colour.end());
  }
  const Taps taps = bilinear_taps(uv_of(coordinates), MipLevels(height, width, 1), wrap);
  check_close(blend(level_zero(texture), taps), expected);
  check_close(sum_of_weights(taps), std::vector<double>(60, 1.0));
}

TEST_CASE("nearest samples take the texel that the point lies in") {
  const ag::Step step;
  // 2 rows of 4: the upper row is 0..3, the lower 4..7.
  const ag::Array texture = ag::arange(8, ag::DType::float64).reshape({2, 4, 1});
  const auto sample = [&](std::initializer_list<double> u, std::initializer_list<double> v, Wrap wrap) {
    const Taps taps = nearest_taps({constant(u), constant(v)}, MipLevels(2, 4, 1), wrap);
    return blend(level_zero(texture), taps).to_vector<double>();
  };
  using List = std::vector<double>;
  CHECK(sample({0, 0.24, 0.26, 0.99, 1}, {0, 0.1, 0.49, 0.51, 0.9}, Wrap::clamp) == List{4, 4, 5, 3, 3});
  CHECK(sample({1.1, -0.1, 2.3}, {0.9, 0.9, 0.1}, Wrap::repeat) == List{0, 3, 5});
  CHECK(sample({1.1, -0.1, 7, -7}, {0.9, 0.9, 0.1, 1.1}, Wrap::clamp) == List{3, 0, 7, 0});
  CHECK(sample({1.1, -0.1, 1.99}, {0.9, 1.1, -0.9}, Wrap::mirror) == List{3, 0, 0});
}

TEST_CASE("trilinear samples blend the two levels next to the level of detail") {
  const ag::Step step;
  const auto [height, width] = GENERATE(std::pair{8, 8}, std::pair{5, 7}, std::pair{1, 1});
  const Wrap wrap = GENERATE(Wrap::repeat, Wrap::clamp, Wrap::mirror);
  const ag::Array texture = random_texture(height, width);
  const MipLevels levels(height, width);
  std::vector<PlainTexture> pyramid{plain_of(texture)};
  while (static_cast<int>(pyramid.size()) < levels.count()) pyramid.push_back(reference_half(pyramid.back()));

  const ag::Array coordinates = smooth_coordinates(60, height, width, 8, 0);
  Random random(9);
  const ag::Array lod = random_array<double>(random, {60}, -1, 4.5);
  std::vector<double> expected;
  for (size_t i = 0; i < 60; ++i) {
    const double within = std::clamp(lod.values<double>()[i], 0.0, levels.count() - 1.0);
    const auto finer = static_cast<size_t>(within), coarser = std::min(finer + 1, pyramid.size() - 1);
    const double u = coordinates.values<double>()[i], v = coordinates.values<double>()[60 + i];
    const std::vector<double> a = reference_bilinear(pyramid[finer], u, v, wrap);
    const std::vector<double> b = reference_bilinear(pyramid[coarser], u, v, wrap);
    for (size_t c = 0; c < 3; ++c) expected.push_back(a[c] + (b[c] - a[c]) * (within - static_cast<double>(finer)));
  }
  const Taps taps = trilinear_taps(uv_of(coordinates), ag::tensor(lod), levels, wrap);
  check_close(blend(mipmap(ag::tensor(texture), levels), taps), expected);
  check_close(sum_of_weights(taps), std::vector<double>(60, 1.0));
}

TEST_CASE("float32 samples are those of float64 to rounding") {
  const ag::Step step;
  const ag::Array texture = random_texture(33, 20), coordinates = smooth_coordinates(200, 33, 20, 10);
  const MipLevels levels(33, 20);
  const auto sample = [&](ag::DType type) {
    const Vec2 uv = uv_of(coordinates.cast(type));
    const Tensor lod = ag::abs(uv.x);
    return blend(mipmap(ag::tensor(texture.cast(type)), levels), trilinear_taps(uv, lod, levels));
  };
  check_close(sample(ag::DType::float32), sample(ag::DType::float64).to_vector<double>(), 2e-5);
}

TEST_CASE("texture coordinates of other shapes are refused") {
  const ag::Step step;
  const Tensor one = constant({1, 2}), other = constant({1, 2, 3});
  REQUIRE_THROWS_WITH(bilinear_taps({one, other}, MipLevels(4, 4)),
                      ContainsSubstring("bilinear_taps: uv components [2] and [3]"));
  REQUIRE_THROWS_AS(nearest_taps({other, one}, MipLevels(4, 4)), ag::ShapeError);
  REQUIRE_THROWS_AS(trilinear_taps({one, other}, one, MipLevels(4, 4)), ag::ShapeError);
  REQUIRE_THROWS_AS(trilinear_taps({one, one}, other, MipLevels(4, 4)), ag::ShapeError);
}

TEST_CASE("blend_rgb gives blend's channels") {
  const ag::Step step;
  const Taps taps = bilinear_taps(uv_of(smooth_coordinates(9, 4, 4, 21)), MipLevels(4, 4, 1));
  const Tensor texels = level_zero(random_texture(4, 4));
  const Vec3 colour = blend_rgb(texels, taps);
  CHECK(same_values(blend(texels, taps).values<double>(), pack(colour).values<double>()));
  REQUIRE_THROWS_WITH(blend_rgb(level_zero(random_texture(4, 4, 2)), taps),
                      ContainsSubstring("blend_rgb: texels [16, 2]; expected [texels, 3]"));
  REQUIRE_THROWS_AS(blend(ag::tensor(ag::zeros({16})), taps), ag::ShapeError);
}

// Gradients ---------------------------------------------------------------------------------------------

TEST_CASE("gradients to texels, coordinates and level of detail, to second order") {
  const Wrap wrap = GENERATE(Wrap::repeat, Wrap::clamp, Wrap::mirror);
  const auto [height, width] = GENERATE(std::pair{4, 4}, std::pair{5, 3}, std::pair{1, 1});
  const ag::Array texture = random_texture(height, width, 2), coordinates = smooth_coordinates(7, height, width, 12);
  const ag::Array lod = ag::Array::of<double>({0.3, 0.7, 1.2, 1.8, 0.5, -0.4, 3.7});
  const MipLevels levels(height, width);
  check_gradients(
      [&](std::span<const Tensor> x) {
        const Tensor texels = mipmap(ag::reshape(x[0], texture.shape()), levels);
        return blend(texels, trilinear_taps(uv_of(x[1]), x[2], levels, wrap));
      },
      {texture, coordinates, lod});
  check_gradients(
      [&](std::span<const Tensor> x) {
        const Tensor texels = ag::reshape(x[0], {height * width, 2});
        return blend(texels, bilinear_taps(uv_of(x[1]), levels, wrap));
      },
      {texture, coordinates});
  check_gradients(
      [&](std::span<const Tensor> x) {
        const Tensor texels = mipmap(ag::reshape(x[0], {height, width, 3}), levels);
        return pack(blend_rgb(texels, trilinear_taps(uv_of(x[1]), x[2], levels, wrap)));
      },
      {random_texture(height, width, 3), coordinates, lod});
}

TEST_CASE("nearest samples have a gradient to texels and none to coordinates") {
  const ag::Step step;
  const ag::Array texels = ag::arange(4, ag::DType::float64).reshape({4, 1});
  const ag::Array coordinates = ag::Array::of<double>({0.2, 0.9, 0.3, 0.2, 0.1, 0.4}).reshape({2, 3});
  const Tensor sample = blend(ag::tensor(texels), nearest_taps(uv_of(coordinates), MipLevels(2, 2, 1)));
  CHECK(ag::grad(ag::sum(sample), texels).to_vector<double>() == std::vector<double>{0, 0, 2, 1});
  REQUIRE_THROWS_AS(ag::grad(ag::sum(sample), coordinates), ag::UnreachedGradient);
}

TEST_CASE("values and gradients are finite at kinks, and where coordinates are not numbers") {
  const Wrap wrap = GENERATE(Wrap::repeat, Wrap::clamp, Wrap::mirror);
  const ag::Step step;
  const ag::Array texture = random_texture(4, 4);
  const MipLevels levels(4, 4);
  const ag::Array u =
      ag::Array::of<double>({0, 1, 0.125, 0.5, -1, 2, nan_value, 0.3, infinity, -infinity, 1e300, -1e-300, 0.2, 0.2});
  const ag::Array v =
      ag::Array::of<double>({0, 1, 0.875, 0.5, 2, -1, 0.3, nan_value, 0.1, infinity, -1e300, 1e-300, 0.2, 0.2});
  const ag::Array lod = ag::Array::of<double>({0, 1, 2, 0.5, 1, 2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, nan_value, infinity});
  const Tensor texels = mipmap(ag::tensor(texture), levels);
  const Vec2 uv{ag::tensor(u), ag::tensor(v)};
  for (const Taps& taps : {trilinear_taps(uv, ag::tensor(lod), levels, wrap), bilinear_taps(uv, levels, wrap)}) {
    const Tensor sample = blend(texels, taps);
    check_finite(sample);
    const auto [du, dv, dt] = ag::grad(ag::sum(ag::square(sample)), {u, v, texture});
    check_finite(du);
    check_finite(dv);
    check_finite(dt);
    CHECK(du.values<double>()[6] == 0);
    CHECK(dv.values<double>()[7] == 0);
  }
  check_finite(blend(texels, nearest_taps(uv, levels, wrap)));
}

// Level of detail --------------------------------------------------------------------------------------------

namespace {

/// A few triangles before a camera, one of them reaching behind it, with a uv of its own at each corner.
struct Scene {
  Mesh mesh;
  ag::Array uv;  // [9, 2]
  Camera camera = look_at({0.3, 0.2, 3}, {}, {0, 1, 0}, 20, 16, 18);
  Frame frame{1, 16, 20};
  std::array<ag::Array, 5> lists;

  Scene() {
    mesh.positions = ag::Array::of<double>({-1.2, -0.9, 0.4, 0.1, -0.8, -0.5, -0.6, 0.9, 0,    //
                                            0.2,  -0.9, 0.3, 1.3, -0.4, -0.8, 0.6,  0.8, 0.2,  //
                                            -0.9, 1.2,  4,   0.5, 1.5,  -1,   -0.2, 0.5, -1})
                         .reshape({9, 3});
    mesh.triangles = ag::arange(9).reshape({3, 3});
    Random random(5);
    uv = random_array<double>(random, {9, 2}, -0.5, 1.5);
    const ag::Step step;
    const VisiblePixels pixels = visible_pixels(visibility(clip(ag::tensor(mesh.positions)), mesh.triangles, frame));
    lists = {pixels.pixel.keep(), pixels.triangle.keep(), pixels.view.keep(), pixels.row.keep(), pixels.column.keep()};
  }

  Vec4 clip(const Tensor& positions) const {
    return transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(positions));
  }
  VisiblePixels pixels() const {
    const auto list = [&](size_t i) { return ag::tensor(lists[i]); };
    return {list(0), list(1), list(2), list(3), list(4), frame};
  }

  struct Seen {
    Vec2 uv;
    Tensor lod;
  };
  Seen see(const Vec4& clip, const Tensor& uv_table, const MipLevels& levels) const {
    const VisiblePixels list = pixels();
    const Corners at = corners(mesh.triangles, list);
    const Vec3 weights = barycentrics(clip, at, list);
    const WeightDerivatives derivatives = weight_derivatives(clip, at, list);
    const Tensor u = ag::select(uv_table, 1, 0), v = ag::select(uv_table, 1, 1);
    return {{interpolate(u, at, weights), interpolate(v, at, weights)},
            level_of_detail(interpolate_derivatives(u, at, derivatives), interpolate_derivatives(v, at, derivatives),
                            levels)};
  }
};

}  // namespace

TEST_CASE("level of detail is log2 of the footprint's longer axis in texels") {
  const ag::Step step;
  const MipLevels levels(32, 64);  // 7 levels
  const auto lod = [&](double ux, double vx, double uy, double vy) {
    const Vec2 du{constant({ux}), constant({uy})}, dv{constant({vx}), constant({vy})};
    return level_of_detail(du, dv, levels).to_vector<double>()[0];
  };
  CHECK(lod(4.0 / 64, 0, 0, 1.0 / 32) == Approx(2));
  CHECK(lod(1.0 / 64, 0, 0, 8.0 / 32) == Approx(3));
  CHECK(lod(2.0 / 64, 0, 0, -2.0 / 32) == Approx(1));
  // A turn does not change it: columns (3, 4) and (-4, 3) are 5 times a rotation.
  CHECK(lod(3.0 / 64, 4.0 / 32, -4.0 / 64, 3.0 / 32) == Approx(std::log2(5)));
  // Shear: J = [[1, 4], [0, 1]], the larger singular value is 2 + sqrt(5).
  CHECK(lod(1.0 / 64, 0, 4.0 / 64, 1.0 / 32) == Approx(std::log2(2 + std::sqrt(5))));
  CHECK(lod(0.5 / 64, 0, 0, 0.25 / 32) == 0);
  CHECK(lod(0, 0, 0, 0) == 0);
  CHECK(lod(100, 0, 0, 100) == Approx(6));
  CHECK(lod(infinity, 0, 0, 0) == 0);
  CHECK(lod(nan_value, 0, 0, 0) == 0);
}

TEST_CASE("a textured image has gradients to positions, texture coordinates and texels, to second order") {
  const Scene scene;
  const MipLevels levels(6, 5);
  const ag::Array texture = random_texture(6, 5, 1);
  // All that is seen, thinned; the list stays, so that only what is continuous moves.
  Scene thin = scene;
  {
    const ag::Step step;
    for (ag::Array& list : thin.lists) list = ag::slice(list, 0, {.start = 3, .step = 9}).keep();
  }
  REQUIRE(thin.lists[0].size() > 6);
  ag::GradcheckOptions options{.tolerance = 2e-5};
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> x) {
        const Scene::Seen seen = thin.see(thin.clip(x[0]), x[1], levels);
        const Tensor texels = mipmap(ag::reshape(x[2], texture.shape()), levels);
        return blend(texels, trilinear_taps(seen.uv, seen.lod, levels));
      },
      {scene.mesh.positions, scene.uv, texture}, options);
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("texture coordinates without area, or not numbers, give finite images and gradients") {
  Scene scene;
  const ag::Array texture = random_texture(4, 4);
  const MipLevels levels(4, 4);
  const double value = GENERATE(0.25, 0.0, nan_value, infinity, 1e300);
  scene.uv = ag::full({9, 2}, value, ag::DType::float64);
  const ag::Step step;
  const Vec4 clip = scene.clip(ag::tensor(scene.mesh.positions));
  const Scene::Seen seen = scene.see(clip, ag::tensor(scene.uv), levels);
  check_finite(seen.lod);
  const Tensor image = blend(mipmap(ag::tensor(texture), levels), trilinear_taps(seen.uv, seen.lod, levels));
  check_finite(image);
  const auto [positions, texels] = ag::grad(ag::sum(ag::square(image)), {scene.mesh.positions, texture});
  check_finite(texels);
  if (std::isfinite(value)) check_finite(positions);
}
