#include <tests/reference/edge_methods.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace reference {

namespace {

using Triple = std::array<double, 3>;

struct Place {
  double x = 0, y = 0;
};

double cross(const Place& a, const Place& b, const Place& c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

/// A pixel and its neighbour to the right or, upright, below. What is said of x and y below is meant for the former;
/// upright pairs have them exchanged.
struct Pair {
  size_t first, second;
  bool upright;
};

template <class Function>
void for_pairs(const PlainView& view, Function&& function) {
  for (int row = 0; row < view.height; ++row) {
    for (int column = 0; column < view.width; ++column) {
      const auto pixel = static_cast<size_t>(row * view.width + column);
      const size_t below = pixel + static_cast<size_t>(view.width);
      if (column + 1 < view.width && view.ids[pixel] != view.ids[pixel + 1]) function(Pair{pixel, pixel + 1, false});
      if (row + 1 < view.height && view.ids[pixel] != view.ids[below]) function(Pair{pixel, below, true});
    }
  }
}

/// What both methods need to know of a view's triangles.
class Geometry {
 public:
  explicit Geometry(const PlainView& view) : view_(view) {}

  std::array<int32_t, 3> corners(int32_t triangle) const {
    const auto first = view_.triangles.begin() + 3 * triangle;
    return {first[0], first[1], first[2]};
  }

  /// A vertex relative to a pixel's centre.
  Place relative(int32_t vertex, size_t pixel, bool upright) const {
    const auto v = static_cast<size_t>(vertex), width = static_cast<size_t>(view_.width);
    const double x = view_.column[v] - static_cast<double>(pixel % width) - 0.5;
    const double y = view_.row[v] - static_cast<double>(pixel / width) - 0.5;
    return upright ? Place{y, x} : Place{x, y};
  }

  /// Shares of the corners in a pixel's centre, on the screen.
  Triple shares(int32_t triangle, size_t pixel) const {
    const std::array<int32_t, 3> corner = corners(triangle);
    const Place p[3] = {relative(corner[0], pixel, false), relative(corner[1], pixel, false),
                        relative(corner[2], pixel, false)};
    const double area = cross(p[0], p[1], p[2]);
    return {cross(p[1], p[2], {}) / area, cross(p[2], p[0], {}) / area, cross(p[0], p[1], {}) / area};
  }

  bool contains(int32_t triangle, size_t pixel) const {
    return triangle >= 0 && std::ranges::all_of(shares(triangle, pixel), [](double share) { return share >= 0; });
  }

  /// 1 / depth, which is linear on the screen.
  double nearness(int32_t triangle, size_t pixel) const {
    const Triple share = shares(triangle, pixel), corner = corner_nearness(triangle);
    return share[0] * corner[0] + share[1] * corner[1] + share[2] * corner[2];
  }

  /// Its change per pixel along a pair.
  double nearness_slope(int32_t triangle, const Pair& pair) const {
    const std::array<int32_t, 3> corner = corners(triangle);
    const Triple near = corner_nearness(triangle);
    const Place a = relative(corner[0], pair.first, pair.upright), b = relative(corner[1], pair.first, pair.upright),
                c = relative(corner[2], pair.first, pair.upright);
    return ((near[1] - near[0]) * (c.y - a.y) - (near[2] - near[0]) * (b.y - a.y)) / cross(a, b, c);
  }

 private:
  Triple corner_nearness(int32_t triangle) const {
    const std::array<int32_t, 3> corner = corners(triangle);
    const auto of = [&](size_t k) { return 1 / view_.depth[static_cast<size_t>(corner[k])]; };
    return {of(0), of(1), of(2)};
  }

  const PlainView& view_;
};

void add(EdgeGradient& gradient, int32_t vertex, bool upright, double x, double y) {
  std::array<double, 2>& sum = gradient.by_vertex[static_cast<size_t>(vertex)];
  sum[upright ? 1 : 0] += x;
  sum[upright ? 0 : 1] += y;
}

/// Without antialiasing: pixels as they are, no vertex matters.
EdgeGradient plain_gradient(const PlainView& view, std::span<const double> weight) {
  return {std::vector<std::array<double, 2>>(view.column.size()), {weight.begin(), weight.end()}};
}

/// Opposite vertices of an edge.
using Wings = std::map<std::pair<int32_t, int32_t>, std::vector<int32_t>>;

Wings wings_of(const PlainView& view) {
  Wings wings;
  for (size_t i = 0; i < view.triangles.size(); i += 3) {
    for (size_t k = 0; k < 3; ++k) {
      const int32_t a = view.triangles[i + k], b = view.triangles[i + (k + 1) % 3];
      wings[std::minmax(a, b)].push_back(view.triangles[i + (k + 2) % 3]);
    }
  }
  return wings;
}

/// Where an edge crosses the line through both centres of a pair, seen from the nearer pixel's.
struct PairCrossing {
  int32_t a, b, opposite;
  Place at_a, at_b, at_opposite;
  double distance = -1e300;  // towards the other pixel

  bool steep() const { return std::abs(at_b.y - at_a.y) >= std::abs(at_b.x - at_a.x); }
  double side(const Place& wing) const { return cross(at_a, at_b, wing); }
};

/// The outermost one of a triangle's edges; `towards` is -1 where the other pixel is the first one.
PairCrossing outermost_crossing(const Geometry& geometry, int32_t triangle, size_t own, bool upright, double towards) {
  PairCrossing best{};
  const std::array<int32_t, 3> corner = geometry.corners(triangle);
  for (size_t k = 0; k < 3; ++k) {
    PairCrossing edge{corner[k], corner[(k + 1) % 3], corner[(k + 2) % 3], {}, {}, {}};
    edge.at_a = geometry.relative(edge.a, own, upright), edge.at_b = geometry.relative(edge.b, own, upright);
    edge.at_opposite = geometry.relative(edge.opposite, own, upright);
    const auto [a, b] = std::pair(edge.at_a, edge.at_b);
    if ((a.y < 0) == (b.y < 0)) continue;
    edge.distance = towards * (a.x - a.y * (b.x - a.x) / (b.y - a.y));
    if (edge.distance > best.distance) best = edge;
  }
  return best;
}

/// How much of the motion of where two surfaces intersect is that of the first, from how their nearness changes along
/// a pair: with n_1 (x - x_1) = n_2 (x - x_2) + const, dx / dx_1 = n_1 / (n_1 - n_2). Limited as in the paper.
double share_of_first(double slope, double other) {
  constexpr double most = 1e4;
  return slope == other ? 0 : std::clamp(slope / (slope - other), -most, most);
}

}  // namespace

EdgeGradient pixel_pairs(const PlainView& view, std::span<const double> weight) {
  EdgeGradient gradient = plain_gradient(view, weight);
  const Geometry geometry(view);
  const Wings wings = wings_of(view);
  for_pairs(view, [&](const Pair& pair) {
    const int32_t first = view.ids[pair.first], second = view.ids[pair.second];
    const bool second_is_nearer =
        first < 0 || (second >= 0 && geometry.nearness(second, pair.second) > geometry.nearness(first, pair.first));
    const double towards = second_is_nearer ? -1 : 1;
    const PairCrossing edge = outermost_crossing(geometry, second_is_nearer ? second : first,
                                                 second_is_nearer ? pair.second : pair.first, pair.upright, towards);
    if (!(edge.distance > -1.0 / 16 && edge.distance < 17.0 / 16)) return;
    if (!edge.steep()) return;  // pairs in the other direction see it
    const double side = edge.side(edge.at_opposite);
    for (const int32_t wing : wings.at(std::minmax(edge.a, edge.b))) {
      const Place at = geometry.relative(wing, second_is_nearer ? pair.second : pair.first, pair.upright);
      if (wing != edge.opposite && side * edge.side(at) < 0) return;  // no silhouette
    }
    const double alpha = towards * (0.5 - std::clamp(edge.distance, 0.0, 1.0));
    const size_t receiver = alpha > 0 ? pair.first : pair.second;
    gradient.by_pixel[pair.second] += alpha * weight[receiver];
    gradient.by_pixel[pair.first] -= alpha * weight[receiver];
    if (edge.distance <= 0 || edge.distance >= 1) return;
    // alpha falls with the crossing's x = (1 - t) x_a + t x_b.
    const Place a = edge.at_a, b = edge.at_b;
    const double g = -weight[receiver] * (view.image[pair.second] - view.image[pair.first]);
    const double t = -a.y / (b.y - a.y), slope = (b.x - a.x) / (b.y - a.y);
    add(gradient, edge.a, pair.upright, g * (1 - t), -g * (1 - t) * slope);
    add(gradient, edge.b, pair.upright, g * t, -g * t * slope);
  });
  return gradient;
}

EdgeGradient rasterized_edges(const PlainView& view, std::span<const double> weight) {
  EdgeGradient gradient = plain_gradient(view, weight);
  const Geometry geometry(view);
  for_pairs(view, [&](const Pair& pair) {
    const int32_t first = view.ids[pair.first], second = view.ids[pair.second];
    // What the loss gains where the border moves on by one pixel.
    const double g =
        (view.image[pair.first] - view.image[pair.second]) * (weight[pair.first] + weight[pair.second]) / 2;
    const auto move = [&](size_t pixel, double by) {
      const std::array<int32_t, 3> corner = geometry.corners(view.ids[pixel]);
      const Triple share = geometry.shares(view.ids[pixel], pixel);
      for (size_t k = 0; k < 3; ++k) add(gradient, corner[k], pair.upright, by * share[k], 0);
    };
    const bool one_is_empty = first < 0 || second < 0;
    const bool first_over = one_is_empty ? first >= 0 : geometry.contains(second, pair.first);
    const bool second_over = one_is_empty ? second >= 0 : geometry.contains(first, pair.second);
    if (first_over && second_over) {
      const double of_first = geometry.nearness_slope(first, pair), of_second = geometry.nearness_slope(second, pair);
      move(pair.first, g * share_of_first(of_first, of_second));
      move(pair.second, g * share_of_first(of_second, of_first));
    } else if (first_over) {
      move(pair.first, g);
    } else if (second_over) {
      move(pair.second, g);
    }  // else neighbours on one surface
  });
  return gradient;
}

}  // namespace reference
