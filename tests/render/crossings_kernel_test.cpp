#include <render/raster/kernel_variants.h>
#include <render/raster/kernels.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <tuple>

#include "tests/catch.h"
#include "tests/render/kernel_scenes.h"

using namespace kernel_scenes;
using render::kernels::Crossing;

namespace render::kernels {

bool operator==(const Crossing& a, const Crossing& b) {
  return std::tie(a.a, a.b, a.inner, a.outer, a.axis) == std::tie(b.a, b.b, b.inner, b.outer, b.axis);
}

std::ostream& operator<<(std::ostream& out, const Crossing& c) {
  return out << "edge " << c.a << '-' << c.b << " inner " << c.inner << " outer " << c.outer << " axis " << c.axis;
}

}  // namespace render::kernels

namespace {

std::vector<Crossing> find(const Clip& clip, const std::vector<int32_t>& triangles, const Topology& topology,
                           Viewport viewport) {
  std::vector<Crossing> found;
  render::kernels::crossings(clip, triangles, topology, viewport, draw(clip, triangles, viewport), found);
  return found;
}

// ---------------------------------------------------------------------------------------------------------------------
// The rules as they are written, for meshes in front of the camera: every pair of pixels against every edge.

struct Fixed {
  int64_t x, y;
};

struct Possible {
  int32_t edge, inner, outer, axis;
  double outward, depth;
};

class Reference {
 public:
  Reference(const Clip& clip, const std::vector<int32_t>& triangles, const Topology& topology, Viewport viewport)
      : clip_(clip),
        triangles_(triangles),
        topology_(topology),
        viewport_(viewport),
        ids_(draw(clip, triangles, viewport)) {
    for (size_t i = 0; i < clip.x.size(); ++i) {
      const double x = clip.x[i], y = clip.y[i], w = clip.w[i];
      fixed_.push_back(
          {std::llrint((x / w + 1) * viewport.width * 128), std::llrint((1 - y / w) * viewport.height * 128)});
    }
    for (int32_t edge = 0; edge < static_cast<int32_t>(topology.edges.size() / 2); ++edge)
      sides_.push_back(side(static_cast<size_t>(edge)));
    for (const int32_t axis : {0, 1})
      for (int32_t row = 0; row + axis < viewport.height; ++row)
        for (int32_t column = 0; column + 1 - axis < viewport.width; ++column) add_winner(axis, row, column);
    std::sort(winners_.begin(), winners_.end(), [](const Crossing& a, const Crossing& b) {
      return std::tie(a.axis, a.inner, a.outer) < std::tie(b.axis, b.inner, b.outer);
    });
  }

  const std::vector<Crossing>& winners() const { return winners_; }
  int contested = 0;           // candidates beyond a pair's first
  int of_other_component = 0;  // refused for their component alone

 private:
  Fixed at(int32_t vertex) const { return fixed_[static_cast<size_t>(vertex)]; }

  static int64_t determinant(Fixed a, Fixed b, Fixed c) {
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  }

  int64_t side(size_t edge) const {
    bool positive = false, negative = false;
    for (int32_t i = topology_.wing_start[edge]; i < topology_.wing_start[edge + 1]; ++i) {
      const int64_t wing = determinant(at(topology_.edges[2 * edge]), at(topology_.edges[2 * edge + 1]),
                                       at(topology_.wings[static_cast<size_t>(i)]));
      positive |= wing > 0, negative |= wing < 0;
    }
    return positive == negative ? 0 : positive ? 1 : -1;
  }

  double depth_at(int32_t pixel) const {
    const int32_t id = ids_[static_cast<size_t>(pixel)];
    if (id < 0) return std::numeric_limits<double>::infinity();
    const int32_t* v = &triangles_[3 * static_cast<size_t>(id)];
    const Fixed a = at(v[0]), b = at(v[1]), c = at(v[2]);
    const Fixed p{256 * (pixel % viewport_.width) + 128, 256 * (pixel / viewport_.width) + 128};
    const auto inverse = [&](int32_t vertex) { return 1 / double{clip_.w[static_cast<size_t>(vertex)]}; };
    return static_cast<double>(determinant(a, b, c)) / (static_cast<double>(determinant(b, c, p)) * inverse(v[0]) +
                                                        static_cast<double>(determinant(c, a, p)) * inverse(v[1]) +
                                                        static_cast<double>(determinant(a, b, p)) * inverse(v[2]));
  }

