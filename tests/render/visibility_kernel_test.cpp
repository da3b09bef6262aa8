#include <render/raster/kernel_variants.h>
#include <render/raster/kernels.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>

#include "tests/catch.h"
#include "tests/render/kernel_scenes.h"

using namespace kernel_scenes;
using render::kernels::visibility;

namespace {

using Ids = std::vector<int32_t>;

struct Fixed {
  int64_t x, y;
};

Fixed fixed_point(const Clip& clip, size_t vertex, Viewport viewport) {
  const double x = clip.x[vertex], y = clip.y[vertex], w = clip.w[vertex];
  return {std::llrint((x / w + 1) * viewport.width * 128), std::llrint((1 - y / w) * viewport.height * 128)};
}

// The top-left rule in another guise: a centre is inside where it would be after a move by an infinitesimal amount to
// the right, and a still smaller one down.
bool inside_edge(Fixed a, Fixed b, Fixed p, bool clockwise) {
  const int64_t sign = clockwise ? 1 : -1;
  const int64_t e = sign * ((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x));
  const int64_t right = -sign * (b.y - a.y), down = sign * (b.x - a.x);
  return e != 0 ? e > 0 : right != 0 ? right > 0 : down > 0;
}

// 1 / w of a triangle in front of the camera at a pixel centre that it covers.
std::optional<double> covering_nearness(const Clip& clip, const int32_t* corners, int column, int row,
                                        Viewport viewport) {
  const auto va = static_cast<size_t>(corners[0]), vb = static_cast<size_t>(corners[1]),
             vc = static_cast<size_t>(corners[2]);
  const Fixed a = fixed_point(clip, va, viewport), b = fixed_point(clip, vb, viewport),
              c = fixed_point(clip, vc, viewport), p{256 * column + 128, 256 * row + 128};
  const int64_t area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  if (area == 0) return {};
  const bool clockwise = area > 0;
  if (!inside_edge(a, b, p, clockwise) || !inside_edge(b, c, p, clockwise) || !inside_edge(c, a, p, clockwise))
    return {};
  const auto weight = [&](Fixed from, Fixed to) {
    return static_cast<double>((to.x - from.x) * (p.y - from.y) - (to.y - from.y) * (p.x - from.x)) /
           static_cast<double>(area);
  };
  return weight(b, c) / double{clip.w[va]} + weight(c, a) / double{clip.w[vb]} + weight(a, b) / double{clip.w[vc]};
}

// Checks each pixel against all triangles, all of them in front of the camera.
void check_against_all_triangles(const Clip& clip, const Ids& triangles, Viewport viewport) {
  const Ids ids = draw(clip, triangles, viewport);
  int wrong = 0;
  for (int row = 0; row < viewport.height; ++row)
    for (int column = 0; column < viewport.width; ++column) {
      double nearest = 0, chosen = 0;
      const int32_t id = ids[static_cast<size_t>(row * viewport.width + column)];
      for (size_t i = 0; i < triangles.size(); i += 3)
        if (const auto nearness = covering_nearness(clip, &triangles[i], column, row, viewport)) {
          nearest = std::max(nearest, *nearness);
          if (static_cast<int32_t>(i / 3) == id) chosen = *nearness;
        }
      wrong += (nearest > 0) != (id >= 0) || chosen < nearest * (1 - 1e-6);
    }
  CHECK(wrong == 0);
}

Ids in_turn(size_t triangles) {
  Ids list(3 * triangles);
  std::iota(list.begin(), list.end(), 0);
  return list;
}

// How often each pixel is covered when the triangles are drawn one by one.
std::vector<int> cover_counts(const Clip& clip, const Ids& triangles, Viewport viewport) {
  std::vector<int> counts(static_cast<size_t>(viewport.width * viewport.height));
  for (size_t i = 0; i < triangles.size(); i += 3) {
    const Ids one(triangles.begin() + static_cast<std::ptrdiff_t>(i),
                  triangles.begin() + static_cast<std::ptrdiff_t>(i) + 3);
    const Ids ids = draw(clip, one, viewport);
    for (size_t pixel = 0; pixel < ids.size(); ++pixel) counts[pixel] += ids[pixel] == 0;
  }
  return counts;
}

// Two triangles for each cell of a grid of `cells` x `cells`; the winding alternates.
Ids grid_triangles(int32_t cells) {
  Ids triangles;
  for (int32_t row = 0; row < cells; ++row)
    for (int32_t column = 0; column < cells; ++column) {
      const int32_t a = row * (cells + 1) + column, b = a + 1, c = a + cells + 1, d = c + 1;
      const Ids cell = (row + column) % 2 == 0 ? Ids{a, b, c, b, d, c} : Ids{a, d, b, a, d, c};
      triangles.insert(triangles.end(), cell.begin(), cell.end());
    }
  return triangles;
}

Clip random_soup(Random& random, int triangles, Viewport viewport, double size) {
  Clip clip;
  for (int i = 0; i < triangles; ++i) {
    const double column = random.between(-5, viewport.width + 5), row = random.between(-5, viewport.height + 5);
    for (int corner = 0; corner < 3; ++corner)
      add_pixel(clip, viewport, column + random.between(-size, size), row + random.between(-size, size),
                random.between(.5, 5));
  }
  return clip;
}

// Positions of all kinds: some in front, some behind the camera, some before the near or beyond the far plane.
Clip random_homogeneous(Random& random, int vertices) {
  Clip clip;
  for (int i = 0; i < vertices; ++i) {
    const double w = random.between(-2, 4);
    clip.add(random.between(-3, 3), random.between(-3, 3), w + random.between(-2, .5), w);
  }
  return clip;
}

}  // namespace

