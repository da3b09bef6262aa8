// Ear clipping in the plane of the polygon's normal by Newell's sum, with the coordinate dropped in which
// the normal is longest, and the other two ordered so that the winding is counter-clockwise.
// An ear is a corner that turns left and whose triangle contains no other corner that turns right.

#include <render/geometry/triangulate.h>

#include <numeric>

namespace render {

namespace {

struct Point {
  double x, y;
  bool operator==(const Point&) const = default;
};

/// Twice the signed area: positive where a, b, c turn left.
double turn(const Point& a, const Point& b, const Point& c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

double squared_distance(const Double3& a, const Double3& b) { return dot(a - b, a - b); }

/// Corners relative to the first, so that a polygon far from the origin keeps its digits.
std::vector<Point> flatten(std::span<const Double3> corners) {
  Double3 normal;
  for (size_t i = 1; i + 1 < corners.size(); ++i) {
    normal = normal + cross(corners[i] - corners[0], corners[i + 1] - corners[0]);
  }
  const Double3 size{std::fabs(normal.x), std::fabs(normal.y), std::fabs(normal.z)};
  const int dropped = size.x > size.y && size.x > size.z ? 0 : size.y > size.z ? 1 : 2;
  int first = (dropped + 1) % 3, second = (dropped + 2) % 3;
  if (normal[dropped] < 0) std::swap(first, second);
  std::vector<Point> points;
  points.reserve(corners.size());
  for (const Double3& corner : corners) {
    const Double3 offset = corner - corners[0];
    points.push_back({offset[first], offset[second]});
  }
  return points;
}

class EarClipper {
 public:
  explicit EarClipper(std::vector<Point> points) : points_(std::move(points)), left_(points_.size()) {
    std::iota(left_.begin(), left_.end(), size_t{0});
  }

  std::vector<std::array<size_t, 3>> run() {
    std::vector<std::array<size_t, 3>> triangles;
    size_t ear = 0;
    while (left_.size() > 3) {
      ear = next_ear(ear);
      triangles.push_back({at(ear + left_.size() - 1), at(ear), at(ear + 1)});
      left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(ear));
      ear %= left_.size();
    }
    triangles.push_back({left_[0], left_[1], left_[2]});
    return triangles;
  }

 private:
  size_t at(size_t position) const { return left_[position % left_.size()]; }
  double turn_at(size_t position) const {
    return turn(points_[at(position + left_.size() - 1)], points_[at(position)], points_[at(position + 1)]);
  }

  /// The first ear from `start` on; where there is none (the polygon crosses itself), `start`.
  size_t next_ear(size_t start) const {
    for (size_t step = 0; step < left_.size(); ++step) {
      const size_t position = (start + step) % left_.size();
      if (turn_at(position) > 0 && is_empty(position)) return position;
    }
    return start;
  }

  /// No corner that turns right lies in the triangle cut off at `position`. One that coincides with a corner of
  /// the triangle does not count: a hole is often joined to the outline by a bridge walked twice.
  bool is_empty(size_t position) const {
    const Point a = points_[at(position + left_.size() - 1)], b = points_[at(position)], c = points_[at(position + 1)];
    for (size_t step = 2; step + 1 < left_.size(); ++step) {
      const Point p = points_[at(position + step)];
      if (p == a || p == b || p == c) continue;
      const bool inside = turn(a, b, p) >= 0 && turn(b, c, p) >= 0 && turn(c, a, p) >= 0;
      if (inside && turn_at(position + step) <= 0) return false;
    }
    return true;
  }

  std::vector<Point> points_;
  std::vector<size_t> left_;  // corners not yet cut off, in order
};

bool all_turn_left(const std::vector<Point>& points) {
  const size_t count = points.size();
  int sign_changes_x = 0;  // of the edges' direction: two in one revolution, more in a star
  double previous = points[0].x - points[count - 1].x;
  for (size_t i = 0; i < count; ++i) {
    if (turn(points[(i + count - 1) % count], points[i], points[(i + 1) % count]) <= 0) return false;
    const double next = points[(i + 1) % count].x - points[i].x;
    sign_changes_x += (previous < 0) != (next < 0);
    previous = next;
  }
  return sign_changes_x <= 2;
}

}  // namespace

bool is_convex(std::span<const Double3> corners) { return all_turn_left(flatten(corners)); }

std::vector<std::array<size_t, 3>> triangulate(std::span<const Double3> corners) {
  const size_t count = corners.size();
  if (count == 3) return {{0, 1, 2}};
  std::vector<Point> points = flatten(corners);
  if (!all_turn_left(points)) return EarClipper(std::move(points)).run();
  const bool other_diagonal =
      count == 4 && squared_distance(corners[1], corners[3]) < squared_distance(corners[0], corners[2]);
  if (other_diagonal) return {{0, 1, 3}, {1, 2, 3}};
  std::vector<std::array<size_t, 3>> fan;
  fan.reserve(count - 2);
  for (size_t i = 1; i + 1 < count; ++i) fan.push_back({0, i, i + 1});
  return fan;
}

}  // namespace render