  // Rules (c) and (d) for one edge and the pair of `first` with the pixel to the right (axis 0) or below (axis 1).
  std::optional<Possible> candidate(int32_t edge, int32_t axis, int32_t row, int32_t column) {
    const auto index = static_cast<size_t>(edge);
    if (sides_[index] == 0) return {};
    const int32_t va = topology_.edges[2 * index], vb = topology_.edges[2 * index + 1];
    Fixed a = at(va), b = at(vb), p{256 * column + 128, 256 * row + 128};
    const bool steep = std::abs(b.y - a.y) >= std::abs(b.x - a.x);
    if (steep != (axis == 0)) return {};
    const Fixed further = axis == 0 ? Fixed{p.x + 256, p.y} : Fixed{p.x, p.y + 256};
    if (axis == 0 ? p.y < std::min(a.y, b.y) || p.y >= std::max(a.y, b.y)
                  : p.x < std::min(a.x, b.x) || p.x >= std::max(a.x, b.x))
      return {};
    // Signs of the two centres against the edge; a centre on it counts as lying beyond, where the second one is.
    const int64_t at_first = determinant(a, b, p), at_second = determinant(a, b, further);
    const int64_t growth = at_second - at_first;
    const bool between = growth > 0 ? at_first < 0 && at_second >= 0 : at_first > 0 && at_second <= 0;
    if (!between) return {};
    const double fraction = static_cast<double>(at_first) / static_cast<double>(at_first - at_second);
    const bool inner_is_second = (growth > 0) == (sides_[index] > 0);
    const double t = axis == 0 ? static_cast<double>(p.y - a.y) / static_cast<double>(b.y - a.y)
                               : static_cast<double>(p.x - a.x) / static_cast<double>(b.x - a.x);
    const double depth =
        1 / ((1 - t) / double{clip_.w[static_cast<size_t>(va)]} + t / double{clip_.w[static_cast<size_t>(vb)]});
    const int32_t first = row * viewport_.width + column, second = first + (axis == 0 ? 1 : viewport_.width);
    const Possible possible{edge, inner_is_second ? second : first,          inner_is_second ? first : second,
                            axis, inner_is_second ? 1 - fraction : fraction, depth};
    return acceptable(possible) ? std::optional(possible) : std::nullopt;
  }

  bool acceptable(const Possible& possible) {
    const int32_t inner = ids_[static_cast<size_t>(possible.inner)];
    if (inner < 0) return false;
    const double z_in = depth_at(possible.inner), z_out = depth_at(possible.outer);
    if (!(possible.depth < z_out) || std::abs(possible.depth - z_in) > std::abs(z_out - possible.depth)) return false;
    const bool same = topology_.face_component[static_cast<size_t>(inner)] ==
                      topology_.edge_component[static_cast<size_t>(possible.edge)];
    of_other_component += !same;
    return same || topology_.components == 1;
  }

  void add_winner(int32_t axis, int32_t row, int32_t column) {
    std::optional<Possible> best[2];  // by which pixel of the pair is inner
    for (int32_t edge = 0; edge < static_cast<int32_t>(sides_.size()); ++edge) {
      const auto found = candidate(edge, axis, row, column);
      if (!found) continue;
      auto& held = best[found->inner < found->outer];
      contested += held.has_value();
      if (!held || found->outward > held->outward) held = found;
    }
    if (!best[0] && !best[1]) return;
    const bool first = best[0] && (!best[1] || best[0]->depth < best[1]->depth ||
                                   (best[0]->depth == best[1]->depth && best[0]->edge < best[1]->edge));
    const Possible& winner = first ? *best[0] : *best[1];
    const auto edge = static_cast<size_t>(winner.edge);
    winners_.push_back({topology_.edges[2 * edge], topology_.edges[2 * edge + 1], winner.inner, winner.outer, axis});
  }

