#include <render/geometry/shapes.h>
#include <render/geometry/vertex_normals.h>
#include <render/raster/silhouettes.h>
#include <render/shading/harmonics.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>
#include <limits>

using namespace render;

// The whole image as a function of positions, light and albedo: its derivatives against differences, with the
// lists of visible pixels and crossings held, since those are what is discrete about it.

namespace {

constexpr int64_t side = 24;

/// A ball and a small tetrahedron in front of it, which hides a part of it in both views. The second camera
/// stands so near that one corner of the tetrahedron is behind it.
Mesh ball_and_tetrahedron() {
  return scene::joined(icosphere(1), scene::placed(scene::tetrahedron(), 0.25, {0.25, 0.15, 1.5}));
}

std::vector<Camera> cameras() {
  std::vector<Camera> list{look_at({0.3, 0.4, 4}, {0.1, 0, 0}, {0, 1, 0}, side, side, 38),
                           look_at({0.28, 0.33, 1.71}, {0, -0.12, 0}, {0, 1, 0}, side, side, 11)};
  list[0].cx += 0.37;
  list[1].cy -= 0.21;
  return list;
}

Vec4 project(const Tensor& positions, const std::vector<Camera>& list) {
  return transform(ag::cast(scene::clip_matrices(list, 0.05, 20), positions.dtype()), unpack3(positions));
}

/// The lists of a rendering as Arrays, which any Step can use.
struct Lists {
  Frame frame;
  std::array<ag::Array, 5> visible;    ///< pixel, triangle, view, row, column
  std::array<ag::Array, 7> crossings;  ///< a, b, inner, outer, axis, row, column

  VisiblePixels pixels() const {
    const auto at = [&](size_t i) { return ag::tensor(visible[i]); };
    return {at(0), at(1), at(2), at(3), at(4), frame};
  }
  Crossings edges() const {
    const auto at = [&](size_t i) { return ag::tensor(crossings[i]); };
    return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), frame};
  }
};

Lists make_lists(const Vec4& clip, const Mesh& mesh, int64_t views) {
  Lists lists;
  lists.frame = {views, side, side};
  const Tensor ids = visibility(clip, mesh.triangles, lists.frame);
  const VisiblePixels p = visible_pixels(ids);
  const Crossings c = silhouettes(clip, mesh.triangles, make_topology(mesh.positions, mesh.triangles), ids);
  lists.visible = {p.pixel.keep(), p.triangle.keep(), p.view.keep(), p.row.keep(), p.column.keep()};
  lists.crossings = {c.a.keep(),    c.b.keep(),   c.inner.keep(), c.outer.keep(),
                     c.axis.keep(), c.row.keep(), c.column.keep()};
  return lists;
}

Lists make_lists(const Mesh& mesh, const std::vector<Camera>& list) {
  const ag::Step step;
  return make_lists(project(ag::tensor(mesh.positions), list), mesh, static_cast<int64_t>(list.size()));
}

/// Everything that is continuous: clip positions to antialiased image [views, side, side, 4].
Tensor shade(const Lists& lists, const Mesh& mesh, const std::vector<Camera>& list, const Tensor& positions,
             const Tensor& light, const Tensor& albedo) {
  const Vec4 clip = project(positions, list);
  const VisiblePixels pixels = lists.pixels();
  const Corners at = corners(mesh.triangles, pixels);
  const Vec3 weights = barycentrics(clip, at, pixels);
  const Vec3 normal = normalize(interpolate(vertex_normals(unpack3(positions), mesh.triangles), at, weights));
  const Vec3 colour = harmonic_light(normal, light) * interpolate(unpack3(albedo), at, weights);
  const Tensor alpha = ag::broadcast_to(ag::Located(1).as(positions.dtype()), colour.x.shape());
  const Tensor image = to_image(ag::stack({colour.x, colour.y, colour.z, alpha}, 1), pixels);
  return antialias(image, clip, lists.edges());
}

ag::Array light() {
  Random random(31);
  std::vector<double> values = random_array<double>(random, {9, 3}, -0.3, 0.3).to_vector<double>();
  for (size_t channel = 0; channel < 3; ++channel) values[channel] = 2;
  return ag::Array::from(values, {9, 3});
}

ag::Array albedo(const Mesh& mesh) {
  Random random(32);
  return random_array<double>(random, {mesh.vertices(), 3}, 0.3, 0.9);
}

void check(const ag::Differentiable& f, const std::vector<ag::Array>& inputs) {
  const ag::GradcheckResult result = ag::gradcheck(f, inputs);
  INFO(result.message);
  CHECK(result.passed);
}

