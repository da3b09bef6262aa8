#include <render/geometry/atlas_charts.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <queue>
#include <unordered_map>

// Three passes, repeated on what is left until every face has its chart:
//
//   grow    from the first free face over edges, nearest normals first, while a normal stays near the chart's mean
//   merge   small charts into the neighbour with which they share the longest border, where their normals allow it
//   unfold  a chart is drawn, face by face, on a grid; a face that falls on cells already taken is free again
//
// So a spiral stair, which looks up everywhere and yet lies above itself, becomes several charts.

namespace render {

namespace {

constexpr double growth_cosine = 0.55;  // of a face's normal with its chart's, while that is still growing
constexpr double least_cosine = 0.5;    // in the end; texels for a face's area are as many as this cosine says
constexpr double small_chart = 0.005;   // of the whole area: charts to be merged
constexpr size_t none = SIZE_MAX;

struct Faces {
  std::vector<Double3> normals;  ///< unit, or zero
  std::vector<double> areas;
  std::vector<std::array<size_t, 3>> neighbours;
  std::vector<std::array<double, 3>> borders;  ///< lengths of the edges to them
  double area = 0;
};

Faces describe(const Surface& surface, const Topology& topology) {
  Faces faces;
  const size_t count = surface.faces();
  for (size_t face = 0; face < count; ++face) {
    const Double3 a = surface.corner(face, 0);
    const Double3 product = cross(surface.corner(face, 1) - a, surface.corner(face, 2) - a);
    faces.normals.push_back(normalized(product));
    faces.areas.push_back(length(product) / 2);
    faces.area += faces.areas.back();
  }
  faces.neighbours.assign(count, {none, none, none});
  faces.borders.assign(count, {});
  const auto connect = [&](size_t face, size_t other, double border) {
    for (size_t i = 0; i < 3; ++i) {
      if (faces.neighbours[face][i] != none) continue;
      faces.neighbours[face][i] = other;
      faces.borders[face][i] = border;
      return;
    }
  };
  const std::span<const int32_t> start = topology.wing_start.values<int32_t>(),
                                 wing_faces = topology.wing_faces.values<int32_t>(),
                                 edges = topology.edges.values<int32_t>();
  for (size_t edge = 0; edge + 1 < start.size(); ++edge) {
    if (start[edge + 1] - start[edge] != 2) continue;
    const auto first = static_cast<size_t>(wing_faces[static_cast<size_t>(start[edge])]);
    const auto second = static_cast<size_t>(wing_faces[static_cast<size_t>(start[edge]) + 1]);
    const double border = length(surface.position(static_cast<size_t>(edges[2 * edge])) -
                                 surface.position(static_cast<size_t>(edges[2 * edge + 1])));
    connect(first, second, border);
    connect(second, first, border);
  }
  return faces;
}

Double3 mean_normal(const Faces& faces, const std::vector<size_t>& members) {
  Double3 sum;
  for (const size_t face : members) sum = sum + faces.normals[face] * faces.areas[face];
  return normalized(sum);
}

/// Whether a face may lie in a chart seen along `normal`; one without a normal, so without area, may lie anywhere.
bool may_lie(const Faces& faces, size_t face, const Double3& normal, double cosine) {
  return length(faces.normals[face]) == 0 || dot(faces.normals[face], normal) >= cosine;
}

/// The chart of free faces around `seed`; marks them as `number` in `chart_of`.
Chart grow(const Faces& faces, size_t seed, size_t number, std::vector<size_t>& chart_of) {
  struct Candidate {
    double deviation;
    size_t face;
    bool operator<(const Candidate& o) const {
      return deviation != o.deviation ? deviation > o.deviation : face > o.face;
    }
  };
  Chart chart;
  Double3 sum;
  std::priority_queue<Candidate> queue;
  queue.push({0, seed});
  while (!queue.empty()) {
    const size_t face = queue.top().face;
    queue.pop();
    if (chart_of[face] != none) continue;
    if (!chart.faces.empty() && !may_lie(faces, face, normalized(sum), growth_cosine)) continue;
    chart_of[face] = number;
    chart.faces.push_back(face);
    sum = sum + faces.normals[face] * faces.areas[face];
    const Double3 normal = normalized(sum);
    for (const size_t next : faces.neighbours[face]) {
      if (next != none && chart_of[next] == none) queue.push({1 - dot(faces.normals[next], normal), next});
    }
  }
  return chart;
}

/// The neighbouring chart with the longest common border that every face of this one may join, or none.
size_t best_neighbour(const Faces& faces, const std::vector<Chart>& charts, size_t number,
                      const std::vector<size_t>& chart_of) {
  std::map<size_t, double> borders;
  for (const size_t face : charts[number].faces) {
    for (size_t i = 0; i < 3; ++i) {
      const size_t other = faces.neighbours[face][i];
      if (other != none && chart_of[other] != number && chart_of[other] != none) {
        borders[chart_of[other]] += faces.borders[face][i];
      }
    }
  }
  size_t best = none;
  for (const auto& [other, border] : borders) {
    const bool fits = std::ranges::all_of(
        charts[number].faces, [&](size_t face) { return may_lie(faces, face, charts[other].normal, least_cosine); });
    if (fits && (best == none || border > borders[best])) best = other;
  }
  return best;
}

/// Charts from `first` on; merged ones are left empty.
void merge(const Faces& faces, size_t first, std::vector<Chart>& charts, std::vector<size_t>& chart_of) {
  std::vector<std::pair<double, size_t>> small;
  for (size_t number = first; number < charts.size(); ++number) {
    double area = 0;
    for (const size_t face : charts[number].faces) area += faces.areas[face];
    charts[number].normal = mean_normal(faces, charts[number].faces);
    if (area < small_chart * faces.area) small.emplace_back(area, number);
  }
  std::ranges::sort(small);
  for (const auto& [area, number] : small) {
    const size_t other = best_neighbour(faces, charts, number, chart_of);
    if (other == none || other < first) continue;  // earlier charts are already unfolded
    for (const size_t face : charts[number].faces) chart_of[face] = other;
    charts[other].faces.insert(charts[other].faces.end(), charts[number].faces.begin(), charts[number].faces.end());
    charts[number].faces.clear();
  }
}

struct Point2 {
  double x, y;
};

/// Which face lies on each cell of an endless grid.
class Grid {
 public:
  explicit Grid(double cell) : cell_(cell) {}