TEST_CASE("visibility: row 0 is on top, x grows to the right, centres are at half-integers") {
  const Viewport viewport{4, 3};
  Clip clip;
  add_pixel(clip, viewport, .4, .4, 2);  // covers the centres of columns 0 and 1 of row 0, and column 0 of row 1
  add_pixel(clip, viewport, 2.4, .4, 2);
  add_pixel(clip, viewport, .4, 2.4, 2);
  CHECK(draw(clip, {0, 1, 2}, viewport) == Ids{0, 0, -1, -1, 0, -1, -1, -1, -1, -1, -1, -1});
  CHECK(draw(clip, {0, 2, 1}, viewport) == Ids{0, 0, -1, -1, 0, -1, -1, -1, -1, -1, -1, -1});
  Clip corners;
  for (const auto& [x, y] : {std::pair{-1., 1.}, std::pair{.2, 1.}, std::pair{-1., -.2}}) corners.add(x, y, 0, 1);
  CHECK(draw(corners, {0, 1, 2}, {2, 2}) == Ids{0, -1, -1, -1});
}

TEST_CASE("visibility: the nearest triangle that covers the centre, by comparison with all triangles") {
  const double size = GENERATE(.7, 4., 30., 400., 4000.);
  Random random(static_cast<uint64_t>(size * 10));
  const Viewport viewport{61, 47};
  const Clip clip = random_soup(random, size < 100 ? 300 : 20, viewport, size);
  check_against_all_triangles(clip, in_turn(clip.x.size() / 3), viewport);
}

TEST_CASE("visibility: corners and edges exactly on pixel centres") {
  Random random(5);
  const Viewport viewport{16, 16};
  Clip clip;
  for (int i = 0; i < 600; ++i)
    add_pixel(clip, viewport, .5 * random.below(32), .5 * random.below(32), 1 << random.below(3));
  check_against_all_triangles(clip, in_turn(200), viewport);
}

