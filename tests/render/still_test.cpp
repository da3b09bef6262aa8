#include <autograd/autograd.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/image/metrics.h>
#include <render/shading/still.h>
#include <tests/catch.h>
#include <tests/render/mesh_data.h>

#include <cmath>
#include <limits>
#include <numbers>

using namespace render;

namespace {

constexpr std::array<unsigned char, 4> grey_srgb{231, 231, 231, 255};  // 0.8 linear

std::array<unsigned char, 4> pixel(const Image8& image, int column, int row) {
  const size_t at = 4 * (static_cast<size_t>(row) * static_cast<size_t>(image.width) + static_cast<size_t>(column));
  return {image.rgba[at], image.rgba[at + 1], image.rgba[at + 2], image.rgba[at + 3]};
}

double covered_pixels(const Image8& image) {
  double sum = 0;
  for (size_t at = 3; at < image.rgba.size(); at += 4) sum += image.rgba[at] / 255.0;
  return sum;
}

/// On the z axis, 10 from the origin, a pixel for each `unit` of the plane z = 0 there.
Camera frontal(int size, double unit = 1) { return look_at({0, 0, 10}, {}, {0, 1, 0}, size, size, 10 / unit); }

/// A rectangle in the plane z = 0 around the origin, with UVs from (0, 0) lower left to (turns, turns).
Mesh rectangle(double half_width, double half_height, float turns = 1) {
  const double x = half_width, y = half_height;
  Mesh mesh;
  mesh.positions = ag::Array::from(std::vector<double>{-x, -y, 0, x, -y, 0, x, y, 0, -x, y, 0}, {4, 3});
  mesh.triangles = ag::Array::from(std::vector<int32_t>{0, 1, 2, 0, 2, 3}, {2, 3});
  mesh.uvs = ag::Array::from(std::vector<float>{0, 0, turns, 0, turns, turns, 0, turns}, {4, 2});
  mesh.uv_triangles = mesh.triangles;
  return mesh;
}

/// The mesh with each position p as factor * p + offset.
Mesh moved(Mesh mesh, double factor, const Point3& offset) {
  std::vector<double> values = mesh.positions.to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = factor * values[i] + offset[i % 3];
  mesh.positions = ag::Array::from(values, mesh.positions.shape());
  return mesh;
}

Mesh with_winding_reversed(Mesh mesh) {
  std::vector<int32_t> triangles = mesh.triangles.to_vector<int32_t>();
  for (size_t face = 0; face < triangles.size(); face += 3) std::swap(triangles[face + 1], triangles[face + 2]);
  mesh.triangles = ag::Array::from(triangles, mesh.triangles.shape());
  return mesh;
}

/// Red and green above, blue and white below.
Image8 four_texels() { return {2, 2, false, {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255}}; }

StillOptions unlit() { return {.light = LightingPreset::none, .samples = 16, .texture = {}}; }

StillOptions textured(const Image8& texture) {
  return {.light = LightingPreset::none, .samples = 16, .texture = texture};
}

}  // namespace

TEST_CASE("the brightest normal of a lit preset receives 0.95") {
  const Lighting light = lighting(GENERATE(LightingPreset::studio, LightingPreset::sun));
  double brightest = 0;
  constexpr int steps = 1000;
  for (int i = 0; i <= steps; ++i) {
    const double z = 2.0 * i / steps - 1, ring = std::sqrt(1 - z * z);
    for (int j = 0; j < steps; ++j) {
      const double angle = 2 * std::numbers::pi * j / steps;
      brightest = std::max(brightest, light.at({ring * std::cos(angle), ring * std::sin(angle), z}));
    }
  }
  CHECK(brightest <= 0.95 + 1e-12);
  CHECK(brightest > 0.9499);
}

TEST_CASE("studio light has ambient 0.25, and no light is plain albedo") {
  CHECK(lighting(LightingPreset::studio).ambient == 0.25);
  CHECK(lighting(LightingPreset::studio).directional.size() == 3);
  CHECK(lighting(LightingPreset::none).at({0, 1, 0}) == 1);
}

