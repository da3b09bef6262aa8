#include <tests/catch.h>
#include <tests/reference/edge_methods.h>

#include <utility>

// The two methods that the truth bench compares with, on edges worked out by hand.

using reference::EdgeGradient;
using reference::PlainView;

namespace {

using Point = std::array<double, 3>;  // column, row, depth

/// Pixels show the value of the nearest triangle at their centre.
PlainView draw(int width, int height, const std::vector<Point>& vertices, const std::vector<int32_t>& triangles,
               const std::vector<double>& values) {
  PlainView view{.width = width,
                 .height = height,
                 .column = {},
                 .row = {},
                 .depth = {},
                 .triangles = triangles,
                 .ids = {},
                 .image = {}};
  for (const auto& [column, row, depth] : vertices) {
    view.column.push_back(column);
    view.row.push_back(row);
    view.depth.push_back(depth);
  }
  for (int pixel = 0; pixel < width * height; ++pixel) {
    const double x = pixel % width + 0.5, y = static_cast<int>(pixel / width) + 0.5;
    int32_t seen = -1;
    double nearest = 0;
    for (size_t face = 0; face < values.size(); ++face) {
      const auto corner = [&](size_t k) { return vertices[static_cast<size_t>(triangles[3 * face + k % 3])]; };
      double share[3], sum = 0, nearness = 0;
      for (size_t k = 0; k < 3; ++k) {
        const Point b = corner(k + 1), c = corner(k + 2);
        share[k] = (b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x);
        sum += share[k];
      }
      for (size_t k = 0; k < 3; ++k) nearness += share[k] / sum / corner(k)[2];
      const bool covers = share[0] / sum >= 0 && share[1] / sum >= 0 && share[2] / sum >= 0;
      if (covers && nearness > nearest) nearest = nearness, seen = static_cast<int32_t>(face);
    }
    view.ids.push_back(seen);
    view.image.push_back(seen < 0 ? 0 : values[static_cast<size_t>(seen)]);
  }
  return view;
}

/// The same picture with rows and columns exchanged.
PlainView transposed(const PlainView& view) {
  PlainView other = view;
  std::swap(other.width, other.height);
  std::swap(other.column, other.row);
  for (size_t row = 0; row < static_cast<size_t>(view.height); ++row) {
    for (size_t column = 0; column < static_cast<size_t>(view.width); ++column) {
      const size_t from = row * static_cast<size_t>(view.width) + column;
      const size_t to = column * static_cast<size_t>(view.height) + row;
      other.ids[to] = view.ids[from];
      other.image[to] = view.image[from];
    }
  }
  return other;
}

std::array<double, 2> sum(const EdgeGradient& gradient) {
  std::array<double, 2> total{};
  for (const auto& [column, row] : gradient.by_vertex) total = {total[0] + column, total[1] + row};
  return total;
}

void check_close(const std::vector<double>& values, const std::vector<double>& expected) {
  REQUIRE(values.size() == expected.size());
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(1e-12));
}

const std::vector<double> weight{1, 2, 3, 5};

/// Four pixels in a row; a triangle whose right side stands at column 2.3, from row -1 to row 3.
PlainView upright_edge() { return draw(4, 1, {{2.3, -1, 2}, {2.3, 3, 2}, {-9, 1, 2}}, {0, 1, 2}, {10}); }

}  // namespace

TEST_CASE("pixel pairs: an upright edge blends by its place between two centres, and moves its own ends") {
  // .8 of a pixel from centre 1 to centre 2: pixel 2 receives .3 of 10, and the loss gains 3 * 10 a pixel of motion,
  // of which (.5 + 1) / 4 is the lower end's.
  const PlainView view = upright_edge();
  REQUIRE(view.ids == std::vector<int32_t>{0, 0, -1, -1});
  const EdgeGradient gradient = reference::pixel_pairs(view, weight);
  check_close(gradient.by_pixel, {1, 2 + 3 * 0.3, 3 - 3 * 0.3, 5});
  CHECK(gradient.by_vertex[0][0] == Approx(30 * 0.625));
  CHECK(gradient.by_vertex[1][0] == Approx(30 * 0.375));
  CHECK(gradient.by_vertex[2][0] == 0);
  CHECK(sum(gradient)[1] == 0);
}

TEST_CASE("pixel pairs: a slanted edge crosses elsewhere where it moves along itself") {
  // From (3.05, -1) to (1.05, 3), so at column 2.3 in row .5 again; a row further down it is half a column to the
  // right.
  const PlainView view = draw(4, 1, {{3.05, -1, 2}, {1.05, 3, 2}, {-9, 1, 2}}, {0, 1, 2}, {10});
  const EdgeGradient gradient = reference::pixel_pairs(view, weight);
  check_close(gradient.by_pixel, {1, 2.9, 2.1, 5});
  CHECK(gradient.by_vertex[0][0] == Approx(30 * 0.625));
  CHECK(gradient.by_vertex[0][1] == Approx(15 * 0.625));
  CHECK(gradient.by_vertex[1][1] == Approx(15 * 0.375));
}

TEST_CASE("pixel pairs: an edge nearer to the covered centre than to the other takes from the covered pixel") {
  // At column 1.7, a fifth of the way: pixel 1 gives up .3 of 10, and its weight of 2 counts.
  const EdgeGradient gradient =
      reference::pixel_pairs(draw(4, 1, {{1.7, -1, 2}, {1.7, 3, 2}, {-9, 1, 2}}, {0, 1, 2}, {10}), weight);
  check_close(gradient.by_pixel, {1, 2 - 2 * 0.3, 3 + 2 * 0.3, 5});
  CHECK(sum(gradient)[0] == Approx(20));
}

