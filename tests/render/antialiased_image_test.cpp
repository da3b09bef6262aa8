#include <render/geometry/shapes.h>
#include <render/raster/silhouettes.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <array>
#include <cmath>

using namespace render;

// The image in one pass against the same image made of general operations.

namespace {

constexpr int64_t side = 28;

Mesh two_bodies() { return scene::joined(icosphere(1), scene::placed(scene::tetrahedron(), 0.3, {0.25, 0.15, 1.5})); }

std::vector<Camera> cameras() {
  std::vector<Camera> list{look_at({0.3, 0.4, 4}, {}, {0, 1, 0}, side, side, 38),
                           look_at({-3.1, 0.2, 2.5}, {}, {0, 1, 0}, side, side, 36)};
  list[0].cx += 0.37;
  return list;
}

struct Drawn {
  Vec4 clip;
  VisiblePixels pixels;
  Crossings crossings;
  std::vector<Tensor> channels;
};

Drawn draw(const Mesh& mesh, const Tensor& positions, const Tensor& colours) {
  Drawn drawn;
  drawn.clip = transform(ag::cast(scene::clip_matrices(cameras(), 0.05, 20), positions.dtype()), unpack3(positions));
  const Tensor ids = visibility(drawn.clip, mesh.triangles, {2, side, side});
  drawn.pixels = visible_pixels(ids);
  drawn.crossings = silhouettes(drawn.clip, mesh.triangles, make_topology(mesh.positions, mesh.triangles), ids);
  const Corners at = corners(mesh.triangles, drawn.pixels, mesh.vertices());
  const Vec3 colour = interpolate(unpack3(colours), at, barycentrics(drawn.clip, at, drawn.pixels));
  drawn.channels = {colour.x, colour.y, colour.z};
  return drawn;
}

Tensor in_general(const Drawn& drawn, bool coverage) {
  std::vector<Tensor> all = drawn.channels;
  if (coverage) all.push_back(ag::broadcast_to(ag::Located(1).as(all[0].dtype()), all[0].shape()));
  return antialias(to_image(ag::stack(all, 1), drawn.pixels), drawn.clip, drawn.crossings);
}

Tensor in_one_pass(const Drawn& drawn, bool coverage) {
  return antialiased_image(drawn.channels, drawn.pixels, drawn.clip, drawn.crossings, {.coverage = coverage});
}

ag::Array colours(const Mesh& mesh) {
  Random random(41);
  return random_array<double>(random, {mesh.vertices(), 3}, 0.1, 1);
}

double difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = ag::cast(a, ag::DType::float64).to_vector<double>(),
                            y = ag::cast(b, ag::DType::float64).to_vector<double>();
  REQUIRE(x.size() == y.size());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::fabs(x[i] - y[i]));
  return worst;
}

}  // namespace

TEST_CASE("the antialiased image in one pass is that of general operations, and so are its gradients") {
  const ag::Step step;
  const bool coverage = GENERATE(false, true);
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const size_t channels = GENERATE(size_t{1}, size_t{3});
  const double tolerance = type == ag::DType::float64 ? 1e-12 : 2e-5;
  const Mesh mesh = two_bodies();
  const ag::Array positions = mesh.positions.cast(type), paint = colours(mesh).cast(type);
  Drawn drawn = draw(mesh, ag::tensor(positions), ag::tensor(paint));
  drawn.channels.resize(channels);
  REQUIRE(drawn.crossings.inner.size() > 100);
  const Tensor image = in_one_pass(drawn, coverage), expected = in_general(drawn, coverage);
  REQUIRE(image.shape() == ag::Shape{2, side, side, static_cast<int64_t>(channels + coverage)});
  CHECK(difference(image, expected) < tolerance);

  const auto loss = [](const Tensor& drawn_image) { return ag::sum(ag::square(drawn_image - 0.3)); };
  const auto gradients = ag::grad(loss(image), {positions, paint}),
             wanted = ag::grad(loss(expected), {positions, paint});
  for (size_t i = 0; i < 2; ++i) CHECK(difference(gradients[i], wanted[i]) < 100 * tolerance);
}

