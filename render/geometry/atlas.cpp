#include <autograd/core/error.h>
#include <render/geometry/atlas.h>
#include <render/geometry/atlas_charts.h>
#include <render/geometry/atlas_pack.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace render {

namespace {

constexpr int rotations = 18;  // of a chart that are tried, through a right angle

struct Box {
  double left = std::numeric_limits<double>::infinity(), low = left, right = -left, high = -left;
  double width() const { return right - left; }
  double height() const { return high - low; }
  void include(const std::array<double, 2>& p) {
    left = std::min(left, p[0]), right = std::max(right, p[0]);
    low = std::min(low, p[1]), high = std::max(high, p[1]);
  }
};

/// The chart's triangles seen along its normal, turned so that the box around them is smallest, and lies flat.
FlatChart flatten(const Surface& surface, const Chart& chart) {
  const auto [right, up] = tangent_frame(chart.normal);
  std::vector<std::array<double, 2>> points;
  for (const size_t face : chart.faces) {
    for (size_t corner = 0; corner < 3; ++corner) {
      const Double3 position = surface.corner(face, corner);
      points.push_back({dot(position, right), dot(position, up)});
    }
  }
  const auto turned = [&](double angle) {
    FlatChart flat;
    Box box;
    const double c = std::cos(angle), s = std::sin(angle);
    for (const auto& [x, y] : points) {
      flat.corners.push_back({c * x - s * y, s * x + c * y});
      box.include(flat.corners.back());
    }
    for (auto& [x, y] : flat.corners) x -= box.left, y -= box.low;
    flat.width = box.width(), flat.height = box.height();
    return flat;
  };
  const double turn = std::numbers::pi / 2;
  double best = 0, least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < rotations; ++i) {
    const double angle = turn * i / rotations;
    const FlatChart flat = turned(angle);
    if (flat.width * flat.height < least * (1 - 1e-9)) best = angle, least = flat.width * flat.height;
  }
  FlatChart flat = turned(best);
  return flat.height > flat.width ? turned(best + turn) : flat;
}

/// Coordinates of the charts' vertices: a vertex has one in each chart that it belongs to.
void assign(const Surface& surface, std::span<const Chart> charts, std::span<const FlatChart> flats,
            const Packing& packing, int size, Mesh& mesh) {
  std::vector<float> uvs;
  std::vector<int32_t> corners(3 * surface.faces());
  std::vector<size_t> chart_of(surface.vertices(), SIZE_MAX);
  std::vector<int32_t> uv_of(surface.vertices());
  for (size_t chart = 0; chart < charts.size(); ++chart) {
    for (size_t i = 0; i < charts[chart].faces.size(); ++i) {
      for (size_t corner = 0; corner < 3; ++corner) {
        const size_t vertex = surface.vertex(charts[chart].faces[i], corner);
        if (chart_of[vertex] != chart) {
          chart_of[vertex] = chart;
          uv_of[vertex] = static_cast<int32_t>(uvs.size() / 2);
          for (size_t axis = 0; axis < 2; ++axis) {
            const double texel = static_cast<double>(packing.places[chart][axis]) +
                                 packing.scale * flats[chart].corners[3 * i + corner][axis];
            uvs.push_back(static_cast<float>(texel / size));
          }
        }
        corners[3 * charts[chart].faces[i] + corner] = uv_of[vertex];
      }
    }
  }
  mesh.uvs = ag::Array::from(uvs, {static_cast<int64_t>(uvs.size() / 2), 2});
  mesh.uv_triangles = ag::Array::from(corners, mesh.triangles.shape());
}

double total_area(const Surface& surface) {
  double area = 0;
  for (size_t face = 0; face < surface.faces(); ++face) {
    const Double3 a = surface.corner(face, 0);
    area += length(cross(surface.corner(face, 1) - a, surface.corner(face, 2) - a)) / 2;
  }
  return area;
}

}  // namespace

Mesh with_atlas(const Mesh& mesh, const AtlasOptions& options) {
  if (options.size < 1 || options.size > 16384 || options.gutter < 0 || options.gutter > options.size) {
    throw ag::ValueError("with_atlas: size " + std::to_string(options.size) + ", gutter " +
                         std::to_string(options.gutter) + "; expected a size from 1 to 16384 and a gutter below it");
  }
  const Surface surface("with_atlas", mesh);
  if (!std::isfinite(total_area(surface))) {
    throw ag::ValueError("with_atlas: the surface's area is not finite; expected finite positions");
  }
  const std::vector<Chart> charts = cut_charts(surface, make_topology(mesh.positions, mesh.triangles), options.size);
  std::vector<FlatChart> flats;
  for (const Chart& chart : charts) flats.push_back(flatten(surface, chart));
  const std::optional<Packing> packing = pack(flats, options.size, options.gutter);
  if (!packing) {
    throw ag::ValueError("with_atlas: the surface falls into " + std::to_string(charts.size()) +
                         " charts, for which a texture of " + std::to_string(options.size) +
                         " texels a side has no room; expected a larger size");
  }
  Mesh result = mesh;
  assign(surface, charts, flats, *packing, options.size, result);
  result.materials.clear();
  result.face_materials = ag::zeros({0}, ag::DType::int32);
  return result;
}

}  // namespace render
