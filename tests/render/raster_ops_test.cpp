#include <render/raster/silhouettes.h>
#include <render/raster/visibility.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>
#include <optional>

using namespace render;

namespace {

constexpr Frame frame{2, 32, 40};

std::vector<Camera> cameras() {
  std::vector<Camera> list{look_at({0, 0, 4}, {}, {0, 1, 0}, 40, 32, 35),
                           look_at({0.3, 0.2, 0.1}, {}, {0, 1, 0}, 40, 32, 30)};
  list[0].cx += 2.3;
  list[1].cy -= 1.9;
  list[1].fy *= 1.2;
  return list;
}

/// Separate triangles; many of them reach behind the second camera, which stands among them.
Mesh triangle_soup() {
  Random random(11);
  Mesh mesh;
  mesh.positions = random_array<double>(random, {90, 3}, -1.6, 1.6);
  mesh.triangles = ag::arange(90).reshape({30, 3});
  return mesh;
}

Mesh single_triangle(std::initializer_list<double> corners) {
  Mesh mesh;
  mesh.positions = ag::Array::of<double>(corners).reshape({3, 3});
  mesh.triangles = ag::arange(3).reshape({1, 3});
  return mesh;
}

struct Hit {
  std::array<double, 3> weights;
  double depth;
  bool back;  ///< of the triangle
};

double determinant(const Point3& a, const Point3& b, const Point3& c) {
  return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}

/// Where the ray through a pixel's centre meets a triangle's plane, by solving a A + b B + c C = ray in
/// camera coordinates. The ray's z is -1, so its parameter is the depth.
Hit reference_hit(const Mesh& mesh, const Camera& camera, int32_t triangle, int32_t row, int32_t column) {
  const Matrix4 m = rigid_inverse(camera.world_from_camera);
  std::array<Point3, 3> corner;
  for (size_t k = 0; k < 3; ++k) {
    const auto vertex = static_cast<size_t>(mesh.triangles.values<int32_t>()[static_cast<size_t>(triangle) * 3 + k]);
    const std::span<const double> p = mesh.positions.values<double>().subspan(3 * vertex, 3);
    for (size_t i = 0; i < 3; ++i)
      corner[k][i] = m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3];
  }
  const Point3 ray{(column + 0.5 - camera.cx) / camera.fx, -(row + 0.5 - camera.cy) / camera.fy, -1};
  const std::array<double, 3> parts{determinant(ray, corner[1], corner[2]), determinant(corner[0], ray, corner[2]),
                                    determinant(corner[0], corner[1], ray)};
  const double total = parts[0] + parts[1] + parts[2];
  return {{parts[0] / total, parts[1] / total, parts[2] / total},
          determinant(corner[0], corner[1], corner[2]) / total,
          total > 0};  // of the ray and the face's normal
}

struct Seen {
  Vec4 clip;
  VisiblePixels pixels;
  Corners corners;
  Vec3 weights;
};

Seen see(const Mesh& mesh, const std::vector<Camera>& list, ag::DType type, double near_plane = 0.1) {
  const Tensor matrices = ag::cast(scene::clip_matrices(list, near_plane, 50), type);
  Seen seen;
  seen.clip = transform(matrices, unpack3(ag::cast(mesh.positions, type)));
  const Frame size{static_cast<int64_t>(list.size()), frame.height, frame.width};
  seen.pixels = visible_pixels(visibility(seen.clip, mesh.triangles, size));
  seen.corners = corners(mesh.triangles, seen.pixels);
  seen.weights = barycentrics(seen.clip, seen.corners, seen.pixels);
  return seen;
}

/// A list of one pixel that shows triangle 0, whatever the kernel would say.
VisiblePixels claimed_pixel(int32_t row, int32_t column) {
  const ag::Array ids = ag::Array::make<int32_t>({1, frame.height, frame.width}, [&](std::span<int32_t> out) {
    std::fill(out.begin(), out.end(), -1);
    out[static_cast<size_t>(row * frame.width + column)] = 0;
  });
  return visible_pixels(ag::tensor(ids));
}

std::vector<double> in_double(const Tensor& values) { return ag::cast(values, ag::DType::float64).to_vector<double>(); }

}  // namespace