TEST_CASE("alpha is the share of covered samples, colour is not darkened by it") {
  // 5 x 3 pixels wide and high around the centre of 8 x 8: columns 1.5 to 6.5, rows 2.5 to 5.5.
  const Image8 image = Still(rectangle(2.5, 1.5), unlit()).picture(frontal(8));
  CHECK(pixel(image, 4, 4) == grey_srgb);
  CHECK(pixel(image, 1, 4) == std::array<unsigned char, 4>{231, 231, 231, 128});
  CHECK(pixel(image, 4, 2) == std::array<unsigned char, 4>{231, 231, 231, 128});
  CHECK(pixel(image, 6, 5) == std::array<unsigned char, 4>{231, 231, 231, 64});
  CHECK(pixel(image, 0, 4)[3] == 0);
  CHECK(covered_pixels(image) == Approx(15).margin(0.05));
}

TEST_CASE("more samples see more of an edge") {
  const auto alpha = [](int samples) {
    StillOptions options = unlit();
    options.samples = samples;
    return pixel(Still(rectangle(2.4, 2), options).picture(frontal(8)), 1, 4)[3];  // 0.4 covered
  };
  CHECK(alpha(1) == 0);
  CHECK(alpha(4) == 128);
  CHECK(alpha(25) == 102);
}

TEST_CASE("a sphere covers what the analytic one does, without holes") {
  const Image8 image = Still(icosphere(5), unlit()).picture(look_at({0, 0, 4}, {}, {0, 1, 0}, 96, 96, 120));
  const double radius = 120 / std::sqrt(15.0);  // of the outline, pixels
  CHECK(covered_pixels(image) == Approx(std::numbers::pi * radius * radius).epsilon(0.002));
  for (int row = 0; row < 96; ++row) {
    for (int column = 0; column < 96; ++column) {
      const double distance = std::hypot(column - 47.5, row - 47.5);
      if (distance < radius - 1.5) CHECK(pixel(image, column, row) == grey_srgb);
      if (distance > radius + 1.5) CHECK(pixel(image, column, row)[3] == 0);
    }
  }
}

TEST_CASE("a texture stands upright: its rows downward, (0, 0) lower left") {
  const Image8 image = Still(rectangle(4, 4), textured(four_texels())).picture(frontal(8));
  CHECK(pixel(image, 2, 2)[0] > pixel(image, 2, 2)[1]);
  CHECK(pixel(image, 5, 2)[1] > pixel(image, 5, 2)[0]);
  CHECK(pixel(image, 2, 5)[2] > pixel(image, 2, 5)[0]);
  CHECK(pixel(image, 5, 5)[0] > pixel(image, 2, 5)[0]);
}

TEST_CASE("texels are blended linearly between their centres, in linear light, and across the border") {
  // Four texels over 16 pixels: the centre of a texel lies between two pixels. The first is white, and
  // the last one's other neighbour.
  Image8 texture{4, 1, false, {255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255}};
  StillOptions options = textured(texture);
  options.samples = 1;
  const Image8 image = Still(rectangle(8, 8), options).picture(frontal(16));
  const std::array<double, 16> expected{0.625, 0.875, 0.875, 0.625, 0.375, 0.125, 0, 0, 0, 0, 0, 0, 0, 0, 0.125, 0.375};
  for (int column = 0; column < 16; ++column) {
    INFO(column);
    const float linear = static_cast<float>(expected[static_cast<size_t>(column)]);
    CHECK(pixel(image, column, 8)[0] == Approx(255 * linear_to_srgb(linear)).margin(0.51));
  }
}

TEST_CASE("a texture repeats") {
  const Image8 once = Still(rectangle(4, 4), textured(four_texels())).picture(frontal(8));
  const Image8 twice = Still(rectangle(8, 8, 2), textured(four_texels())).picture(frontal(16));
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 16; ++column) CHECK(pixel(twice, column, row) == pixel(once, column % 8, row % 8));
  }
}

TEST_CASE("UVs without bounds are taken like any other") {
  Mesh mesh = rectangle(4, 4);
  mesh.uvs = ag::Array::from(std::vector<float>{1e30f, -1e30f, INFINITY, 0, NAN, 1, -1e-30f, 1}, {4, 2});
  const Image8 image = Still(mesh, textured(four_texels())).picture(frontal(8));
  CHECK(covered_pixels(image) == 64);
}

