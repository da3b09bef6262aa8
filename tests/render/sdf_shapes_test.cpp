#include <tests/render/sdf_scenes.h>

#include <functional>
#include <numbers>

using namespace scene;

// Primitives against distances found another way, and what all fields promise: render/sdf/field.h (1).

namespace {

constexpr double pi = std::numbers::pi;

void check_distances(const sdf::Field& field, const std::function<double(const Point&)>& expected,
                     double tolerance = 1e-12) {
  const std::vector<Point> points = random_points(1, 150, 1.2);
  const std::vector<double> found = values(field, points);
  int inside = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double distance = expected(points[i]);
    INFO(points[i][0] << " " << points[i][1] << " " << points[i][2]);
    CHECK(std::fabs(found[i] - distance) <= tolerance);
    inside += distance < 0;
  }
  CHECK(inside > 5);
}

/// The smallest of distance(t) for t in [0, 1].
double smallest(const std::function<double(double)>& distance) {
  constexpr int samples = 2000;
  double best = distance(0);
  for (int i = 1; i <= samples; ++i) best = std::min(best, distance(static_cast<double>(i) / samples));
  return best;
}

double box_distance(const Point& p, const Point& half) {
  Point nearest{};
  double to_face = -1e9;
  for (size_t k = 0; k < 3; ++k) {
    nearest[k] = std::clamp(p[k], -half[k], half[k]);
    to_face = std::max(to_face, std::fabs(p[k]) - half[k]);
  }
  return to_face < 0 ? to_face : distance(p, nearest);
}

/// All shapes and combinations, with sizes that a caller may give: float64 tensors.
struct Named {
  const char* name;
  sdf::Field field;
};

std::vector<Named> shapes() {
  const Vec3 half = vector({0.5, 0.3, 0.7});
  const sdf::Rotation turn = sdf::rotation(vector({0.4, -0.7, 0.3}));
  return {{"sphere", [](const Vec3& p) { return sdf::sphere(p, 0.8); }},
          {"box", [=](const Vec3& p) { return sdf::box(p, half); }},
          {"rounded box", [=](const Vec3& p) { return sdf::rounded_box(p, half, 0.1); }},
          {"torus", [](const Vec3& p) { return sdf::torus(p, 0.7, 0.25); }},
          {"capsule",
           [](const Vec3& p) {
             return sdf::capsule(p, vector({-0.3, 0.1, 0}), vector({0.5, 0.4, 0.2}), 0.3);
           }},
          {"plane",
           [](const Vec3& p) {
             return sdf::plane(p, vector({1, 2, -2}), 0.2);
           }},
          {"moved torus",
           [=](const Vec3& p) {
             return sdf::torus(sdf::rotate(sdf::translate(p, vector({0.2, -0.1, 0.3})), turn), 0.6, 0.2);
           }},
          {"scaled box",
           [=](const Vec3& p) { return sdf::scale(p, 1.7, [=](const Vec3& q) { return sdf::box(q, half); }); }}};
}

std::vector<Named> combinations() {
  const auto ball = [](const Vec3& p) { return sdf::sphere(sdf::translate(p, vector({0.3, 0.2, 0})), 0.6); };
  const auto brick = [](const Vec3& p) { return sdf::box(p, vector({0.7, 0.4, 0.4})); };
  return {{"union", [=](const Vec3& p) { return sdf::union_of(ball(p), brick(p)); }},
          {"intersection", [=](const Vec3& p) { return sdf::intersection_of(ball(p), brick(p)); }},
          {"difference", [=](const Vec3& p) { return sdf::difference_of(brick(p), ball(p)); }},
          {"smooth union", [=](const Vec3& p) { return sdf::smooth_union(ball(p), brick(p), 0.4); }},
          {"smooth intersection", [=](const Vec3& p) { return sdf::smooth_intersection(ball(p), brick(p), 0.4); }},
          {"smooth difference", [=](const Vec3& p) { return sdf::smooth_difference(brick(p), ball(p), 0.4); }}};
}