  /// Takes the cells whose centres lie inside the triangle, or none where one of them is taken.
  bool take(const std::array<Point2, 3>& corner) {
    std::array<double, 3> x{}, y{};
    for (size_t i = 0; i < 3; ++i) x[i] = corner[i].x / cell_, y[i] = corner[i].y / cell_;
    const double area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
    if (!(area > 0)) return true;
    const auto [low, high] = std::ranges::minmax(y);
    std::vector<uint64_t> inside;
    for (double row = std::floor(low); row <= high; ++row) {
      const auto [left, right] = span_at(x, y, row + 0.5);
      for (double column = std::floor(left - 0.5); column <= right; ++column) {
        const double px = column + 0.5, py = row + 0.5;
        const auto weight = [&](size_t a, size_t b) { return (x[a] - px) * (y[b] - py) - (x[b] - px) * (y[a] - py); };
        constexpr double border = 1e-9;  // a centre on an edge is nobody's
        if (std::min({weight(0, 1), weight(1, 2), weight(2, 0)}) <= border * area) continue;
        const auto key = static_cast<uint64_t>(static_cast<int64_t>(row)) << 32 ^
                         (static_cast<uint64_t>(static_cast<int64_t>(column)) & 0xffffffffu);
        if (taken_.contains(key)) return false;
        inside.push_back(key);
      }
    }
    for (const uint64_t key : inside) taken_.emplace(key, true);
    return true;
  }

