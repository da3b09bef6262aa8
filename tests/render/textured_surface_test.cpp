#include <render/fit/textured_surface.h>
#include <render/fit/view_batch.h>
#include <render/geometry/shapes.h>
#include <render/image/metrics.h>
#include <render/shading/still.h>
#include <tests/catch.h>
#include <tests/render/textured_meshes.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace render;

namespace {

/// The mesh in a texture, as the composed renderer shows it.
Image8 drawn(const TexturedSurface& surface, const Camera& camera, const Image8& texture) {
  const ag::Step step;
  const MipLevels levels(texture.height, texture.width);
  const TexturedView view =
      see(surface, camera_matrices({&camera, 1}, surface.start), {1, camera.height, camera.width}, levels);
  const Tensor rgb = ag::slice(ag::Located(to_linear(texture)), 2, {.stop = 3});
  const Vec3 colour = blend_rgb(mipmap(rgb, levels), trilinear_taps(view.uv, view.lod, levels));
  return to_srgb(ag::reshape(draw(view.surface, colour), {camera.height, camera.width, 4}).keep());
}

// Gradients ---------------------------------------------------------------------------------------------------

/// Two triangles, one before the other, whose texture coordinates leave [0, 1].
Mesh two_triangles() {
  Mesh mesh;
  mesh.positions = ag::Array::of<double>({-1.02, -0.83, 0.1, 0.93, -0.71, -0.2, 0.07, 1.04, 0.05, -0.6, 0.9, 0.5, -0.3,
                                          -0.7, 0.62, 0.9, 0.41, 0.4})
                       .reshape({6, 3});
  mesh.triangles = ag::arange(6).reshape({2, 3});
  mesh.uvs =
      ag::Array::of<float>({-0.31f, -0.17f, 2.43f, 0.12f, 0.71f, 2.83f, 0.2f, 1.87f, 0.37f, -1.13f, 3.31f, 0.91f})
          .reshape({6, 2});
  mesh.uv_triangles = ag::arange(6).reshape({2, 3});
  return mesh;
}

constexpr int64_t side = 14;

/// The antialiased image of a surface in a texture of 8 x 6 texels, as a function of all that is continuous.
Tensor picture(const TexturedSurface& surface, const Tensor& positions, const Tensor& uvs, const Tensor& texels) {
  Camera camera = look_at({0.2, 0.3, 3}, {0.03, 0, 0}, {0, 1, 0}, side, side, 17);
  camera.cx += 0.13;
  const MipLevels levels(6, 8);
  const Tensor matrices = ag::cast(camera_matrices({&camera, 1}, surface.start), positions.dtype());
  const TexturedView view = see(surface, unpack3(positions), {ag::select(uvs, 1, 0), ag::select(uvs, 1, 1)}, matrices,
                                {1, side, side}, levels);
  return draw(view.surface, blend_rgb(mipmap(texels, levels), trilinear_taps(view.uv, view.lod, levels)));
}

ag::Array random_texels(uint64_t seed) {
  Random random(seed);
  return random_array<double>(random, {6, 8, 3}, 0, 1);
}

/// Whether the picture and its gradients to all inputs are numbers, in both types.
void check_finite(const Mesh& mesh, const ag::Array& uvs) {
  const TexturedSurface surface = textured_surface(mesh);
  for (const ag::DType type : {ag::DType::float32, ag::DType::float64}) {
    const ag::Step step;
    const std::vector<ag::Array> inputs{surface.positions.cast(type), uvs.cast(type), random_texels(3).cast(type)};
    const auto leaf = [&](size_t i) { return ag::tensor(inputs[i]); };
    const Tensor image = picture(surface, leaf(0), leaf(1), leaf(2));
    const auto gradients = ag::grad(ag::sum(ag::square(image - 0.3)), {inputs[0], inputs[1], inputs[2]});
    INFO(ag::name_of(type));
    for (const Tensor& result : {image, gradients[0], gradients[1], gradients[2]}) {
      CHECK(std::ranges::all_of(ag::cast(result, ag::DType::float64).to_vector<double>(),
                                [](double value) { return std::isfinite(value); }));
    }
  }
}

}  // namespace