std::vector<double> gradient_lengths(const sdf::Field& field, const std::vector<Point>& points) {
  const ag::Step step;
  return render::length(sdf::gradient(field, render::unpack3(table(points)))).to_vector<double>();
}

}  // namespace

TEST_CASE("sdf primitives are distances to their surfaces") {
  const ag::Step step;
  check_distances([](const Vec3& p) { return sdf::sphere(p, 0.9); },
                  [](const Point& p) { return distance(p, {}) - 0.9; });
  const Point half{0.5, 0.8, 0.3};
  check_distances([&](const Vec3& p) { return sdf::box(p, vector(half)); },
                  [&](const Point& p) { return box_distance(p, half); });
  // Rounding moves the surface of a smaller box outward.
  check_distances([&](const Vec3& p) { return sdf::rounded_box(p, vector(half), 0.2); },
                  [](const Point& p) {
                    return box_distance(p, {0.3, 0.6, 0.1}) - 0.2;
                  });
  // The nearest of many points on the ring's middle circle, and on the capsule's segment.
  check_distances([](const Vec3& p) { return sdf::torus(p, 0.8, 0.35); },
                  [](const Point& p) {
                    return smallest([&](double t) {
                             return distance(p, {0.8 * std::cos(2 * pi * t), 0.8 * std::sin(2 * pi * t), 0});
                           }) -
                           0.35;
                  },
                  1e-5);
  const Point a{-0.6, 0.2, 0.1}, b{0.4, 0.5, -0.7};
  const auto between = [&](double t) {
    return Point{a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
  };
  check_distances([&](const Vec3& p) { return sdf::capsule(p, vector(a), vector(b), 0.4); },
                  [&](const Point& p) { return smallest([&](double t) { return distance(p, between(t)); }) - 0.4; },
                  1e-6);
  check_distances([&](const Vec3& p) { return sdf::capsule(p, vector(a), vector(a), 0.7); },
                  [&](const Point& p) { return distance(p, a) - 0.7; });
  check_distances(
      [](const Vec3& p) {
        return sdf::plane(p, vector({2, -1, 2}), 0.4);
      },
      [](const Point& p) { return (2 * p[0] - p[1] + 2 * p[2]) / 3 - 0.4; });
}

TEST_CASE("sdf primitives change by the distance that a point moves") {
  const ag::Step step;
  const std::vector<Point> points = random_points(2, 300, 1.4);
  for (const Named& shape : shapes()) {
    INFO(shape.name);
    for (double length : gradient_lengths(shape.field, points)) CHECK(length == Approx(1).margin(1e-9));
  }
  for (const Named& shape : combinations()) {
    INFO(shape.name);
    for (double length : gradient_lengths(shape.field, points)) CHECK(length <= 1 + 1e-9);
  }
}

TEST_CASE("a combined sdf never overestimates: no surface is nearer than it says") {
  const ag::Step step;
  const std::vector<Point> points = random_points(3, 150, 1.3), offsets = random_points(4, 60, 1);
  for (const Named& shape : combinations()) {
    INFO(shape.name);
    const std::vector<double> at = values(shape.field, points);
    std::vector<Point> near;
    for (size_t i = 0; i < points.size(); ++i) {
      for (const Point& offset : offsets) {  // points of the ball that is claimed to be free of surface
        const double scale = 0.999 * std::fabs(at[i]) / std::max(1.0, distance(offset, {}));
        near.push_back(
            {points[i][0] + scale * offset[0], points[i][1] + scale * offset[1], points[i][2] + scale * offset[2]});
      }
    }
    const std::vector<double> there = values(shape.field, near);
    int crossings = 0;
    for (size_t i = 0; i < there.size(); ++i) crossings += (there[i] < 0) != (at[i / offsets.size()] < 0);
    CHECK(crossings == 0);
  }
}

TEST_CASE("union, intersection and difference hold what their names say") {
  const ag::Step step;
  const std::vector<Point> points = random_points(5, 500, 1.2);
  const std::vector<Named> list = combinations();
  const auto in_ball = [](const Point& p) { return distance(p, {0.3, 0.2, 0}) < 0.6; };
  const auto in_brick = [](const Point& p) { return box_distance(p, {0.7, 0.4, 0.4}) < 0; };
  std::array<std::vector<double>, 3> found;
  for (size_t k = 0; k < 3; ++k) found[k] = values(list[k].field, points);
  for (size_t i = 0; i < points.size(); ++i) {
    const bool ball = in_ball(points[i]), brick = in_brick(points[i]);
    CHECK((found[0][i] < 0) == (ball || brick));
    CHECK((found[1][i] < 0) == (ball && brick));
    CHECK((found[2][i] < 0) == (brick && !ball));
  }
}

TEST_CASE("smooth forms round within their width, and are the sharp ones beyond") {
  const ag::Step step;
  const std::vector<double> rise{-3, -0.5, -0.2, -0.1, 0, 0.1, 0.2, 0.5, 3};
  const ag::Array b = ag::Array::from(rise, {9}), a = ag::zeros({9}, ag::DType::float64);
  const std::vector<double> smooth = sdf::smooth_union(tensor(a), tensor(b), 0.4).to_vector<double>();
  for (size_t i = 0; i < rise.size(); ++i) {
    const double x = std::min(std::fabs(rise[i]) / 0.4, 1.0), h = 1 - x;
    CHECK(smooth[i] == Approx(std::min(rise[i], 0.0) - 0.4 * h * h * h * (4 - h) / 16).margin(1e-15));
  }
  CHECK(smooth[4] == Approx(-3.0 / 16 * 0.4));  // the most that is added
  const std::vector<double> swapped = sdf::smooth_union(tensor(b), tensor(a), 0.4).to_vector<double>();
  for (size_t i = 0; i < 9; ++i) CHECK(swapped[i] == Approx(smooth[i]).margin(1e-15));
  const std::vector<double> both = sdf::smooth_intersection(tensor(a), tensor(b), 0.4).to_vector<double>();
  for (size_t i = 0; i < 9; ++i) CHECK(both[i] == Approx(-smooth[8 - i]).margin(1e-15));
  REQUIRE_THROWS_AS(sdf::smooth_union(tensor(a), tensor(b), 0), ag::ValueError);
  REQUIRE_THROWS_WITH(sdf::smooth_difference(tensor(a), tensor(b), -1.5),
                      ContainsSubstring("smooth_union: width -1.5"));
}

TEST_CASE("moved, turned and scaled shapes are where they were put") {
  const ag::Step step;
  const std::vector<Point> points = random_points(6, 50, 1);
  // A quarter turn around z takes x to y.
  const sdf::Rotation quarter = sdf::rotation(vector({0, 0, pi / 2}));
  const std::vector<double> turned = values(
      [&](const Vec3& p) {
        return sdf::box(sdf::rotate(p, quarter), vector({0.9, 0.2, 0.3}));
      },
      points);
  const std::vector<double> scaled = values(
      [&](const Vec3& p) { return sdf::scale(p, 0.5, [](const Vec3& q) {
                             return sdf::box(q, vector({1, 2, 3}));
                           }); },
      points);
  const std::vector<double> moved = values(
      [&](const Vec3& p) {
        return sdf::sphere(sdf::translate(p, vector({1, -2, 3})), 0.5);
      },
      points);
  for (size_t i = 0; i < points.size(); ++i) {
    CHECK(turned[i] == Approx(box_distance(points[i], {0.2, 0.9, 0.3})).margin(1e-12));
    CHECK(scaled[i] == Approx(box_distance(points[i], {0.5, 1, 1.5})).margin(1e-12));
    CHECK(moved[i] == Approx(distance(points[i], {1, -2, 3}) - 0.5).margin(1e-12));
  }
}

TEST_CASE("a rotation keeps lengths and handedness, however small or large") {
  const ag::Step step;
  const double angle = GENERATE(0.0, 1e-9, 1e-3, 0.0999, 0.1001, 1.0, 3.14, 12.0);
  const double unit = angle / std::sqrt(14.0);
  const sdf::Rotation r = sdf::rotation(vector({unit, 2 * unit, 3 * unit}));
  const auto item = [](const Tensor& t) { return t.item(); };
  CHECK(item(render::dot(r.x, r.x)) == Approx(1).margin(1e-14));
  CHECK(item(render::dot(r.y, r.y)) == Approx(1).margin(1e-14));
  CHECK(item(render::dot(r.x, r.y)) == Approx(0).margin(1e-14));
  const Vec3 z = render::cross(r.x, r.y);
  CHECK(item(render::length(z - r.z)) == Approx(0).margin(1e-14));
  // The trace is 1 + 2 cos t.
  CHECK(item(r.x.x + r.y.y + r.z.z) == Approx(1 + 2 * std::cos(angle)).margin(1e-14));
}

TEST_CASE("gradients of sdf primitives are right to second order") {
  const ag::Array points = table({{0.9, 0.37, 0.4}, {-0.2, 0.1, 0.05}, {0.6, -0.9, 0.2}, {0.1, 0.38, -0.85}});
  const ag::Array sizes = ag::Array::of<double>({0.5, 0.3, 0.7, 0.11});
  const auto size = [](const Tensor& s, int64_t i) { return ag::select(s, 0, i); };
  const auto check = [&](const std::function<Tensor(const Vec3&, const Tensor&)>& f) {
    check_gradient([&](std::span<const Tensor> x) { return f(render::unpack3(x[0]), x[1]); }, {points, sizes});
  };
  const auto three = [&](const Tensor& s) { return Vec3{size(s, 0), size(s, 1), size(s, 2)}; };
  check([&](const Vec3& p, const Tensor& s) { return sdf::sphere(p, size(s, 0)); });
  check([&](const Vec3& p, const Tensor& s) { return sdf::box(p, three(s)); });
  check([&](const Vec3& p, const Tensor& s) { return sdf::rounded_box(p, three(s), size(s, 3)); });
  check([&](const Vec3& p, const Tensor& s) { return sdf::torus(p, size(s, 0), size(s, 3)); });
  check([&](const Vec3& p, const Tensor& s) {
    return sdf::capsule(p, three(s), {-size(s, 1), -size(s, 0), size(s, 1)}, size(s, 3));
  });
  check([&](const Vec3& p, const Tensor& s) { return sdf::plane(p, three(s), size(s, 3)); });
  check([&](const Vec3& p, const Tensor& s) {
    return sdf::scale(sdf::rotate(sdf::translate(p, three(s)), sdf::rotation(three(s))), 1 + size(s, 3),
                      [](const Vec3& q) { return sdf::torus(q, 0.6, 0.1); });
  });
  check([&](const Vec3& p, const Tensor& s) {
    return sdf::smooth_union(sdf::sphere(p, size(s, 0)), sdf::plane(p, three(s), 0.2), size(s, 2));
  });
  check([&](const Vec3& p, const Tensor& s) {
    return sdf::smooth_difference(sdf::sphere(p, 0.9), sdf::sphere(p - three(s), size(s, 0)), 5 * size(s, 3));
  });
}

TEST_CASE("a rotation is smooth at zero too") {
  const ag::Array points = table({{0.9, 0.3, 0.4}});
  for (double angle : {0.0, 1e-4, 0.06}) {
    const ag::Array axis = ag::Array::of<double>({angle, -angle, 0.5 * angle});
    check_gradient(
        [&](std::span<const Tensor> x) {
          return render::pack(sdf::rotate(render::unpack3(points), sdf::rotation(render::unpack3(x[0]))));
        },
        {axis}, {.step = 1e-5});
  }
}

TEST_CASE("sdf gradients are finite where a distance has a kink") {
  const ag::Array points = table({{0, 0, 0}, {0.7, 0, 0}, {0.5, 0.3, 0.7}, {0.5, 0.5, 0.5}});
  const ag::Step step;
  for (const Named& shape : shapes()) {
    INFO(shape.name);
    const Vec3 g = sdf::gradient(shape.field, render::unpack3(points));
    for (const Tensor& component : {g.x, g.y, g.z}) {
      for (double value : component.values<double>()) CHECK(std::isfinite(value));
    }
  }
}
