#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/raster/silhouettes.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// How true silhouette gradients are: the derivative of a weighted image under screen-space motions of
// an object, against central differences of a supersampled rendering without any antialiasing rule.
//
//   loss      sum over pixels of w(p) I(p), w(x, y) = sin(7x + 1) + cos(5y - 2x) + sin(11xy) / 2, (x, y) = pixel centre
//   / R camera    distance 5, focal 1.6 R pixels, principal point off the centre by (.37, .21) pixels poses     k =
//   0..5: yaw .4 + 1.05 k, then pitch .35 k motions   translations in x and y, scale and rotation about the image
//   centre error     |S (g - g*)| / |S g*|, S = diag(1, 1, 1 / (.3 R), 1 / (.3 R)); mean over the poses

namespace {

namespace ag = autograd;
using render::Tensor;
using Vector4 = std::array<double, 4>;

struct Part {
  render::Mesh mesh;
  double scale = 1;
  std::array<double, 3> place{};
  double value = 1;  ///< what its pixels show
  bool moves = true, turns = true;
};

struct Scene {
  std::string name;
  std::vector<Part> parts;
  std::array<double, 4> bars;  ///< at 64, 128, 256, 512 pixels
};

/// A scene in a pose, as one mesh in camera coordinates.
struct Posed {
  std::vector<float> points;  ///< [vertices, 3]
  std::vector<float> moves;   ///< [vertices]: 1 where the motion acts
  std::vector<float> values;  ///< [faces]
  ag::Array triangles;
  render::Topology topology;
};

/// Centred on the bounding box, largest distance from there 1.
std::vector<std::array<double, 3>> unit_points(const render::Mesh& mesh) {
  const auto centre = render::bounds(mesh).centre();
  const std::span<const double> positions = mesh.positions.values<double>();
  std::vector<std::array<double, 3>> points(static_cast<size_t>(mesh.vertices()));
  double radius = 0;
  for (size_t v = 0; v < points.size(); ++v) {
    for (size_t k = 0; k < 3; ++k) points[v][k] = positions[v * 3 + k] - centre[k];
    radius = std::max(radius, std::hypot(points[v][0], points[v][1], points[v][2]));
  }
  for (auto& point : points) {
    for (double& x : point) x /= radius;
  }
  return points;
}

Posed pose(const Scene& scene, int k) {
  const double yaw = 0.4 + 1.05 * k, pitch = 0.35 * k;
  Posed posed;
  std::vector<int32_t> triangles;
  for (const Part& part : scene.parts) {
    const auto first = static_cast<int32_t>(posed.moves.size());
    for (auto [x, y, z] : unit_points(part.mesh)) {
      if (part.turns) {
        const double turned_x = std::cos(yaw) * x + std::sin(yaw) * z, turned_z = std::cos(yaw) * z - std::sin(yaw) * x;
        x = turned_x;
        z = std::sin(pitch) * y + std::cos(pitch) * turned_z;
        y = std::cos(pitch) * y - std::sin(pitch) * turned_z;
      }
      posed.points.push_back(static_cast<float>(part.scale * x + part.place[0]));
      posed.points.push_back(static_cast<float>(part.scale * y + part.place[1]));
      posed.points.push_back(static_cast<float>(part.scale * z + part.place[2] - 5));
      posed.moves.push_back(part.moves ? 1 : 0);
    }
    for (int32_t vertex : part.mesh.triangles.values<int32_t>()) triangles.push_back(first + vertex);
    posed.values.insert(posed.values.end(), static_cast<size_t>(part.mesh.faces()), static_cast<float>(part.value));
  }
  const auto faces = static_cast<int64_t>(triangles.size() / 3), vertices = static_cast<int64_t>(posed.moves.size());
  posed.triangles = ag::Array::from(triangles, {faces, 3});
  posed.topology = render::make_topology(ag::Array::from(posed.points, {vertices, 3}), posed.triangles);
  return posed;
}

/// Clip coordinates of the posed scene under a motion (tx, ty in pixels, log scale, angle) at R pixels.
render::Vec4 project(const Posed& posed, const Tensor& motion, double size) {
  const auto vertices = static_cast<int64_t>(posed.moves.size());
  const render::Vec3 point = render::unpack3(ag::Array::from(posed.points, {vertices, 3}));
  const Tensor moves = ag::Located(ag::Array::from(posed.moves, {vertices})).tensor();
  const Tensor w = -point.z;
  const double focal = 2 * 1.6;  // in clip units
  // Relative to the image centre, in units of half the width, times w.
  const Tensor x = focal * point.x + (2 * 0.37 / size) * w, y = focal * point.y - (2 * 0.21 / size) * w;
  const auto parameter = [&](int64_t i) { return ag::select(motion, 0, i); };
  const Tensor scale = ag::exp(parameter(2) * moves), angle = parameter(3) * moves;
  const Tensor cosine = ag::cos(angle) * scale, sine = ag::sin(angle) * scale;
  const Tensor moved_x = cosine * x - sine * y + parameter(0) * (2 / size) * moves * w;
  const Tensor moved_y = sine * x + cosine * y + parameter(1) * (2 / size) * moves * w;
  const Tensor z = (w - 5) * 0.5 * w;  // inside (-w, w); order comes from w
  const auto row = [](const Tensor& t) { return ag::expand_dims(t, 0); };
  return {row(moved_x), row(moved_y), row(z), row(w)};
}

double weight(double x, double y) { return std::sin(7 * x + 1) + std::cos(5 * y - 2 * x) + std::sin(11 * x * y) / 2; }

ag::Array pixel_weights(int size) {
  return ag::Array::make<float>({1, size, size, 1}, [&](std::span<float> out) {
    for (int row = 0; row < size; ++row) {
      for (int column = 0; column < size; ++column) {
        out[static_cast<size_t>(row * size + column)] =
            static_cast<float>(weight((column + 0.5) / size, (row + 0.5) / size));
      }
    }
  });
}

Vector4 gradient(const Posed& posed, int size) {
  const ag::Step step;
  const ag::Array motion = ag::zeros({4});
  const render::Vec4 clip = project(posed, ag::Located(motion).tensor(), size);
  const Tensor ids = render::visibility(clip, posed.triangles, {1, size, size});
  const render::VisiblePixels pixels = render::visible_pixels(ids);
  const ag::Array values = ag::Array::from(posed.values, {posed.triangles.shape()[0]});
  const Tensor image = render::to_image(ag::expand_dims(ag::gather(values, pixels.triangle), 1), pixels);
  const Tensor smooth = render::antialias(image, clip, render::silhouettes(clip, posed.triangles, posed.topology, ids));
  const Tensor g = ag::grad(ag::sum(smooth * pixel_weights(size)), motion);
  const std::span<const float> list = g.values<float>();
  return {list[0], list[1], list[2], list[3]};
}

/// The loss of a rendering with `samples` x `samples` point samples a pixel.
double sampled_loss(const Posed& posed, int size, int samples, const Vector4& motion) {
  const ag::Step step;
  const ag::Array at = ag::Array::make<float>({4}, [&](std::span<float> out) {
    for (size_t i = 0; i < 4; ++i) out[i] = static_cast<float>(motion[i]);
  });
  const int64_t fine = static_cast<int64_t>(size) * samples;
  const Tensor ids =
      render::visibility(project(posed, ag::Located(at).tensor(), size), posed.triangles, {1, fine, fine});
  const std::span<const int32_t> list = ids.values<int32_t>();
  double loss = 0;
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      double sum = 0;
      for (int64_t y = 0; y < samples; ++y) {
        const int32_t* id = list.data() + (row * samples + y) * fine + column * samples;
        for (int x = 0; x < samples; ++x)
          sum += id[x] < 0 ? 0 : static_cast<double>(posed.values[static_cast<size_t>(id[x])]);
      }
      loss += sum / (samples * samples) * weight((column + 0.5) / size, (row + 0.5) / size);
    }
  }
  return loss;
}