TEST_CASE("visibility: slivers, and triangles without area") {
  Random random(6);
  const Viewport viewport{64, 64};
  Clip clip;
  for (int i = 0; i < 100; ++i) {
    const double x0 = random.between(0, 64), y0 = random.between(0, 64), x1 = random.between(0, 64),
                 y1 = random.between(0, 64), t = random.between(-1, 2), off = i % 3 == 0 ? 0 : random.between(0, .01);
    add_pixel(clip, viewport, x0, y0, random.between(1, 2));
    add_pixel(clip, viewport, x1, y1, random.between(1, 2));
    add_pixel(clip, viewport, x0 + t * (x1 - x0) + off, y0 + t * (y1 - y0), random.between(1, 2));
  }
  check_against_all_triangles(clip, in_turn(100), viewport);
  CHECK(draw(clip, {0, 0, 1, 2, 1, 1}, viewport) == Ids(64 * 64, -1));
}

TEST_CASE("visibility: a tessellated square covers each centre once, at any angle and winding") {
  const int32_t cells = 12;
  const int step = GENERATE(range(0, 24));
  const double angle = step * std::numbers::pi / 24, pitch = step % 2 == 0 ? 2 : 2.37;
  const Viewport viewport{40, 40};
  Clip clip;
  for (int32_t i = 0; i <= cells; ++i)
    for (int32_t j = 0; j <= cells; ++j) {
      const double x = (j - cells / 2) * pitch, y = (i - cells / 2) * pitch;
      add_pixel(clip, viewport, 20.5 + std::cos(angle) * x - std::sin(angle) * y,
                20.5 + std::sin(angle) * x + std::cos(angle) * y, 3);
    }
  const std::vector<int> counts = cover_counts(clip, grid_triangles(cells), viewport);
  CHECK(*std::max_element(counts.begin(), counts.end()) == 1);
  int missing = 0;
  for (int row = 0; row < 40; ++row)
    for (int column = 0; column < 40; ++column) {
      const double dx = column - 20, dy = row - 20, half = pitch * cells / 2;
      const double x = std::cos(angle) * dx + std::sin(angle) * dy, y = std::cos(angle) * dy - std::sin(angle) * dx;
      if (std::max(std::abs(x), std::abs(y)) < half - .01)
        missing += counts[static_cast<size_t>(row * 40 + column)] != 1;
    }
  CHECK(missing == 0);
}

