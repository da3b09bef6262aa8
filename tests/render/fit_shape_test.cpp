#include <render/fit/fit_shape.h>
#include <render/geometry/shapes.h>
#include <render/shading/still.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

using namespace render;

// Small fits: a few views of 48 pixels, a few dozen steps. What a long fit reaches is the benchmarks' business.

namespace {

constexpr int pixels = 48;

Dataset pictures(const Mesh& mesh, int count = 12, int size = pixels) {
  Dataset dataset;
  const Still still(mesh);
  const BoundingSphere sphere = bounding_sphere(mesh);
  for (const Camera& camera : cameras_around(sphere.centre, sphere.radius, count, size, size, 7)) {
    dataset.views.push_back({"images/" + std::to_string(dataset.views.size()) + ".png", camera, still.picture(camera)});
  }
  return dataset;
}

/// From a coarse ball, so that a fit takes a fraction of a second.
FitShapeOptions quick(int steps, double radius = 1) {
  FitShapeOptions options;
  options.steps = steps;
  options.holdout = 4;
  options.albedo = Albedo::constant;
  options.init = scene::placed(icosphere(3), radius, {});
  return options;
}

bool same_bytes(const Mesh& a, const Mesh& b) {
  return same_values(a.positions.values<double>(), b.positions.values<double>()) &&
         same_values(a.colors.values<float>(), b.colors.values<float>()) &&
         same_values(a.triangles.values<int32_t>(), b.triangles.values<int32_t>());
}

Mesh fitted(const Dataset& dataset, const FitShapeOptions& options) {
  ShapeFit fit(dataset, options);
  fit.run();
  return fit.mesh();
}

double heldout_iou(const ShapeFit& fit) {
  double sum = 0, count = 0;
  for (const ViewScore& score : fit.scores()) {
    if (!score.held_out) continue;
    sum += score.iou;
    ++count;
  }
  return sum / count;
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("a fit from a ball finds a cube") {
  const Dataset dataset = pictures(cube(4));
  ShapeFit fit(dataset, {.steps = 40, .holdout = 4, .albedo = Albedo::constant});
  CHECK(heldout_iou(fit) < 0.9);  // the ball that it starts from
  fit.run();
  REQUIRE(fit.losses().size() == 40);
  CHECK(fit.losses().back() < 0.2 * fit.losses().front());
  const std::vector<ViewScore> scores = fit.scores();
  REQUIRE(scores.size() == 12);
  for (size_t i = 0; i < scores.size(); ++i) {
    CHECK(scores[i].view == i);
    CHECK(scores[i].held_out == (i % 4 == 3));
    CHECK(scores[i].iou > 0.93);
    CHECK(scores[i].psnr > 20);
    CHECK(scores[i].psnr_image > scores[i].psnr);
  }
  CHECK(heldout_iou(fit) > 0.95);
  CHECK(fit.remarks(scores).empty());
  CHECK(fit.mesh().vertices() == 10242);
}

TEST_CASE("a fit gives the same bytes again, with one thread or two") {
  const Dataset dataset = pictures(creature(4), 6);
  // The fine ball and vertex colours, so that loops are long enough to be shared out.
  FitShapeOptions options;
  options.steps = 8;
  options.albedo = Albedo::vertex;
  const auto with_threads = [&](int count) {
    const Threads threads(count);
    return fitted(dataset, options);
  };
  const Mesh one = with_threads(1);
  CHECK(same_bytes(one, with_threads(2)));
  CHECK(same_bytes(one, with_threads(1)));
  options.seed = 1;
  CHECK_FALSE(same_bytes(one, with_threads(2)));
}

TEST_CASE("a dataset elsewhere and of another size gives the same shape") {
  const Dataset dataset = pictures(cube(4));
  const double scale = GENERATE(0.001, 1.0, 1000.0);
  const Point3 offset{1000, -50, 3};
  Dataset moved = dataset;
  for (View& view : moved.views) {
    for (size_t axis = 0; axis < 3; ++axis) {
      double& position = view.camera.world_from_camera[4 * axis + 3];
      position = scale * position + offset[axis];
    }
  }
  FitShapeOptions options = quick(40);
  ShapeFit here(dataset, options);
  here.run();
  options.init = scene::placed(icosphere(3), scale, offset);
  ShapeFit there(moved, options);
  there.run();
  CHECK(there.start().radius == Approx(scale * here.start().radius).epsilon(1e-6));
  const Mesh a = here.mesh(), b = there.mesh();
  double worst = 0;
  for (size_t i = 0; i < static_cast<size_t>(a.positions.size()); ++i) {
    const auto in_fit = [&](const Mesh& mesh, const Start& start) {
      return (mesh.positions.values<double>()[i] - start.centre[i % 3]) / start.radius;
    };
    worst = std::max(worst, std::fabs(in_fit(a, here.start()) - in_fit(b, there.start())));
  }
  CHECK(worst < 1e-3);
  CHECK(std::fabs(heldout_iou(here) - heldout_iou(there)) < 0.002);
}

TEST_CASE("held-out views have no influence") {
  Dataset dataset = pictures(cube(4));
  FitShapeOptions options = quick(20);
  options.albedo = Albedo::automatic;
  const Mesh before = fitted(dataset, options);
  Random random(61);
  for (size_t i = 0; i < dataset.views.size(); ++i) {
    if (!held_out(i, options.holdout)) continue;
    for (unsigned char& byte : dataset.views[i].image.rgba) byte = static_cast<unsigned char>(random.below(256));
    dataset.views[i].camera.world_from_camera[3] += 0.2;
  }
  CHECK(same_bytes(before, fitted(dataset, options)));
  // The others do count.
  dataset.views[0].image = dataset.views[3].image;
  CHECK_FALSE(same_bytes(before, fitted(dataset, options)));
}

TEST_CASE("what lies beyond the border of smaller images has no influence") {
  const Mesh mesh = cube(4);
  Dataset dataset = pictures(mesh);
  const Still still(mesh);
  for (size_t i = 0; i < dataset.views.size(); i += 2) {
    // The cube reaches 21 pixels from the principal point: a part of it is cut off, at the right or below.
    Camera& camera = dataset.views[i].camera;
    (i % 4 == 0 ? camera.width : camera.height) = 30;
    dataset.views[i].image = still.picture(camera);
  }
  ShapeFit fit(dataset, {.steps = 40, .holdout = 4, .albedo = Albedo::constant});
  fit.run();
  CHECK(heldout_iou(fit) > 0.87);  // 0.80 where it counts as empty
}

TEST_CASE("a fit stops when it is told to, and its state can be used") {
  const Dataset dataset = pictures(cube(2));
  ShapeFit fit(dataset, quick(30));
  int calls = 0;
  fit.run([&](const FitState& state) {
    CHECK(state.step == ++calls);
    CHECK(state.steps == 30);
    CHECK(state.fit == &fit);
    CHECK(std::string(state.phase) == "one colour");
    CHECK(state.loss == fit.losses().back());
    return calls < 5;
  });
  CHECK(calls == 5);
  CHECK(fit.steps_done() == 5);
  CHECK(fit.interrupted());
  CHECK(fit.losses().size() == 5);
  CHECK(fit.mesh().faces() == 1280);
  CHECK(fit.render(dataset.views[0].camera).width == pixels);

  ShapeFit whole(dataset, quick(6));
  whole.run([](const FitState&) { return true; });
  CHECK_FALSE(whole.interrupted());
  CHECK(whole.steps_done() == 6);
}

TEST_CASE("a mesh to start from keeps its faces, UVs and order") {
  const Dataset dataset = pictures(cube(4));
  FitShapeOptions options = quick(3);
  Mesh mesh = cube(3);
  mesh.uvs = ag::zeros({mesh.vertices(), 2});
  mesh.uv_triangles = mesh.triangles;
  // A seam: the first face has corners of its own.
  std::vector<double> positions = mesh.positions.to_vector<double>();
  std::vector<int32_t> triangles = mesh.triangles.to_vector<int32_t>();
  std::array<size_t, 3> seam{};
  for (size_t k = 0; k < 3; ++k) {
    seam[k] = static_cast<size_t>(triangles[k]);
    triangles[k] = static_cast<int32_t>(positions.size() / 3);
    for (size_t axis = 0; axis < 3; ++axis) positions.push_back(positions[3 * seam[k] + axis]);
  }
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3});
  mesh.triangles = ag::Array::from(triangles, mesh.triangles.shape());
  options.init = mesh;
  ShapeFit fit(dataset, options);
  fit.run();
  const Mesh result = fit.mesh();
  CHECK(result.triangles.to_vector<int32_t>() == triangles);
  CHECK(result.uv_triangles.to_vector<int32_t>() == mesh.uv_triangles.to_vector<int32_t>());
  CHECK(result.uvs.to_vector<float>() == mesh.uvs.to_vector<float>());
  CHECK(result.colors.shape() == result.positions.shape());
  // It has moved, but the seam is closed.
  CHECK_FALSE(same_values(result.positions.values<double>(), mesh.positions.values<double>()));
  const std::span<const double> at = result.positions.values<double>();
  for (size_t k = 0; k < 3; ++k) {
    for (size_t axis = 0; axis < 3; ++axis) CHECK(at[3 * seam[k] + axis] == at[at.size() - 9 + 3 * k + axis]);
  }
}