Vector4 reference(const Posed& posed, int size) {
  const int samples = size < 256 ? 16 : 8;
  const double turn = 0.25 / (0.15 * size);
  const Vector4 steps{0.25, 0.25, turn, turn};
  Vector4 result{};
  for (size_t i = 0; i < 4; ++i) {
    Vector4 motion{};
    motion[i] = steps[i];
    const double above = sampled_loss(posed, size, samples, motion);
    motion[i] = -steps[i];
    result[i] = (above - sampled_loss(posed, size, samples, motion)) / (2 * steps[i]);
  }
  return result;
}

double mean_error(const Scene& scene, int size) {
  double sum = 0;
  for (int k = 0; k < 6; ++k) {
    const Posed posed = pose(scene, k);
    const Vector4 g = gradient(posed, size), truth = reference(posed, size);
    double error = 0, norm = 0;
    for (size_t i = 0; i < 4; ++i) {
      const double scale = i < 2 ? 1 : 1 / (0.3 * size);
      error += std::pow(scale * (g[i] - truth[i]), 2);
      norm += std::pow(scale * truth[i], 2);
    }
    sum += std::sqrt(error / norm);
  }
  return sum / 6;
}

std::optional<render::Mesh> data_mesh(const std::string& name) {
  const char* given = std::getenv("BACKLIGHT_DATA");
  const std::filesystem::path folder =
      given ? given : std::filesystem::path(BACKLIGHT_SOURCE_ROOT) / ".." / "shared" / "data";
  const std::filesystem::path path = folder / "meshes" / name;
  if (!std::filesystem::exists(path)) {
    fmt::print("{}: not there (set BACKLIGHT_DATA); its rows are left out\n", path.string());
    return std::nullopt;
  }
  return render::read_obj(path);
}

std::vector<Scene> scenes() {
  std::vector<Scene> list;
  list.push_back({"icosphere 5,120 faces, empty background", {{.mesh = render::icosphere(4)}}, {.025, .02, .01, .006}});
  if (const std::optional<render::Mesh> spot = data_mesh("spot/spot_triangulated.obj")) {
    list.push_back({"spot, mask", {{.mesh = *spot}}, {.09, .045, .02, .013}});
    list.push_back({"spot (half size) over a 20,480-face sphere",
                    {{.mesh = *spot, .scale = 0.5, .place = {0, 0, 1.2}},
                     {.mesh = render::icosphere(5),
                      .scale = 1.1,
                      .place = {0.1, 0, -1},
                      .value = 0.25,
                      .moves = false,
                      .turns = false}},
                    {.14, .065, .035, .02}});
  }
  return list;
}

}  // namespace

int main() {
  const std::array<int, 4> sizes{64, 128, 256, 512};
  bool within = true;
  fmt::print("Relative error of silhouette gradients (bar in brackets)\n{:<44}", "scene");
  for (int size : sizes) fmt::print("{:>14}", fmt::format("{} px", size));
  fmt::print("\n");
  for (const Scene& scene : scenes()) {
    fmt::print("{:<44}", scene.name);
    for (size_t i = 0; i < sizes.size(); ++i) {
      const double error = mean_error(scene, sizes[i]);
      within &= error <= scene.bars[i];
      fmt::print("{:>14}", fmt::format("{:.3f} [{:.3f}]", error, scene.bars[i]));
      std::fflush(stdout);
    }
    fmt::print("\n");
  }
  fmt::print("{}\n", within ? "all within their bars" : "NOT all within their bars");
  return within ? 0 : 1;
}