TEST_CASE("visibility: the order of the triangles does not matter") {
  Random random(8);
  const Viewport viewport{50, 50};
  const Clip clip = random_soup(random, 200, viewport, 20);
  std::vector<int32_t> order(200);
  std::iota(order.begin(), order.end(), 0);
  for (int32_t i = 199; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
  Ids shuffled;
  for (const int32_t i : order) shuffled.insert(shuffled.end(), {3 * i, 3 * i + 1, 3 * i + 2});
  Ids ids = draw(clip, shuffled, viewport);
  for (int32_t& id : ids) id = id < 0 ? id : order[static_cast<size_t>(id)];
  CHECK(ids == draw(clip, in_turn(200), viewport));
}

TEST_CASE("visibility: at equal depth the smaller id wins, whatever the corner it starts from") {
  const Viewport viewport{50, 50};
  Clip clip;
  add_pixel(clip, viewport, 3.3, 40.1, 1.37);
  add_pixel(clip, viewport, 47.9, 33.7, 3.11);
  add_pixel(clip, viewport, 20.2, 1.9, 2.53);
  const Ids once = draw(clip, {0, 1, 2}, viewport);
  CHECK(std::count(once.begin(), once.end(), 0) > 100);
  CHECK(draw(clip, {0, 1, 2, 0, 1, 2}, viewport) == once);
  CHECK(draw(clip, {1, 2, 0, 0, 1, 2}, viewport) == once);
  CHECK(draw(clip, {2, 1, 0, 0, 1, 2, 0, 2, 1}, viewport) == once);
}

TEST_CASE("visibility: only what lies between the near and the far plane is seen") {
  const Viewport viewport{4, 4};
  const double z = GENERATE(-3., -2.1, -1.9, 0., 1.9, 2.1, 3.);
  Clip clip;
  for (const auto& [x, y] : {std::pair{-9., -9.}, std::pair{9., -9.}, std::pair{0., 20.}}) clip.add(x, y, z, 2);
  CHECK(draw(clip, {0, 1, 2}, viewport) == Ids(16, std::abs(z) < 2 ? 0 : -1));
}

TEST_CASE("visibility: triangles that cross the near or far plane, by comparison in homogeneous coordinates") {
  const int seed = GENERATE(range(0, 60));
  Random random(static_cast<uint64_t>(seed) + 100);
  const Viewport viewport{32, 32};
  const Clip clip = random_homogeneous(random, 3);
  const Ids ids = draw(clip, {0, 1, 2}, viewport);
  int wrong = 0, seen = 0;
  for (int row = 0; row < 32; ++row)
    for (int column = 0; column < 32; ++column) {
      // The ray x = px w, y = py w meets the plane of the triangle at weights lambda, which scale to w = 1.
      const double px = (column + .5) / 16 - 1, py = 1 - (row + .5) / 16;
      double lambda[3], total = 0, z = 0, w = 0, margin = 1e9;
      for (size_t i = 0; i < 3; ++i) {
        const size_t b = (i + 1) % 3, c = (i + 2) % 3;
        const double bx = double{clip.x[b]} - px * double{clip.w[b]}, by = double{clip.y[b]} - py * double{clip.w[b]};
        const double cx = double{clip.x[c]} - px * double{clip.w[c]}, cy = double{clip.y[c]} - py * double{clip.w[c]};
        lambda[i] = bx * cy - by * cx;
        total += lambda[i];
      }
      for (size_t i = 0; i < 3; ++i) {
        lambda[i] /= total;
        z += lambda[i] * double{clip.z[i]}, w += lambda[i] * double{clip.w[i]};
        margin = std::min(margin, std::abs(lambda[i]));
      }
      margin = std::min({margin, std::abs(w - z), std::abs(w + z), std::abs(w)});
      if (!(margin > .02)) continue;  // too close to call: corners are rounded to 1/256 pixel
      const bool visible = lambda[0] > 0 && lambda[1] > 0 && lambda[2] > 0 && w > 0 && z > -w && z < w;
      wrong += visible != (ids[static_cast<size_t>(row * 32 + column)] == 0);
      seen += visible;
    }
  INFO("seed " << seed << ", pixels seen " << seen);
  CHECK(wrong == 0);
}

TEST_CASE("visibility: a floor that runs under the camera and beyond the guard band has no holes") {
  const double extent = GENERATE(3., 40., 4e4, 1e8);
  const double unevenness = GENERATE(0., .08);  // even: lines run through the centres of the middle column
  Random random(11);
  const int32_t cells = 8;
  const Viewport viewport{49, 49};
  Mesh floor;
  for (int32_t i = 0; i <= cells; ++i)
    for (int32_t j = 0; j <= cells; ++j) {
      const auto coordinate = [&](int32_t k) {
        return extent * (2. * k / cells - 1 + (k == 0 || k == cells ? 0 : random.between(-unevenness, unevenness)));
      };
      floor.positions.push_back({coordinate(j), -.3, coordinate(i)});
    }
  floor.triangles = grid_triangles(cells);
  const Clip clip = project(floor, 1);
  const std::vector<int> counts = cover_counts(clip, floor.triangles, viewport);
  CHECK(*std::max_element(counts.begin(), counts.end()) == 1);
  int missing = 0;
  for (int row = 0; row < 49; ++row)
    for (int column = 0; column < 49; ++column) {
      const double down = (row + .5) / 24.5 - 1, depth = .3 / down, sideways = (column + .5) / 24.5 - 1;
      const bool on_floor =
          down > 0 && depth > .101 && depth < .99 * std::min(extent, 100.) && std::abs(sideways * depth) < .99 * extent;
      missing += on_floor && counts[static_cast<size_t>(row * 49 + column)] != 1;
    }
  CHECK(missing == 0);
}

TEST_CASE("visibility: a corner that is rounded onto a pixel centre, among triangles of all kinds") {
  Random random(14);
  const Viewport viewport{48, 48};
  int wrong = 0;
  for (int round = 0; round < 300; ++round) {
    const double column = 20.5 + random.between(-.0019, .0019), row = 37.5 + random.between(-.0019, .0019);
    const double depth = .3 / (row / 24 - 1);
    Mesh fan{{{(column / 24 - 1) * depth, -.3, -depth}}, {}};  // on a floor, with some outer corners behind the camera
    const int32_t around = 7;
    for (int32_t i = 0; i < around; ++i) {
      const double angle = 2 * std::numbers::pi * (i + random.between(0, .9)) / around;
      fan.positions.push_back({2 * std::cos(angle), -.3, -depth + 2 * std::sin(angle)});
      fan.triangles.insert(fan.triangles.end(), {0, 1 + i, 1 + (i + 1) % around});
    }
    wrong += cover_counts(project(fan, 1), fan.triangles, viewport)[37 * 48 + 20] != 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("visibility: a centre on an edge between corners in front, shared by triangles of both kinds") {
  Random random(15);
  const Viewport viewport{48, 48};
  int wrong = 0;
  for (int round = 0; round < 300; ++round) {
    const double dx = random.between(-3, 3), dy = random.between(-3, 3);
    const double x = std::round(dx * 256) / 256, y = std::round(dy * 256) / 256, side = round % 2 == 0 ? 1 : -1;
    Clip clip;
    add_pixel(clip, viewport, 20.5 + x, 20.5 + y, random.between(.5, 5));
    add_pixel(clip, viewport, 20.5 - 3 * x, 20.5 - 3 * y, random.between(.5, 5));
    // Seen from behind a vertex is on the other side of the image: both project to one side, and lie on two.
    add_pixel(clip, viewport, 20.5 - 3 * side * dy, 20.5 + 3 * side * dx, random.between(.5, 5));
    add_pixel(clip, viewport, 20.5 - 5 * side * dy, 20.5 + 5 * side * dx, random.between(-5, -.5));
    wrong += cover_counts(clip, {0, 1, 2, 0, 1, 3}, viewport)[20 * 48 + 20] != 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("visibility: depths compare across the near plane path and the snapped path") {
  const Viewport viewport{16, 16};
  Clip clip;
  for (const auto& [x, z] :
       {std::pair{-50., -2.}, std::pair{50., -2.}, std::pair{0., 4.}})  // a floor: one corner behind
    clip.add(x, -.5, z == 4. ? -6 : 1.8, -z);
  const bool nearer = GENERATE(true, false);
  const double depth = nearer ? .55 : 1.7;  // of a wall; the floor at row 14.5 is .6 deep
  for (const auto& [x, y] : {std::pair{-9., -9.}, std::pair{9., -9.}, std::pair{0., 20.}})
    clip.add(x * depth, y * depth, 0, depth);
  const Ids ids = draw(clip, {0, 1, 2, 3, 4, 5}, viewport);
  CHECK(ids[14 * 16 + 8] == (nearer ? 1 : 0));
  CHECK(ids[2 * 16 + 8] == 1);
}

TEST_CASE("visibility: numbers that are not finite drop their triangles only; huge ones are drawn") {
  const Viewport viewport{16, 16};
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity());
  const int member = GENERATE(range(0, 4));
  Clip clip;
  for (const double size : {30., 1e30}) {
    clip.add(-size, -size, 0, 1);
    clip.add(size, -size, 0, 1);
    clip.add(0, size, 0, 1);
  }
  const Ids covered = draw(clip, {0, 1, 2}, viewport);
  CHECK(std::count(covered.begin(), covered.end(), 0) == 256);
  CHECK(draw(clip, {3, 4, 5}, viewport) == covered);
  (member == 0 ? clip.x : member == 1 ? clip.y : member == 2 ? clip.z : clip.w)[4] = bad;
  CHECK(draw(clip, {3, 4, 5}, viewport) == Ids(256, -1));
  Ids expected = covered;
  for (int32_t& id : expected) id += id == 0;
  CHECK(draw(clip, {3, 4, 5, 0, 1, 2}, viewport) == expected);
}

TEST_CASE("visibility: any bits whatever are no danger") {
  Random random(12);
  for (int round = 0; round < 200; ++round) {
    Clip clip;
    for (int i = 0; i < 12; ++i) {
      const auto any = [&] { return std::ldexp(random.between(-1, 1), random.below(260) - 130); };
      clip.add(any(), any(), any(), any());
    }
    for (const int32_t id : draw(clip, in_turn(4), {7, 5})) REQUIRE((id >= -1 && id < 4));
  }
}

TEST_CASE("visibility: a parallel projection compares z") {
  const Viewport viewport{4, 4};
  const double size = GENERATE(1., 1e9);  // within the guard band, and beyond
  Clip clip;
  for (const double z : {.5, -.25, .75})
    for (const auto& [x, y] : {std::pair{-9., -9.}, std::pair{9., -9.}, std::pair{0., 20.}})
      clip.add(size * x, size * y, z, 1);
  CHECK(draw(clip, in_turn(3), viewport) == Ids(16, 1));
  CHECK(draw(clip, {0, 1, 2, 6, 7, 8}, viewport) == Ids(16, 0));
}

TEST_CASE("visibility: nothing to draw leaves every pixel empty") {
  CHECK(draw({}, {}, {3, 2}) == Ids(6, -1));
  CHECK(draw(project(placed(sphere(1), 0, 0, 1, {0, 0, 5})), sphere(1).triangles, {8, 8}) == Ids(64, -1));
  CHECK(draw(project(placed(sphere(1), 0, 0, 1, {50, 0, -5})), sphere(1).triangles, {8, 8}) == Ids(64, -1));
}

TEST_CASE("visibility: culling drops the faces that turn their back, or their front, at any size") {
  const double size = GENERATE(3., 30., 900.);
  Random random(16);
  const Viewport viewport{80, 70};
  const Clip clip = random_soup(random, 40, viewport, size);
  Ids fronts, backs;  // by the sign of the area, y up
  for (int32_t i = 0; i < 40; ++i) {
    const auto at = [&](int32_t corner) { return fixed_point(clip, static_cast<size_t>(3 * i + corner), viewport); };
    const Fixed a = at(0), b = at(1), c = at(2);
    const bool clockwise = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) > 0;  // y down
    Ids& list = clockwise ? backs : fronts;
    list.insert(list.end(), {3 * i, 3 * i + 1, 3 * i + 2});
  }
  REQUIRE(fronts.size() > 20);
  REQUIRE(backs.size() > 20);
  const auto same_corners = [&](const Ids& ids, const Ids& list, const Ids& all) {
    int wrong = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      const int32_t expected = all[i] < 0 ? -1 : list[static_cast<size_t>(3 * all[i])] / 3;
      wrong += ids[i] != expected;
    }
    return wrong == 0;
  };
  CHECK(same_corners(draw(clip, in_turn(40), viewport, render::Cull::back), fronts, draw(clip, fronts, viewport)));
  CHECK(same_corners(draw(clip, in_turn(40), viewport, render::Cull::front), backs, draw(clip, backs, viewport)));
  // Across the near plane too: a floor seen from above, whose corners lie behind the camera.
  Clip floor;
  for (const auto& [x, z] : {std::pair{-50., -2.}, std::pair{50., -2.}, std::pair{0., 4.}})
    floor.add(x, -.5, z == 4. ? -6 : 1.8, -z);
  const bool seen_in_order = draw(floor, {0, 1, 2}, viewport, render::Cull::back) != Ids(80 * 70, -1);
  CHECK(draw(floor, seen_in_order ? Ids{0, 1, 2} : Ids{0, 2, 1}, viewport, render::Cull::back) ==
        draw(floor, {0, 1, 2}, viewport));
  CHECK(draw(floor, seen_in_order ? Ids{0, 2, 1} : Ids{0, 1, 2}, viewport, render::Cull::back) == Ids(80 * 70, -1));
}

TEST_CASE("visibility: a picture of many bins, with triangles across their borders") {
  Random random(17);
  const Viewport viewport{150, 137};
  const double size = GENERATE(2., 4., 60., 500.);
  const Clip clip = random_soup(random, 60, viewport, size);
  check_against_all_triangles(clip, in_turn(60), viewport);
}

TEST_CASE("visibility: of triangles of all sizes in a few planes the nearest is seen, then the smaller id") {
  Random random(14);
  const Viewport viewport{100, 90};
  constexpr int32_t count = 600;  // a triangle for less than 16 pixels: tiny ones are drawn when they are sorted
  Clip clip;
  std::vector<double> depth;
  for (int32_t i = 0; i < count; ++i) {
    const double sizes[] = {2, 3, 30, 200}, size = sizes[i / 16 % 4];  // tiny ones come in numbers
    depth.push_back(random.below(3) - 1);
    const double column = random.between(-5, viewport.width + 5), row = random.between(-5, viewport.height + 5);
    for (int corner = 0; corner < 3; ++corner) {
      add_pixel(clip, viewport, column + random.between(-size, size), row + random.between(-size, size), 1);
      clip.z.back() = static_cast<float>(depth.back() / 2);
    }
  }
  const Ids triangles = in_turn(count), ids = draw(clip, triangles, viewport);
  int wrong = 0;
  for (int row = 0; row < viewport.height; ++row)
    for (int column = 0; column < viewport.width; ++column) {
      int32_t nearest = -1;
      for (int32_t i = 0; i < count; ++i)
        if ((nearest < 0 || depth[static_cast<size_t>(i)] < depth[static_cast<size_t>(nearest)]) &&
            covering_nearness(clip, &triangles[3 * static_cast<size_t>(i)], column, row, viewport))
          nearest = i;
      wrong += ids[static_cast<size_t>(row * viewport.width + column)] != nearest;
    }
  CHECK(wrong == 0);
}

TEST_CASE("visibility: all instruction sets give the same bits") {
  render::kernels::Workspace sorted, drawn;
  using render::kernels::Scene;
  const auto check = [&](const Clip& clip, const Ids& triangles, Viewport viewport) {
    const Scene scene{clip, triangles, viewport};
    Ids expected(static_cast<size_t>(viewport.width * viewport.height));
    const auto all_bins = [&](auto&& sort, auto&& draw_one, Ids& ids) {
      sort(scene, sorted);
      for (size_t bin = 0; bin < render::kernels::bin_count(viewport); ++bin) draw_one(sorted, bin, ids, drawn);
    };
    all_bins(render::kernels::baseline::sort_into_bins, render::kernels::baseline::draw_bin, expected);
    CHECK(draw(clip, triangles, viewport) == expected);
    [[maybe_unused]] Ids ids(expected.size());
#ifdef BACKLIGHT_HAS_V3
    if (std::string(render::kernels::chosen_variant()) != "baseline") {
      all_bins(render::kernels::v3::sort_into_bins, render::kernels::v3::draw_bin, ids);
      CHECK(ids == expected);
    }
#endif
  };
  Random random(13);
  for (const int levels : {4, 5}) {
    const Mesh ball = placed(sphere(levels), .3, .2, 1, {.1, 0, -3});
    check(project(ball), ball.triangles, {256, 200});
  }
  for (const double size : {2., 4., 50., 1000.})
    check(random_soup(random, 1200, {128, 128}, size), in_turn(1200), {128, 128});
  check(random_homogeneous(random, 300), in_turn(100), {128, 128});
}