TEST_CASE("visible pixels are listed in order, with their triangle, view, row and column") {
  const ag::Step step;
  const ag::Array ids = ag::Array::of<int32_t>({-1, 4, -1, 0, -1, -1, -1, -1, -1, 7, 7, -1}).reshape({2, 2, 3});
  const VisiblePixels pixels = visible_pixels(ag::tensor(ids));
  using List = std::vector<int32_t>;
  CHECK(pixels.pixel.to_vector<int32_t>() == List{1, 3, 9, 10});
  CHECK(pixels.triangle.to_vector<int32_t>() == List{4, 0, 7, 7});
  CHECK(pixels.view.to_vector<int32_t>() == List{0, 0, 1, 1});
  CHECK(pixels.row.to_vector<int32_t>() == List{0, 1, 1, 1});
  CHECK(pixels.column.to_vector<int32_t>() == List{1, 0, 0, 1});
  CHECK(pixels.frame.views == 2);
  CHECK(pixels.frame.height == 2);
  CHECK(pixels.frame.width == 3);
}

TEST_CASE("weights, depth and side are those of a ray that meets the triangle, also across the near plane") {
  const ag::Step step;
  const Mesh mesh = triangle_soup();
  const std::vector<Camera> list = cameras();
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const double tolerance = type == ag::DType::float64 ? 1e-11 : 1e-3;
  const Seen seen = see(mesh, list, type);
  const Tensor distance = depth(seen.clip, seen.corners, seen.pixels, seen.weights);
  REQUIRE(distance.dtype() == type);
  const std::vector<double> x = in_double(seen.weights.x), y = in_double(seen.weights.y), z = in_double(seen.weights.z);
  const std::vector<double> depths = in_double(distance), w = in_double(seen.clip.w);
  const std::span<const int32_t> triangle = seen.pixels.triangle.values<int32_t>();
  const std::vector<bool> back = shows_back(seen.clip, seen.corners, seen.pixels).to_vector<bool>();
  size_t crossing_near_plane = 0, wrong = 0, backs = 0;
  for (size_t i = 0; i < triangle.size(); ++i) {
    const auto view = static_cast<size_t>(seen.pixels.view.values<int32_t>()[i]);
    const Hit hit = reference_hit(mesh, list[view], triangle[i], seen.pixels.row.values<int32_t>()[i],
                                  seen.pixels.column.values<int32_t>()[i]);
    for (size_t k = 0; k < 3; ++k) {
      crossing_near_plane += w[view * 90 + static_cast<size_t>(triangle[i]) * 3 + k] <= 0;
    }
    wrong += !(std::fabs(x[i] - hit.weights[0]) < tolerance && std::fabs(y[i] - hit.weights[1]) < tolerance &&
               std::fabs(z[i] - hit.weights[2]) < tolerance);
    wrong += !(std::fabs(depths[i] - hit.depth) < tolerance);
    wrong += back[i] != hit.back;
    backs += hit.back;
  }
  CHECK(wrong == 0);
  CHECK(triangle.size() > 1200);
  CHECK(crossing_near_plane > 200);
  CHECK(std::min(backs, triangle.size() - backs) > 200);
}

