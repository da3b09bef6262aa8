#include <fmt/format.h>
#include <render/sdf/polygonise.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace render::sdf {

namespace {

/// A regular grid of points, layer by layer in z.
struct Grid {
  std::array<double, 3> lower{};
  double cube = 0;                 ///< edge length
  std::array<int64_t, 3> cubes{};  ///< along each axis

  int64_t points(size_t axis) const { return cubes[axis] + 1; }
  int64_t layer_points() const { return points(0) * points(1); }
};

Grid make_grid(const PolygoniseOptions& options) {
  if (options.resolution < 1 || options.resolution > 1024) {
    throw ag::ValueError(fmt::format("polygonise: resolution {}; expected 1 to 1024", options.resolution));
  }
  Grid grid{.lower = options.lower, .cube = 0, .cubes = {}};
  for (size_t axis = 0; axis < 3; ++axis) {
    const double side = options.upper[axis] - options.lower[axis];
    if (!(side > 0) || !std::isfinite(side)) {
      throw ag::ValueError(fmt::format("polygonise: box from {} to {} on axis {}; expected lower < upper",
                                       options.lower[axis], options.upper[axis], axis));
    }
    grid.cube = std::max(grid.cube, side / options.resolution);
  }
  for (size_t axis = 0; axis < 3; ++axis) {
    const double side = options.upper[axis] - options.lower[axis];
    grid.cubes[axis] = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(side / grid.cube - 1e-9)));
  }
  return grid;
}

/// The field on layer z: [points along y, points along x].
std::vector<double> sample_layer(const Field& field, const Grid& grid, int64_t z, ag::DType type) {
  const ag::Step step;
  const auto axis = [&](size_t k, const ag::Shape& shape) {
    const Tensor index = ag::reshape(ag::tensor(ag::arange(grid.points(k), type)), shape);
    return index * grid.cube + grid.lower[k];
  };
  const Tensor x = axis(0, {1, grid.points(0)}), y = axis(1, {grid.points(1), 1});
  const double depth = static_cast<double>(z) * grid.cube + grid.lower[2];
  const ag::Shape shape{grid.points(1), grid.points(0)};
  const Vec3 point{ag::broadcast_to(x, shape), ag::broadcast_to(y, shape), ag::broadcast_to(x * 0 + depth, shape)};
  return ag::broadcast_to(field(point), shape).keep().cast(ag::DType::float64).to_vector<double>();
}

/// Corners of a cube are numbered by bits: 1 along x, 2 along y, 4 along z. A tetrahedron walks from corner 0 to 7 by
/// one axis after the other. Both kinds of turn are listed with positive orientation.
constexpr std::array<std::array<unsigned, 4>, 6> tetrahedra{
    {{0, 1, 3, 7}, {0, 2, 6, 7}, {0, 4, 5, 7}, {0, 3, 2, 7}, {0, 6, 4, 7}, {0, 5, 1, 7}}};

class Polygoniser {
 public:
  Polygoniser(const Field& field, const PolygoniseOptions& options)
      : field_(field), type_(options.type), grid_(make_grid(options)) {}

  Mesh run() {
    upper_ = next_layer(0);
    for (int64_t z = 0; z < grid_.cubes[2]; ++z) {
      lower_ = std::move(upper_);
      upper_ = next_layer(z + 1);
      for (int64_t y = 0; y < grid_.cubes[1]; ++y) {
        for (int64_t x = 0; x < grid_.cubes[0]; ++x) cut_cube(x, y, z);
      }
    }
    Mesh mesh;
    mesh.positions = ag::Array::from(positions_, {static_cast<int64_t>(positions_.size()) / 3, 3});
    mesh.triangles = ag::Array::from(triangles_, {static_cast<int64_t>(triangles_.size()) / 3, 3});
    return mesh;
  }

 private:
  struct Layer {
    std::vector<double> values;     ///< of the field at each point
    std::vector<int32_t> vertices;  ///< on each edge from a point: 8 a point, by the bits of the edge's direction
  };

