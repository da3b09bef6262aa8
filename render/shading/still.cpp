#include <autograd/core/error.h>
#include <autograd/core/parallel.h>
#include <render/geometry/double3.h>
#include <render/geometry/normals.h>
#include <render/geometry/surface.h>
#include <render/raster/kernels.h>
#include <render/shading/face_albedo.h>
#include <render/shading/still.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

// A still in four stages, the first two once a mesh:
//
//   mesh -> the unit ball about the origin (float64)         so that a far, tiny mesh keeps its shape
//   normals, materials -> a normal a corner, an albedo source a face
//   camera -> clip positions -> visibility() on a grid of side x side samples a pixel
//   each pixel: its samples' triangles -> albedo x light -> mean of premultiplied linear colour

namespace render {
namespace {

constexpr int largest_sample_side = 16384;   // of the visibility grid: 1 GiB of ids
constexpr double nanoseconds_a_sample = 50;  // roughly, for deciding on threads

Double3 vector_at(std::span<const double> values, size_t index) {
  return {values[3 * index], values[3 * index + 1], values[3 * index + 2]};
}

Double3 to_vector(const Point3& point) { return {point[0], point[1], point[2]}; }

/// The number of samples along a pixel's side.
int sample_side(int samples) {
  for (int side = 1; side <= 16; ++side) {
    if (side * side == samples) return side;
  }
  throw ag::ValueError("still: " + std::to_string(samples) +
                       " samples a pixel; expected a square number: 1, 4, 9, 16, 25, ..., 256");
}

BoundingSphere sphere_with_extent(const Mesh& mesh) {
  require_mesh("still", mesh);
  const auto positions = mesh.positions.values<double>();
  const bool finite = std::ranges::all_of(mesh.triangles.values<int32_t>(), [&](int32_t vertex) {
    const Double3 p = vector_at(positions, static_cast<size_t>(vertex));
    return std::isfinite(p.x) && std::isfinite(p.y) && std::isfinite(p.z);
  });
  const BoundingSphere sphere = bounding_sphere(mesh);
  if (!finite || !std::isfinite(sphere.radius))
    throw ag::ValueError("still: the mesh has no finite size; expected coordinates whose squares are numbers");
  if (sphere.radius > 0) return sphere;
  throw ag::ValueError("still: the mesh has no extent; expected faces with vertices at different places");
}

bool is_finite(const Camera& camera) {
  return std::isfinite(camera.fx) && std::isfinite(camera.fy) && std::isfinite(camera.cx) && std::isfinite(camera.cy) &&
         std::ranges::all_of(camera.world_from_camera, [](double number) { return std::isfinite(number); });
}

std::vector<Double3> into_ball(const Mesh& mesh, const BoundingSphere& sphere) {
  const auto values = mesh.positions.values<double>();
  std::vector<Double3> positions(static_cast<size_t>(mesh.vertices()));
  for (size_t vertex = 0; vertex < positions.size(); ++vertex) {
    positions[vertex] = (vector_at(values, vertex) - to_vector(sphere.centre)) * (1 / sphere.radius);
  }
  return positions;
}

Camera into_ball(Camera camera, const BoundingSphere& sphere) {
  const Double3 position = (to_vector(camera.position()) - to_vector(sphere.centre)) * (1 / sphere.radius);
  for (int axis = 0; axis < 3; ++axis) camera.world_from_camera[static_cast<size_t>(4 * axis + 3)] = position[axis];
  return camera;
}

}  // namespace

BoundingSphere bounding_sphere(const Mesh& mesh) {
  BoundingSphere sphere{bounds(mesh).centre(), 0};
  const auto positions = mesh.positions.values<double>();
  for (const int32_t vertex : mesh.triangles.values<int32_t>()) {
    const double distance = length(vector_at(positions, static_cast<size_t>(vertex)) - to_vector(sphere.centre));
    sphere.radius = std::max(sphere.radius, distance);
  }
  return sphere;
}

// --- One view --------------------------------------------------------------------------------

namespace {

/// The near plane as far away as the unit ball allows, for the sake of depth's resolution.
Matrix4 clip_from_ball(const Camera& camera) {
  const double distance = length(to_vector(camera.position()));
  return clip_from_world(camera, std::max(0.95 * (distance - 1), 1e-3), 1.05 * (distance + 1));
}

/// What each sample of a picture sees. The vertices are kept in clip space in float64, for the
/// weights; the visibility kernel has them in float32.
struct SampledView {
  Double3 eye;
  kernels::Viewport grid;  // of samples
  std::vector<double> x, y, w;
  std::vector<int32_t> ids;  // [grid.height, grid.width] faces, -1: none