bool all_finite(const Tensor& values) {
  const ag::Array kept = ag::cast(values, ag::DType::float64).keep();
  return std::ranges::all_of(kept.values<double>(), [](double value) { return std::isfinite(value); });
}

/// A mesh with the image and gradients of which every number must be finite.
void check_finite(const Mesh& mesh, const ag::Array& light_values, const ag::Array& albedo_values) {
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const std::vector<Camera> list = cameras();
  const ag::Step step;
  const ag::Array positions = mesh.positions.cast(type), lit = light_values.cast(type),
                  paint = albedo_values.cast(type);
  const Tensor at = ag::tensor(positions);
  const Lists lists = make_lists(project(at, list), mesh, 2);
  const Tensor image = shade(lists, mesh, list, at, ag::tensor(lit), ag::tensor(paint));
  CHECK(all_finite(image));
  const auto gradients = ag::grad(ag::sum(ag::square(image - 0.3)), {positions, lit, paint});
  for (const Tensor& gradient : gradients) CHECK(all_finite(gradient));
}

}  // namespace

TEST_CASE("the scene has what its gradients are checked for") {
  const ag::Step step;
  const Mesh mesh = ball_and_tetrahedron();
  const Lists lists = make_lists(mesh, cameras());
  const auto count = [](const ag::Array& list, auto&& wanted) {
    const std::span<const int32_t> values = list.values<int32_t>();
    return std::ranges::count_if(values, wanted);
  };
  const auto first_of_tetrahedron = static_cast<int32_t>(icosphere(1).faces());
  CHECK(count(lists.visible[1], [&](int32_t face) { return face >= first_of_tetrahedron; }) > 60);
  CHECK(count(lists.visible[1], [&](int32_t face) { return face < first_of_tetrahedron; }) > 200);
  CHECK(count(lists.visible[2], [](int32_t view) { return view == 1; }) > 100);
  CHECK(lists.crossings[0].size() > 100);
  // Crossings whose outer pixel shows the ball: one surface before another.
  std::vector<bool> covered(static_cast<size_t>(lists.frame.pixels()));
  for (int32_t pixel : lists.visible[0].values<int32_t>()) covered[static_cast<size_t>(pixel)] = true;
  CHECK(count(lists.crossings[3], [&](int32_t pixel) { return covered[static_cast<size_t>(pixel)]; }) > 20);
  // In the second view a corner is behind the near plane, and faces at it are seen.
  const ag::Array w = project(ag::tensor(mesh.positions), cameras()).w.keep();
  const std::span<const double> depths = w.values<double>().subspan(static_cast<size_t>(mesh.vertices()));
  size_t seen_across = 0;
  for (size_t i = 0; i < static_cast<size_t>(lists.visible[0].size()); ++i) {
    if (lists.visible[2].values<int32_t>()[i] != 1) continue;
    const auto face = static_cast<size_t>(lists.visible[1].values<int32_t>()[i]);
    const std::span<const int32_t> corner = mesh.triangles.values<int32_t>().subspan(3 * face, 3);
    seen_across += std::ranges::any_of(corner, [&](int32_t v) { return depths[static_cast<size_t>(v)] < 0; });
  }
  CHECK(seen_across > 10);
}

TEST_CASE("the image's gradient by positions is right to second order") {
  const Mesh mesh = ball_and_tetrahedron();
  const std::vector<Camera> list = cameras();
  const Lists lists = make_lists(mesh, list);
  const ag::Array lit = light(), paint = albedo(mesh);
  check([&](std::span<const Tensor> x) { return shade(lists, mesh, list, x[0], ag::tensor(lit), ag::tensor(paint)); },
        {mesh.positions});
}

TEST_CASE("the image's gradient by light and albedo is right to second order") {
  const Mesh mesh = ball_and_tetrahedron();
  const std::vector<Camera> list = cameras();
  const Lists lists = make_lists(mesh, list);
  check(
      [&](std::span<const Tensor> x) {
        return ag::square(shade(lists, mesh, list, ag::tensor(mesh.positions), x[0], x[1]));
      },
      {light(), albedo(mesh)});
}

TEST_CASE("derivatives across positions, light and albedo are right") {
  // The tetrahedron alone, so that every pair of inputs is differenced.
  const Mesh mesh = scene::placed(scene::tetrahedron(), 0.6, {0.1, 0.2, 0.3});
  const std::vector<Camera> list{cameras()[0]};
  const Lists lists = make_lists(mesh, list);
  REQUIRE(lists.visible[0].size() > 40);
  REQUIRE(lists.crossings[0].size() > 15);
  check([&](std::span<const Tensor> x) { return shade(lists, mesh, list, x[0], x[1], x[2]); },
        {mesh.positions, light(), albedo(mesh)});
}