 private:
  /// Where the triangle's edges cross a horizontal line; left beyond right where they do not.
  static std::pair<double, double> span_at(const std::array<double, 3>& x, const std::array<double, 3>& y, double at) {
    double left = std::numeric_limits<double>::infinity(), right = -left;
    for (size_t a = 0, b = 1; a < 3; ++a, b = (b + 1) % 3) {
      if ((y[a] < at) == (y[b] < at)) continue;
      const double crossing = x[a] + (x[b] - x[a]) * (at - y[a]) / (y[b] - y[a]);
      left = std::min(left, crossing), right = std::max(right, crossing);
    }
    return {left, right};
  }

  double cell_;
  std::unordered_map<uint64_t, bool> taken_;
};

/// The chart's triangles, seen along its normal.
std::vector<std::array<Point2, 3>> seen_along(const Surface& surface, const Chart& chart) {
  const auto [right, up] = tangent_frame(chart.normal);
  std::vector<std::array<Point2, 3>> flat(chart.faces.size());
  for (size_t i = 0; i < flat.size(); ++i) {
    for (size_t corner = 0; corner < 3; ++corner) {
      const Double3 position = surface.corner(chart.faces[i], corner);
      flat[i][corner] = {dot(position, right), dot(position, up)};
    }
  }
  return flat;
}

/// The longer side of the box around triangles: a texel can be no smaller than its share of that.
double extent_of(const std::vector<std::array<Point2, 3>>& triangles) {
  const Point2 first = triangles.front()[0];
  Point2 low = first, high = first;
  for (const auto& triangle : triangles) {
    for (const Point2& p : triangle) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  return std::max(high.x - low.x, high.y - low.y);
}

/// Frees the faces that lie on others, or look aside. At least one face stays, so that the rounds come to an end.
void unfold(const Surface& surface, const Faces& faces, int size, Chart& chart, std::vector<size_t>& chart_of) {
  const auto stays = [&](size_t face) { return may_lie(faces, face, chart.normal, least_cosine); };
  chart.normal = mean_normal(faces, chart.faces);
  if (std::ranges::none_of(chart.faces, stays)) chart.normal = faces.normals[chart.faces.front()];
  const std::vector<std::array<Point2, 3>> flat = seen_along(surface, chart);
  Grid grid(std::max({std::sqrt(faces.area), extent_of(flat), std::numeric_limits<double>::min()}) / size);
  std::vector<size_t> kept;
  for (size_t i = 0; i < flat.size(); ++i) {
    const size_t face = chart.faces[i];
    if (stays(face) && grid.take(flat[i])) {
      kept.push_back(face);
    } else {
      chart_of[face] = none;
    }
  }
  chart.faces = std::move(kept);
}

}  // namespace

TangentFrame tangent_frame(const Double3& normal) {
  const Double3 size{std::fabs(normal.x), std::fabs(normal.y), std::fabs(normal.z)};
  const Double3 axis = size.y <= size.x && size.y <= size.z ? Double3{0, 1, 0}
                       : size.x <= size.z                   ? Double3{1, 0, 0}
                                                            : Double3{0, 0, 1};
  const Double3 right = normalized(cross(axis, normal));
  return {right, cross(normal, right)};
}

std::vector<Chart> cut_charts(const Surface& surface, const Topology& topology, int size) {
  const Faces faces = describe(surface, topology);
  std::vector<size_t> chart_of(surface.faces(), none);
  std::vector<Chart> charts;
  for (;;) {
    const size_t first = charts.size();
    for (size_t seed = 0; seed < chart_of.size(); ++seed) {
      if (chart_of[seed] == none) charts.push_back(grow(faces, seed, charts.size(), chart_of));
    }
    if (charts.size() == first) break;
    merge(faces, first, charts, chart_of);
    for (size_t number = first; number < charts.size(); ++number) {
      if (!charts[number].faces.empty()) unfold(surface, faces, size, charts[number], chart_of);
    }
  }
  std::erase_if(charts, [](const Chart& chart) { return chart.faces.empty(); });
  for (Chart& chart : charts) {
    if (length(chart.normal) == 0) chart.normal = {0, 0, 1};  // faces without area
  }
  return charts;
}

}  // namespace render