  SampledView(const Camera& camera, int side, const std::vector<Double3>& positions,
              std::span<const int32_t> triangles);
  CornerWeights weights(const std::array<size_t, 3>& triangle, int row, int column) const;
};

SampledView::SampledView(const Camera& camera, int side, const std::vector<Double3>& positions,
                         std::span<const int32_t> triangles)
    : eye(to_vector(camera.position())), grid{camera.width * side, camera.height * side} {
  const Matrix4 matrix = clip_from_ball(camera);
  std::array<std::vector<float>, 4> clip32;
  for (const Double3& p : positions) {
    std::array<double, 4> clip{};
    for (size_t i = 0; i < 4; ++i) {
      const double* m = &matrix[4 * i];
      clip[i] = m[0] * p.x + m[1] * p.y + m[2] * p.z + m[3];
      clip32[i].push_back(static_cast<float>(clip[i]));
    }
    x.push_back(clip[0]);
    y.push_back(clip[1]);
    w.push_back(clip[3]);
  }
  ids.resize(static_cast<size_t>(grid.width) * static_cast<size_t>(grid.height));
  kernels::visibility({{clip32[0], clip32[1], clip32[2], clip32[3]}, triangles, grid}, ids);
}

/// Perspective-correct weights at a sample: 2-D homogeneous coordinates relative to it (Olano & Greer
/// 1997). Coverage is decided on positions rounded to 1/256 sample, so the sample may lie a little
/// outside; the weights are then drawn back, lest a texture bleed over its seams.
CornerWeights SampledView::weights(const std::array<size_t, 3>& triangle, int row, int column) const {
  const double sample_x = 2 * (column + 0.5) / grid.width - 1, sample_y = 1 - 2 * (row + 0.5) / grid.height;
  std::array<double, 3> dx{}, dy{};
  for (size_t i = 0; i < 3; ++i) {
    dx[i] = x[triangle[i]] - sample_x * w[triangle[i]];
    dy[i] = y[triangle[i]] - sample_y * w[triangle[i]];
  }
  CornerWeights area{dx[1] * dy[2] - dx[2] * dy[1], dx[2] * dy[0] - dx[0] * dy[2], dx[0] * dy[1] - dx[1] * dy[0]};
  const double sign = area[0] + area[1] + area[2] < 0 ? -1 : 1;
  for (double& weight : area) weight = std::max(0.0, sign * weight);
  const double total = area[0] + area[1] + area[2];
  if (!(total > 0)) return {1.0 / 3, 1.0 / 3, 1.0 / 3};
  return {area[0] / total, area[1] / total, area[2] / total};
}

}  // namespace

// --- What is made once a mesh ----------------------------------------------------------------

struct Still::Scene {
  int side;  // samples along a pixel's side
  BoundingSphere sphere;
  Lighting light;
  FaceAlbedo albedo;
  ag::Array triangles;
  std::vector<Double3> positions;     // [vertices] in the unit ball
  std::vector<Double3> normals;       // [faces * 3], of the corners
  std::vector<Double3> face_normals;  // [faces], of any length, on the side of the corners' normals
  std::vector<std::string> warnings;