TEST_CASE("the antialiased image in one pass can be differentiated twice") {
  const Mesh mesh = scene::placed(scene::tetrahedron(), 0.7, {0.1, 0.2, 0.3});
  const ag::Array paint = colours(mesh);
  // The lists of the first evaluation hold for all: differences must not see pixels change hands.
  std::array<ag::Array, 5> seen;
  std::array<ag::Array, 7> edges;
  {
    const ag::Step step;
    const Drawn drawn = draw(mesh, ag::tensor(mesh.positions), ag::tensor(paint));
    const VisiblePixels& p = drawn.pixels;
    const Crossings& c = drawn.crossings;
    seen = {p.pixel.keep(), p.triangle.keep(), p.view.keep(), p.row.keep(), p.column.keep()};
    edges = {c.a.keep(), c.b.keep(), c.inner.keep(), c.outer.keep(), c.axis.keep(), c.row.keep(), c.column.keep()};
  }
  const ag::GradcheckResult result = ag::gradcheck(
      [&](std::span<const Tensor> x) {
        const auto list = [](const ag::Array& array) { return ag::tensor(array); };
        const Frame frame{2, side, side};
        const VisiblePixels pixels{list(seen[0]), list(seen[1]), list(seen[2]), list(seen[3]), list(seen[4]), frame};
        const Crossings crossings{list(edges[0]), list(edges[1]), list(edges[2]), list(edges[3]),
                                  list(edges[4]), list(edges[5]), list(edges[6]), frame};
        const Vec4 clip = transform(scene::clip_matrices(cameras(), 0.05, 20), unpack3(x[0]));
        const Corners at = corners(mesh.triangles, pixels);
        const Vec3 colour = interpolate(unpack3(x[1]), at, barycentrics(clip, at, pixels));
        const Tensor image =
            antialiased_image(std::array{colour.x, colour.z}, pixels, clip, crossings, {.coverage = true});
        return ag::square(ag::flatten(image));
      },
      {mesh.positions, paint});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("with nothing visible the antialiased image is zero, and gradients are") {
  const ag::Step step;
  const Mesh mesh = scene::placed(two_bodies(), 1, {0, 500, 0});
  const ag::Array positions = mesh.positions, paint = colours(mesh);
  const Drawn drawn = draw(mesh, ag::tensor(positions), ag::tensor(paint));
  REQUIRE(drawn.pixels.pixel.size() == 0);
  const Tensor image = in_one_pass(drawn, true);
  for (double value : image.values<double>()) CHECK(value == 0);
  for (const Tensor& gradient : ag::grad(ag::sum(ag::square(image - 1)), {positions, paint})) {
    for (double value : gradient.values<double>()) CHECK(value == 0);
  }
}

TEST_CASE("the antialiased image and its gradients are the same bytes for any number of threads") {
  const Mesh mesh = icosphere(4);
  const auto bytes = [&](int threads) {
    ag::set_threads(threads);
    const ag::Step step;
    const ag::Array positions = mesh.positions.cast(ag::DType::float32), paint = colours(mesh).cast(ag::DType::float32);
    std::vector<Camera> list{look_at({0.3, 0.4, 4}, {}, {0, 1, 0}, 300, 200, 300),
                             look_at({2, 1, 2}, {}, {0, 1, 0}, 300, 200, 300)};
    const Vec4 clip =
        transform(ag::cast(scene::clip_matrices(list, 0.05, 20), ag::DType::float32), unpack3(ag::tensor(positions)));
    const Tensor ids = visibility(clip, mesh.triangles, {2, 200, 300});
    const VisiblePixels pixels = visible_pixels(ids);
    const Corners at = corners(mesh.triangles, pixels, mesh.vertices());
    const Vec3 colour = interpolate(unpack3(paint), at, barycentrics(clip, at, pixels));
    const Crossings crossings = silhouettes(clip, mesh.triangles, make_topology(mesh.positions, mesh.triangles), ids);
    const Tensor image = antialiased_image(std::array{colour.x, colour.y, colour.z}, pixels, clip, crossings);
    const auto [to_positions, to_paint] = ag::grad(ag::sum(ag::square(image - 0.3)), {positions, paint});
    ag::evaluate({image, to_positions, to_paint});
    std::vector<float> all = image.to_vector<float>();
    for (const Tensor& gradient : {to_positions, to_paint}) {
      const std::span<const float> values = gradient.values<float>();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  };
  const int before = ag::threads();
  const std::vector<float> one = bytes(1), two = bytes(2), seven = bytes(7);
  ag::set_threads(before);
  CHECK(same_values(two, one));
  CHECK(same_values(seven, one));
}

TEST_CASE("silhouettes of views that show different meshes are those of each mesh by itself") {
  const ag::Step step;
  const Mesh ball = icosphere(2), block = scene::placed(scene::tetrahedron(), 0.8, {0.2, 0, 0});
  // The ball twice: its second copy must not be welded to the first.
  const Mesh list = scene::joined(scene::joined(ball, block), ball);
  const Topology of_ball = make_topology(ball.positions, ball.triangles),
                 of_block = make_topology(block.positions, block.triangles);
  const Topology all = join_topologies(std::array{of_ball, of_block, of_ball});
  CHECK(all.components == 3);
  CHECK(all.edges.shape()[0] == 2 * of_ball.edges.shape()[0] + of_block.edges.shape()[0]);
  const auto first_block = static_cast<int32_t>(ball.faces()), last_ball = first_block + 4;
  const std::vector<int32_t> range{first_block, 4, last_ball, first_block};
  const ag::Array ranges = ag::Array::from(range, {2, 2});
  const auto clip_of = [&](const Mesh& mesh) {
    return transform(scene::clip_matrices(cameras(), 0.05, 20), unpack3(ag::tensor(mesh.positions)));
  };
  const Frame frame{2, side, side};
  const Vec4 clip = clip_of(list);
  const Crossings together =
      silhouettes(clip, list.triangles, all, visibility(clip, list.triangles, frame, {.ranges = ranges}), ranges);
  const auto alone = [&](const Mesh& mesh, const Topology& topology) {
    const Vec4 own = clip_of(mesh);
    return silhouettes(own, mesh.triangles, topology, visibility(own, mesh.triangles, frame));
  };
  const Crossings block_alone = alone(block, of_block), ball_alone = alone(ball, of_ball);

  // Vertices of the list are block's in view 0 after the ball's, and the second ball's in view 1.
  const auto expect = [&](const Tensor Crossings::*field, int32_t first, int32_t second, int32_t of_list,
                          bool vertices) {
    std::vector<int32_t> wanted;
    const std::span<const int32_t> pixel_a = block_alone.inner.values<int32_t>(),
                                   pixel_b = ball_alone.inner.values<int32_t>();
    const std::span<const int32_t> a = (block_alone.*field).values<int32_t>(),
                                   b = (ball_alone.*field).values<int32_t>();
    for (size_t i = 0; i < a.size(); ++i)
      if (pixel_a[i] < side * side) wanted.push_back(a[i] + first);
    for (size_t i = 0; i < b.size(); ++i)
      if (pixel_b[i] >= side * side) wanted.push_back(b[i] + second + (vertices ? of_list : 0));
    CHECK((together.*field).to_vector<int32_t>() == wanted);
  };
  const auto ball_vertices = static_cast<int32_t>(ball.vertices()),
             list_vertices = static_cast<int32_t>(list.vertices());
  expect(&Crossings::inner, 0, 0, 0, false);
  expect(&Crossings::outer, 0, 0, 0, false);
  expect(&Crossings::axis, 0, 0, 0, false);
  // In view 1 the ball's vertices count from `vertices of the ball` alone, and from the list's here.
  expect(&Crossings::a, ball_vertices, ball_vertices + 4, list_vertices - ball_vertices, true);
  expect(&Crossings::b, ball_vertices, ball_vertices + 4, list_vertices - ball_vertices, true);
}

TEST_CASE("lists that do not belong to an antialiased image are refused") {
  const ag::Step step;
  const Mesh mesh = two_bodies();
  const ag::Array paint = colours(mesh);
  const Drawn drawn = draw(mesh, ag::tensor(mesh.positions), ag::tensor(paint));
  const auto image = [&](std::span<const Tensor> channels, const VisiblePixels& pixels) {
    return antialiased_image(channels, pixels, drawn.clip, drawn.crossings).to_vector<double>();
  };
  REQUIRE_THROWS_AS(image({}, drawn.pixels), ag::ShapeError);
  const std::vector<Tensor> shorter{ag::slice(drawn.channels[0], 0, {.start = 1})};
  REQUIRE_THROWS_WITH(image(shorter, drawn.pixels), ContainsSubstring("antialiased_image: a channel"));
  // Crossings at pixels that the list does not have.
  VisiblePixels thin = drawn.pixels;
  for (Tensor* list : {&thin.pixel, &thin.triangle, &thin.view, &thin.row, &thin.column})
    *list = ag::slice(*list, 0, {.step = 2});
  const std::vector<Tensor> thinner{ag::slice(drawn.channels[0], 0, {.step = 2})};
  REQUIRE_THROWS_AS(image(thinner, thin), ag::IndexError);
}