TEST_CASE("rasterized edges: the border moves with the covering fragment, by the mean of both weights") {
  const PlainView view = upright_edge();
  const EdgeGradient gradient = reference::rasterized_edges(view, weight);
  check_close(gradient.by_pixel, weight);  // the image stays as it is
  CHECK(sum(gradient)[0] == Approx(10 * (2 + 3) / 2.0));
  CHECK(sum(gradient)[1] == 0);
  // Of the corners' shares in (1.5, .5) the far one has .8 / 11.3.
  CHECK(gradient.by_vertex[2][0] == Approx(25 * 0.8 / 11.3));
}

TEST_CASE("both methods treat rows and columns alike") {
  const PlainView view = draw(4, 1, {{3.05, -1, 2}, {1.05, 3, 2}, {-9, 1, 2}}, {0, 1, 2}, {10});
  for (const auto method : {reference::pixel_pairs, reference::rasterized_edges}) {
    const EdgeGradient level = method(view, weight), upright = method(transposed(view), weight);
    check_close(upright.by_pixel, level.by_pixel);
    for (size_t v = 0; v < 3; ++v) {
      CHECK(upright.by_vertex[v][0] == Approx(level.by_vertex[v][1]));
      CHECK(upright.by_vertex[v][1] == Approx(level.by_vertex[v][0]));
    }
  }
}

TEST_CASE("neither method sees an edge inside a surface") {
  const PlainView view = draw(4, 1, {{2.3, -9, 2}, {2.3, 9, 2}, {-9, 0, 2}, {20, 0, 2}}, {0, 1, 2, 0, 1, 3}, {10, 20});
  REQUIRE(view.ids == std::vector<int32_t>{0, 0, 1, 1});
  for (const auto method : {reference::pixel_pairs, reference::rasterized_edges}) {
    const EdgeGradient gradient = method(view, weight);
    check_close(gradient.by_pixel, weight);
    for (const auto& [column, row] : gradient.by_vertex) CHECK((column == 0 && row == 0));
  }
}

TEST_CASE("pixel pairs miss a silhouette whose own triangle is seen by no pixel; rasterized edges do not") {
  // The surface goes on from column 1.9 to 2.3 in two triangles between the centres.
  const PlainView view = draw(4, 1, {{1.9, -9, 2}, {1.9, 9, 2}, {-9, 0, 2}, {2.3, -9, 2}, {2.3, 9, 2}},
                              {0, 1, 2, 0, 1, 3, 1, 3, 4}, {10, 10, 10});
  REQUIRE(view.ids == std::vector<int32_t>{0, 0, -1, -1});
  check_close(reference::pixel_pairs(view, weight).by_pixel, weight);
  CHECK(sum(reference::pixel_pairs(view, weight))[0] == 0);
  CHECK(sum(reference::rasterized_edges(view, weight))[0] == Approx(25));
}

TEST_CASE("before another surface, rasterized edges need its triangles to be larger than a pixel") {
  const std::vector<Point> vertices{{2.3, -1, 2}, {2.3, 3, 2}, {-9, 1, 2}, {2, -50, 4},
                                    {2, 50, 4},   {-50, 0, 4}, {50, 0, 4}};
  const PlainView large = draw(4, 1, vertices, {0, 1, 2, 3, 5, 6, 4, 5, 6}, {10, 4, 4});
  const PlainView small = draw(4, 1, vertices, {0, 1, 2, 3, 4, 5, 3, 4, 6}, {10, 4, 4});
  REQUIRE(small.ids == std::vector<int32_t>{0, 0, 2, 2});
  CHECK(sum(reference::rasterized_edges(large, weight))[0] == Approx(6 * 2.5));
  CHECK(sum(reference::rasterized_edges(small, weight))[0] == 0);
  for (const PlainView& view : {large, small}) {
    const EdgeGradient gradient = reference::pixel_pairs(view, weight);
    CHECK(sum(gradient)[0] == Approx(6 * 3));
    check_close(gradient.by_pixel, {1, 2.9, 2.1, 5});
  }
}

TEST_CASE("rasterized edges: where surfaces intersect, each moves the border by its share") {
  // 1 / depth is .5 at column 2.3 in both, and changes by -.01 and .03 a column.
  const auto corner = [](double column, double row, double slope) {
    return Point{column, row, 1 / (0.5 + slope * (column - 2.3))};
  };
  const std::vector<Point> vertices{corner(-10, -20, -0.01), corner(-10, 20, -0.01), corner(14, 0, -0.01),
                                    corner(-10, -20, 0.03),  corner(-10, 20, 0.03),  corner(14, 0, 0.03)};
  const PlainView view = draw(4, 1, vertices, {0, 1, 2, 3, 4, 5}, {10, 4});
  REQUIRE(view.ids == std::vector<int32_t>{0, 0, 1, 1});
  const EdgeGradient gradient = reference::rasterized_edges(view, weight);
  double first = 0, second = 0;
  for (size_t v = 0; v < 3; ++v) first += gradient.by_vertex[v][0], second += gradient.by_vertex[3 + v][0];
  CHECK(first == Approx(15 * 0.25));
  CHECK(second == Approx(15 * 0.75));
}