  const Clip& clip_;
  const std::vector<int32_t>& triangles_;
  const Topology& topology_;
  Viewport viewport_;
  std::vector<int32_t> ids_;
  std::vector<Fixed> fixed_;
  std::vector<int64_t> sides_;
  std::vector<Crossing> winners_;
};

Reference check_against_rules(const Clip& clip, const Mesh& mesh, Viewport viewport) {
  const Topology topology = make_topology(mesh);
  Reference reference(clip, mesh.triangles, topology, viewport);
  CHECK(find(clip, mesh.triangles, topology, viewport) == reference.winners());
  return reference;
}

// Two or more triangles that share the edge from pixel (10.2, 3.3) to (9.7, 16.9); `wings` gives the opposite corners.
struct Fan {
  Clip clip;
  Mesh mesh;
  Viewport viewport{20, 20};

  explicit Fan(const std::vector<std::pair<double, double>>& wings) {
    add_pixel(clip, viewport, 10.2, 3.3, 2);
    add_pixel(clip, viewport, 9.7, 16.9, 2);
    for (const auto& [column, row] : wings) {
      mesh.triangles.insert(mesh.triangles.end(), {0, 1, static_cast<int32_t>(clip.x.size())});
      add_pixel(clip, viewport, column, row, 2);
    }
    mesh.positions.resize(clip.x.size());
  }

  // How many crossings the shared edge has, and on which side inner lies (-1 left, 1 right, 0 both).
  std::pair<int, int> of_shared_edge() const {
    int count = 0, right = 0;
    for (const Crossing& c : find(clip, mesh.triangles, make_topology(mesh), viewport))
      if (c.a == 0 && c.b == 1) {
        ++count;
        right += c.inner > c.outer;
      }
    return {count, right == 0 ? -1 : right == count ? 1 : 0};
  }
};

}  // namespace

TEST_CASE("crossings: a square, pair by pair") {
  const Viewport viewport{4, 4};
  Mesh square{{{}, {}, {}, {}}, {0, 1, 2, 0, 2, 3}};
  Clip clip;
  for (const auto& [column, row] : {std::pair{.7, .8}, std::pair{3.2, .8}, std::pair{3.2, 3.3}, std::pair{.7, 3.3}})
    add_pixel(clip, viewport, column, row, 2);
  const std::vector<Crossing> expected{
      {0, 3, 5, 4, 0}, {1, 2, 6, 7, 0}, {0, 3, 9, 8, 0},  {1, 2, 10, 11, 0},  // left and right sides, rows 1 and 2
      {0, 1, 5, 1, 1}, {0, 1, 6, 2, 1}, {2, 3, 9, 13, 1}, {2, 3, 10, 14, 1},  // top and bottom, columns 1 and 2
  };
  CHECK(find(clip, square.triangles, make_topology(square), viewport) == expected);
}

TEST_CASE("crossings: an edge exactly on pixel centres separates what the top-left rule separates") {
  const Viewport viewport{4, 4};
  Mesh square{{{}, {}, {}, {}}, {0, 1, 2, 0, 2, 3}};
  Clip clip;
  for (const auto& [column, row] : {std::pair{1.5, 1.5}, std::pair{2.5, 1.5}, std::pair{2.5, 2.5}, std::pair{1.5, 2.5}})
    add_pixel(clip, viewport, column, row, 2);
  REQUIRE(draw(clip, square.triangles, viewport)[5] == 0);
  const std::vector<Crossing> expected{{0, 3, 5, 4, 0}, {1, 2, 5, 6, 0}, {0, 1, 5, 1, 1}, {2, 3, 5, 9, 1}};
  CHECK(find(clip, square.triangles, make_topology(square), viewport) == expected);
}

TEST_CASE("crossings: closed meshes agree with the written rules") {
  const int pose = GENERATE(range(0, 4));
  const Viewport viewport{48, 40};
  for (const Mesh& shape : {tetrahedron(), sphere(1), sphere(3), sphere(4)}) {
    const Mesh mesh = placed(shape, .4 + 1.05 * pose, .35 * pose, .8, {.03, -.02, -3});
    const Reference reference = check_against_rules(project(mesh), mesh, viewport);
    CHECK(reference.winners().size() > 60);
  }
}

