#include <render/fit/fit_texture.h>
#include <render/image/metrics.h>
#include <render/shading/still.h>
#include <tests/catch.h>
#include <tests/render/sample_files.h>
#include <tests/render/textured_meshes.h>

#include <algorithm>
#include <cmath>
#include <string>

using namespace render;

// Small fits: a ball in waves of colour, a few views of 64 pixels.

namespace {

constexpr double pi = 3.14159265358979323846;

Dataset pictures(const Mesh& mesh, const Image8& texture, LightingPreset light = LightingPreset::none, int count = 12) {
  Dataset dataset;
  const Still still(mesh, {.light = light, .texture = texture});
  for (const Camera& camera : cameras_around({}, 1, count, 64, 64, 7)) {
    dataset.views.push_back({"images/" + std::to_string(dataset.views.size()) + ".png", camera, still.picture(camera)});
  }
  return dataset;
}

double heldout_psnr(const TextureFit& fit) {
  double sum = 0, count = 0;
  for (const ViewScore& score : fit.scores()) {
    if (score.held_out) sum += score.psnr, ++count;
  }
  return sum / count;
}

FitTextureOptions quick(int steps) { return {.size = 64, .steps = steps, .holdout = 4}; }

/// Linear values of a texture, and what part of the surface each texel is: rows near the poles are small.
struct Texels {
  std::vector<double> values[3], area;
  explicit Texels(const Image8& image) {
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        const unsigned char* texel = image.rgba.data() + static_cast<size_t>(4 * (y * image.width + x));
        for (size_t c = 0; c < 3; ++c) {
          values[c].push_back(static_cast<double>(srgb_to_linear(static_cast<float>(texel[c]) / 255)));
        }
        area.push_back(std::sin(pi * (y + 0.5) / image.height));
      }
    }
  }
};

/// Relative error of a texture, up to one factor for all of it.
double texture_error(const Image8& found, const Image8& truth) {
  const Texels a(found), b(truth);
  double ab = 0, aa = 0, bb = 0;
  for (size_t c = 0; c < 3; ++c) {
    for (size_t i = 0; i < a.area.size(); ++i) {
      ab += a.area[i] * a.values[c][i] * b.values[c][i];
      aa += a.area[i] * a.values[c][i] * a.values[c][i];
      bb += a.area[i] * b.values[c][i] * b.values[c][i];
    }
  }
  return std::sqrt(1 - ab * ab / (aa * bb));
}

}  // namespace

TEST_CASE("a fit finds the texture that the pictures were made with, and steps improve on the mean of views") {
  const Mesh mesh = sample::globe(16);
  const Image8 truth = sample::noise(24, 24);
  const Dataset dataset = pictures(mesh, truth);
  FitTextureOptions options = quick(100);
  options.size = 24;
  TextureFit fit(dataset, mesh, options);
  const double before = heldout_psnr(fit), error_before = texture_error(fit.texture(), truth);
  fit.run();
  CHECK(heldout_psnr(fit) > before + 5);
  CHECK(heldout_psnr(fit) > 33);
  CHECK(error_before > 0.2);
  CHECK(texture_error(fit.texture(), truth) < 0.07);
  CHECK(fit.losses().size() == 100);
  CHECK(fit.losses().back() < 0.5 * fit.losses().front());
  CHECK(fit.coverage() > 0.99);
  CHECK(fit.steps_done() == 100);
  CHECK(!fit.interrupted());
  CHECK(fit.remarks(fit.scores()).empty());
}

TEST_CASE("the same texture whatever the number of threads; another seed gives another") {
  const Mesh mesh = sample::globe(12);
  const Dataset dataset = pictures(mesh, sample::waves(32, 32));
  const auto texture = [&](int threads, uint64_t seed) {
    const Threads scope(threads);
    FitTextureOptions options = quick(6);
    options.seed = seed;
    options.views_per_step = 2;
    TextureFit fit(dataset, mesh, options);
    fit.run();
    return fit.texture().rgba;
  };
  const auto first = texture(1, 0);
  CHECK(texture(3, 0) == first);
  CHECK(texture(1, 1) != first);
}

TEST_CASE("held-out views are never used") {
  const Mesh mesh = sample::globe(12);
  Dataset dataset = pictures(mesh, sample::waves(32, 32));
  const auto texture = [&] {
    TextureFit fit(dataset, mesh, quick(4));
    fit.run();
    return fit.texture().rgba;
  };
  const auto first = texture();
  for (size_t view = 3; view < dataset.views.size(); view += 4) {
    for (unsigned char& byte : dataset.views[view].image.rgba) byte = static_cast<unsigned char>(byte ^ 0x55);
  }
  CHECK(texture() == first);
}