TEST_CASE("weights sum to 1 and their gradient is that of the hit, to second order") {
  const Mesh mesh = triangle_soup();
  const std::vector<Camera> list{cameras()[1]};
  std::array<ag::Array, 5> lists;
  {
    const ag::Step step;
    const Seen seen = see(mesh, list, ag::DType::float64);
    const std::vector<double> x = in_double(seen.weights.x), y = in_double(seen.weights.y),
                              z = in_double(seen.weights.z);
    for (size_t i = 0; i < x.size(); ++i) CHECK(x[i] + y[i] + z[i] == Approx(1).epsilon(1e-14));
    // A pixel in sixteen is enough.
    const auto thin = [](const Tensor& all) { return ag::slice(all, 0, {.step = 16}).keep(); };
    lists = {thin(seen.pixels.pixel), thin(seen.pixels.triangle), thin(seen.pixels.view), thin(seen.pixels.row),
             thin(seen.pixels.column)};
  }
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> x) {
        const auto list_of = [&](size_t i) { return ag::tensor(lists[i]); };
        const VisiblePixels pixels{list_of(0), list_of(1), list_of(2),
                                   list_of(3), list_of(4), {1, frame.height, frame.width}};
        const Corners at = corners(mesh.triangles, pixels);
        const Vec4 clip = transform(scene::clip_matrices(list, 0.1, 50), unpack3(x[0]));
        const Vec3 weights = barycentrics(clip, at, pixels);
        return ag::stack({weights.x, weights.y, depth(clip, at, pixels, weights)}, 1);
      },
      {mesh.positions});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("an edge-on triangle has weights of 1/3 and no gradient") {
  const ag::Step step;
  // In the plane x = 0, in which the camera stands; and one collapsed to a point.
  const Mesh mesh =
      GENERATE(single_triangle({0, -1, 0, 0, 1, 0, 0, 0, 1}), single_triangle({0, 0, 0, 0, 0, 0, 0, 0, 0}));
  const Camera camera = look_at({0, 0, 4}, {}, {0, 1, 0}, 40, 32, 35);
  const Tensor points = ag::tensor(mesh.positions);
  const Vec4 clip = transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(points));
  const VisiblePixels pixels = claimed_pixel(15, 20);
  const Corners at = corners(mesh.triangles, pixels);
  const Vec3 weights = barycentrics(clip, at, pixels);
  for (const Tensor& weight : {weights.x, weights.y, weights.z})
    CHECK(weight.to_vector<double>() == std::vector<double>{1.0 / 3});
  const Tensor slope = ag::grad(ag::sum(weights.x * 2 + weights.y - 5 * weights.z), points);
  for (double value : slope.values<double>()) CHECK(value == 0);
  const double mean = (clip.w.values<double>()[0] + clip.w.values<double>()[1] + clip.w.values<double>()[2]) / 3;
  CHECK(depth(clip, at, pixels, weights).to_vector<double>()[0] == Approx(mean));
}

TEST_CASE("weights outside [-1/2, 3/2] count as degenerate, those a little outside the triangle do not") {
  const ag::Step step;
  // Corners around the point that pixel (15, 20) shows, such that `first` is the first one's weight and
  // the others' are equal.
  const auto [first, degenerate] = GENERATE(std::pair{1.6, true}, std::pair{1.4, false}, std::pair{-0.6, true},
                                            std::pair{-0.4, false}, std::pair{40.0, true});
  const Camera camera = look_at({0, 0, 4}, {}, {0, 1, 0}, 40, 32, 35);
  const double x = 0.5 / 35 * 4, y = 0.5 / 35 * 4, left = 0.3;
  const Mesh mesh = single_triangle({x + left * (1 - first) / first, y, 0, x - left, y + 0.2, 0, x - left, y - 0.2, 0});
  const Vec4 clip = transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(mesh.positions));
  const VisiblePixels pixels = claimed_pixel(15, 20);
  const Vec3 weights = barycentrics(clip, corners(mesh.triangles, pixels), pixels);
  CHECK(weights.x.values<double>()[0] == Approx(degenerate ? 1.0 / 3 : first));
  CHECK(weights.y.values<double>()[0] == Approx(degenerate ? 1.0 / 3 : (1 - first) / 2));
  CHECK(weights.z.values<double>()[0] == Approx(degenerate ? 1.0 / 3 : (1 - first) / 2));
}

TEST_CASE("depth is the distance along the viewing axis") {
  const ag::Step step;
  const Camera camera = look_at({0, 0, 4}, {}, {0, 1, 0}, 40, 32, 35);
  // Parallel to the image plane: one depth, though corners of the image are further away.
  const Mesh flat = single_triangle({-9, -9, 1.5, 9, -9, 1.5, 0, 12, 1.5});
  const Seen seen = see(flat, {camera}, ag::DType::float64);
  const Tensor distance = depth(seen.clip, seen.corners, seen.pixels, seen.weights);
  REQUIRE(distance.size() == frame.height * frame.width);
  for (double value : distance.values<double>()) CHECK(value == Approx(2.5).epsilon(1e-12));
}

