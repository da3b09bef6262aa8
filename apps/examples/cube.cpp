// The corners and the face colours of a cube, from pictures of 16 x 16 pixels in which it is seen from random
// directions. Prints how far the corners end from the true ones on average (half the cube's side is 1), and draws the
// cube found beside the true one.
//
//   cube [OUT.png]

#include <autograd/autograd.h>
#include <render/geometry/camera.h>
#include <render/geometry/shapes.h>
#include <render/image/image.h>
#include <render/raster/silhouettes.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <random>

namespace ag = autograd;
using render::Tensor;

std::mt19937 bits(1);
float uniform(float low, float high) { return low + (high - low) * static_cast<float>(bits() >> 8) / 16777216.0f; }

ag::Array random_array(const ag::Shape& shape, float low, float high) {
  return ag::Array::make<float>(shape, [&](std::span<float> out) {
    for (float& value : out) value = uniform(low, high);
  });
}

// Cameras at random places around the cube, [views, 4, 4].
ag::Array random_cameras(int64_t views, int size) {
  return ag::Array::make<float>({views, 4, 4}, [&](std::span<float> out) {
    for (auto to = out.begin(); to != out.end(); to += 16) {
      const double angle = static_cast<double>(uniform(0, 6.2831853f)), height = static_cast<double>(uniform(-1, 1));
      const double around = 5 * std::sqrt(1 - height * height);
      const render::Camera camera = render::look_at({around * std::cos(angle), 5 * height, around * std::sin(angle)},
                                                    {0, 0, 0}, {0, 1, 0}, size, size, 1.3 * size);
      const render::Matrix4 matrix = render::clip_from_world(camera, 0.1, 100);
      std::transform(matrix.begin(), matrix.end(), to, [](double x) { return static_cast<float>(x); });
    }
  });
}

struct Cube {
  render::Mesh mesh = render::cube(1);
  render::Topology topology = render::make_topology(mesh.positions, mesh.triangles);
  // Colours have triangles of their own: all corners of a face name the face's colour.
  ag::Array colour_triangles = ag::Array::make<int32_t>({12, 3}, [](std::span<int32_t> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int32_t>(i / 6);
  });

  Tensor draw(ag::Located positions, ag::Located colours, const ag::Array& cameras, int64_t size) const {
    const render::Vec4 clip = render::transform(cameras, render::unpack3(positions));
    const Tensor ids = render::visibility(clip, mesh.triangles, {cameras.shape()[0], size, size});
    const render::VisiblePixels pixels = render::visible_pixels(ids);
    const render::Vec3 weights = render::barycentrics(clip, render::corners(mesh.triangles, pixels), pixels);
    const render::Corners corners = render::corners(colour_triangles, pixels);
    const render::Vec3 colour = render::interpolate(render::unpack3(colours), corners, weights);
    const render::Crossings crossings = render::silhouettes(clip, mesh.triangles, topology, ids);
    return render::antialiased_image(std::array{colour.x, colour.y, colour.z}, pixels, clip, crossings,
                                     {.coverage = true});
  }
};

int main(int count, char** arguments) {
  const Cube cube;
  const ag::Array true_positions = cube.mesh.positions.cast(ag::DType::float32);
  const ag::Array true_colours = random_array({6, 3}, 0.1f, 1);
  const std::span<const float> truth = true_positions.values<float>();
  ag::Parameter positions = ag::Array::make<float>({8, 3}, [&](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = truth[i] + uniform(-0.6f, 0.6f);
  });
  ag::Parameter colours = ag::full({6, 3}, 0.5);
  ag::Adam optimiser({positions, colours});
  for (int i = 0; i < 1000; ++i) {
    const ag::Step step;
    const ag::Array cameras = random_cameras(8, 16);
    const Tensor target = cube.draw(true_positions, true_colours, cameras, 16);
    optimiser.set_learning_rate(0.02 * std::pow(0.995, i));
    optimiser.minimise(ag::mean(ag::square(cube.draw(positions, colours, cameras, 16) - target)));
  }
  double error = 0;
  for (size_t v = 0; v < 24; v += 3) {
    const float* p = positions.values<float>().data() + v;
    error += std::hypot(p[0] - truth[v], p[1] - truth[v + 1], p[2] - truth[v + 2]) / 8;
  }
  std::printf("mean vertex error %.1e\n", error);

  const ag::Step step;
  const ag::Array camera = random_cameras(1, 256);
  const Tensor both = ag::concatenate(
      {cube.draw(positions, colours, camera, 256), cube.draw(true_positions, true_colours, camera, 256)}, 2);
  const render::Image8 picture = render::to_srgb(both.keep().reshape({256, 512, 4}));
  render::write_png(count > 1 ? arguments[1] : "cube.png", 512, 256, 4, picture.rgba);
}
