// One triangle with a colour at each corner, drawn so that its picture is a continuous function of its corners.
// Prints the area that the picture covers, beside the exact one, and how it changes as a corner moves.
//
//   triangle [OUT.png]

#include <render/image/image.h>
#include <render/raster/silhouettes.h>

#include <array>
#include <cstdio>

namespace ag = autograd;
using render::Tensor;

constexpr int size = 256;

int main(int count, char** arguments) {
  const ag::Step step;
  // Clip space as OpenGL's: x and y from -1 to 1, y up; w is the depth.
  const ag::Array positions = ag::Array::of<float>({-0.8f, -0.8f, 0.8f, -0.5f, -0.2f, 0.9f}).reshape({3, 2});
  const ag::Array colours = ag::Array::of<float>({1, 0, 0, 0, 1, 0, 0, 0, 1}).reshape({3, 3});
  const ag::Array triangles = ag::Array::of<int32_t>({0, 1, 2}).reshape({1, 3});
  const auto row = [](const Tensor& component) { return ag::expand_dims(component, 0); };  // [views, vertices]
  const Tensor x = row(ag::select(positions, 1, 0)), y = row(ag::select(positions, 1, 1));
  const render::Vec4 clip{x, y, x * 0, x * 0 + 1};

  // What is discrete: which pixels see the triangle, and where its edges pass between two of them.
  const Tensor ids = render::visibility(clip, triangles, {1, size, size});
  const render::VisiblePixels pixels = render::visible_pixels(ids);
  const ag::Array corners_in_space = ag::Array::of<float>({0, 0, 0, 1, 0, 0, 0, 1, 0}).reshape({3, 3});
  const render::Topology topology = render::make_topology(corners_in_space, triangles);
  const render::Crossings crossings = render::silhouettes(clip, triangles, topology, ids);

  // What is continuous: colours inside, and the blend along the edges.
  const render::Corners corners = render::corners(triangles, pixels);
  const render::Vec3 weights = render::barycentrics(clip, corners, pixels);
  const render::Vec3 colour = render::interpolate(render::unpack3(colours), corners, weights);
  const Tensor image = render::antialiased_image(std::array{colour.x, colour.y, colour.z}, pixels, clip, crossings,
                                                 {.coverage = true});  // [1, size, size, 4]

  const Tensor area = ag::sum(ag::select(image, 3, 3));
  const std::span<const float> p = positions.values<float>();
  const double exact = ((p[2] - p[0]) * (p[5] - p[1]) - (p[3] - p[1]) * (p[4] - p[0])) / 2.0 * (size * size / 4.0);
  const std::span<const float> slope = ag::grad(area, positions).values<float>();
  std::printf("area %.1f pixels, exactly %.1f\n", area.item(), exact);
  std::printf("a pixel that the top moves up adds %.1f, exactly %.1f\n", static_cast<double>(slope[5]) * 2 / size,
              static_cast<double>(p[2] - p[0]) / 2 * size / 2);

  const render::Image8 picture = render::to_srgb(image.keep().reshape({size, size, 4}));
  render::write_png(count > 1 ? arguments[1] : "triangle.png", size, size, 4, picture.rgba);
}
