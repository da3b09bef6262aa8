#include <render/fit/large_steps.h>
#include <render/fit/start.h>
#include <render/fit/view_batch.h>
#include <render/fit/view_order.h>
#include <render/fit/welded_surface.h>
#include <render/geometry/shapes.h>
#include <render/image/holes.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

using namespace render;

namespace {

Image8 blank(int width, int height) {
  return {width, height, true, std::vector<unsigned char>(static_cast<size_t>(width * height) * 4)};
}

/// White with alpha 255 where `covered(column, row)` is true, else nothing.
Image8 mask(int width, int height, const std::function<bool(int, int)>& covered) {
  Image8 image = blank(width, height);
  for (int row = 0; row < height; ++row) {
    for (int column = 0; column < width; ++column) {
      const auto at = static_cast<size_t>(row * width + column) * 4;
      if (covered(column, row))
        std::fill_n(image.rgba.begin() + static_cast<std::ptrdiff_t>(at), 4, static_cast<unsigned char>(255));
    }
  }
  return image;
}

/// The silhouette of a ball: pixels whose centre's ray passes the centre within the radius.
Image8 disc(const Camera& camera, const Point3& centre, double radius) {
  const Matrix4 m = rigid_inverse(camera.world_from_camera);
  Point3 c{};
  for (size_t i = 0; i < 3; ++i)
    c[i] = m[4 * i] * centre[0] + m[4 * i + 1] * centre[1] + m[4 * i + 2] * centre[2] + m[4 * i + 3];
  return mask(camera.width, camera.height, [&](int column, int row) {
    const Point3 ray{(column + 0.5 - camera.cx) / camera.fx, -(row + 0.5 - camera.cy) / camera.fy, -1};
    const double along = c[0] * ray[0] + c[1] * ray[1] + c[2] * ray[2];
    const double squared = along * along / (ray[0] * ray[0] + ray[1] * ray[1] + 1);
    return along > 0 && c[0] * c[0] + c[1] * c[1] + c[2] * c[2] - squared < radius * radius;
  });
}

std::vector<View> views_of_ball(const Point3& centre, double radius, int count = 9) {
  std::vector<View> views;
  for (Camera camera : cameras_around(centre, 1.3 * radius, count, 90, 70, 5)) {
    // No two cameras alike: principal points off the middle, pixels that are not square.
    camera.cx += 3 + static_cast<double>(views.size());
    camera.cy -= 4;
    camera.fy *= 1.1;
    views.push_back({"view " + std::to_string(views.size()), camera, disc(camera, centre, radius)});
  }
  return views;
}

std::vector<const View*> pointers(const std::vector<View>& views) {
  std::vector<const View*> list;
  for (const View& view : views) list.push_back(&view);
  return list;
}

double distance(const Point3& a, const Point3& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

/// Where a camera of the scene shows a point, in pixels, and its depth.
Point3 projected(const Camera& camera, const Point3& p) {
  const Matrix4 m = rigid_inverse(camera.world_from_camera);
  const auto row = [&](size_t i) { return m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3]; };
  return {camera.cx + camera.fx * row(0) / -row(2), camera.cy - camera.fy * row(1) / -row(2), -row(2)};
}

/// A square of two triangles whose common edge has vertices of its own on either side, as files with seams have.
Mesh square_with_seam() {
  Mesh mesh;
  mesh.positions = ag::Array::of<double>({1, 0, 0, 1, 0, -0.0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0}).reshape({6, 3});
  mesh.triangles = ag::Array::of<int32_t>({0, 2, 3, 4, 5, 1}).reshape({2, 3});
  mesh.uvs = ag::Array::of<float>({0, 0, 1, 0, 0, 1, 0.5f, 0.5f}).reshape({4, 2});
  mesh.uv_triangles = ag::Array::of<int32_t>({0, 1, 2, 3, 2, 1}).reshape({2, 3});
  mesh.normals = ag::Array::of<float>({0, 0, 1}).reshape({1, 3});
  mesh.normal_triangles = ag::zeros({2, 3}, ag::DType::int32);
  mesh.face_materials = ag::Array::of<int32_t>({1, 0});
  mesh.materials.resize(2);
  mesh.materials[1].name = "second";
  return mesh;
}

}  // namespace

