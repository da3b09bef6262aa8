#include <render/math/vec.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>

#include <array>
#include <cmath>

using namespace render;

namespace {

using Point = std::array<double, 3>;

Point point(const ag::Array& table, size_t row) {
  const std::span<const double> values = table.values<double>().subspan(3 * row, 3);
  return {values[0], values[1], values[2]};
}

/// Component k of the vectors, computed by `expected(row)` for each of them.
template <class Expected>
bool agrees(const Vec3& vectors, size_t count, Expected&& expected) {
  const Tensor components[3] = {vectors.x, vectors.y, vectors.z};
  for (size_t k = 0; k < 3; ++k) {
    const std::span<const double> values = components[k].values<double>();
    if (values.size() != count) return false;
    for (size_t row = 0; row < count; ++row) {
      if (std::fabs(values[row] - expected(row)[k]) > 1e-14) return false;
    }
  }
  return true;
}

template <class Operation>
Point each(const Point& a, const Point& b, Operation&& operation) {
  return {operation(a[0], b[0]), operation(a[1], b[1]), operation(a[2], b[2])};
}

Tensor weighted(const Vec3& a) { return ag::sum(2 * a.x - 3 * a.y + 5 * a.z); }

}  // namespace

TEST_CASE("operators on vectors act component by component") {
  const ag::Step step;
  Random random(1);
  const ag::Array first = random_array<double>(random, {7, 3}, 0.5, 2),
                  second = random_array<double>(random, {7, 3}, 0.5, 2);
  const Vec3 a = unpack3(first), b = unpack3(second);
  const auto both = [&](auto&& operation) {
    return [&](size_t row) { return each(point(first, row), point(second, row), operation); };
  };
  CHECK(agrees(a + b, 7, both([](double x, double y) { return x + y; })));
  CHECK(agrees(a - b, 7, both([](double x, double y) { return x - y; })));
  CHECK(agrees(a * b, 7, both([](double x, double y) { return x * y; })));
  CHECK(agrees(-a, 7, both([](double x, double) { return -x; })));
  CHECK(agrees(a * 1.5, 7, both([](double x, double) { return x * 1.5; })));
  CHECK(agrees(1.5 * a, 7, both([](double x, double) { return x * 1.5; })));
  CHECK(agrees(a / 1.5, 7, both([](double x, double) { return x / 1.5; })));
  // A tensor as the factor: one for each vector.
  CHECK(agrees(a * b.y, 7, [&](size_t row) {
    const Point p = point(first, row);
    const double factor = point(second, row)[1];
    return Point{p[0] * factor, p[1] * factor, p[2] * factor};
  }));
}

TEST_CASE("dot and cross are the products of plain vectors") {
  const ag::Step step;
  Random random(2);
  const ag::Array first = random_array<double>(random, {6, 3}, -2, 2),
                  second = random_array<double>(random, {6, 3}, -2, 2);
  const Vec3 a = unpack3(first), b = unpack3(second);
  const std::vector<double> products = dot(a, b).to_vector<double>();
  for (size_t row = 0; row < 6; ++row) {
    const Point p = point(first, row), q = point(second, row);
    CHECK(products[row] == Approx(p[0] * q[0] + p[1] * q[1] + p[2] * q[2]).margin(1e-14));
  }
  CHECK(agrees(cross(a, b), 6, [&](size_t row) {
    const Point p = point(first, row), q = point(second, row);
    return Point{p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]};
  }));
}

TEST_CASE("length and its gradient") {
  const ag::Array table = ag::Array::of<double>({2, 3, 6, 0, 0, 0}).reshape({2, 3});
  const ag::Step step;
  const Tensor lengths = length(unpack3(table));
  CHECK(lengths.to_vector<double>() == std::vector<double>{7, 0});
  const std::vector<double> slope = ag::grad(ag::sum(lengths), table).to_vector<double>();
  for (size_t k = 0; k < 3; ++k) CHECK(slope[k] == Approx(table.values<double>()[k] / 7));
  for (size_t k = 3; k < 6; ++k) CHECK(slope[k] == 0);  // the kink
}

TEST_CASE("normalize makes unit vectors and leaves the zero vector alone") {
  const ag::Array table = ag::Array::of<double>({2, -3, 6, 0, 0, 0, 1e-100, 0, 0}).reshape({3, 3});
  const ag::Step step;
  const Vec3 unit = normalize(unpack3(table));
  CHECK(agrees(unit, 3, [](size_t row) {
    return row == 0 ? Point{2.0 / 7, -3.0 / 7, 6.0 / 7} : row == 1 ? Point{0, 0, 0} : Point{1, 0, 0};
  }));
  const std::vector<double> slope = ag::grad(weighted(unit), table).to_vector<double>();
  for (size_t k = 0; k < 3; ++k) CHECK(std::isfinite(slope[k]));
  for (size_t k = 3; k < 6; ++k) CHECK(slope[k] == 0);
  // The second derivative at zero is as harmless as the first.
  const std::vector<double> bend =
      ag::grad(ag::sum(ag::square(ag::grad(weighted(unit), table))), table).to_vector<double>();
  for (size_t k = 3; k < 6; ++k) CHECK(bend[k] == 0);
}