TEST_CASE("attributes are perspective-correct") {
  // A floor at y = -1, from z = 0 to z = -100, seen from above its near edge: u follows z. Row r sees it
  // at the depth focal / (r - middle).
  Mesh floor = rectangle(1, 1);
  floor.positions = ag::Array::from(std::vector<double>{-99, -1, -2, 99, -1, -2, 99, -1, -100, -99, -1, -100}, {4, 3});
  floor.uvs = ag::Array::from(std::vector<float>{0, 0.5f, 0, 0.5f, 1, 0.5f, 1, 0.5f}, {4, 2});
  Image8 ramp{256, 1, false, {}};
  for (int i = 0; i < 256; ++i) {
    const auto code = static_cast<unsigned char>(i);
    ramp.rgba.insert(ramp.rgba.end(), {code, code, code, 255});
  }
  Camera camera{.width = 64, .height = 64, .fx = 64, .fy = 64, .cx = 32, .cy = 32};
  StillOptions options = textured(ramp);
  options.samples = 1;
  const Image8 image = Still(floor, options).picture(camera);
  for (int row = 40; row < 61; ++row) {
    const double depth = 64 / (row + 0.5 - 32), u = (depth - 2) / 98;
    INFO(row);
    REQUIRE(pixel(image, 20, row)[3] == 255);
    CHECK(pixel(image, 20, row)[0] == Approx(std::max(0.0, 256 * u - 0.5)).margin(1));
  }
}

TEST_CASE("albedo is the first of texture, map_Kd, vertex colours, Kd and grey") {
  const ScratchFolder folder;
  const Image8 blue = sample::plain(1, 1, {0, 0, 255, 255}), red = sample::plain(1, 1, {255, 0, 0, 255});
  write_png(folder / "blue.png", 1, 1, 4, blue.rgba);
  Mesh mesh = rectangle(4, 4);
  const auto middle = [&](const StillOptions& options) {
    const auto [r, g, b, alpha] = pixel(Still(mesh, options).picture(frontal(8)), 4, 4);
    return std::array<int, 3>{r, g, b};
  };
  CHECK(middle(unlit()) == std::array{231, 231, 231});
  mesh.materials = {{"leaf", {0, 1, 7}, {}}};
  mesh.face_materials = ag::Array::of<int32_t>({0, 0});
  CHECK(middle(unlit()) == std::array{0, 255, 255});
  mesh.colors = ag::Array::from(std::vector<float>(12, 0.5f), {4, 3});
  CHECK(middle(unlit()) == std::array{188, 188, 188});
  mesh.materials[0].diffuse_map = folder / "blue.png";
  CHECK(middle(unlit()) == std::array{0, 0, 255});
  CHECK(middle(textured(red)) == std::array{255, 0, 0});
}

TEST_CASE("a map_Kd that cannot be read is one warning, and Kd is drawn") {
  const ScratchFolder folder;
  Mesh mesh = rectangle(4, 4);
  mesh.materials = {{"leaf", {0, 1, 0}, folder.write("broken.png", "no png")}};
  mesh.face_materials = ag::Array::of<int32_t>({0, 0});
  const Still still(mesh, unlit());
  REQUIRE(still.warnings().size() == 1);
  CHECK_THAT(still.warnings()[0], ContainsSubstring("broken.png"));
  CHECK(pixel(still.picture(frontal(8)), 4, 4) == std::array<unsigned char, 4>{0, 255, 0, 255});
}

TEST_CASE("coordinates that are no numbers or name nothing do no harm") {
  const Image8 blue = sample::plain(3, 1, {0, 0, 255, 255});
  Mesh mesh = rectangle(4, 4);
  std::vector<float> uvs = mesh.uvs.to_vector<float>();
  uvs[0] = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f, -1e9f);
  mesh.uvs = ag::Array::from(uvs, mesh.uvs.shape());
  CHECK(pixel(Still(mesh, textured(blue)).picture(frontal(8)), 4, 4) == std::array<unsigned char, 4>{0, 0, 255, 255});
  mesh.uv_triangles = ag::full(mesh.uv_triangles.shape(), 99).cast(ag::DType::int32);
  REQUIRE_THROWS_WITH(Still(mesh, textured(blue)), ContainsSubstring("still: index 99 in uv_triangles"));
}