TEST_CASE("the start is the ball that the masks show") {
  const Point3 centre = GENERATE(Point3{0.4, -2, 7}, Point3{1e6, -3e6, 2e6});
  const double radius = GENERATE(0.002, 1.5);
  const std::vector<View> views = views_of_ball(centre, radius);
  const Start start = estimate_start(pointers(views));
  // The outline of a ball at distance d looks like a disc of radius r d / sqrt(d^2 - r^2) there.
  const double d = distance(views[0].camera.position(), centre);
  const double expected = 0.95 * radius * d / std::sqrt(d * d - radius * radius);
  const double digits = 1e-9 * std::fabs(centre[1]);  // of camera positions so far away
  CHECK(start.radius == Approx(expected).epsilon(0.015).margin(digits));
  CHECK(distance(start.centre, centre) < 0.03 * radius + digits);
}

TEST_CASE("the start is not moved by where pixel centres are") {
  // All cameras stand on one side, so that what shifts their images shifts the centre.
  const Point3 centre{0.3, 0.1, -0.2};
  std::vector<View> views;
  for (const Point3& direction : {Point3{0, 0, 1}, Point3{0.6, 0, 0.8}, Point3{0, 0.6, 0.8}}) {
    Point3 eye{};
    for (size_t axis = 0; axis < 3; ++axis) eye[axis] = centre[axis] + 4 * direction[axis];
    const Camera camera = look_at(eye, centre, {0, 1, 0}, 90, 70, 90);
    views.push_back({"", camera, disc(camera, centre, 1)});
  }
  CHECK(distance(estimate_start(pointers(views)).centre, centre) < 0.005);  // half a pixel is 0.022
}

TEST_CASE("views with an empty mask do not count for the start") {
  std::vector<View> views = views_of_ball({1, 2, 3}, 0.5);
  const Start without = estimate_start(pointers(views));
  Camera astray = views[0].camera;
  astray.world_from_camera[3] += 100;
  views.insert(views.begin() + 1, {"empty", astray, blank(90, 70)});
  const Start with = estimate_start(pointers(views));
  CHECK(with.radius == without.radius);
  CHECK(with.centre == without.centre);

  for (size_t i = 1; i < views.size(); ++i) views[i].image = blank(90, 70);
  REQUIRE_THROWS_AS(estimate_start(pointers(views)), ag::ValueError);
  REQUIRE_THROWS_WITH(estimate_start(pointers(views)),
                      ContainsSubstring("1 of 10 training views have anything in their masks"));
  REQUIRE_THROWS_AS(estimate_start({}), ag::ValueError);
}

TEST_CASE("cameras turned wrong are told as such") {
  const std::function<Matrix4(const Matrix4&)> mistake =
      GENERATE(as<std::function<Matrix4(const Matrix4&)>>(), swap_opengl_opencv, rigid_inverse, [](const Matrix4& m) {
        Matrix4 transposed = m;  // its rotation only
        for (size_t i = 0; i < 3; ++i) {
          for (size_t k = 0; k < 3; ++k) transposed[4 * i + k] = m[4 * k + i];
        }
        return transposed;
      });
  std::vector<View> views = views_of_ball({0.5, 0.2, -0.3}, 0.5);
  for (View& view : views) view.camera.world_from_camera = mistake(view.camera.world_from_camera);
  REQUIRE_THROWS_AS(estimate_start(pointers(views)), ag::ValueError);
  REQUIRE_THROWS_WITH(estimate_start(pointers(views)), ContainsSubstring("cameras and masks do not meet") &&
                                                           ContainsSubstring("try --convention opencv"));
}

TEST_CASE("a single camera that looks away is told of") {
  // Its mask lies on the line through the ball, but behind it.
  std::vector<View> views = views_of_ball({0.5, 0.2, -0.3}, 0.5);
  for (View& view : views)
    view.camera.cx = 45, view.camera.cy = 35, view.image = disc(view.camera, {0.5, 0.2, -0.3}, 0.5);
  CHECK(estimate_start(pointers(views)).radius > 0);
  views[4].camera.world_from_camera = swap_opengl_opencv(views[4].camera.world_from_camera);
  REQUIRE_THROWS_WITH(estimate_start(pointers(views)), ContainsSubstring("cameras and masks do not meet"));
}