TEST_CASE("gradients of a textured surface to positions, coordinates and texels are those of differences") {
  const TexturedSurface surface = textured_surface(two_triangles());
  {
    const ag::Step step;  // what the scene is there for: two faces, levels in between, and crossings
    Camera camera = look_at({0.2, 0.3, 3}, {0.03, 0, 0}, {0, 1, 0}, side, side, 17);
    const TexturedView view =
        see(surface, camera_matrices({&camera, 1}, surface.start), {1, side, side}, MipLevels(6, 8));
    const std::vector<int32_t> faces = view.surface.pixels.triangle.to_vector<int32_t>();
    CHECK(std::ranges::count(faces, 0) > 15);
    CHECK(std::ranges::count(faces, 1) > 10);
    const std::vector<float> lod = view.lod.to_vector<float>();
    CHECK(std::ranges::count_if(lod, [](float level) { return level > 0.05f && level < 2.95f; }) > 25);
    CHECK(view.surface.crossings.a.size() > 20);
  }
  const auto check = [&](const ag::Differentiable& f, const ag::Array& input) {
    const ag::GradcheckResult result = ag::gradcheck(f, {input});
    INFO(result.message);
    CHECK(result.passed);
  };
  const ag::Array positions = surface.positions.cast(ag::DType::float64), uvs = surface.uvs.cast(ag::DType::float64),
                  texels = random_texels(3);
  const auto leaf = [](const ag::Array& array) { return ag::tensor(array); };
  using Inputs = std::span<const Tensor>;
  SECTION("positions") {
    check([&](Inputs x) { return picture(surface, x[0], leaf(uvs), leaf(texels)); }, positions);
  }
  SECTION("coordinates") {
    check([&](Inputs x) { return picture(surface, leaf(positions), x[0], leaf(texels)); }, uvs);
  }
  SECTION("texels") {
    check([&](Inputs x) { return ag::square(picture(surface, leaf(positions), leaf(uvs), x[0])); }, texels);
  }
}

TEST_CASE("pictures and gradients are finite at kinks and for coordinates of all sizes") {
  const Mesh mesh = two_triangles();
  const auto with = [](std::vector<float> uvs) { return ag::Array::from(uvs, {6, 2}); };
  check_finite(mesh, mesh.uvs);
  check_finite(mesh, with(std::vector<float>(12, 0.5f)));          // no area, on a texel's border
  check_finite(mesh, with(std::vector<float>(12, 0.0625f)));       // no area, at a texel's centre
  check_finite(mesh, with({0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 2, 0}));  // on borders; one face is a line
  check_finite(mesh, with({1e30f, 0, 0, -1e30f, 3e38f, 1, -3e38f, 0, 1, 1, 0, 3e38f}));
  Mesh line = mesh;  // the second face is seen by nobody
  std::vector<double> positions = mesh.positions.to_vector<double>();
  for (size_t i = 12; i < 18; ++i) positions[i] = positions[i - 3];
  line.positions = ag::Array::from(positions, {6, 3});
  check_finite(line, mesh.uvs);
}

TEST_CASE("a textured surface looks as a supersampled picture of it does, near and far") {
  const Mesh mesh = sample::globe(24);
  const TexturedSurface surface = textured_surface(mesh);
  // Waves in texels as large as pixels; noise in texels that are four times as small, which only their mean can show.
  const auto [texture, size, least] =
      GENERATE(table<Image8, int, double>({{sample::waves(256, 128), 96, 33.0}, {sample::noise(256, 128), 24, 28.0}}));
  const Still still(mesh, {.light = LightingPreset::none, .samples = 64, .texture = texture});
  for (const Camera& camera : cameras_around({}, 1, 3, size, size, 2)) {
    CHECK(psnr(drawn(surface, camera, texture), still.picture(camera)).covered > least);
  }
}