TEST_CASE("an estimated light is divided out") {
  const Mesh mesh = sample::globe(16);
  const Image8 truth = sample::noise(24, 24);  // on a ball, waves of colour could be the light's
  const Dataset dataset = pictures(mesh, truth, LightingPreset::studio);
  FitTextureOptions options = quick(100);
  options.size = 24;
  TextureFit baked(dataset, mesh, options);
  baked.run();
  options.light = TextureLight::harmonics;
  TextureFit lit(dataset, mesh, options);
  lit.run();
  CHECK(texture_error(baked.texture(), truth) > 0.25);
  CHECK(texture_error(lit.texture(), truth) < 0.12);
  CHECK(heldout_psnr(lit) > 32);
  CHECK(heldout_psnr(baked) > 32);
}

TEST_CASE("coverage counts the texels that views show; the others are filled from around") {
  const Mesh mesh = sample::globe(16);
  const Image8 grey = sample::plain(8, 8, {128, 128, 128, 255});
  Dataset dataset;
  const Still still(mesh, {.light = LightingPreset::none, .texture = grey});
  for (int i = 0; i < 2; ++i) {
    const Camera camera = look_at({0.2 * i, 0.3, 4}, {}, {0, 1, 0}, 64, 64, 90);
    dataset.views.push_back({std::to_string(i), camera, still.picture(camera)});
  }
  FitTextureOptions options = quick(0);
  options.holdout = 0;
  TextureFit fit(dataset, mesh, options);
  fit.run();
  // Between the texels seen at less than 70 degrees from their normal, and those that face a camera at all.
  const auto facing = [&](double cosine) {
    int count = 0;
    for (int i = 0; i < 64 * 64; ++i) {
      const double longitude = 2 * pi * (i % 64 + 0.5) / 64, latitude = pi * (std::floor(i / 64.0) + 0.5) / 64;
      const Point3 normal{std::sin(latitude) * std::cos(longitude), std::cos(latitude),
                          -std::sin(latitude) * std::sin(longitude)};
      count += std::ranges::any_of(dataset.views, [&](const View& view) {
        const Point3 eye = view.camera.position();
        const double x = eye[0] - normal[0], y = eye[1] - normal[1], z = eye[2] - normal[2];
        return normal[0] * x + normal[1] * y + normal[2] * z > cosine * std::hypot(x, y, z);
      });
    }
    return count / (64.0 * 64);
  };
  CHECK(fit.coverage() > facing(0.35));
  CHECK(fit.coverage() < facing(0) + 0.02);
  const Image8 texture = fit.texture();
  int worst = 0;
  for (size_t i = 0; i < texture.rgba.size(); ++i)
    worst = std::max(worst, std::abs(texture.rgba[i] - (i % 4 == 3 ? 255 : 128)));
  CHECK(worst <= 1);
}

TEST_CASE("coordinates outside [0, 1] repeat the texture") {
  const Mesh mesh = sample::globe(12);
  Mesh moved = mesh;
  std::vector<float> uvs = mesh.uvs.to_vector<float>();
  for (size_t i = 0; i < uvs.size(); ++i) uvs[i] += i % 2 == 0 ? 3.0f : -2.0f;
  moved.uvs = ag::Array::from(uvs, mesh.uvs.shape());
  const Dataset dataset = pictures(mesh, sample::waves(32, 32));
  TextureFit here(dataset, mesh, quick(0)), there(dataset, moved, quick(0));
  const Image8 a = here.texture(), b = there.texture();
  int worst = 0;
  for (size_t i = 0; i < a.rgba.size(); ++i) worst = std::max(worst, std::abs(a.rgba[i] - b.rgba[i]));
  CHECK(worst <= 2);
}

TEST_CASE("total variation smooths") {
  const Mesh mesh = sample::globe(12);
  const Dataset dataset = pictures(mesh, sample::waves(32, 32));
  const auto roughness = [&](double weight) {
    FitTextureOptions options = quick(30);
    options.total_variation = weight;
    TextureFit fit(dataset, mesh, options);
    fit.run();
    const Image8 texture = fit.texture();
    double sum = 0;
    for (size_t i = 4; i < texture.rgba.size(); i += 4) sum += std::abs(texture.rgba[i] - texture.rgba[i - 4]);
    return sum;
  };
  const double rough = roughness(0);
  CHECK(roughness(3) < 0.95 * rough);
  CHECK(roughness(30) < 0.9 * rough);
}