TEST_CASE("crossings: objects before one another agree with the written rules") {
  const int pose = GENERATE(range(0, 4));
  Mesh mesh = placed(tetrahedron(), .7 * pose, .3 * pose, .4, {.1, 0, -2});
  mesh.add(placed(sphere(3), 0, .2, 1, {-.3, .1, -4}));
  mesh.add(placed(sphere(2), 0, .1, .2, {.2 * pose - .3, .1, -1.8}));
  const Reference reference = check_against_rules(project(mesh), mesh, {64, 64});
  CHECK(reference.winners().size() > 150);
}

TEST_CASE("crossings: loose triangles, larger and smaller than a pixel, agree with the written rules") {
  const double size = GENERATE(.5, 2., 8.);
  const bool one_component = GENERATE(true, false);
  Random random(static_cast<uint64_t>(size * 16));
  const Viewport viewport{24, 20};
  Mesh mesh;
  Clip clip;
  int contested = 0, of_other_component = 0;
  for (int round = 0; round < 20; ++round) {
    mesh = {}, clip = {};
    for (int i = 0; i < 150; ++i) {
      const double column = random.between(0, 24), row = random.between(0, 20);
      for (int32_t corner = 0; corner < 3; ++corner) {
        mesh.triangles.push_back(static_cast<int32_t>(clip.x.size()));
        add_pixel(clip, viewport, column + random.between(-size, size), row + random.between(-size, size),
                  random.between(1, 3));
      }
    }
    mesh.positions.resize(clip.x.size());
    Topology topology = make_topology(mesh);
    if (one_component) topology.components = 1;
    const Reference reference(clip, mesh.triangles, topology, viewport);
    CHECK(find(clip, mesh.triangles, topology, viewport) == reference.winners());
    contested += reference.contested, of_other_component += reference.of_other_component;
  }
  CHECK(of_other_component > 0);
  if (one_component) CHECK(contested > 0);
}

TEST_CASE("crossings: random meshes whose edges have any number of wings agree with the written rules") {
  const int seed = GENERATE(range(0, 20));
  Random random(static_cast<uint64_t>(seed));
  const Viewport viewport{20, 20};
  const bool on_centres = seed % 2 == 0;
  Mesh mesh;
  Clip clip;
  for (int i = 0; i < 12; ++i)
    add_pixel(clip, viewport, on_centres ? .5 * random.below(40) : random.between(0, 20),
              on_centres ? .5 * random.below(40) : random.between(0, 20), random.between(1, 3));
  for (int i = 0; i < 30; ++i) {
    const int32_t a = random.below(12), b = (a + 1 + random.below(11)) % 12;
    int32_t c = random.below(12);
    while (c == a || c == b) c = random.below(12);
    mesh.triangles.insert(mesh.triangles.end(), {a, b, c});
  }
  mesh.positions.resize(clip.x.size());
  check_against_rules(clip, mesh, viewport);
}

TEST_CASE("crossings: of edges with opposite inner sides in one pair, the nearer wins, then the smaller") {
  // A strip thinner than a pixel before a wall that faces the camera: both pixels show the wall, equally deep.
  const double left = GENERATE(1., 2.), right = GENERATE(1., 2.);
  const Viewport viewport{20, 20};
  Mesh mesh{{{}, {}, {}, {}, {}, {}}, {0, 1, 2, 3, 4, 5}};
  Clip clip;
  add_pixel(clip, viewport, 9.8, 2, left);
  add_pixel(clip, viewport, 10.2, 2, right);
  add_pixel(clip, viewport, 10, 18, 2);
  for (const auto& [x, y] : {std::pair{-9., -9.}, std::pair{9., -9.}, std::pair{0., 20.}}) clip.add(4 * x, 4 * y, 0, 4);
  Topology topology = make_topology(mesh);
  topology.components = 1;
  const std::vector<Crossing> found = find(clip, mesh.triangles, topology, viewport);
  CHECK(found.size() == 16);
  for (const Crossing& c : found) {
    const int32_t row = c.inner / 20;
    CHECK(c == (left <= right ? Crossing{0, 2, 20 * row + 10, 20 * row + 9, 0}
                              : Crossing{1, 2, 20 * row + 9, 20 * row + 10, 0}));
  }
}