TEST_CASE("normals of a textured surface are the mesh's, on the side that is seen") {
  const Mesh mesh = icosphere(3);
  Mesh with_uvs = mesh;
  with_uvs.uvs = ag::zeros({1, 2});
  with_uvs.uv_triangles = ag::zeros(mesh.triangles.shape(), ag::DType::int32);
  const TexturedSurface surface = textured_surface(with_uvs);
  // From outside they point outward, from inside inward.
  const double distance = GENERATE(4.0, 0.2);
  const Camera camera = look_at({0, 0, distance}, {0, 0, -1}, {0, 1, 0}, 40, 40, 40);
  const ag::Step step;
  const TexturedView view = see(surface, camera_matrices({&camera, 1}, surface.start), {1, 40, 40}, MipLevels(4, 4));
  const ag::Array eye = ag::Array::of<float>({0, 0, static_cast<float>(distance)}).reshape({1, 3});
  const Vec3 normal = seen_normals(surface, view, eye);
  const Vec3 at = interpolate(unpack3(surface.positions), view.surface.corners, view.surface.weights);
  const Tensor radial = dot(normal, normalize(at));
  REQUIRE(radial.size() > 300);
  for (const float cosine : radial.values<float>()) {
    CHECK(cosine * (distance > 1 ? 1 : -1) == Approx(1).margin(0.01));
  }
}

TEST_CASE("normals follow the file's where its winding contradicts them") {
  // A square that looks along +z by its normals and along -z by its winding.
  Mesh mesh;
  mesh.positions = ag::Array::of<double>({-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0}).reshape({4, 3});
  mesh.triangles = ag::Array::of<int32_t>({0, 2, 1, 0, 3, 2}).reshape({2, 3});
  mesh.uvs = ag::zeros({1, 2});
  mesh.uv_triangles = ag::zeros({2, 3}, ag::DType::int32);
  mesh.normals = ag::Array::of<float>({0, 0, 1}).reshape({1, 3});
  mesh.normal_triangles = ag::zeros({2, 3}, ag::DType::int32);
  const TexturedSurface surface = textured_surface(mesh);
  const ag::Step step;
  const Camera camera = look_at({0, 0, 3}, {}, {0, 1, 0}, 16, 16, 20);
  const TexturedView view = see(surface, camera_matrices({&camera, 1}, surface.start), {1, 16, 16}, MipLevels(4, 4));
  const ag::Array eye = ag::Array::of<float>({0, 0, 3}).reshape({1, 3});
  for (const float z : seen_normals(surface, view, eye).z.values<float>()) CHECK(z == Approx(1));
}

TEST_CASE("a surface needs texture coordinates and extent") {
  REQUIRE_THROWS_WITH(textured_surface(icosphere(1)), ContainsSubstring("no texture coordinates"));
  const Mesh globe = sample::globe(4);
  const auto with_corner = [&](int32_t uv) {
    Mesh mesh = globe;
    std::vector<int32_t> corners = mesh.uv_triangles.to_vector<int32_t>();
    corners[5] = uv;
    mesh.uv_triangles = ag::Array::from(corners, mesh.uv_triangles.shape());
    return mesh;
  };
  REQUIRE_THROWS_WITH(textured_surface(with_corner(-1)), ContainsSubstring("no texture coordinates"));
  REQUIRE_THROWS_WITH(textured_surface(with_corner(1000)), ContainsSubstring("index 1000 in uv_triangles"));
  Mesh mesh = globe;
  std::vector<float> uvs = globe.uvs.to_vector<float>();
  uvs[21] = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  mesh.uvs = ag::Array::from(uvs, globe.uvs.shape());
  REQUIRE_THROWS_WITH(textured_surface(mesh),
                      ContainsSubstring("texture coordinate 10 is (") && ContainsSubstring("expected finite numbers"));
  Mesh point = globe;
  point.positions = ag::zeros(point.positions.shape(), ag::DType::float64);
  REQUIRE_THROWS_WITH(textured_surface(point), ContainsSubstring("no extent"));
}
