#include <render/geometry/atlas.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/raster/texture_use.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/mesh_data.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>

using namespace render;

namespace {

double area3(const std::span<const double>& p, const int32_t* vertex) {
  std::array<double, 3> a{}, b{};
  for (size_t k = 0; k < 3; ++k) {
    a[k] = p[static_cast<size_t>(vertex[1]) * 3 + k] - p[static_cast<size_t>(vertex[0]) * 3 + k];
    b[k] = p[static_cast<size_t>(vertex[2]) * 3 + k] - p[static_cast<size_t>(vertex[0]) * 3 + k];
  }
  return std::hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]) / 2;
}

double signed_area2(const std::span<const float>& uv, const int32_t* corner) {
  const auto at = [&](size_t i, size_t k) { return static_cast<double>(uv[static_cast<size_t>(corner[i]) * 2 + k]); };
  return ((at(1, 0) - at(0, 0)) * (at(2, 1) - at(0, 1)) - (at(2, 0) - at(0, 0)) * (at(1, 1) - at(0, 1))) / 2;
}

struct Atlas {
  int outside = 0, turned = 0;
  double used = 0;  ///< part of the texture
  double sparsest = std::numeric_limits<double>::infinity(),
         densest = 0;  ///< texture per area, of faces that have area
};

/// Corners outside the gutter, faces turned over, and how evenly texels are spent.
Atlas inspect(const Mesh& mesh, const AtlasOptions& options) {
  Atlas atlas;
  const std::span<const double> positions = mesh.positions.values<double>();
  const std::span<const float> uvs = mesh.uvs.values<float>();
  const std::span<const int32_t> triangles = mesh.triangles.values<int32_t>(),
                                 corners = mesh.uv_triangles.values<int32_t>();
  const float border = static_cast<float>(options.gutter) / static_cast<float>(options.size) - 1e-6f;
  for (const float value : uvs) atlas.outside += !(value >= border && value <= 1 - border);
  for (size_t i = 0; i < triangles.size(); i += 3) {
    const double flat = signed_area2(uvs, &corners[i]), real = area3(positions, &triangles[i]);
    atlas.used += flat;
    atlas.turned += flat < 0;
    if (real == 0) continue;
    atlas.sparsest = std::min(atlas.sparsest, flat / real);
    atlas.densest = std::max(atlas.densest, flat / real);
  }
  return atlas;
}

/// A strip that winds around the y axis and lies above itself, seen from above.
Mesh spiral_stair(int turns, int segments) {
  std::vector<double> positions;
  std::vector<int32_t> triangles;
  const int count = turns * segments;
  for (int i = 0; i <= count; ++i) {
    const double angle = 2 * 3.14159265358979323846 * i / segments;
    for (const double radius : {0.4, 1.0}) {
      positions.insert(positions.end(), {radius * std::cos(angle), 0.3 * angle / 6.3, -radius * std::sin(angle)});
    }
    if (i < count) {
      const int32_t a = 2 * i;
      triangles.insert(triangles.end(), {a, a + 1, a + 2, a + 1, a + 3, a + 2});
    }
  }
  Mesh mesh;
  mesh.positions = ag::Array::from(positions, {2 * (count + 1), 3});
  mesh.triangles = ag::Array::from(triangles, {2 * count, 3});
  return mesh;
}

/// The chart of each texture coordinate: coordinates are of one chart where faces connect them.
std::vector<int32_t> charts_of(const Mesh& mesh) {
  const std::span<const int32_t> corners = mesh.uv_triangles.values<int32_t>();
  std::vector<int32_t> parent(static_cast<size_t>(mesh.uvs.shape()[0]));
  for (size_t i = 0; i < parent.size(); ++i) parent[i] = static_cast<int32_t>(i);
  const auto root = [&](int32_t at) {
    while (parent[static_cast<size_t>(at)] != at) at = parent[static_cast<size_t>(at)];
    return at;
  };
  for (size_t i = 0; i < corners.size(); i += 3) {
    for (size_t k = 1; k < 3; ++k) parent[static_cast<size_t>(root(corners[i + k]))] = root(corners[i]);
  }
  std::vector<int32_t> charts;
  for (size_t i = 0; i < parent.size(); ++i) charts.push_back(root(static_cast<int32_t>(i)));
  return charts;
}

