#include <render/fit/textured_surface.h>
#include <render/geometry/double3.h>
#include <render/geometry/normals.h>
#include <render/geometry/surface.h>
#include <render/raster/derivatives.h>
#include <render/shading/still.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace render {

namespace {

/// Face normals turned to the side of the corners' normals: a file's winding may contradict its normals.
ag::Array aligned_normals(const Surface& surface, std::span<const float> corner_normals) {
  const auto faces = static_cast<int64_t>(surface.faces());
  return ag::Array::make<float>({faces, 3}, [&](std::span<float> out) {
    for (size_t face = 0; face < surface.faces(); ++face) {
      const Double3 a = surface.corner(face, 0);
      const Double3 normal = cross(surface.corner(face, 1) - a, surface.corner(face, 2) - a);
      Double3 total;
      for (size_t corner = 3 * face; corner < 3 * face + 3; ++corner) {
        const float* n = corner_normals.data() + 3 * corner;
        total = total + Double3{n[0], n[1], n[2]};
      }
      const double sign = dot(total, normal) < 0 ? -1 : 1;
      for (int axis = 0; axis < 3; ++axis) {
        out[3 * face + static_cast<size_t>(axis)] = static_cast<float>(sign * normal[axis]);
      }
    }
  });
}

Vec2 columns(const ag::Array& uvs) {
  const Tensor table = ag::tensor(uvs);
  return {ag::select(table, 1, 0), ag::select(table, 1, 1)};
}

/// Throws unless each corner has a texture coordinate, and that a number: gradients would spread what is none.
void check_coordinates(const Mesh& mesh) {
  require_mesh("textured_surface", mesh);
  const std::span<const int32_t> corners = mesh.uv_triangles.values<int32_t>();
  if (mesh.uv_triangles.shape() != mesh.triangles.shape() ||
      std::ranges::any_of(corners, [](int32_t uv) { return uv < 0; })) {
    throw ag::ValueError("textured_surface: a face has no texture coordinates; with_atlas() gives all faces some");
  }
  const std::span<const float> uvs = mesh.uvs.values<float>();
  for (const int32_t corner : corners) {
    const auto at = 2 * static_cast<size_t>(corner);
    if (std::isfinite(uvs[at]) && std::isfinite(uvs[at + 1])) continue;
    throw ag::ValueError("textured_surface: texture coordinate " + std::to_string(corner) + " is (" +
                         std::to_string(uvs[at]) + ", " + std::to_string(uvs[at + 1]) + "); expected finite numbers");
  }
}

}  // namespace

TexturedSurface textured_surface(const Mesh& mesh) {
  check_coordinates(mesh);
  const BoundingSphere sphere = bounding_sphere(mesh);
  if (!(sphere.radius > 0)) throw ag::ValueError("textured_surface: the mesh has no extent");
  Mesh unit = mesh;
  const std::span<const double> positions = mesh.positions.values<double>();
  unit.positions = ag::Array::make<double>(mesh.positions.shape(), [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = (positions[i] - sphere.centre[i % 3]) / sphere.radius;
  });
  TexturedSurface surface;
  surface.start = {sphere.centre, sphere.radius};
  surface.positions = unit.positions.cast(ag::DType::float32);
  surface.triangles = mesh.triangles;
  surface.uvs = mesh.uvs;
  surface.uv_triangles = mesh.uv_triangles;
  surface.topology = make_topology(mesh.positions, mesh.triangles);
  surface.corner_normals = corner_normals(mesh).cast(ag::DType::float32).reshape({3 * mesh.faces(), 3});
  surface.face_normals = aligned_normals(Surface("textured_surface", unit), surface.corner_normals.values<float>());
  return surface;
}

TexturedView see(const TexturedSurface& surface, const Vec3& positions, const Vec2& uvs, ag::Located matrices,
                 const Frame& frame, const MipLevels& levels) {
  TexturedView view{see(positions, surface.triangles, surface.topology, matrices, frame), {}, {}};
  const VisiblePixels& pixels = view.surface.pixels;
  const Vec3& weights = view.surface.weights;
  const Corners at = corners(surface.uv_triangles, pixels);
  view.uv = {interpolate(uvs.x, at, weights), interpolate(uvs.y, at, weights)};
  view.lod = level_of_detail(interpolate_derivatives(uvs.x, at, view.surface.slopes),
                             interpolate_derivatives(uvs.y, at, view.surface.slopes), levels) -
             1;
  return view;
}

TexturedView see(const TexturedSurface& surface, ag::Located matrices, const Frame& frame, const MipLevels& levels) {
  return see(surface, unpack3(surface.positions), columns(surface.uvs), matrices, frame, levels);
}

Vec3 seen_normals(const TexturedSurface& surface, const TexturedView& view, ag::Located eyes) {
  const Tensor triangle = view.surface.pixels.triangle, first = triangle * 3;
  const Vec3 normal =
      normalize(interpolate(unpack3(surface.corner_normals), {{first, first + 1, first + 2}}, view.surface.weights));
  const Vec3 corner = gather(unpack3(surface.positions), view.surface.corners.vertex[0]);
  const Vec3 to_eye = gather(unpack3(eyes), view.surface.pixels.view) - corner;
  const Tensor behind = dot(gather(unpack3(surface.face_normals), triangle), to_eye) < 0;
  return normal * ag::where(behind, -1.0, 1.0);
}

}  // namespace render