TEST_CASE("large steps: u is v and lambda times what its edges differ by") {
  // Two vertices and one edge: I + 2 L = [3 -2; -2 3].
  const LargeSteps system(2, ag::Array::of<int32_t>({0, 1}).reshape({1, 2}), 2);
  const ag::Array v = ag::Array::of<float>({1, 0, -1, 0, 2, 5}).reshape({2, 3});
  const ag::Array u = system.variables(v);
  CHECK(u.to_vector<float>() == std::vector<float>{3, -4, -13, -2, 6, 17});
  const ag::Step step;
  const std::vector<float> back = system.positions(u).to_vector<float>();
  for (size_t i = 0; i < 6; ++i) CHECK(back[i] == Approx(v.values<float>()[i]).margin(1e-6));
}

TEST_CASE("large steps: positions undo variables on a mesh") {
  const Mesh mesh = icosphere(3);
  const LargeSteps system(mesh.vertices(), make_topology(mesh.positions, mesh.triangles).edges,
                          GENERATE(1.0, 10.0, 50.0));
  Random random(51);
  const ag::Array v = random_array<float>(random, {mesh.vertices(), 3}, -1, 1);
  const ag::Step step;
  const std::vector<float> back = system.positions(system.variables(v)).to_vector<float>();
  for (size_t i = 0; i < back.size(); ++i) CHECK(std::fabs(back[i] - v.values<float>()[i]) < 1e-5);
}

TEST_CASE("large steps refuse edges and positions that are not theirs") {
  const ag::Array edges = ag::Array::of({0, 1}).reshape({1, 2});
  const LargeSteps system(2, edges, 1);
  REQUIRE_THROWS_AS(system.variables(ag::ones({1, 3})), ag::ShapeError);
  REQUIRE_THROWS_AS(system.variables(ag::ones({3, 3})), ag::ShapeError);
  REQUIRE_THROWS_WITH(system.variables(ag::ones({2, 2})), "LargeSteps: positions [2, 2]; expected [2, 3]");
  REQUIRE_THROWS_AS(LargeSteps(-1, ag::zeros({0, 2}, ag::DType::int32), 1), ag::ValueError);
  REQUIRE_THROWS_AS(LargeSteps(1, edges, 1), ag::ValueError);
  REQUIRE_THROWS_AS(LargeSteps(2, edges, -10), ag::ValueError);
  REQUIRE_THROWS_AS(LargeSteps(2, ag::Array::of({0, 1, 1}), 1), ag::ShapeError);
  REQUIRE_THROWS_AS(LargeSteps(2, ag::ones({1, 2}), 1), ag::DTypeError);
}

TEST_CASE("large steps: the gradient is right, and a step of u is smooth in v") {
  const Mesh mesh = scene::joined(scene::tetrahedron(), scene::placed(cube(1), 1, {5, 0, 0}));
  const LargeSteps system(mesh.vertices(), make_topology(mesh.positions, mesh.triangles).edges, 10);
  const ag::GradcheckResult result =
      ag::gradcheck([&](std::span<const Tensor> x) { return ag::square(system.positions(x[0])); }, {mesh.positions});
  INFO(result.message);
  CHECK(result.passed);

  const ag::Step step;
  const ag::Array push = ag::Array::make<double>({mesh.vertices(), 3}, [](std::span<double> out) {
    std::fill(out.begin(), out.end(), 0.0);
    out[3 * 4] = 1;  // a vertex of the cube
  });
  const std::vector<double> moved = system.positions(push).to_vector<double>();
  double sum = 0, largest = 0;
  for (size_t v = 0; v < moved.size() / 3; ++v) {
    if (v < 4) CHECK(moved[3 * v] == 0);  // another body
    sum += moved[3 * v];
    largest = std::max(largest, moved[3 * v]);
    CHECK(moved[3 * v + 1] == 0);
  }
  CHECK(sum == Approx(1));
  CHECK(largest < 0.2);  // shared out among its eight vertices
}