size_t count_charts(const Mesh& mesh) {
  const std::vector<int32_t> charts = charts_of(mesh);
  return std::set<int32_t>(charts.begin(), charts.end()).size();
}

Mesh one_triangle(std::initializer_list<double> positions) {
  Mesh mesh;
  mesh.positions = ag::Array::of<double>(positions).reshape({3, 3});
  mesh.triangles = ag::arange(3).reshape({1, 3});
  return mesh;
}

}  // namespace

TEST_CASE("an atlas gives each face a place of its own, none turned over or starved of texels") {
  const auto [name, mesh] = GENERATE(
      table<std::string, Mesh>({{"ball", icosphere(4)},
                                {"cube", cube(5)},
                                {"torus", torus(1, 0.4, 40, 20)},
                                {"creature", creature(4)},
                                {"stair", spiral_stair(3, 24)},
                                {"two", scene::joined(icosphere(2), scene::placed(cube(2), 0.3, {3, 0, 0}))}}));
  INFO(name);
  const AtlasOptions options{.size = 256, .gutter = 3};
  const Mesh result = with_atlas(mesh, options);
  REQUIRE(result.uv_triangles.shape() == mesh.triangles.shape());
  CHECK(same_values(result.positions.values<double>(), mesh.positions.values<double>()));
  CHECK(same_values(result.triangles.values<int32_t>(), mesh.triangles.values<int32_t>()));
  const Atlas atlas = inspect(result, options);
  CHECK(atlas.outside == 0);
  CHECK(atlas.turned == 0);
  CHECK(atlas.sparsest > 0.499 * atlas.densest);
  CHECK(atlas.used > 0.25);
  CHECK(texture_use(result.uvs, result.uv_triangles, 1024, 1024).overlap < 0.004);
}

TEST_CASE("within a chart a vertex has one coordinate; across a seam it has others") {
  const Mesh mesh = with_atlas(creature(3), {.size = 256});
  const std::span<const int32_t> vertices = mesh.triangles.values<int32_t>(),
                                 corners = mesh.uv_triangles.values<int32_t>();
  const std::vector<int32_t> charts = charts_of(mesh);
  std::map<int32_t, int32_t> vertex_of;
  std::map<std::pair<int32_t, int32_t>, int32_t> uv_of;
  bool consistent = true;
  for (size_t i = 0; i < corners.size(); ++i) {
    const int32_t uv = corners[i], vertex = vertices[i];
    consistent &= vertex_of.try_emplace(uv, vertex).first->second == vertex;
    consistent &= uv_of.try_emplace({charts[static_cast<size_t>(uv)], vertex}, uv).first->second == uv;
  }
  CHECK(consistent);
  CHECK(vertex_of.size() == static_cast<size_t>(mesh.uvs.shape()[0]));  // none is without use
  CHECK(mesh.uvs.shape()[0] > mesh.vertices());
}

TEST_CASE("a cube falls into its six sides") {
  const Mesh mesh = with_atlas(cube(4), {.size = 128});
  CHECK(count_charts(mesh) == 6);
  CHECK(mesh.uvs.shape()[0] == 6 * 25);
}

TEST_CASE("a single triangle fills the texture as far as its shape lets it") {
  const AtlasOptions options{.size = 64, .gutter = 2};
  const Mesh mesh = with_atlas(one_triangle({5, 5, 5, 5, 8, 5, 5, 5, 8}), options);  // half a square
  const Atlas atlas = inspect(mesh, options);
  CHECK(atlas.outside == 0);
  CHECK(atlas.turned == 0);
  CHECK(atlas.used > 0.4);
}

TEST_CASE("gutters keep charts apart") {
  const AtlasOptions options{.size = 256, .gutter = 5};
  const Mesh mesh = with_atlas(cube(1), options);
  const TextureUse use = texture_use(mesh.uvs, mesh.uv_triangles, 256, 256);
  const std::span<const int32_t> faces = use.faces.values<int32_t>();
  // Each side of the cube is two faces; along a row or column, texels of two sides are at least two gutters apart.
  const auto side = [&](size_t at) { return faces[at] < 0 ? -1 : faces[at] / 2; };
  std::map<int, int> sides;
  for (size_t i = 0; i < faces.size(); ++i) ++sides[side(i)];
  REQUIRE(sides.size() == 7);
  for (const auto& [start, stride] : {std::pair<size_t, size_t>{256, 1}, std::pair<size_t, size_t>{1, 256}}) {
    for (size_t line = 0; line < 256; ++line) {
      int last = -1, gap = 0;
      for (size_t i = 0; i < 256; ++i) {
        const int here = side(line * start + i * stride);
        if (here >= 0 && last >= 0 && here != last) CHECK(gap >= 9);
        gap = here >= 0 ? 0 : gap + 1;
        if (here >= 0) last = here;
      }
    }
  }
}