TEST_CASE("both sides are lit as they face the light, whatever the winding or the file's normals say") {
  Mesh mesh = moved(icosphere(3), 2, {});
  const Image8 expected = Still(mesh).picture(frontal(24, 0.25));
  CHECK(Still(with_winding_reversed(mesh)).picture(frontal(24, 0.25)) == expected);

  Mesh outward = mesh;  // normals of the file: those of a sphere
  std::vector<float> normals;
  for (const double x : mesh.positions.values<double>()) normals.push_back(static_cast<float>(x / 2));
  outward.normals = ag::Array::from(normals, {mesh.vertices(), 3});
  outward.normal_triangles = outward.triangles;
  Mesh contradicted = with_winding_reversed(outward);
  contradicted.normal_triangles = contradicted.triangles;
  CHECK(Still(contradicted).picture(frontal(24, 0.25)) == Still(outward).picture(frontal(24, 0.25)));

  // The inside of an open shell is lit as seen from there: by the light that its inner side faces.
  const Lighting light = lighting(LightingPreset::studio);
  const Image8 behind = Still(rectangle(4, 4)).picture(look_at({0, 0, -10}, {}, {0, 1, 0}, 8, 8, 10));
  const float linear = static_cast<float>(0.8 * light.at({0, 0, -1}));
  CHECK(pixel(behind, 4, 4)[0] == Approx(255 * linear_to_srgb(linear)).margin(0.51));
}

TEST_CASE("shading is albedo times light of the interpolated normal") {
  const Lighting light = lighting(LightingPreset::studio);
  const Image8 image = Still(icosphere(5)).picture(look_at({0, 0, 4}, {}, {0, 1, 0}, 97, 97, 120));
  const auto expected = [&](const Point3& n) { return 255 * linear_to_srgb(static_cast<float>(0.8 * light.at(n))); };
  CHECK(pixel(image, 48, 48)[0] == Approx(expected({0, 0, 1})).margin(1));
  // Where the ray through a pixel meets the sphere: n = eye + t * direction.
  const double dx = (30 + 0.5 - 48.5) / 120, dy = -(65 + 0.5 - 48.5) / 120, a = dx * dx + dy * dy + 1;
  const double t = (4 - std::sqrt(16 - 15 * a)) / a;
  CHECK(pixel(image, 30, 65)[0] == Approx(expected({t * dx, t * dy, 4 - t})).margin(1));
}

TEST_CASE("place and size in the world do not matter") {
  const Mesh mesh = creature(3);
  const Image8 expected = Still(mesh).picture(look_at({1, 2, 4}, {}, {0, 1, 0}, 64, 64, 70));
  SECTION("exactly, where the numbers are exact") {
    const Image8 image = Still(moved(mesh, 1024, {})).picture(look_at({1024, 2048, 4096}, {}, {0, 1, 0}, 64, 64, 70));
    CHECK(image == expected);
  }
  SECTION("to the last few pixels' rounding, where they are not") {
    const Mesh far = moved(mesh, 0.001, {1000, -50, 3});
    const Camera camera = look_at({1000.001, -49.998, 3.004}, {1000, -50, 3}, {0, 1, 0}, 64, 64, 70);
    CHECK(psnr(Still(far).picture(camera), expected).image > 60);
  }
}

TEST_CASE("the number of threads does not matter") {
  const Still still(creature(3));
  const Camera camera = look_at({1, 2, 4}, {}, {0, 1, 0}, 128, 96, 100);
  const int threads = ag::threads();
  ag::set_threads(1);
  const Image8 alone = still.picture(camera);
  ag::set_threads(2);
  const Image8 together = still.picture(camera);
  ag::set_threads(threads);
  CHECK(alone == together);
}

TEST_CASE("a camera inside sees the walls all around") {
  const Still still(cube(2));
  const Camera camera = look_at({0.2, 0.1, -0.3}, {1, 0.4, 0.3}, {0, 1, 0}, 48, 32, 12);
  CHECK(covered_pixels(still.picture(camera)) == 48 * 32);
}

TEST_CASE("the bounding sphere holds what faces use, and nothing else") {
  Mesh mesh = rectangle(3, 4);
  mesh.positions = ag::Array::from(std::vector<double>{7, 6, 5, 13, 6, 5, 13, 14, 5, 7, 14, 5, 900, 900, 900}, {5, 3});
  const BoundingSphere sphere = bounding_sphere(mesh);
  CHECK(sphere.centre == Point3{10, 10, 5});
  CHECK(sphere.radius == 5);
}