TEST_CASE("an order of views visits each once an epoch, as its seed says") {
  ViewOrder order(7, 3), same(7, 3), other(7, 4);
  std::vector<size_t> first, all_same, all_other;
  for (int epoch = 0; epoch < 5; ++epoch) {
    std::set<size_t> seen;
    for (int i = 0; i < 7; ++i) {
      first.push_back(order.next());
      seen.insert(first.back());
      all_same.push_back(same.next());
      all_other.push_back(other.next());
    }
    CHECK(seen.size() == 7);
    CHECK(*seen.rbegin() == 6);
  }
  CHECK(first == all_same);
  CHECK(first != all_other);
  CHECK_FALSE(std::equal(first.begin(), first.begin() + 7, first.begin() + 7));
  // The same on every machine.
  ViewOrder pinned(6, 3);
  for (size_t view : std::initializer_list<size_t>{5, 0, 2, 4, 1, 3}) CHECK(pinned.next() == view);
  ViewOrder single(1, 0);
  CHECK(single.next() == 0);
  CHECK(single.next() == 0);
}

TEST_CASE("an order of views takes every permutation about as often") {
  std::vector<int> counts(6);
  for (uint64_t seed = 0; seed < 600; ++seed) {
    ViewOrder order(3, seed);
    const size_t a = order.next(), b = order.next();
    ++counts[2 * a + (b == (a + 1) % 3 ? 1 : 0)];
  }
  CHECK(std::accumulate(counts.begin(), counts.end(), 0) == 600);
  CHECK(*std::ranges::min_element(counts) > 60);
  CHECK(*std::ranges::max_element(counts) < 140);
}

TEST_CASE("welding joins what has one position, in the ball's coordinates") {
  const WeldedSurface surface = weld(square_with_seam(), {{0.5, 0.5, 0}, 2});
  CHECK(surface.welded.to_vector<int32_t>() == std::vector<int32_t>{0, 0, 1, 2, 2, 3});
  CHECK(surface.triangles.to_vector<int32_t>() == std::vector<int32_t>{0, 1, 2, 2, 3, 0});
  CHECK(surface.positions.to_vector<float>() ==
        std::vector<float>{0.25f, -0.25f, 0, 0.25f, 0.25f, 0, -0.25f, 0.25f, 0, -0.25f, -0.25f, 0});
  CHECK(surface.topology.edges.shape() == ag::Shape{5, 2});
  CHECK(report(surface.topology, 2).boundary_edges == 4);
}

TEST_CASE("welding keeps apart what differs in the file though not in float32") {
  Mesh mesh = square_with_seam();
  std::vector<double> positions = mesh.positions.to_vector<double>();
  positions[3 * 3] += 1e-12;  // the seam is open there
  mesh.positions = ag::Array::from(positions, {6, 3});
  const WeldedSurface surface = weld(mesh, {{0.5, 0.5, 0}, 2});
  CHECK(surface.positions.shape() == ag::Shape{5, 3});
  CHECK(report(surface.topology, 2).boundary_edges == 6);
}

TEST_CASE("unwelding moves vertices and keeps faces, UVs, materials and order") {
  const Mesh mesh = square_with_seam();
  const Start start{{10, -20, 30}, 4};
  const WeldedSurface surface = weld(mesh, start);
  const ag::Array colors = ag::Array::of<float>({0, 0, 0, 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 1, 1, 1}).reshape({4, 3});
  const Mesh same = unweld(mesh, surface, start, surface.positions, colors);
  for (size_t i = 0; i < 18; ++i)
    CHECK(same.positions.values<double>()[i] == Approx(mesh.positions.values<double>()[i]).margin(2e-6));
  CHECK(same.triangles.to_vector<int32_t>() == mesh.triangles.to_vector<int32_t>());
  CHECK(same.uvs.to_vector<float>() == mesh.uvs.to_vector<float>());
  CHECK(same.uv_triangles.to_vector<int32_t>() == mesh.uv_triangles.to_vector<int32_t>());
  CHECK(same.face_materials.to_vector<int32_t>() == mesh.face_materials.to_vector<int32_t>());
  CHECK(same.materials[1].name == "second");
  CHECK_FALSE(same.has_normals());
  REQUIRE(same.has_colors());
  CHECK(same.colors.values<float>()[3 * 4 + 1] == 0.5f);  // vertex 4 is welded to number 2
  CHECK(same.colors.values<float>()[3 * 5] == 1);

  const ag::Array moved = ag::Array::make<float>({4, 3}, [&](std::span<float> out) {
    std::ranges::copy(surface.positions.values<float>(), out.begin());
    out[3 * 2 + 2] += 0.5f;
  });
  const Mesh other = unweld(mesh, surface, start, moved, colors);
  for (size_t v : std::initializer_list<size_t>{3, 4})
    CHECK(other.positions.values<double>()[3 * v + 2] == Approx(2).margin(2e-6));  // both sides of the seam
}