TEST_CASE("an atlas depends on the mesh alone, and replaces coordinates and materials") {
  Mesh mesh = creature(3);
  const Mesh first = with_atlas(mesh, {.size = 200});
  mesh.materials.emplace_back().name = "old";
  mesh.face_materials = ag::zeros({mesh.faces()}, ag::DType::int32);
  mesh.uvs = ag::ones({1, 2});
  mesh.uv_triangles = ag::zeros(mesh.triangles.shape(), ag::DType::int32);
  const Mesh second = with_atlas(mesh, {.size = 200});
  CHECK(same_values(first.uvs.values<float>(), second.uvs.values<float>()));
  CHECK(same_values(first.uv_triangles.values<int32_t>(), second.uv_triangles.values<int32_t>()));
  CHECK(second.materials.empty());
  CHECK(second.has_colors());
}

TEST_CASE("faces without area, alone or in company, get coordinates") {
  Mesh mesh = cube(2);
  std::vector<int32_t> triangles = mesh.triangles.to_vector<int32_t>();
  triangles.insert(triangles.end(), {0, 0, 1, 3, 3, 3});
  mesh.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size() / 3), 3});
  const AtlasOptions options{.size = 64, .gutter = 2};
  const Mesh result = with_atlas(mesh, options);
  for (const int32_t corner : result.uv_triangles.values<int32_t>()) CHECK(corner >= 0);
  const Atlas atlas = inspect(result, options);
  CHECK(atlas.outside == 0);
  CHECK(atlas.sparsest > 0.499 * atlas.densest);

  const Mesh nothing = with_atlas(one_triangle({0, 0, 0, 0, 0, 0, 0, 0, 0}), {.size = 16});
  REQUIRE(nothing.has_uvs());
  for (const float value : nothing.uvs.values<float>()) CHECK((value >= 0 && value <= 1));
}

TEST_CASE("needles and specks get coordinates in no time") {
  const double thin = GENERATE(1e-4, 1e-12, 1e-30, 1e-200);
  const AtlasOptions options{.size = 512, .gutter = 1};
  for (const Mesh& mesh :
       {one_triangle({0, 0, 0, 1, 0, 0, 0, thin, 0}), one_triangle({0, 0, 0, 1, 1, 0, 1, 1 + thin, 0}),
        one_triangle({0, 0, 0, thin, 0, 0, 0, thin, 0})}) {
    CHECK(inspect(with_atlas(mesh, options), options).outside == 0);
  }
}

TEST_CASE("an atlas that does not fit, or options out of range, are refused") {
  REQUIRE_THROWS_WITH(with_atlas(cube(1), {.size = 16, .gutter = 8}),
                      ContainsSubstring("6 charts") && ContainsSubstring("no room"));
  REQUIRE_THROWS_AS(with_atlas(cube(1), {.size = 0}), ag::ValueError);
  REQUIRE_THROWS_AS(with_atlas(cube(1), {.gutter = -1}), ag::ValueError);
  const double bad = GENERATE(std::nan(""), HUGE_VAL, 1e200);
  REQUIRE_THROWS_WITH(with_atlas(one_triangle({0, 0, 0, bad, 0, 0, 0, bad, 0})),
                      ContainsSubstring("with_atlas: the surface's area is not finite"));
}

TEST_CASE("the bunny's atlas covers a good part of the texture") {
  const std::filesystem::path path = shared_mesh("bunny/bunny.obj");
  if (path.empty()) return;
  const AtlasOptions options{.size = 512};
  const Mesh mesh = with_atlas(read_obj(path), options);
  const Atlas atlas = inspect(mesh, options);
  CHECK(atlas.outside == 0);
  CHECK(atlas.turned == 0);
  CHECK(atlas.sparsest > 0.499 * atlas.densest);
  CHECK(atlas.used > 0.4);
  CHECK(count_charts(mesh) < 60);
  CHECK(texture_use(mesh.uvs, mesh.uv_triangles, 1024, 1024).overlap < 0.004);
}