TEST_CASE("interpolate blends the corners' values by the weights") {
  const ag::Step step;
  const Mesh mesh = triangle_soup();
  const Seen seen = see(mesh, cameras(), ag::DType::float64);
  Random random(12);
  const ag::Array attribute = random_array<double>(random, {90}, -1, 1);
  const Tensor blended = interpolate(ag::tensor(attribute), seen.corners, seen.weights);
  const std::span<const double> a = attribute.values<double>(), result = blended.values<double>();
  const std::span<const double> x = seen.weights.x.values<double>(), y = seen.weights.y.values<double>(),
                                z = seen.weights.z.values<double>();
  const std::span<const int32_t> triangle = seen.pixels.triangle.values<int32_t>();
  REQUIRE(result.size() == triangle.size());
  for (size_t i = 0; i < result.size(); ++i) {
    const double* corner = a.data() + 3 * triangle[i];
    CHECK(result[i] == Approx(corner[0] * x[i] + corner[1] * y[i] + corner[2] * z[i]).margin(1e-14));
  }
  const Vec3 three = interpolate(unpack3(mesh.positions), seen.corners, seen.weights);
  const Tensor alone = interpolate(unpack3(mesh.positions).y, seen.corners, seen.weights);
  CHECK(same_values(three.y.values<double>(), alone.values<double>()));
}

TEST_CASE("to_image puts values at their pixels and zero elsewhere; its gradient takes them back") {
  const ag::Step step;
  const ag::Array ids = ag::Array::of<int32_t>({-1, 4, -1, 0, -1, -1, -1, -1, -1, 7, 7, -1}).reshape({2, 2, 3});
  const VisiblePixels pixels = visible_pixels(ag::tensor(ids));
  const ag::Array one = ag::Array::of<float>({1, 2, 3, 4});
  const Tensor image = to_image(ag::tensor(one), pixels);
  CHECK(image.shape() == ag::Shape{2, 2, 3});
  CHECK(image.to_vector<float>() == std::vector<float>{0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 4, 0});
  const Tensor back = ag::grad(ag::sum(image * ag::arange(12, ag::DType::float32).reshape({2, 2, 3})), one);
  CHECK(back.to_vector<float>() == std::vector<float>{1, 3, 9, 10});

  const ag::Array two = ag::Array::of<float>({1, -1, 2, -2, 3, -3, 4, -4}).reshape({4, 2});
  const Tensor colours = to_image(ag::tensor(two), pixels);
  REQUIRE(colours.shape() == ag::Shape{2, 2, 3, 2});
  const std::span<const float> plain = image.values<float>(), pairs = colours.values<float>();
  for (size_t i = 0; i < plain.size(); ++i) {
    CHECK(pairs[2 * i] == plain[i]);
    CHECK(pairs[2 * i + 1] == -plain[i]);
  }
}

TEST_CASE("nothing visible gives empty lists and an empty image") {
  const ag::Step step;
  const Mesh mesh = single_triangle({-1, -1, 9, 1, -1, 9, 0, 1, 9});  // behind the camera
  const Camera camera = look_at({0, 0, 4}, {}, {0, 1, 0}, 40, 32, 35);
  const Seen seen = see(mesh, {camera}, ag::DType::float64);
  CHECK(seen.pixels.pixel.size() == 0);
  CHECK(seen.weights.x.size() == 0);
  const Tensor image = to_image(depth(seen.clip, seen.corners, seen.pixels, seen.weights), seen.pixels);
  for (double value : image.values<double>()) CHECK(value == 0);
}

