#include <fmt/format.h>
#include <render/geometry/atlas.h>
#include <render/geometry/camera.h>
#include <render/geometry/shapes.h>
#include <render/raster/derivatives.h>
#include <render/raster/silhouettes.h>
#include <render/raster/texture.h>
#include <tests/bench/data_mesh.h>
#include <tests/bench/rows.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

// A step on a textured mesh: four views of 512 x 512 pixels from four sides, a texture of 1024 x 1024 RGB floats. From
// vertices and texels to the antialiased image, through the mip chain, with the level of detail of each pixel's
// footprint; and back from a given gradient of the image to vertices and texels. Vertices are at other places in every
// step.

namespace bench {

namespace {

using ag::Tensor;

constexpr int size = 512, texels = 1024, views = 4, steps = 20;
constexpr double distance = 4, focal = 1.55 * size;

/// Spot, else the demo's shape with an atlas; its longest half-extent is 1.
render::Mesh load(std::string& note) {
  DataMesh found = data_mesh("spot/spot_triangulated.obj");
  if (!found.mesh) note = found.missing + ": another shape takes its place";
  render::Mesh mesh = found.mesh ? *std::move(found.mesh) : render::with_atlas(render::creature(4), {.size = texels});
  const render::Bounds box = render::bounds(mesh);
  double half = 0;
  for (size_t k = 0; k < 3; ++k) half = std::max(half, (box.upper[k] - box.lower[k]) / 2);
  const std::span<const double> before = mesh.positions.values<double>();
  mesh.positions = ag::Array::make<double>(mesh.positions.shape(), [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = (before[i] - box.centre()[i % 3]) / half;
  });
  return mesh;
}

ag::Array camera_matrices() {
  return ag::Array::make<float>({views, 4, 4}, [](std::span<float> out) {
    for (int view = 0; view < views; ++view) {
      const double yaw = 0.7 + view * std::numbers::pi / 2;
      const render::Camera camera =
          render::look_at({distance * std::sin(yaw), 0, distance * std::cos(yaw)}, {}, {0, 1, 0}, size, size, focal);
      const render::Matrix4 matrix = render::clip_from_world(camera, 0.1, 100);
      std::transform(matrix.begin(), matrix.end(), out.begin() + 16 * view,
                     [](double x) { return static_cast<float>(x); });
    }
  });
}

class Scene {
 public:
  Scene()
      : mesh_(load(note)),
        topology_(render::make_topology(mesh_.positions, mesh_.triangles)),
        base_(mesh_.positions.cast(ag::DType::float32)),
        matrices_(camera_matrices()),
        texture_(uniform({texels, texels, 3}, 0, 1, 5)),
        gradient_(uniform({views, size, size, 3}, -1, 1, 6)) {}

  std::string note, failure;
  std::vector<double> forward, backward;

  /// One step at a size of its own: the steps do not see the same pixels.
  void step(int number) {
    const ag::Step step;
    const double factor = 1 + 0.01 * std::sin(number);
    const Tensor positions = ag::tensor((ag::tensor(base_) * factor).keep());
    const Tensor texture = ag::tensor(texture_), gradient = ag::tensor(gradient_);
    Tensor image, to_positions, to_texture;
    forward.push_back(seconds([&] {
      image = draw(positions, texture);
      ag::evaluate({image});
    }));
    backward.push_back(seconds([&] {
      const auto gradients = ag::grad(image, {positions, texture}, {.cotangent = gradient});
      to_positions = gradients[0];
      to_texture = gradients[1];
      ag::evaluate({to_positions, to_texture});
    }));
    if (number == 0) check(image, texture, gradient, to_texture);
  }

 private:
  Tensor draw(const Tensor& positions, const Tensor& texture) const {
    const render::Vec4 clip = render::transform(matrices_, render::unpack3(positions));
    const Tensor ids = render::visibility(clip, mesh_.triangles, {views, size, size});
    const render::Crossings crossings = render::silhouettes(clip, mesh_.triangles, topology_, ids);
    const render::VisiblePixels pixels = render::visible_pixels(ids);
    const render::Corners corners = render::corners(mesh_.triangles, pixels, mesh_.vertices());
    const render::WeightDerivatives derivatives = render::weight_derivatives(clip, corners, pixels);
    const render::Vec3& weights = derivatives.weights;
    const render::Corners at = render::corners(mesh_.uv_triangles, pixels);
    const Tensor uvs = ag::tensor(mesh_.uvs);
    const Tensor u = ag::select(uvs, 1, 0), v = ag::select(uvs, 1, 1);
    const Tensor lod = render::level_of_detail(render::interpolate_derivatives(u, at, derivatives),
                                               render::interpolate_derivatives(v, at, derivatives), levels_);
    const render::Vec2 uv{render::interpolate(u, at, weights), render::interpolate(v, at, weights)};
    const render::Vec3 colour =
        render::blend_rgb(render::mipmap(texture, levels_), render::trilinear_taps(uv, lod, levels_));
    return render::antialiased_image(std::array{colour.x, colour.y, colour.z}, pixels, clip, crossings);
  }

  /// The image is linear in the texture, so <image, gradient> = <texture, gradient of the texture>.
  void check(const Tensor& image, const Tensor& texture, const Tensor& gradient, const Tensor& to_texture) {
    const auto dot = [](const Tensor& a, const Tensor& b) {
      return ag::sum(ag::cast(a, ag::DType::float64) * ag::cast(b, ag::DType::float64)).item();
    };
    const double seen = dot(image, gradient), found = dot(texture, to_texture);
    if (std::abs(seen - found) <= 1e-4 * (1 + std::abs(seen))) return;
    failure = fmt::format("the texture's gradient gives {}, the image {}", found, seen);
  }

  render::Mesh mesh_;
  render::Topology topology_;
  render::MipLevels levels_{texels, texels};
  ag::Array base_, matrices_, texture_, gradient_;
};

}  // namespace

Result raster_spot_textured_ms() {
  Scene scene;
  for (int i = -2; i < 0; ++i) scene.step(i);  // plans and memory are warm from here on
  scene.forward.clear();
  scene.backward.clear();
  for (int i = 0; i < steps; ++i) scene.step(i);
  std::vector<double> both(steps);
  std::transform(scene.forward.begin(), scene.forward.end(), scene.backward.begin(), both.begin(), std::plus<>());
  const auto milliseconds = [](const std::vector<double>& times) { return 1e3 / views * median(times); };
  const std::string parts =
      fmt::format("forward {:.2f}, backward {:.2f}", milliseconds(scene.forward), milliseconds(scene.backward));
  return {.value = milliseconds(both),
          .note = scene.note.empty() ? parts : parts + "; " + scene.note,
          .failure = scene.failure};
}

}  // namespace bench