TEST_CASE("a caller may end a fit; what was found so far is filled and shown") {
  const Mesh mesh = sample::globe(12);
  const Dataset dataset = pictures(mesh, sample::waves(32, 32));
  TextureFit fit(dataset, mesh, quick(50));
  int calls = 0;
  fit.run([&](const TextureFitState& state) {
    CHECK(state.step == ++calls);
    CHECK(state.steps == 50);
    CHECK(state.loss > 0);
    CHECK(state.fit->render(dataset.views[0].camera).width == 64);
    return calls < 3;
  });
  CHECK(fit.interrupted());
  CHECK(fit.steps_done() == 3);
  CHECK(heldout_psnr(fit) > 25);
}

TEST_CASE("fit texture says what is wrong") {
  const Mesh mesh = sample::globe(8);
  const Dataset dataset = pictures(mesh, sample::waves(16, 16), LightingPreset::none, 4);
  const auto refuses = [&](const FitTextureOptions& options, const std::string& reason) {
    REQUIRE_THROWS_WITH(TextureFit(dataset, mesh, options), ContainsSubstring(reason));
  };
  refuses({.size = 0}, "size is not from 1 to 16384");
  refuses({.steps = -1}, "steps below 0");
  refuses({.views_per_step = 0}, "views_per_step below 1");
  refuses({.total_variation = std::nan("")}, "total_variation");
  refuses({.rate = 0}, "rates are not above 0");
  refuses({.size = 16, .holdout = 1}, "no views to learn from");
  Mesh elsewhere = mesh;
  std::vector<double> positions = mesh.positions.to_vector<double>();
  for (double& value : positions) value += 100;
  elsewhere.positions = ag::Array::from(positions, mesh.positions.shape());
  REQUIRE_THROWS_WITH(TextureFit(dataset, elsewhere, quick(1)), ContainsSubstring("no training view shows the mesh"));
}

TEST_CASE("a texture may have any size, down to one texel") {
  const Mesh mesh = sample::globe(8);
  const Dataset dataset = pictures(mesh, sample::plain(4, 4, {200, 100, 50, 255}), LightingPreset::none, 4);
  FitTextureOptions options = quick(3);
  options.size = GENERATE(1, 2, 7, 33);
  TextureFit fit(dataset, mesh, options);
  fit.run();
  const Image8 texture = fit.texture();
  REQUIRE(texture.width == options.size);
  int worst = 0;
  for (size_t i = 0; i < texture.rgba.size(); i += 4) {
    worst = std::max({worst, std::abs(texture.rgba[i] - 200), std::abs(texture.rgba[i + 1] - 100)});
  }
  CHECK(worst <= 6);
  CHECK(heldout_psnr(fit) > 30);
}

TEST_CASE("coordinates of no area give each face its mean colour, and are named") {
  Mesh mesh = sample::globe(8);
  mesh.uvs = ag::full(mesh.uvs.shape(), 0.5);
  const Dataset dataset = pictures(sample::globe(8), sample::plain(4, 4, {200, 100, 50, 255}), LightingPreset::none, 4);
  TextureFit fit(dataset, mesh, quick(0));
  fit.run();
  CHECK(fit.coverage() == 0);
  CHECK(std::abs(fit.texture().rgba[0] - 200) <= 2);
  CHECK(heldout_psnr(fit) > 30);
  const std::vector<std::string> remarks = fit.remarks(fit.scores());
  REQUIRE(remarks.size() == 1);
  CHECK_THAT(remarks[0], ContainsSubstring("224 of 224 faces have texture coordinates of no area"));
}

TEST_CASE("places that share texels are named") {
  Mesh mesh = sample::globe(8);
  // Everything on the left half of the texture, twice.
  std::vector<float> uvs = mesh.uvs.to_vector<float>();
  for (size_t i = 0; i < uvs.size(); i += 2) uvs[i] = std::fabs(uvs[i] - 0.5f);
  mesh.uvs = ag::Array::from(uvs, mesh.uvs.shape());
  const Dataset dataset = pictures(mesh, sample::waves(16, 16), LightingPreset::none, 4);
  TextureFit fit(dataset, mesh, quick(1));
  fit.run();
  const std::vector<std::string> remarks = fit.remarks(fit.scores());
  REQUIRE(remarks.size() == 1);
  CHECK_THAT(remarks[0], ContainsSubstring("share texels (87% more area than texels)"));
}
