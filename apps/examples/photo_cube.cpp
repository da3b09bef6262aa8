// A cube that wears a photograph on each side, and its texture found again from pictures of it. Prints the PSNR over
// views that were not used, and draws one of them: the true cube, the cube found and the texture.
//
//   photo_cube [OUT.png] [PHOTO]

#include <autograd/autograd.h>
#include <render/fit/fit_texture.h>
#include <render/geometry/atlas.h>
#include <render/geometry/shapes.h>
#include <render/shading/still.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

namespace ag = autograd;

constexpr int size = 128;  // of all pictures

// Rings and a grid, for those who have no photograph at hand.
render::Image8 pattern() {
  render::Image8 image{size, size, false, {}};
  for (int i = 0; i < size * size; ++i) {
    const int x = i % size, y = i / size;
    const double ring = 0.5 + 0.5 * std::sin(0.004 * ((x - 60) * (x - 60) + (y - 80) * (y - 80)) / (1 + 0.01 * x));
    const bool line = x % 32 < 3 || y % 32 < 3;
    for (const double c : {line ? 30 : 60 + 180 * ring, line ? 40 : 200 - 150 * ring, line ? 60 : 255.0 * y / size}) {
      image.rgba.push_back(static_cast<unsigned char>(c));
    }
    image.rgba.push_back(255);
  }
  return image;
}

// The whole photograph on each side.
render::Mesh textured_cube() {
  render::Mesh mesh = render::cube(1);
  mesh.uvs = ag::Array::of<float>({0, 0, 1, 0, 1, 1, 0, 1}).reshape({4, 2});
  std::vector<int32_t> corners;
  const std::span<const int32_t> vertices = mesh.triangles.values<int32_t>();
  const std::span<const double> positions = mesh.positions.values<double>();
  for (size_t i = 0; i < vertices.size(); ++i) {
    // Of a corner's three coordinates two differ along the side, which is the pair of faces 2 i and 2 i + 1.
    std::array<double, 2> uv{};
    size_t found = 0;
    for (size_t axis = 0; axis < 3 && found < 2; ++axis) {
      const auto at = [&](size_t corner) { return positions[3 * static_cast<size_t>(vertices[corner]) + axis]; };
      const size_t side = i / 6 * 6;
      bool flat = true;
      for (size_t corner = side; corner < side + 6; ++corner) flat &= at(corner) == at(side);
      if (!flat) uv[found++] = at(i);
    }
    corners.push_back(uv[1] < 0 ? (uv[0] < 0 ? 0 : 1) : (uv[0] < 0 ? 3 : 2));
  }
  mesh.uv_triangles = ag::Array::from(corners, {12, 3});
  return mesh;
}

int main(int count, char** arguments) try {
  const render::Image8 photo = count > 2 ? render::read_image(arguments[2]) : pattern();
  const render::Mesh cube = textured_cube();
  const render::Still still(cube, {.light = render::LightingPreset::none, .texture = photo});
  render::Dataset dataset;
  for (const render::Camera& camera : render::cameras_around({}, std::sqrt(3.0), 24, size, size, 3)) {
    dataset.views.push_back({"view " + std::to_string(dataset.views.size()), camera, still.picture(camera)});
  }
  // An atlas of its own: six places for the six sides.
  render::TextureFit fit(dataset, render::with_atlas(render::cube(1), {.size = 256}), {.size = 256});
  fit.run();
  double psnr = 0;
  for (const render::ViewScore& score : fit.scores()) psnr += score.held_out ? score.psnr / 3 : 0;
  std::printf("PSNR %.1f dB over views that were not used\n", psnr);

  const render::Image8 shown[] = {dataset.views[7].image, fit.render(dataset.views[7].camera),
                                  render::shrink(fit.texture(), size)};
  std::vector<unsigned char> picture;
  for (int row = 0; row < size; ++row) {
    for (const render::Image8& image : shown) {
      const auto line = image.rgba.begin() + 4 * size * row;
      picture.insert(picture.end(), line, line + 4 * size);
    }
  }
  render::write_png(count > 1 ? arguments[1] : "photo_cube.png", 3 * size, size, 4, picture);
} catch (const std::exception& error) {
  std::fprintf(stderr, "photo_cube: %s\n", error.what());
  return 1;
}