TEST_CASE("still refuses what it cannot draw") {
  StillOptions options;
  for (const int samples : {0, -4, 2, 15, 289}) {
    options.samples = samples;
    REQUIRE_THROWS_AS(Still(rectangle(1, 1), options), ag::ValueError);
  }
  Mesh bare = rectangle(1, 1);
  bare.uv_triangles = Mesh{}.uv_triangles;
  REQUIRE_THROWS_WITH(Still(bare, textured(four_texels())), ContainsSubstring("no UVs"));
  REQUIRE_THROWS_WITH(Still(rectangle(0, 0)), ContainsSubstring("no extent"));
  REQUIRE_THROWS_WITH(Still(Mesh{}), ContainsSubstring("no extent"));
  for (const double number : {std::nan(""), HUGE_VAL, 1e200})
    REQUIRE_THROWS_WITH(Still(rectangle(number, 1)), ContainsSubstring("no finite size"));
  Camera unknown = frontal(8);
  unknown.fx = std::nan("");
  REQUIRE_THROWS_AS(Still(rectangle(1, 1)).picture(unknown), ag::ValueError);
  REQUIRE_THROWS_AS(Still(rectangle(1, 1), textured({2, 2, false, {1, 2, 3, 255}})), ag::ValueError);
  REQUIRE_THROWS_WITH(Still(rectangle(1, 1)).picture(frontal(0)), ContainsSubstring("0 x 0"));
  REQUIRE_THROWS_WITH(Still(rectangle(1, 1)).picture(frontal(4097)), ContainsSubstring("expected 1 to 4096 a side"));
}

TEST_CASE("still refuses a mesh that does not fit together") {
  Mesh mesh = rectangle(1, 1);
  SECTION("fewer texture corners than faces") {
    mesh.uv_triangles = ag::zeros({1, 3}, ag::DType::int32);
    REQUIRE_THROWS_AS(Still(mesh), ag::ShapeError);
  }
  SECTION("colours of other vertices") {
    mesh.colors = ag::ones({1, 3});
    REQUIRE_THROWS_AS(Still(mesh), ag::ShapeError);
  }
  SECTION("a material that is not there") {
    mesh.face_materials = ag::full({2}, 7, ag::DType::int32);
    REQUIRE_THROWS_WITH(Still(mesh), ContainsSubstring("still: index 7 in face_materials"));
  }
  SECTION("a material for one face only") {
    mesh.materials.resize(1);
    mesh.face_materials = ag::zeros({1}, ag::DType::int32);
    REQUIRE_THROWS_AS(Still(mesh), ag::ShapeError);
    mesh.face_materials = ag::zeros({2, 1}, ag::DType::int32);
    REQUIRE_THROWS_AS(Still(mesh), ag::ShapeError);
  }
}

TEST_CASE("still warns of a mesh of which nothing can be seen") {
  const Still still(rectangle(1, 0));
  CHECK(still.warnings() == std::vector<std::string>{"no face has area: there is nothing to see"});
  CHECK(covered_pixels(still.picture(frontal(8))) == 0);
  CHECK(Still(rectangle(1, 1)).warnings().empty());
}

TEST_CASE("spot stands upright and wears its texture") {
  const std::filesystem::path path = shared_mesh("spot/spot_triangulated.obj");
  if (path.empty()) return;
  const StillOptions options = textured(read_image(path.parent_path() / "spot_texture.png"));
  const Image8 image =
      Still(read_obj(path), options).picture(look_at({0, 0.3, -4}, {0, 0.1, 0}, {0, 1, 0}, 128, 128, 180));
  // From the front, downward: pale forehead, pink muzzle, pale belly; a dark hoof at the bottom left.
  using Rgba = std::array<unsigned char, 4>;
  CHECK(pixel(image, 64, 35) == Rgba{255, 238, 230, 255});
  CHECK(pixel(image, 64, 56) == Rgba{255, 198, 167, 255});
  CHECK(pixel(image, 64, 75) == Rgba{255, 238, 230, 255});
  CHECK(pixel(image, 50, 97) == Rgba{104, 104, 104, 255});
}