TEST_CASE("one colour is kept where it explains the images, else vertices are painted from the start") {
  std::vector<std::string> phases;
  std::vector<int> totals;
  const auto run = [&](ShapeFit& fit) {
    phases.clear();
    totals.clear();
    fit.run([&](const FitState& state) {
      if (phases.empty() || phases.back() != state.phase) {
        phases.push_back(state.phase);
        totals.push_back(state.steps);
      }
      return true;
    });
  };
  FitShapeOptions options = quick(20, 0.9);
  options.albedo = Albedo::automatic;
  SECTION("a grey ball") {
    const Dataset dataset = pictures(icosphere(4));
    ShapeFit fit(dataset, options);
    run(fit);
    CHECK(phases == std::vector<std::string>{"one colour"});
    CHECK(fit.one_colour_psnr() > 27);
    CHECK_FALSE(fit.vertex_colors());
    CHECK(fit.steps_done() == 20);
    // One colour for all vertices: the ball's, in the mean light.
    const ag::Array colors = fit.mesh().colors;
    const std::span<const float> values = colors.values<float>();
    size_t different = 0;
    for (size_t i = 3; i < values.size(); ++i) different += values[i] != values[i % 3];
    CHECK(different == 0);
  }
  SECTION("a ball of two colours") {
    Mesh painted = icosphere(4);
    painted.colors = ag::Array::make<float>({painted.vertices(), 3}, [&](std::span<float> out) {
      for (size_t i = 0; i < out.size(); ++i) {
        const bool upper = painted.positions.values<double>()[i / 3 * 3 + 1] > 0;
        out[i] = upper == (i % 3 == 0) ? 0.9f : 0.1f;
      }
    });
    const Dataset dataset = pictures(painted);
    ShapeFit fit(dataset, options);
    run(fit);
    CHECK(phases == std::vector<std::string>{"one colour", "vertex colours"});
    CHECK(totals == std::vector<int>{20, 30});
    CHECK(fit.one_colour_psnr() < 27);
    CHECK(fit.vertex_colors());
    CHECK(fit.steps_done() == 30);
    REQUIRE(fit.losses().size() == 30);
    CHECK(fit.losses()[10] == fit.losses()[0]);  // from the ball again, with the same views
    const Mesh mesh = fit.mesh();
    double above[2] = {}, below[2] = {};  // sums of red and green
    for (size_t v = 0; v < static_cast<size_t>(mesh.vertices()); ++v) {
      const double y = mesh.positions.values<double>()[3 * v + 1];
      for (size_t c = 0; c < 2; ++c) {
        if (y > 0.5) above[c] += mesh.colors.values<float>()[3 * v + c];
        if (y < -0.5) below[c] += mesh.colors.values<float>()[3 * v + c];
      }
    }
    CHECK(above[0] / above[1] > 1.08 * below[0] / below[1]);
  }
}