  Scene(const Mesh& mesh, const StillOptions& options);
  std::array<size_t, 3> corners(size_t face) const;
  Double3 radiance(size_t face, const CornerWeights& weights, const Double3& eye) const;
  std::array<float, 4> pixel(const SampledView& view, int row, int column) const;
};

Still::Scene::Scene(const Mesh& mesh, const StillOptions& options)
    : side(sample_side(options.samples)),
      sphere(sphere_with_extent(mesh)),
      light(lighting(options.light)),
      albedo(mesh, options.texture),
      triangles(mesh.triangles),
      positions(into_ball(mesh, sphere)) {
  const ag::Array corner_array = corner_normals(mesh);
  const auto values = corner_array.values<double>();
  for (size_t face = 0; face < static_cast<size_t>(mesh.faces()); ++face) {
    Double3 total;
    for (size_t corner = 0; corner < 3; ++corner) {
      normals.push_back(vector_at(values, 3 * face + corner));
      total = total + normals.back();
    }
    const auto [a, b, c] = corners(face);
    const Double3 normal = cross(positions[b] - positions[a], positions[c] - positions[a]);
    // A file's winding may contradict its normals. Here the two agree, so that one sign turns both
    // to the side that is seen.
    face_normals.push_back(dot(total, normal) < 0 ? normal * -1 : normal);
  }
  warnings = albedo.warnings();
  const bool flat = std::ranges::all_of(face_normals, [](const Double3& normal) { return normal == Double3{}; });
  if (flat) warnings.push_back("no face has area: there is nothing to see");
}

std::array<size_t, 3> Still::Scene::corners(size_t face) const {
  const auto vertices = triangles.values<int32_t>().subspan(3 * face, 3);
  return {static_cast<size_t>(vertices[0]), static_cast<size_t>(vertices[1]), static_cast<size_t>(vertices[2])};
}

Double3 Still::Scene::radiance(size_t face, const CornerWeights& weights, const Double3& eye) const {
  const Double3* corner = &normals[3 * face];
  Double3 normal = corner[0] * weights[0] + corner[1] * weights[1] + corner[2] * weights[2];
  if (!(length(normal) > 0)) normal = face_normals[face];
  const bool from_behind = dot(face_normals[face], eye - positions[corners(face)[0]]) < 0;
  const Double3 shading = normalized(from_behind ? normal * -1 : normal);
  return albedo.at(face, weights) * light.at({shading.x, shading.y, shading.z});
}

/// The box filter: the mean over the pixel's samples of premultiplied linear colour, and alpha.
std::array<float, 4> Still::Scene::pixel(const SampledView& view, int row, int column) const {
  Double3 sum;
  int covered = 0;
  for (int y = row * side; y < (row + 1) * side; ++y) {
    for (int x = column * side; x < (column + 1) * side; ++x) {
      const int32_t id =
          view.ids[static_cast<size_t>(y) * static_cast<size_t>(view.grid.width) + static_cast<size_t>(x)];
      if (id < 0) continue;
      const size_t face = static_cast<size_t>(id);
      sum = sum + radiance(face, view.weights(corners(face), y, x), view.eye);
      ++covered;
    }
  }
  const double share = 1.0 / (side * side);
  return {static_cast<float>(share * sum.x), static_cast<float>(share * sum.y), static_cast<float>(share * sum.z),
          static_cast<float>(share * covered)};
}

// --- The public face -------------------------------------------------------------------------

Still::Still(const Mesh& mesh, const StillOptions& options) : scene_(std::make_unique<Scene>(mesh, options)) {}
Still::~Still() = default;
Still::Still(Still&&) noexcept = default;
Still& Still::operator=(Still&&) noexcept = default;

const std::vector<std::string>& Still::warnings() const { return scene_->warnings; }

Image8 Still::picture(const Camera& camera) const {
  const int side = scene_->side, largest = largest_sample_side / side;
  if (camera.width < 1 || camera.height < 1 || camera.width > largest || camera.height > largest) {
    throw ag::ValueError("still: an image of " + std::to_string(camera.width) + " x " + std::to_string(camera.height) +
                         " pixels; expected 1 to " + std::to_string(largest) + " a side at " +
                         std::to_string(side * side) + " samples a pixel");
  }
  if (!is_finite(camera)) throw ag::ValueError("still: a camera that is not finite");
  const SampledView view(into_ball(camera, scene_->sphere), side, scene_->positions,
                         scene_->triangles.values<int32_t>());
  const double cost = nanoseconds_a_sample * static_cast<double>(view.ids.size());
  return to_srgb(ag::Array::make<float>({camera.height, camera.width, 4}, [&](std::span<float> values) {
    ag::parallel_for(camera.height, cost, [&](int64_t first, int64_t end) {
      for (int row = static_cast<int>(first); row < end; ++row) {
        for (int column = 0; column < camera.width; ++column) {
          const size_t index =
              static_cast<size_t>(row) * static_cast<size_t>(camera.width) + static_cast<size_t>(column);
          std::ranges::copy(scene_->pixel(view, row, column), values.subspan(4 * index, 4).begin());
        }
      }
    });
  }));
}

}  // namespace render