TEST_CASE("gradients of vector functions are right to second order") {
  Random random(3);
  const std::vector<ag::Array> inputs{random_array<double>(random, {4, 3}, 0.3, 1.5),
                                      random_array<double>(random, {4, 3}, -1.5, -0.3)};
  const auto check = [&](const std::function<Tensor(const Vec3&, const Vec3&)>& f) {
    const ag::GradcheckResult result =
        ag::gradcheck([&](std::span<const Tensor> x) { return f(unpack3(x[0]), unpack3(x[1])); }, inputs);
    INFO(result.message);
    CHECK(result.passed);
  };
  check([](const Vec3& a, const Vec3& b) { return pack(normalize(cross(a, b))); });
  check([](const Vec3& a, const Vec3& b) { return length(a - b) * dot(a, b); });
}

TEST_CASE("transform is the product of each matrix with each point") {
  Random random(4);
  const ag::Array matrices = random_array<double>(random, {2, 4, 4}, -1, 1),
                  points = random_array<double>(random, {5, 3}, -1, 1);
  {
    const ag::Step step;
    const Vec4 moved = transform(matrices, unpack3(points));
    const Tensor components[4] = {moved.x, moved.y, moved.z, moved.w};
    const std::span<const double> m = matrices.values<double>();
    for (size_t i = 0; i < 4; ++i) {
      REQUIRE(components[i].shape() == ag::Shape{2, 5});
      for (size_t view = 0; view < 2; ++view) {
        for (size_t v = 0; v < 5; ++v) {
          const Point p = point(points, v);
          const double* row = m.data() + view * 16 + i * 4;
          const double expected = row[0] * p[0] + row[1] * p[1] + row[2] * p[2] + row[3];
          CHECK(components[i].values<double>()[view * 5 + v] == Approx(expected).margin(1e-14));
        }
      }
    }
  }
  const ag::GradcheckResult result = ag::gradcheck(
      [](std::span<const Tensor> x) {
        const Vec4 moved = transform(x[0], unpack3(x[1]));
        return moved.x * moved.w + moved.y * moved.z;
      },
      {matrices, points});
  INFO(result.message);
  CHECK(result.passed);
}

TEST_CASE("unpack3 and pack are inverse, whatever the leading axes") {
  const ag::Step step;
  Random random(5);
  const ag::Shape shape = GENERATE(ag::Shape{3}, ag::Shape{5, 3}, ag::Shape{2, 4, 3}, ag::Shape{0, 3});
  const ag::Array table = random_array<float>(random, shape, -1, 1);
  const Vec3 parts = unpack3(table);
  CHECK(parts.y.rank() == shape.rank() - 1);
  const Tensor packed = pack(parts);
  CHECK(packed.shape() == shape);
  CHECK(same_values(packed.values<float>(), table.values<float>()));
  if (shape == ag::Shape{5, 3}) CHECK(parts.y.values<float>()[3] == table.values<float>()[10]);
}

TEST_CASE("gather takes whole vectors") {
  const ag::Step step;
  const ag::Array table = ag::Array::of<double>({1, 2, 3, 4, 5, 6}).reshape({2, 3}),
                  at = ag::Array::of<int32_t>({1, 0, 1});
  CHECK(pack(gather(unpack3(table), ag::tensor(at))).to_vector<double>() ==
        std::vector<double>{4, 5, 6, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("wrong shapes are told with the operation's name") {
  const ag::Step step;
  const Vec3 points = unpack3(ag::zeros({5, 3}));
  REQUIRE_THROWS_AS(unpack3(ag::zeros({3, 2})), ag::ShapeError);
  REQUIRE_THROWS_WITH(unpack3(ag::zeros({3, 2})), ContainsSubstring("unpack3") && ContainsSubstring("[3, 2]"));
  REQUIRE_THROWS_AS(unpack3(1.0f), ag::ShapeError);
  REQUIRE_THROWS_AS(transform(ag::zeros({4, 4}), points), ag::ShapeError);
  REQUIRE_THROWS_AS(transform(ag::zeros({2, 3, 4}), points), ag::ShapeError);
  REQUIRE_THROWS_WITH(transform(ag::zeros({4, 4}), points),
                      ContainsSubstring("transform") && ContainsSubstring("[4, 4]"));
}