TEST_CASE("wrong shapes and indices are refused") {
  const ag::Step step;
  const Tensor row = ag::tensor(ag::ones({2, 3}));
  const Vec4 clip{row, row, row, row};
  const ag::Array triangle = ag::Array::of<int32_t>({0, 1, 2}).reshape({1, 3});
  REQUIRE_THROWS_AS(visibility(clip, triangle, {1, 8, 8}), ag::ShapeError);  // two views, not one
  REQUIRE_THROWS_WITH(visibility(clip, triangle, {1, 8, 8}),
                      ContainsSubstring("visibility") && ContainsSubstring("[2, 3]"));
  REQUIRE_THROWS_AS(visibility(clip, ag::Array::of<int32_t>({0, 1, 3}).reshape({1, 3}), {2, 8, 8}), ag::IndexError);
  REQUIRE_THROWS_WITH(visibility(clip, ag::Array::of<int32_t>({0, 1, 2, 0, -1, 2}).reshape({2, 3}), {2, 8, 8}),
                      ContainsSubstring("triangle 1 names vertex -1"));
  REQUIRE_THROWS_AS(visibility(clip, ag::Array::of<int32_t>({0, 1}), {2, 8, 8}), ag::ShapeError);
  REQUIRE_THROWS_WITH(visibility(clip, ag::arange(3), {2, 8, 8}), "visibility: triangles [3]; expected [*, 3]");
  REQUIRE_THROWS_AS(visibility(clip, ag::ones({1, 3}), {2, 8, 8}), ag::DTypeError);
  const Tensor nothing = ag::tensor(ag::full({2, 8, 8}, -1, ag::DType::int32));
  const Topology topology = make_topology(ag::zeros({3, 3}), triangle);
  REQUIRE_THROWS_AS(silhouettes(clip, ag::arange(3), topology, nothing), ag::ShapeError);
  REQUIRE_THROWS_AS(silhouettes(clip, ag::ones({1, 3}), topology, nothing), ag::DTypeError);
  REQUIRE_THROWS_AS(visible_pixels(ag::tensor(ag::zeros({8, 8}, ag::DType::int32))), ag::ShapeError);
  // Components of different shapes would be read beyond their end.
  const Tensor one = ag::tensor(ag::ones({2, 1}));
  REQUIRE_THROWS_AS(visibility({row, row, one, row}, triangle, {2, 8, 8}), ag::ShapeError);
  const VisiblePixels pixels = claimed_pixel(2, 2);
  REQUIRE_THROWS_AS(barycentrics(clip, corners(triangle, pixels), pixels), ag::ShapeError);
}

TEST_CASE("views of different meshes in one list see what each mesh shows by itself") {
  const ag::Step step;
  const Mesh first = triangle_soup(), second = scene::placed(scene::tetrahedron(), 0.7, {0.1, 0, 0});
  const Mesh both = scene::joined(first, second);
  const std::vector<Camera> list = cameras();
  const auto clip_of = [&](const Mesh& mesh) {
    return transform(scene::clip_matrices(list, 0.1, 50), unpack3(ag::tensor(mesh.positions)));
  };
  const auto ids = [&](const Mesh& mesh) {
    return visibility(clip_of(mesh), mesh.triangles, frame).to_vector<int32_t>();
  };
  const auto pixels = static_cast<std::ptrdiff_t>(frame.height * frame.width);
  std::vector<int32_t> expected = ids(first);
  const std::vector<int32_t> alone = ids(second);
  for (size_t i = static_cast<size_t>(pixels); i < expected.size(); ++i)
    expected[i] = alone[i] < 0 ? -1 : alone[i] + 30;
  REQUIRE(std::count(expected.begin() + pixels, expected.end(), -1) < pixels);

  const ag::Array ranges = ag::Array::of<int32_t>({0, 30, 30, 4}).reshape({2, 2});
  const Tensor seen = visibility(clip_of(both), both.triangles, frame, {.ranges = ranges});
  CHECK(seen.to_vector<int32_t>() == expected);

  // One row of positions may serve all views.
  const Camera& camera = list[0];
  const Vec4 one = transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(ag::tensor(both.positions)));
  const std::vector<int32_t> shared = visibility(one, both.triangles, frame, {.ranges = ranges}).to_vector<int32_t>();
  CHECK(std::equal(expected.begin(), expected.begin() + pixels, shared.begin()));

  const auto refused = [&](const ag::Array& bad) {
    return visibility(clip_of(both), both.triangles, frame, {.ranges = bad});
  };
  REQUIRE_THROWS_AS(refused(ag::Array::of<int32_t>({0, 30})), ag::ShapeError);
  REQUIRE_THROWS_WITH(refused(ag::Array::of<int32_t>({0, 30, 31, 4}).reshape({2, 2})),
                      ContainsSubstring("view 1 shows 4 triangles from 31 of 34"));
}

TEST_CASE("images are refused beyond 32,768 pixels a side") {
  const ag::Step step;
  const Mesh mesh = scene::tetrahedron();
  const Camera camera = cameras()[0];
  const Vec4 clip = transform(scene::clip_matrices({&camera, 1}, 0.1, 50), unpack3(ag::tensor(mesh.positions)));
  CHECK(visibility(clip, mesh.triangles, {1, 2, 32768}).size() == 65536);
  REQUIRE_THROWS_WITH(visibility(clip, mesh.triangles, {1, 2, 32769}), ContainsSubstring("32769 x 2"));
  REQUIRE_THROWS_AS(visibility(clip, mesh.triangles, {1, 0, 8}), ag::ShapeError);
}