TEST_CASE("a fit can be looked at before its first step, and take a single one") {
  const Dataset dataset = pictures(cube(2), 4);
  FitShapeOptions options = quick(1);
  options.albedo = GENERATE(Albedo::constant, Albedo::vertex, Albedo::automatic);
  ShapeFit fit(dataset, options);
  CHECK(fit.scores().size() == 4);
  CHECK(fit.mesh().has_colors());
  CHECK(std::isnan(fit.one_colour_psnr()));
  fit.run();
  CHECK(fit.scores().size() == 4);
  CHECK(std::isfinite(fit.losses().back()));
}

TEST_CASE("remarks name a view whose mask is wrong") {
  Dataset dataset = pictures(cube(4));
  Image8& image = dataset.views[2].image;
  std::ranges::fill(image.rgba, static_cast<unsigned char>(0));
  for (int row = 2; row < 22; ++row) {
    for (int column = 20; column < 30; ++column) {
      std::fill_n(image.rgba.begin() + (row * pixels + column) * 4, 4, static_cast<unsigned char>(255));
    }
  }
  ShapeFit fit(dataset, quick(40));
  fit.run();
  const std::vector<std::string> lines = fit.remarks(fit.scores());
  CHECK(lines.size() == 1);
  CHECK(mentions(lines, "images/2.png: its mask and camera disagree with the other views (IoU 0."));
}