TEST_CASE("crossings: one, two and three wings") {
  using Count = std::pair<int, int>;
  const std::pair<double, double> left{-30, 10}, lower_left{-30, 14}, right{50, 10}, upper_right{50, 5};
  CHECK(Fan({left}).of_shared_edge() == Count{14, -1});
  CHECK(Fan({right}).of_shared_edge() == Count{14, 1});
  CHECK(Fan({left, right}).of_shared_edge().first == 0);
  CHECK(Fan({left, lower_left}).of_shared_edge() == Count{14, -1});
  CHECK(Fan({right, upper_right, right}).of_shared_edge() == Count{14, 1});
  CHECK(Fan({left, right, upper_right}).of_shared_edge().first == 0);
  CHECK(Fan({right, upper_right, left}).of_shared_edge().first == 0);
}

TEST_CASE("crossings: a wing seen edge-on takes the other's side") {
  using Count = std::pair<int, int>;
  const std::pair<double, double> left{-30, 10}, on_edge{10.2, 3.3};
  CHECK(Fan({left, on_edge}).of_shared_edge() == Count{14, -1});
  CHECK(Fan({on_edge, left}).of_shared_edge() == Count{14, -1});
  CHECK(Fan({on_edge}).of_shared_edge().first == 0);
  CHECK(Fan({on_edge, on_edge}).of_shared_edge().first == 0);
}