  Layer next_layer(int64_t z) const {
    Layer layer{sample_layer(field_, grid_, z, type_), {}};
    for (double value : layer.values) {
      if (!std::isfinite(value)) throw ag::ValueError(fmt::format("polygonise: the field is {} in the box", value));
    }
    layer.vertices.assign(layer.values.size() * 8, -1);
    return layer;
  }

  void cut_cube(int64_t x, int64_t y, int64_t z) {
    std::array<bool, 8> inside{};
    for (unsigned corner = 0; corner < 8; ++corner) inside[corner] = value(x, y, corner) <= 0;
    if (std::ranges::count(inside, inside[0]) == 8) return;
    for (const auto& tetrahedron : tetrahedra) cut_tetrahedron(x, y, z, tetrahedron, inside);
  }

  void cut_tetrahedron(int64_t x, int64_t y, int64_t z, std::array<unsigned, 4> t, const std::array<bool, 8>& inside) {
    // The corners inside to the front. Each exchange turns the orientation round.
    bool reversed = false;
    for (size_t first = 0; first < 3; ++first) {
      for (size_t i = 3; i > first; --i) {
        if (!inside[t[i]] || inside[t[i - 1]]) continue;
        std::swap(t[i], t[i - 1]);
        reversed = !reversed;
      }
    }
    const auto edge = [&](size_t a, size_t b) { return vertex(x, y, z, t[a], t[b]); };
    const auto add = [&](int32_t a, int32_t b, int32_t c) {
      triangles_.insert(triangles_.end(), {a, reversed ? c : b, reversed ? b : c});
    };
    switch (std::ranges::count_if(t, [&](unsigned corner) { return inside[corner]; })) {
      case 1: add(edge(0, 1), edge(0, 2), edge(0, 3)); break;
      case 2:
        add(edge(0, 2), edge(0, 3), edge(1, 3));
        add(edge(0, 2), edge(1, 3), edge(1, 2));
        break;
      case 3: add(edge(0, 3), edge(1, 3), edge(2, 3)); break;
      default: break;
    }
  }

  size_t point(int64_t x, int64_t y, unsigned corner) const {
    return static_cast<size_t>((y + (corner >> 1 & 1)) * grid_.points(0) + x + (corner & 1));
  }
  double value(int64_t x, int64_t y, unsigned corner) const {
    return (corner & 4 ? upper_ : lower_).values[point(x, y, corner)];
  }

  /// On the edge between two corners of a tetrahedron; the bits of one contain those of the other.
  int32_t vertex(int64_t x, int64_t y, int64_t z, unsigned a, unsigned b) {
    const unsigned start = a & b, end = a | b;
    int32_t& known = (start & 4 ? upper_ : lower_).vertices[point(x, y, start) * 8 + (start ^ end)];
    if (known >= 0) return known;
    // Not quite to the ends, so that no triangle shrinks to a point.
    const double at_start = value(x, y, start), at_end = value(x, y, end);
    const double part = std::clamp(at_start / (at_start - at_end), 1e-3, 1 - 1e-3);
    const std::array<int64_t, 3> cube{x, y, z};
    for (size_t axis = 0; axis < 3; ++axis) {
      const double from = static_cast<double>(cube[axis] + (start >> axis & 1));
      const double along = (start ^ end) >> axis & 1 ? part : 0;
      positions_.push_back(grid_.lower[axis] + grid_.cube * (from + along));
    }
    known = static_cast<int32_t>(positions_.size() / 3) - 1;
    return known;
  }

  const Field& field_;
  ag::DType type_;
  Grid grid_;
  Layer lower_, upper_;
  std::vector<double> positions_;
  std::vector<int32_t> triangles_;
};

}  // namespace

Mesh polygonise(const Field& field, const PolygoniseOptions& options) { return Polygoniser(field, options).run(); }

}  // namespace render::sdf