TEST_CASE("remarks tell of holes that a ball cannot form") {
  const Dataset dataset = pictures(torus(1, 0.4, 32, 16));
  ShapeFit fit(dataset, quick(20));
  fit.run();
  CHECK(mentions(fit.remarks(fit.scores()), "show holes that this surface cannot form"));
  // From a torus there is nothing to say.
  FitShapeOptions options = quick(5);
  options.init = torus(1, 0.35, 24, 12);
  ShapeFit right(dataset, options);
  right.run();
  CHECK(right.remarks(right.scores()).empty());
}

TEST_CASE("coarse steps see halved images, where those are large enough") {
  const auto meshes = [](int size) {
    const Dataset dataset = pictures(cube(2), 4, size);
    FitShapeOptions options = quick(6);
    options.coarse = 0;
    const Mesh fine = fitted(dataset, options);
    options.coarse = 0.5;
    const Mesh half = fitted(dataset, options);
    options.coarse = 1;
    return std::array{fine, half, fitted(dataset, options)};
  };
  const auto [fine, half, coarse] = meshes(128);
  CHECK_FALSE(same_bytes(fine, half));
  CHECK_FALSE(same_bytes(half, coarse));
  const auto [small, small_half, small_coarse] = meshes(64);  // halves of 32 pixels would show too little
  CHECK(same_bytes(small, small_half));
  CHECK(same_bytes(small, small_coarse));
}

TEST_CASE("a fit of coarse steps alone finds the shape where it is") {
  // A camera that did not follow its halved image would see the shape at another place or of another size.
  const Dataset dataset = pictures(torus(1, 0.7, 32, 16), 8, 129);
  const auto iou = [&](double coarse) {
    FitShapeOptions options = quick(40);
    options.init = torus(1.1, 0.6, 32, 16);
    options.coarse = coarse;
    ShapeFit fit(dataset, options);
    fit.run();
    return heldout_iou(fit);
  };
  CHECK(iou(1) > std::max(0.95, iou(0) - 0.01));
}

TEST_CASE("what cannot be fitted is refused") {
  const Dataset dataset = pictures(cube(2), 4);
  FitShapeOptions options = quick(3);
  REQUIRE_THROWS_WITH(ShapeFit({}, options), ContainsSubstring("no views to learn from"));
  options.holdout = 1;
  REQUIRE_THROWS_AS(ShapeFit(dataset, options), ag::ValueError);
  options = quick(3);
  options.views_per_step = 0;
  REQUIRE_THROWS_AS(ShapeFit(dataset, options), ag::ValueError);
  options = quick(-1);
  REQUIRE_THROWS_AS(ShapeFit(dataset, options), ag::ValueError);
  options = quick(3);
  options.coarse = 1.5;
  REQUIRE_THROWS_WITH(ShapeFit(dataset, options), ContainsSubstring("coarse is not a part from 0 to 1"));
  options = quick(3);
  options.rate = 0;
  REQUIRE_THROWS_AS(ShapeFit(dataset, options), ag::ValueError);
  Dataset empty = dataset;
  for (View& view : empty.views) std::ranges::fill(view.image.rgba, static_cast<unsigned char>(0));
  REQUIRE_THROWS_WITH(ShapeFit(empty, quick(3)), ContainsSubstring("anything in their masks"));
  SECTION("a mesh to start from that no camera sees, or that does not fit together") {
    options = quick(3);
    options.init = cube(2);
    std::vector<double> far = options.init->positions.to_vector<double>();
    for (double& number : far) number += 1e6;
    options.init->positions = ag::Array::from(far, options.init->positions.shape());
    REQUIRE_THROWS_WITH(ShapeFit(dataset, options), ContainsSubstring("no training view shows the mesh to start from"));
    options.init = cube(2);
    options.init->triangles = ag::Array::of({0, 1, 999}).reshape({1, 3});
    REQUIRE_THROWS_AS(ShapeFit(dataset, options), ag::IndexError);
  }
}