TEST_CASE("crossings: the faces of a vertex that is not finite are not there") {
  Fan fan({{3, 10}, {17, 10}});
  const Fan open({{3, 10}});
  fan.clip.x[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK(find(fan.clip, fan.mesh.triangles, make_topology(fan.mesh), fan.viewport) ==
        find(open.clip, open.mesh.triangles, make_topology(open.mesh), open.viewport));
  fan.clip.w[0] = std::numeric_limits<float>::infinity();
  CHECK(find(fan.clip, fan.mesh.triangles, make_topology(fan.mesh), fan.viewport).empty());
}

TEST_CASE("crossings: triangles across the near plane, by comparison in homogeneous coordinates") {
  const int seed = GENERATE(range(0, 80));
  Random random(static_cast<uint64_t>(seed) + 1000);
  const Viewport viewport{32, 32};
  Mesh mesh{{{}, {}, {}}, {0, 1, 2}};
  Clip clip;
  for (int i = 0; i < 3; ++i) {
    const double w = i == 0 ? random.between(-2, .2) : random.between(-.5, 4), reach = seed % 4 == 0 ? 1e7 : 3;
    clip.add(random.between(-reach, reach), random.between(-3, 3), w - .2, w);
  }
  const std::vector<int32_t> ids = draw(clip, mesh.triangles, viewport);
  std::set<std::pair<int32_t, int32_t>> found, certain, possible;
  for (const Crossing& c : find(clip, mesh.triangles, make_topology(mesh), viewport)) {
    found.insert({c.inner, c.outer});
    CHECK(ids[static_cast<size_t>(c.inner)] == 0);
    CHECK(ids[static_cast<size_t>(c.outer)] == -1);
  }
  // Where an edge, cut to w > .1, passes between two centres; certain where rounding cannot change it.
  for (size_t k = 0; k < 3; ++k) {
    const auto at = [&](size_t i) { return std::array{double{clip.x[i]}, double{clip.y[i]}, double{clip.w[i]}}; };
    auto a = at(k), b = at((k + 1) % 3);
    if (a[2] < b[2]) std::swap(a, b);
    if (a[2] < .1) continue;
    if (b[2] < .1) {
      const double t = (.1 - a[2]) / (b[2] - a[2]);
      for (size_t i = 0; i < 3; ++i) b[i] = a[i] + t * (b[i] - a[i]);
    }
    const std::array from{(a[0] / a[2] + 1) * 16, (1 - a[1] / a[2]) * 16},
        to{(b[0] / b[2] + 1) * 16, (1 - b[1] / b[2]) * 16};
    const double steepness = std::abs(to[1] - from[1]) / std::abs(to[0] - from[0]);
    for (const size_t axis : {size_t{0}, size_t{1}}) {
      if (axis == 0 ? steepness < .99 : steepness > 1.01) continue;
      const bool axis_certain = std::abs(steepness - 1) > .01;
      for (int32_t line = 0; line < 32; ++line) {
        const size_t across = 1 - axis;
        const double t = (line + .5 - from[across]) / (to[across] - from[across]);
        const double end_distance = std::abs(to[across] - from[across]) * std::min(t, 1 - t);  // pixels, < 0 outside
        const double along = from[axis] + t * (to[axis] - from[axis]) - .5;
        if (!(end_distance > -.02 && along > -.02 && along < 31.02)) continue;
        for (const double nudge : {-.02, .02}) {
          const auto low = static_cast<int32_t>(std::floor(along + nudge));
          if (low < 0 || low > 30) continue;
          const auto pixel = [&](int32_t i) { return axis == 0 ? line * 32 + i : i * 32 + line; };
          const int32_t first = pixel(low), second = pixel(low + 1);
          const bool separated = ids[static_cast<size_t>(first)] != ids[static_cast<size_t>(second)];
          const bool is_certain =
              axis_certain && end_distance > .02 && std::abs(along - std::round(along)) > .02 && separated;
          const bool first_is_inner = ids[static_cast<size_t>(first)] == 0;
          (is_certain ? certain : possible)
              .insert(first_is_inner ? std::pair{first, second} : std::pair{second, first});
        }
      }
    }
  }
  INFO("seed " << seed << ", " << certain.size() << " certain crossings");
  CHECK(std::includes(found.begin(), found.end(), certain.begin(), certain.end()));
  possible.insert(certain.begin(), certain.end());
  if (seed % 4 != 0) CHECK(std::includes(possible.begin(), possible.end(), found.begin(), found.end()));
}

TEST_CASE("crossings: an edge ends at the near plane") {
  // An edge that runs straight down column 16.3 and meets the near plane in mid-image, and a wall that ends at 16.2.
  const Viewport viewport{32, 32};
  Mesh mesh{{{}, {}, {}, {}, {}, {}}, {0, 1, 2, 3, 4, 5}};
  Clip clip;
  const double column = 2 * 16.3 / 32 - 1;
  clip.add(2 * column, .5, 1.6, 2);
  clip.add(-column, -1. / 3, -1.4, -1);
  clip.add(-5, .5, 1.6, 2);
  for (const auto& [x, row] : {std::pair{16.2, -99.}, std::pair{16.2, 200.}, std::pair{-999., 16.}})
    add_pixel(clip, viewport, x, row, 3);
  Topology topology = make_topology(mesh);
  topology.components = 1;
  const std::vector<Crossing> found = find(clip, mesh.triangles, topology, viewport);
  std::vector<int32_t> edges;
  for (const Crossing& c : found)
    if (c.axis == 0 && c.inner % 32 == 15) edges.push_back(c.a);
  std::vector<int32_t> expected(32, 3);  // the wall's edge, but the triangle's in rows 12 to 15
  std::fill(expected.begin() + 12, expected.begin() + 16, 0);
  CHECK(edges == expected);
}

TEST_CASE("crossings: a fold across the near plane is found on the side of its faces") {
  // A roof with its ridge along the line of sight, from before the camera to behind it: seen from the side, both
  // slopes are on the left of the ridge in the image.
  const Viewport viewport{32, 32};
  Mesh roof{{{.3, .4, -6}, {.3, .4, 6}, {-2, -1, 0}, {-2, -.5, 0}}, {0, 1, 2, 1, 0, 3}};
  const Clip clip = project(roof, 1);
  std::vector<Crossing> ridge;
  for (const Crossing& c : find(clip, roof.triangles, make_topology(roof), viewport))
    if (c.a == 0 && c.b == 1) ridge.push_back(c);
  REQUIRE(ridge.size() >= 10);
  for (const Crossing& c : ridge) CHECK((c.axis == 0 && c.inner < c.outer));
}

TEST_CASE("crossings: what is hidden, behind the camera or off screen gives none") {
  const Viewport viewport{16, 16};
  const Mesh ball = sphere(2);
  for (const Point& at : {Point{0, 0, 5}, Point{50, 0, -5}, Point{0, 0, -500}}) {
    const Mesh mesh = placed(ball, 0, 0, 1, at);
    CHECK(find(project(mesh), mesh.triangles, make_topology(mesh), viewport).empty());
  }
  Mesh hidden{{{-90, -90, -2}, {90, -90, -2}, {0, 90, -2}}, {0, 1, 2}};  // a wall that fills the image
  hidden.add(placed(ball, 0, 0, 1, {0, 0, -5}));
  CHECK(find(project(hidden), hidden.triangles, make_topology(hidden), viewport).empty());
  CHECK(find({}, {}, make_topology({}), viewport).empty());
}

TEST_CASE("crossings: a parallel projection compares z") {
  const Viewport viewport{16, 16};
  Mesh squares{{{}, {}, {}, {}, {}, {}}, {0, 1, 2, 3, 4, 5}};
  Clip clip;
  const double front = GENERATE(-.5, .5);  // of a small triangle; a large one lies at z = 0
  for (const auto& [x, y] : {std::pair{-.5, -.5}, std::pair{.5, -.5}, std::pair{0., .5}}) clip.add(x, y, front, 1);
  for (const auto& [x, y] : {std::pair{-9., -9.}, std::pair{9., -9.}, std::pair{0., 20.}}) clip.add(x, y, 0, 1);
  CHECK(find(clip, squares.triangles, make_topology(squares), viewport).size() == (front < 0 ? 22 : 0));
}

TEST_CASE("crossings: surfaces that touch in one plane without being joined have no silhouette where they touch") {
  const Viewport viewport{16, 16};
  Mesh squares{std::vector<Point>(8), {0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7}};
  Clip clip;
  for (const auto& [low, high] : {std::pair{2.2, 7.7}, std::pair{7.7, 13.1}})
    for (const auto& [column, row] :
         {std::pair{low, 3.3}, std::pair{high, 3.3}, std::pair{high, 12.8}, std::pair{low, 12.8}})
      add_pixel(clip, viewport, column, row, 2);
  for (const Crossing& c : find(clip, squares.triangles, make_topology(squares), viewport))
    if (c.axis == 0) CHECK((c.inner % 16 == 2 || c.inner % 16 == 12));
}

TEST_CASE("crossings: results are appended, and the same again") {
  const Mesh ball = placed(sphere(3), .3, .2, 1, {.1, 0, -3});
  const Clip clip = project(ball);
  const Topology topology = make_topology(ball);
  const Viewport viewport{64, 64};
  const std::vector<int32_t> ids = draw(clip, ball.triangles, viewport);
  std::vector<Crossing> once, twice;
  render::kernels::crossings(clip, ball.triangles, topology, viewport, ids, once);
  for (int i = 0; i < 2; ++i) render::kernels::crossings(clip, ball.triangles, topology, viewport, ids, twice);
  REQUIRE(twice.size() == 2 * once.size());
  CHECK(std::equal(once.begin(), once.end(), twice.begin()));
  CHECK(std::equal(once.begin(), once.end(), twice.begin() + static_cast<std::ptrdiff_t>(once.size())));
}

TEST_CASE("crossings: all instruction sets give the same bits") {
  Mesh mesh = placed(sphere(4), .3, .2, 1, {.1, 0, -3});
  mesh.add(placed(sphere(2), .3, .2, .2, {.35, 0, -.15}));  // across the near plane
  const Clip clip = project(mesh);
  const Topology topology = make_topology(mesh);
  const Viewport viewport{200, 160};
  const std::vector<int32_t> ids = draw(clip, mesh.triangles, viewport);
  render::kernels::Workspace workspace;
  const auto found = render::kernels::baseline::crossings(clip, mesh.triangles, topology, viewport, ids, workspace);
  const std::vector<Crossing> expected(found.begin(), found.end());
  CHECK(expected.size() > 100);
  CHECK(find(clip, mesh.triangles, topology, viewport) == expected);
#ifdef BACKLIGHT_HAS_V3
  if (std::string(render::kernels::chosen_variant()) != "baseline") {
    const auto wide = render::kernels::v3::crossings(clip, mesh.triangles, topology, viewport, ids, workspace);
    CHECK(std::vector<Crossing>(wide.begin(), wide.end()) == expected);
  }
#endif
}
