#include <cmath>
#include <numbers>
#include <utility>

#include "tests/autograd/support.h"
#include "tests/catch.h"
#include "tests/render/kernel_scenes.h"

// Of triangles that share edges, exactly one takes each pixel centre.

using namespace kernel_scenes;

namespace {

/// A plane cut into jittered cells of two triangles at one depth, at any angle, that covers the whole square picture.
struct Plane {
  Clip clip;
  std::vector<int32_t> triangles;
  int64_t shared_edges = 0;  // that have their middle in the picture
};

/// grid  what pixel coordinates are rounded to, so that edges and corners meet pixel centres; 0: not rounded
Plane random_plane(kernel_scenes::Random& random, Viewport viewport, double pitch, double grid) {
  const double angle = random.between(0, 2 * std::numbers::pi), depth = random.between(0.5, 20);
  const double middle = 0.5 * viewport.width, reach = viewport.width / std::numbers::sqrt2 + 2 * pitch;
  const auto cells = static_cast<int32_t>(2 * reach / pitch) + 1;
  Plane plane;
  std::vector<std::pair<double, double>> places;
  for (int32_t i = 0; i <= cells; ++i)
    for (int32_t j = 0; j <= cells; ++j) {
      const double x = (j + random.between(-.22, .22)) * pitch - reach,
                   y = (i + random.between(-.22, .22)) * pitch - reach;
      double column = middle + std::cos(angle) * x - std::sin(angle) * y;
      double row = middle + std::sin(angle) * x + std::cos(angle) * y;
      if (grid > 0) column = std::round(column / grid) * grid, row = std::round(row / grid) * grid;
      places.emplace_back(column, row);
      add_pixel(plane.clip, viewport, column, row, depth);
    }
  const auto in_picture = [&](double x, double y, double margin) {
    return std::abs(x - middle) < middle + margin && std::abs(y - middle) < middle + margin;
  };
  const auto add_edge = [&](int32_t a, int32_t b) {
    const auto [ax, ay] = places[static_cast<size_t>(a)];
    const auto [bx, by] = places[static_cast<size_t>(b)];
    plane.shared_edges += in_picture((ax + bx) / 2, (ay + by) / 2, 0);
  };
  const auto add_triangle = [&](int32_t a, int32_t b, int32_t c) {
    const int32_t corners[5] = {a, b, c, a, b}, first = random.below(3);
    plane.triangles.insert(plane.triangles.end(), {corners[first], corners[first + 1], corners[first + 2]});
    if (random.below(2) == 0) std::swap(plane.triangles.back(), plane.triangles[plane.triangles.size() - 2]);
  };
  for (int32_t row = 0; row < cells; ++row)
    for (int32_t column = 0; column < cells; ++column) {
      const int32_t a = row * (cells + 1) + column, b = a + 1, c = a + cells + 1, d = c + 1;
      if (const auto [x, y] = places[static_cast<size_t>(a)]; !in_picture(x, y, 4 * pitch)) continue;
      const bool falling = random.below(2) == 0;
      add_triangle(a, b, falling ? d : c);
      add_triangle(falling ? a : b, c, d);
      add_edge(a, b), add_edge(a, c);
      falling ? add_edge(a, d) : add_edge(b, c);
    }
  return plane;
}

/// At one depth the smaller id wins, so a centre that two triangles take goes to another one when the order is turned
/// round.
int centres_not_taken_once(const Plane& plane, Viewport viewport) {
  const auto faces = static_cast<int32_t>(plane.triangles.size() / 3);
  std::vector<int32_t> turned;
  for (auto face = plane.triangles.end(); face != plane.triangles.begin(); face -= 3)
    turned.insert(turned.end(), face - 3, face);
  const std::vector<int32_t> ids = draw(plane.clip, plane.triangles, viewport),
                             other = draw(plane.clip, turned, viewport);
  int wrong = 0;
  for (size_t i = 0; i < ids.size(); ++i) wrong += ids[i] < 0 || other[i] != faces - 1 - ids[i];
  return wrong;
}

}  // namespace

TEST_CASE("visibility: a million random shared edges leave no centre open and none taken twice") {
  kernel_scenes::Random random(21);
  int64_t edges = 0;
  int wrong = 0;
  const auto check = [&](int rounds, Viewport viewport, double pitch, double grid) {
    for (int round = 0; round < rounds; ++round) {
      const Plane plane = random_plane(random, viewport, pitch, grid);
      edges += plane.shared_edges;
      wrong += centres_not_taken_once(plane, viewport);
    }
  };
  check(sanitized() ? 3 : 30, {64, 64}, 0.7, 0);
  check(sanitized() ? 5 : 50, {64, 64}, 1.6, 0);
  check(60, {64, 64}, 5, 0.5);    // corners on pixel centres
  check(60, {64, 64}, 3, 0.125);  // edges through them
  check(30, {64, 64}, 20, 0.5);
  check(6, {256, 256}, 90, 0.5);  // triangles larger than a bin
  CHECK(wrong == 0);
  CHECK(edges > (sanitized() ? 200'000 : 1'000'000));
}
