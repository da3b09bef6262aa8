#include <autograd/core/error.h>
#include <render/geometry/normals.h>
#include <render/geometry/surface.h>
#include <render/geometry/topology.h>

#include <numbers>

namespace render {

namespace {

void store(std::span<double> out, size_t row, const Double3& value) {
  out[3 * row] = value.x;
  out[3 * row + 1] = value.y;
  out[3 * row + 2] = value.z;
}

/// Zero where the face is degenerate. Of unit edges, the cross product's length is the sine of the corner's angle,
/// at any scale: below rounding it has no direction.
Double3 unit_normal(const Surface& surface, size_t face) {
  const Double3 a = surface.corner(face, 0);
  const Double3 normal = cross(normalized(surface.corner(face, 1) - a), normalized(surface.corner(face, 2) - a));
  return length(normal) > 1e-14 ? normalized(normal) : Double3{};
}

/// Normals as long as the faces are large: what vertex normals are summed from. In units of the mesh's diagonal,
/// so that the squares of a large or a small mesh's edges neither overflow nor underflow.
std::vector<Double3> area_normals(const Surface& surface, const Mesh& mesh) {
  const double diagonal = bounds(mesh).diagonal();
  const double scale = diagonal > 0 ? 1 / diagonal : 1;
  std::vector<Double3> normals(surface.faces());
  for (size_t face = 0; face < normals.size(); ++face) {
    const Double3 a = surface.corner(face, 0);
    const double area = length(cross((surface.corner(face, 1) - a) * scale, (surface.corner(face, 2) - a) * scale));
    normals[face] = unit_normal(surface, face) * area;
  }
  return normals;
}

/// Faces around each welded vertex, in order of faces: list[start[v] .. start[v + 1]).
struct VertexFaces {
  std::vector<size_t> start, list;
};

VertexFaces faces_around(const Surface& surface, std::span<const int32_t> weld) {
  VertexFaces around;
  around.start.assign(weld.size() + 1, 0);
  const auto welded = [&](size_t i) { return static_cast<size_t>(weld[surface.vertex(i / 3, i % 3)]); };
  const size_t corners = 3 * surface.faces();
  for (size_t i = 0; i < corners; ++i) ++around.start[welded(i) + 1];
  for (size_t vertex = 0; vertex < weld.size(); ++vertex) around.start[vertex + 1] += around.start[vertex];
  around.list.resize(corners);
  std::vector<size_t> next(around.start.begin(), around.start.end() - 1);
  for (size_t i = 0; i < corners; ++i) around.list[next[welded(i)]++] = i / 3;
  return around;
}

/// The normal that the file gives corner `i`, or zero.
Double3 file_normal(const Mesh& mesh, size_t i) {
  if (!mesh.has_normals()) return {};
  const int32_t index = mesh.normal_triangles.values<int32_t>()[i];
  if (index < 0) return {};
  const float* normal = mesh.normals.values<float>().data() + 3 * static_cast<size_t>(index);
  return normalized({normal[0], normal[1], normal[2]});
}

void require_file_normals(const Mesh& mesh) {
  if (!mesh.has_normals()) return;
  require_table("corner_normals", "normals", mesh.normals, 3, ag::DType::float32);
  require_table("corner_normals", "normal_triangles", mesh.normal_triangles, 3, ag::DType::int32);
  require_indices("corner_normals", "normal_triangles", mesh.normal_triangles, -1, mesh.normals.shape()[0]);
  if (mesh.normal_triangles.shape() == mesh.triangles.shape()) return;
  throw ag::ShapeError("corner_normals: normal_triangles " + mesh.normal_triangles.shape().to_string() +
                       "; expected triangles' shape " + mesh.triangles.shape().to_string());
}

}  // namespace

ag::Array face_normals(const Mesh& mesh) {
  const Surface surface("face_normals", mesh);
  return ag::Array::make<double>({mesh.faces(), 3}, [&](std::span<double> out) {
    for (size_t face = 0; face < surface.faces(); ++face) store(out, face, unit_normal(surface, face));
  });
}

ag::Array smooth_normals(const Mesh& mesh) {
  const Surface surface("smooth_normals", mesh);
  const ag::Array weld_array = weld_vertices(mesh.positions);
  const std::span<const int32_t> weld = weld_array.values<int32_t>();
  const std::vector<Double3> weights = area_normals(surface, mesh);
  std::vector<Double3> sums(surface.vertices());
  for (size_t face = 0; face < surface.faces(); ++face) {
    for (size_t corner = 0; corner < 3; ++corner) {
      Double3& sum = sums[static_cast<size_t>(weld[surface.vertex(face, corner)])];
      sum = sum + weights[face];
    }
  }
  return ag::Array::make<double>({mesh.vertices(), 3}, [&](std::span<double> out) {
    for (size_t vertex = 0; vertex < sums.size(); ++vertex) {
      store(out, vertex, normalized(sums[static_cast<size_t>(weld[vertex])]));
    }
  });
}

ag::Array corner_normals(const Mesh& mesh, double crease_degrees) {
  const Surface surface("corner_normals", mesh);
  require_file_normals(mesh);
  const ag::Array weld_array = weld_vertices(mesh.positions);
  const std::span<const int32_t> weld = weld_array.values<int32_t>();
  const VertexFaces around = faces_around(surface, weld);
  const std::vector<Double3> weights = area_normals(surface, mesh);
  std::vector<Double3> unit_normals(surface.faces());
  for (size_t face = 0; face < unit_normals.size(); ++face) unit_normals[face] = unit_normal(surface, face);
  const double least_cosine = std::cos(crease_degrees * std::numbers::pi / 180);

  const auto smooth_normal = [&](size_t face, size_t vertex) {
    const Double3 own = unit_normals[face];
    Double3 sum;
    for (size_t i = around.start[vertex]; i < around.start[vertex + 1]; ++i) {
      const size_t other = around.list[i];
      const bool smooth = own == Double3{} || other == face || dot(own, unit_normals[other]) >= least_cosine;
      if (smooth) sum = sum + weights[other];
    }
    const Double3 mean = normalized(sum);
    return mean == Double3{} ? own : mean;
  };

  return ag::Array::make<double>({mesh.faces(), 3, 3}, [&](std::span<double> out) {
    for (size_t i = 0; i < 3 * surface.faces(); ++i) {
      const Double3 given = file_normal(mesh, i);
      const size_t vertex = static_cast<size_t>(weld[surface.vertex(i / 3, i % 3)]);
      store(out, i, given == Double3{} ? smooth_normal(i / 3, vertex) : given);
    }
  });
}

}  // namespace render
