#include <render/geometry/closest_point.h>

#include <algorithm>
#include <array>

namespace render {

namespace {

constexpr size_t leaf_size = 4;

double squared_length(const Double3& v) { return dot(v, v); }

double squared_distance_to_segment(const Double3& point, const Double3& a, const Double3& b) {
  const Double3 edge = b - a, offset = point - a;
  const double along = dot(offset, edge), whole = squared_length(edge);
  if (!(along > 0)) return squared_length(offset);
  if (along >= whole) return squared_length(point - b);
  return squared_length(offset - edge * (along / whole));
}

Double3 minimum(const Double3& a, const Double3& b) {
  return {std::min(a.x, b.x), std::min(a.y, b.y), std::min(a.z, b.z)};
}
Double3 maximum(const Double3& a, const Double3& b) {
  return {std::max(a.x, b.x), std::max(a.y, b.y), std::max(a.z, b.z)};
}

/// Three times the centre: enough for an order.
Double3 sum_of_corners(const ClosestPointTree::Triangle& t) { return t.corners[0] + t.corners[1] + t.corners[2]; }

int longest_axis(const Double3& size) { return size.x >= size.y && size.x >= size.z ? 0 : size.y >= size.z ? 1 : 2; }

}  // namespace

double squared_distance(const Double3& point, const Double3& a, const Double3& b, const Double3& c) {
  const Double3 ab = b - a, ac = c - a, offset = point - a;
  const Double3 normal = cross(ab, ac);
  const double square = squared_length(normal);
  const double weight_b = dot(cross(offset, ac), normal), weight_c = dot(cross(ab, offset), normal);
  const bool above_face = square > 0 && weight_b >= 0 && weight_c >= 0 && weight_b + weight_c <= square;
  if (above_face) {
    const double height = dot(offset, normal);
    return height * height / square;
  }
  const double to_ab = squared_distance_to_segment(point, a, b), to_bc = squared_distance_to_segment(point, b, c);
  return std::min(std::min(to_ab, to_bc), squared_distance_to_segment(point, c, a));
}

ClosestPointTree::ClosestPointTree(std::vector<Triangle> triangles) : triangles_(std::move(triangles)) {
  nodes_.reserve(triangles_.size());
  nodes_.emplace_back();
  build(0, 0, triangles_.size());
}

void ClosestPointTree::build(size_t node, size_t begin, size_t end) {
  Double3 lower = triangles_[begin].corners[0], upper = lower;
  Double3 lowest_centre = sum_of_corners(triangles_[begin]), highest_centre = lowest_centre;
  for (size_t i = begin; i < end; ++i) {
    for (const Double3& corner : triangles_[i].corners) lower = minimum(lower, corner), upper = maximum(upper, corner);
    const Double3 centre = sum_of_corners(triangles_[i]);
    lowest_centre = minimum(lowest_centre, centre), highest_centre = maximum(highest_centre, centre);
  }
  nodes_[node] = {lower, upper, static_cast<int32_t>(begin), static_cast<int32_t>(end - begin)};
  if (end - begin <= leaf_size) return;

  const int axis = longest_axis(highest_centre - lowest_centre);
  const auto before = [&](const Triangle& a, const Triangle& b) {
    const double centre_a = sum_of_corners(a)[axis], centre_b = sum_of_corners(b)[axis];
    return centre_a != centre_b ? centre_a < centre_b : a.face < b.face;
  };
  const size_t middle = begin + (end - begin) / 2;
  const auto at = [&](size_t i) { return triangles_.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(begin), at(middle), at(end), before);

  const size_t children = nodes_.size();
  nodes_.resize(children + 2);
  nodes_[node].first = static_cast<int32_t>(children);
  nodes_[node].count = 0;
  build(children, begin, middle);
  build(children + 1, middle, end);
}

double ClosestPointTree::squared_distance(const Node& node, const Double3& point) {
  return squared_length(maximum(maximum(node.lower - point, point - node.upper), {}));
}

namespace {

/// Keeps the least distance, and the normals of the triangles at that distance.
class ClosestSoFar {
 public:
  bool is_out_of_reach(double squared_distance) const { return squared_distance > limit_; }

  void offer(double squared_distance, const Double3& normal) {
    if (squared_distance > limit_) return;
    const bool tie = with_tolerance(squared_distance) >= least_;
    if (!tie) normals_ = {}, count_ = 0;
    least_ = std::min(least_, squared_distance);
    limit_ = with_tolerance(least_);
    normals_ = normals_ + normal;
    ++count_;
  }

  ClosestPointTree::Hit hit() const { return {least_, normals_ * (1.0 / count_)}; }

 private:
  static double with_tolerance(double squared_distance) { return squared_distance * (1 + 2e-9) + 1e-18; }

  double least_ = HUGE_VAL, limit_ = HUGE_VAL;
  Double3 normals_;
  int count_ = 0;
};

}  // namespace

ClosestPointTree::Hit ClosestPointTree::closest(const Double3& point) const {
  struct Visit {
    int32_t node;
    double squared_distance;
  };
  std::array<Visit, 64> stack;  // each level leaves one behind, and a level halves the faces: 32 would do
  size_t depth = 0;
  stack[depth++] = {0, squared_distance(nodes_[0], point)};
  ClosestSoFar best;
  while (depth > 0) {
    const Visit visit = stack[--depth];
    if (best.is_out_of_reach(visit.squared_distance)) continue;
    const Node& node = nodes_[static_cast<size_t>(visit.node)];
    for (int32_t i = node.first; i < node.first + node.count; ++i) {
      const Triangle& t = triangles_[static_cast<size_t>(i)];
      best.offer(render::squared_distance(point, t.corners[0], t.corners[1], t.corners[2]), t.normal);
    }
    if (node.count > 0) continue;
    Visit near{node.first, squared_distance(nodes_[static_cast<size_t>(node.first)], point)};
    Visit far{node.first + 1, squared_distance(nodes_[static_cast<size_t>(node.first) + 1], point)};
    if (far.squared_distance < near.squared_distance) std::swap(near, far);
    stack[depth++] = far;
    stack[depth++] = near;
  }
  return best.hit();
}

}  // namespace render
