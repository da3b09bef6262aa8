// The map of a planet from pictures of 48 pixels, taken from near and far: once with a mip pyramid, so that a pixel
// shows the mean of what it covers, and once without. Prints the PSNR of both maps, and draws them below the true one.
//
//   earth [OUT.png] [STEPS]

#include <autograd/autograd.h>
#include <render/fit/textured_surface.h>
#include <render/fit/view_batch.h>
#include <render/image/metrics.h>
#include <render/shading/still.h>

#include <cmath>
#include <cstdio>
#include <string>

namespace ag = autograd;

constexpr int width = 256, height = 128, size = 48, view_count = 128;

// The place of (u, v), which is (0, 0) at the map's lower left.
render::Point3 on_sphere(double u, double v) {
  const double longitude = 6.283185307179586 * u, latitude = 3.141592653589793 * v;
  return {std::sin(latitude) * std::cos(longitude), -std::cos(latitude), -std::sin(latitude) * std::sin(longitude)};
}

render::Mesh globe(int rows) {
  std::vector<double> positions;
  std::vector<float> uvs;
  std::vector<int32_t> triangles;
  for (int32_t i = 0, columns = 2 * rows; i < (rows + 1) * (columns + 1); ++i) {
    const int row = i / (columns + 1), column = i % (columns + 1), above = i + columns + 1;
    const double u = 1.0 * column / columns, v = 1.0 * row / rows;
    const render::Point3 place = on_sphere(column < columns ? u : 0, v);  // both ends of a row are one place
    positions.insert(positions.end(), place.begin(), place.end());
    uvs.insert(uvs.end(), {static_cast<float>(u), static_cast<float>(v)});
    if (row < rows && column < columns) triangles.insert(triangles.end(), {i, i + 1, above + 1, i, above + 1, above});
  }
  render::Mesh mesh;
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3});
  mesh.uvs = ag::Array::from(uvs, {static_cast<int64_t>(uvs.size() / 2), 2});
  mesh.triangles = mesh.uv_triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size() / 3), 3});
  return mesh;
}

// Seas that are deep, lands that are dry towards the equator, ice at the poles.
render::Image8 planet() {
  render::Image8 map{width, height, false, {}};
  for (int i = 0; i < width * height; ++i) {
    render::Point3 p = on_sphere((i % width + 0.5) / width, 1 - (std::floor(1.0 * i / width) + 0.5) / height);
    double cold = std::fabs(p[1]), land = -0.05;
    for (double share = 0.5; share > 0.03; share *= 0.6) {
      land += share * std::sin(3 * p[0] + p[1]) * std::sin(3 * p[2] - 2 * p[1]);
      p = {1.2 * p[0] - 0.9 * p[1] + 1, 1.2 * p[1] + 0.9 * p[2], 1.2 * p[2] - 0.9 * p[0]};
    }
    std::array<double, 4> colour{20, 130 + std::max(150 * land, -90.0), 210 + std::max(150 * land, -90.0), 255};
    if (land > 0) colour = {200 * (1 - cold), 120, 60, 255};
    if (land + cold > 1) colour = {240, 245, 250, 255};
    for (const double channel : colour) map.rgba.push_back(static_cast<unsigned char>(channel));
  }
  return map;
}

// The map that explains the pictures best.
render::Image8 recover(const std::vector<render::View>& views, bool mipmaps, int steps) {
  const render::TexturedSurface surface = render::textured_surface(globe(24));
  const render::MipLevels levels(height, width, mipmaps ? 9 : 1);
  ag::Parameter map = ag::full({height, width, 3}, 0.3);
  ag::Adam optimiser({map});
  for (int i = 0; i < steps; ++i) {
    const ag::Step step;
    std::vector<const render::View*> some;  // from all sides
    for (int k = i % 16; k < view_count; k += 16) some.push_back(&views[static_cast<size_t>(k)]);
    const render::ViewBatch batch = render::make_batch(some, surface.start);
    const render::TexturedView seen = render::see(surface, batch.matrices, batch.frame, levels);
    const render::Vec3 colour =
        render::blend_rgb(render::mipmap(ag::tensor(map), levels), render::trilinear_taps(seen.uv, seen.lod, levels));
    optimiser.set_learning_rate(0.03 * std::pow(0.02, 1.0 * i / steps));
    optimiser.minimise(ag::mean(ag::abs(render::draw(seen.surface, colour) - batch.targets)));
  }
  const ag::Step step;
  return render::to_srgb(ag::concatenate({map, ag::ones({height, width, 1})}, 2).keep());
}

int main(int count, char** arguments) {
  render::Image8 truth = planet(), all = truth;
  const render::Still still(globe(24), {.light = render::LightingPreset::none, .texture = truth});
  std::vector<render::View> views;
  for (render::Camera camera : render::cameras_around({}, 1, view_count, size, size, 1)) {
    camera.fx = camera.fy *=
        0.3 + 2 * static_cast<double>(37 * views.size() % view_count) / view_count;  // a part of the planet, or a ball
    views.push_back({{}, camera, still.picture(camera)});
  }
  for (const bool mipmaps : {true, false}) {
    const render::Image8 map = recover(views, mipmaps, count > 2 ? std::stoi(arguments[2]) : 400);
    std::printf("PSNR %.1f dB %s mipmaps\n", render::psnr(map, truth).covered, mipmaps ? "with" : "without");
    all.rgba.insert(all.rgba.end(), map.rgba.begin(), map.rgba.end());
  }
  render::write_png(count > 1 ? arguments[1] : "earth.png", width, 3 * height, 4, all.rgba);
}