TEST_CASE("holes of a mask that an image covers are counted") {
  constexpr int width = 120, height = 80;
  const auto inside = [](int x, int y, double cx, double cy, double radius) {
    return std::hypot(x - cx, y - cy) < radius;
  };
  const Image8 filled = mask(width, height, [&](int x, int y) { return inside(x, y, 60, 40, 35); });
  const Image8 ring =
      mask(width, height, [&](int x, int y) { return inside(x, y, 60, 40, 35) && !inside(x, y, 60, 40, 12); });
  const Image8 two = mask(width, height, [&](int x, int y) {
    return inside(x, y, 60, 40, 35) && !inside(x, y, 45, 40, 9) && !inside(x, y, 75, 40, 9);
  });
  CHECK(closed_holes(filled, ring) == 1);
  CHECK(closed_holes(filled, two) == 2);
  CHECK(closed_holes(ring, ring) == 0);
  CHECK(closed_holes(ring, filled) == 0);

  SECTION("a speck is no hole") {
    const Image8 speck =
        mask(width, height, [&](int x, int y) { return inside(x, y, 60, 40, 35) && !inside(x, y, 60, 40, 2); });
    CHECK(closed_holes(filled, speck) == 0);
  }
  SECTION("what reaches the border is no hole") {
    const Image8 bay = mask(width, height, [&](int x, int y) {
      return inside(x, y, 60, 40, 35) && !(inside(x, y, 60, 40, 12) || (y < 40 && std::abs(x - 60) < 3));
    });
    CHECK(closed_holes(filled, bay) == 0);
    CHECK(closed_holes(mask(width, height, [](int, int) { return true; }), bay) == 0);
  }
  SECTION("a hole that is open in most of its area is not closed") {
    const Image8 narrower =
        mask(width, height, [&](int x, int y) { return inside(x, y, 60, 40, 35) && !inside(x, y, 60, 40, 10); });
    CHECK(closed_holes(narrower, ring) == 0);
    const Image8 nearly =
        mask(width, height, [&](int x, int y) { return inside(x, y, 60, 40, 35) && !inside(x, y, 60, 40, 7); });
    CHECK(closed_holes(nearly, ring) == 1);
  }
  SECTION("alpha 127 is background, 128 is not") {
    Image8 faint = filled;
    for (size_t at = 3; at < faint.rgba.size(); at += 4) faint.rgba[at] = faint.rgba[at] == 255 ? 127 : 0;
    CHECK(closed_holes(faint, ring) == 0);
    for (size_t at = 3; at < faint.rgba.size(); at += 4) faint.rgba[at] = faint.rgba[at] == 127 ? 128 : 0;
    CHECK(closed_holes(faint, ring) == 1);
  }
  REQUIRE_THROWS_AS(closed_holes(blank(3, 4), blank(4, 3)), ag::ValueError);
}

