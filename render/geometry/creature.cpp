// The creature is dough. Hands take hold of a ball-shaped body and pull: each pull is the flow of a velocity
// field that moves a round core rigidly along a curve, and fades smoothly to nothing around it.
//
//        rigid core             The flow of a smooth field maps space one to one, so however far a limb is
//       /                       pulled and wherever it bends, the surface stays closed, of genus 0, and free
//   ===( )   <- hand            of self-intersections. A step is a small part of the field's width, so each
//  |   \___ the limb            step alone is already one to one.
//  body
//
// Pulled dough grows thin in triangles: the sphere's vertices are first drawn together where limbs will be, and
// slide along the surface toward large triangles after every step. How far they can follow depends on the
// triangles' size: the result is free of self-intersections at 4 to 6 subdivisions (the tests check 4 and 5).

#include <autograd/core/error.h>
#include <render/geometry/double3.h>
#include <render/geometry/shapes.h>

#include <algorithm>
#include <string>

namespace render {

namespace {

/// A pull along the quadratic Bezier curve start, bend, end.
struct Pull {
  Double3 start, bend, end;
  double core;  // radius that moves rigidly
  double fade;  // width over which the motion dies away outside
};

struct Spot {
  Double3 centre;
  double radius;
};

/// 1 below 0, 0 above 1, with two continuous derivatives.
double fall(double t) {
  const double s = std::clamp(t, 0.0, 1.0);
  return 1 - s * s * s * (s * (6 * s - 15) + 10);
}

Double3 mirrored(const Double3& p) { return {-p.x, p.y, p.z}; }

Double3 on_curve(const Pull& pull, double t) {
  return pull.start * ((1 - t) * (1 - t)) + pull.bend * (2 * t * (1 - t)) + pull.end * (t * t);
}

constexpr Pull head{{0, 0.5, 0}, {0, 0.8, 0}, {0, 1.05, 0.06}, 0.42, 0.6};
constexpr Pull ear{{0.3, 1.36, 0.05}, {0.42, 1.75, 0.05}, {0.72, 1.98, 0.02}, 0.14, 0.2};
constexpr Pull arm{{0.66, 0.15, 0.05}, {1.25, -0.1, 0.15}, {1.2, 0.52, 0.4}, 0.14, 0.22};
constexpr Pull leg{{0.38, -0.66, 0}, {0.44, -1.45, -0.12}, {0.46, -1.3, 0.42}, 0.19, 0.19};
constexpr Pull tail{{0, -0.45, -0.5}, {0, -0.75, -1.25}, {0, 0.05, -1.4}, 0.2, 0.24};
constexpr Double3 mouth{0, 1.0, 0.58};
constexpr double mouth_depth = 0.17;

/// Moves every point toward the centres of the faces around it, the larger the more, but along the surface only:
/// faces of equal size are the result.
void even_out(std::vector<Double3>& points, std::span<const int32_t> triangles) {
  struct Around {
    Double3 pull, normal;
    double weight = 0;
  };
  std::vector<Around> around(points.size());
  for (size_t i = 0; i < triangles.size(); i += 3) {
    const size_t corners[3] = {static_cast<size_t>(triangles[i]), static_cast<size_t>(triangles[i + 1]),
                               static_cast<size_t>(triangles[i + 2])};
    const Double3 a = points[corners[0]], b = points[corners[1]], c = points[corners[2]];
    const Double3 normal = cross(b - a, c - a), centre = (a + b + c) * (1.0 / 3);
    const double weight = std::sqrt(length(normal));
    for (const size_t corner : corners) {
      around[corner].pull = around[corner].pull + (centre - points[corner]) * weight;
      around[corner].normal = around[corner].normal + normal;
      around[corner].weight += weight;
    }
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const Double3 normal = normalized(around[i].normal), step = around[i].pull * (1 / around[i].weight);
    points[i] = points[i] + (step - normal * dot(normal, step)) * 0.5;
  }
}

/// Pulls, and where the pull is off the middle its mirror image too.
void pull_dough(std::vector<Double3>& points, std::span<const int32_t> triangles, const Pull& pull) {
  constexpr int steps = 64;
  for (int step = 0; step < steps; ++step) {
    const Double3 hand = on_curve(pull, static_cast<double>(step) / steps);
    const Double3 motion = on_curve(pull, static_cast<double>(step + 1) / steps) - hand;
    const auto weight = [&](const Double3& point) { return fall((length(point - hand) - pull.core) / pull.fade); };
    for (Double3& point : points) {
      const double left = weight(point), right = pull.start.x == 0 ? 0 : weight(mirrored(point));
      point = point + motion * left + mirrored(motion) * right;
    }
    for (int i = 0; i < 3; ++i) even_out(points, triangles);
  }
}

/// Draws the waist between body and head together, toward the y axis.
void pinch(std::vector<Double3>& points, double height, double half_width, double strength) {
  for (Double3& point : points) {
    const double factor = 1 - strength * fall(std::fabs(point.y - height) / half_width);
    point.x *= factor;
    point.z *= factor;
  }
}

/// A smile: pushed in along -z, deepest on an arc.
void press_mouth(std::vector<Double3>& points) {
  for (Double3& point : points) {
    const Double3 offset = point - mouth;
    const double arc = offset.x * offset.x;
    const double across = length({0, (offset.y - arc) / 0.13, offset.z / 0.5}), along = std::fabs(offset.x) / 0.44;
    point.z -= mouth_depth * fall(across) * fall(along);
  }
}

/// Moves the unit sphere's points along it toward `pole`.
void gather_points(std::vector<Double3>& sphere, const Double3& pole, double width, double strength) {
  constexpr int steps = 16;
  for (int step = 0; step < steps; ++step) {
    for (Double3& point : sphere) {
      const double weight = strength / steps * fall(length(point - pole) / width);
      point = normalized(point + (pole - point * dot(pole, point)) * weight);
    }
  }
}

/// The body, with its points drawn together where limbs will be.
std::vector<Double3> dough_ball(const Mesh& sphere) {
  const std::span<const double> values = sphere.positions.values<double>();
  std::vector<Double3> points(values.size() / 3);
  for (size_t i = 0; i < points.size(); ++i) points[i] = {values[3 * i], values[3 * i + 1], values[3 * i + 2]};
  const Double3 radii{0.72, 0.82, 0.66};
  const auto gather = [&](const Double3& root, double width, double strength) {
    gather_points(points, normalized({root.x / radii.x, root.y / radii.y, root.z / radii.z}), width, strength);
  };
  gather(head.start, 1.4, 0.5);
  const Double3 ear_root{0.17, 0.8, 0};  // the head is still at the top of the ball
  for (const Double3& root : {ear_root, arm.start, leg.start, tail.start}) {
    gather(root, 0.7, 1.0);
    if (root.x != 0) gather(mirrored(root), 0.7, 1.0);
  }
  for (Double3& point : points) point = {point.x * radii.x, point.y * radii.y, point.z * radii.z};
  return points;
}

std::vector<float> paint(const std::vector<Double3>& points) {
  constexpr std::array<float, 3> fur{0.80f, 0.42f, 0.10f}, socks{0.06f, 0.20f, 0.36f};  // linear RGB
  const Double3 eye{0.2, 1.26, 0.46};
  std::vector<Spot> spots{{tail.end, 0.36}};
  for (const Spot& spot : {Spot{eye, 0.12}, Spot{ear.end, 0.34}, Spot{arm.end, 0.34}, Spot{leg.end, 0.5}}) {
    spots.push_back(spot);
    spots.push_back({mirrored(spot.centre), spot.radius});
  }
  std::vector<float> colors;
  for (const Double3& point : points) {
    const auto inside = [&](const Spot& spot) { return length(point - spot.centre) < spot.radius; };
    const auto& color = std::any_of(spots.begin(), spots.end(), inside) ? socks : fur;
    colors.insert(colors.end(), color.begin(), color.end());
  }
  return colors;
}

}  // namespace

Mesh creature(int subdivisions) {
  if (subdivisions < 0 || subdivisions > 6) {
    throw ag::ValueError("creature: subdivisions " + std::to_string(subdivisions) + "; expected 0 to 6");
  }
  Mesh mesh = icosphere(subdivisions);
  std::vector<Double3> points = dough_ball(mesh);
  const std::span<const int32_t> triangles = mesh.triangles.values<int32_t>();
  pull_dough(points, triangles, head);
  pinch(points, 0.68, 0.4, 0.22);
  press_mouth(points);
  pull_dough(points, triangles, tail);
  for (const Pull& limb : {ear, arm, leg}) pull_dough(points, triangles, limb);
  mesh.positions = ag::Array::make<double>(mesh.positions.shape(), [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = points[i / 3][static_cast<int>(i % 3)];
  });
  mesh.colors = ag::Array::from(paint(points), mesh.positions.shape());
  return mesh;
}

}  // namespace render