TEST_CASE("either type sees the same pixels and crossings") {
  const ag::Step step;
  const Mesh mesh = ball_and_tetrahedron();
  const Vec4 single = project(ag::tensor(mesh.positions.cast(ag::DType::float32)), cameras());
  const auto wide = [](const Tensor& component) { return ag::cast(component, ag::DType::float64); };
  const Vec4 same{wide(single.x), wide(single.y), wide(single.z), wide(single.w)};
  const Lists narrow_lists = make_lists(single, mesh, 2), wide_lists = make_lists(same, mesh, 2);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(narrow_lists.visible[i].to_vector<int32_t>() == wide_lists.visible[i].to_vector<int32_t>());
    CHECK(narrow_lists.crossings[i].to_vector<int32_t>() == wide_lists.crossings[i].to_vector<int32_t>());
  }
  // Computed in either type they may differ by rounding, and the images with them.
  const ag::Array lit = light(), paint = albedo(mesh);
  const auto image = [&](ag::DType type) {
    const Tensor at = ag::tensor(mesh.positions.cast(type));
    const Lists lists = make_lists(project(at, cameras()), mesh, 2);
    const Tensor drawn = shade(lists, mesh, cameras(), at, ag::tensor(lit.cast(type)), ag::tensor(paint.cast(type)));
    return ag::cast(drawn, ag::DType::float64).to_vector<double>();
  };
  const std::vector<double> narrow_image = image(ag::DType::float32), wide_image = image(ag::DType::float64);
  double worst = 0;
  for (size_t i = 0; i < wide_image.size(); ++i) worst = std::max(worst, std::fabs(narrow_image[i] - wide_image[i]));
  CHECK(worst < 1e-3);
}

TEST_CASE("image and gradients are finite where colours are exactly zero") {
  const Mesh mesh = ball_and_tetrahedron();
  check_finite(mesh, light(), ag::zeros({mesh.vertices(), 3}, ag::DType::float64));
  check_finite(mesh, ag::zeros({9, 3}, ag::DType::float64), albedo(mesh));
}

TEST_CASE("image and gradients are finite with degenerate triangles in the mesh") {
  const Mesh ball = ball_and_tetrahedron();
  // A needle, a point and a triangle that names one vertex twice, all in sight; and a vertex without faces.
  Mesh thin;
  thin.positions =
      ag::Array::of<double>({-1, 1, 1.2, 0, 1, 1.2, 1, 1, 1.2, 0.5, 0.5, 2, 0.5, 0.5, 2, 0.5, 0.5, 2, 0, 0, 3})
          .reshape({7, 3});
  thin.triangles = ag::Array::of<int32_t>({0, 1, 2, 3, 4, 5, 0, 2, 2}).reshape({3, 3});
  const Mesh mesh = scene::joined(ball, thin);
  check_finite(mesh, light(), albedo(mesh));
}

TEST_CASE("a vertex that is not a number takes its own faces out of the picture, and no more") {
  const Mesh ball = ball_and_tetrahedron();
  Mesh stray = scene::placed(scene::tetrahedron(), 0.2, {-0.5, -0.5, 1.8});
  std::vector<double> values = stray.positions.to_vector<double>();
  values[4] = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  stray.positions = ag::Array::from(values, {4, 3});
  check_finite(scene::joined(ball, stray), light(), albedo(scene::joined(ball, stray)));
}

TEST_CASE("nothing in sight gives an empty image and gradients of zero") {
  const double behind = GENERATE(30.0, 0.0);
  // Behind both cameras; or before them, but beside what they see.
  const Mesh mesh = scene::placed(ball_and_tetrahedron(), 1, {behind > 0 ? 0 : 500.0, 0, behind});
  const std::vector<Camera> list = cameras();
  const ag::Step step;
  const Lists lists = make_lists(mesh, list);
  REQUIRE(lists.visible[0].size() == 0);
  REQUIRE(lists.crossings[0].size() == 0);
  const ag::Array lit = light(), paint = albedo(mesh);
  const Tensor image = shade(lists, mesh, list, ag::tensor(mesh.positions), ag::tensor(lit), ag::tensor(paint));
  for (double value : image.values<double>()) CHECK(value == 0);
  for (const Tensor& gradient : ag::grad(ag::sum(ag::square(image - 1)), {mesh.positions, lit, paint})) {
    for (double value : gradient.values<double>()) CHECK(value == 0);
  }
}