TEST_CASE("a batch holds linear images of any sizes in the upper left corner") {
  Random random(52);
  std::vector<View> views(2);
  const std::array<std::array<int, 2>, 2> sizes{{{9, 4}, {5, 7}}};
  for (size_t i = 0; i < 2; ++i) {
    views[i].camera = look_at({3, 1 + static_cast<double>(i), 2}, {}, {0, 1, 0}, sizes[i][0], sizes[i][1], 8);
    views[i].image = blank(sizes[i][0], sizes[i][1]);
    for (unsigned char& byte : views[i].image.rgba) byte = static_cast<unsigned char>(random.below(256));
  }
  const Start start{{0.5, 0.2, -0.1}, 0.8};
  const ViewBatch batch = make_batch(pointers(views), start);
  REQUIRE(batch.frame.views == 2);
  REQUIRE(batch.frame.width == 9);
  REQUIRE(batch.frame.height == 7);
  REQUIRE(batch.targets.shape() == ag::Shape{2, 7, 9, 4});
  REQUIRE(batch.inside.shape() == ag::Shape{2, 7, 9, 1});
  const std::span<const float> targets = batch.targets.values<float>(), inside = batch.inside.values<float>();
  for (size_t i = 0; i < 2; ++i) {
    const ag::Array linear = to_linear(views[i].image);
    for (size_t row = 0; row < 7; ++row) {
      for (size_t column = 0; column < 9; ++column) {
        const bool is_inside = column < static_cast<size_t>(sizes[i][0]) && row < static_cast<size_t>(sizes[i][1]);
        const size_t at = i * 63 + row * 9 + column;
        CHECK(inside[at] == (is_inside ? 1.0f : 0.0f));
        for (size_t c = 0; c < 4; ++c) {
          const float expected =
              is_inside ? linear.values<float>()[(row * static_cast<size_t>(sizes[i][0]) + column) * 4 + c] : 0.0f;
          CHECK(targets[at * 4 + c] == Approx(expected).margin(1e-7));
        }
      }
    }
  }
}

TEST_CASE("a batch's cameras show fit coordinates where the scene's show the scene") {
  std::vector<View> views(2);
  views[0].camera = look_at({1003, -49, 5}, {1000, -50, 3}, {0, 1, 0}, 40, 30, 33);
  views[1].camera = look_at({998, -51, 6}, {1000, -50, 3}, {0, 1, 0}, 25, 36, 29);
  views[1].camera.cx += 2.5;
  for (View& view : views) view.image = blank(view.camera.width, view.camera.height);
  const Start start{{1000.2, -50.1, 3.1}, 0.5};
  const ViewBatch batch = make_batch(pointers(views), start);
  const Point3 fit{0.3, -0.7, 0.4};
  for (size_t i = 0; i < 2; ++i) {
    const Point3 world{start.centre[0] + start.radius * fit[0], start.centre[1] + start.radius * fit[1],
                       start.centre[2] + start.radius * fit[2]};
    const Point3 expected = projected(views[i].camera, world);
    const float* m = batch.matrices.values<float>().data() + 16 * i;
    const auto clip = [&](size_t row) {
      return m[4 * row] * fit[0] + m[4 * row + 1] * fit[1] + m[4 * row + 2] * fit[2] +
             static_cast<double>(m[4 * row + 3]);
    };
    const double w = clip(3);
    CHECK((clip(0) / w + 1) * 40 / 2 == Approx(expected[0]).margin(1e-4));
    CHECK((1 - clip(1) / w) * 36 / 2 == Approx(expected[1]).margin(1e-4));
    CHECK(w == Approx(expected[2] / start.radius));  // depth in radii
    CHECK(std::fabs(clip(2)) < w);                   // between near and far plane
  }
  // One view's own frame.
  const ag::Array alone = camera_matrices({&views[0].camera, 1}, start);
  const Matrix4 own = clip_from_fit(views[0].camera, start, {1, 30, 40});
  REQUIRE(alone.shape() == ag::Shape{1, 4, 4});
  for (size_t k = 0; k < 16; ++k) CHECK(alone.values<float>()[k] == static_cast<float>(own[k]));
}

TEST_CASE("a batch of equal sizes has no border") {
  std::vector<View> views(3);
  for (View& view : views) {
    view.camera = look_at({0, 0, 3}, {}, {0, 1, 0}, 6, 5, 8);
    view.image = mask(6, 5, [](int x, int) { return x > 2; });
  }
  const ViewBatch batch = make_batch(pointers(views), {{}, 1});
  CHECK(batch.inside.to_vector<float>() == std::vector<float>{1});
  CHECK(batch.targets.values<float>()[4 * 3] == 1);
  CHECK(batch.targets.values<float>()[4 * 2 + 3] == 0);
}
