#include <fmt/format.h>
#include <render/geometry/shapes.h>
#include <tests/bench/data_mesh.h>
#include <tests/bench/truth_scene.h>

#include <cmath>
#include <numbers>
#include <optional>

namespace truth {

namespace {

std::optional<render::Mesh> mesh_or_message(const std::string& name) {
  bench::DataMesh found = bench::data_mesh(name);
  if (!found.mesh) fmt::print("{}; its rows are left out\n", found.missing);
  return std::move(found.mesh);
}

/// Half a sphere of 5,112 faces, cut along a circle, so that its inside is seen.
render::Mesh bowl() {
  constexpr int32_t rings = 36, around = 72;
  std::vector<double> positions{0, 0, -1};
  for (int ring = 1; ring <= rings; ++ring) {
    for (int i = 0; i < around; ++i) {
      const double polar = std::numbers::pi / 2 * ring / rings, angle = 2 * std::numbers::pi * i / around;
      positions.insert(positions.end(),
                       {std::sin(polar) * std::cos(angle), std::sin(polar) * std::sin(angle), -std::cos(polar)});
    }
  }
  std::vector<int32_t> triangles;
  for (int32_t i = 0; i < around; ++i) {
    const int32_t next = (i + 1) % around;
    triangles.insert(triangles.end(), {0, 1 + next, 1 + i});
    for (int32_t first = 1; first < 1 + (rings - 1) * around; first += around) {
      const int32_t a = first + i, b = first + next, c = a + around, d = b + around;
      triangles.insert(triangles.end(), {a, b, d, a, d, c});
    }
  }
  render::Mesh mesh;
  mesh.positions = ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3});
  mesh.triangles = ag::Array::from(triangles, {static_cast<int64_t>(triangles.size() / 3), 3});
  return mesh;
}

/// An icosphere without its cap, whose rim has the teeth of the triangles that are left.
render::Mesh toothed_bowl() {
  render::Mesh mesh = render::icosphere(4);
  const std::span<const double> p = mesh.positions.values<double>();
  std::vector<int32_t> kept;
  const std::span<const int32_t> all = mesh.triangles.values<int32_t>();
  for (size_t i = 0; i < all.size(); i += 3) {
    const auto height = [&](size_t k) { return p[3 * static_cast<size_t>(all[i + k]) + 2]; };
    if (height(0) + height(1) + height(2) < 1.2) kept.insert(kept.end(), {all[i], all[i + 1], all[i + 2]});
  }
  mesh.triangles = ag::Array::from(kept, {static_cast<int64_t>(kept.size() / 3), 3});
  return mesh;
}

/// A bent tube thinner than a pixel of the larger images too.
render::Mesh wire() { return render::torus(1, 0.002, 96, 8); }

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

// A pattern whose waves are longer than a pixel of the smallest images: what is to be judged are edges, not aliasing.
double pattern(double x, double y, double z) { return std::sin(5 * x + 1) * std::cos(4 * y) * std::sin(4 * z + 2); }
Tensor pattern(const render::Vec3& p) { return ag::sin(5 * p.x + 1) * ag::cos(4 * p.y) * ag::sin(4 * p.z + 2); }

}  // namespace

std::vector<Scene> scenes() {
  const std::optional<render::Mesh> spot = mesh_or_message("spot/spot_triangulated.obj"),
                                    bunny = mesh_or_message("bunny/bunny_hr.obj");
  std::vector<Scene> list;
  list.push_back({"icosphere 5,120 faces, empty background", {{.mesh = render::icosphere(4)}}, {.025, .02, .01, .006}});
  if (spot) {
    list.push_back({"spot, mask", {{.mesh = *spot}}, {.09, .045, .02, .013}});
    list.push_back({"spot, textured", {{.mesh = *spot, .textured = true}}, {.11, .065, .04, .03}});
  }
  if (bunny) {
    list.push_back({"bunny_hr, mask", {{.mesh = *bunny}}, {.11, .06, .045, .025}});
    list.push_back(
        {"bunny_hr, textured (occludes itself)", {{.mesh = *bunny, .textured = true}}, {.13, .08, .06, .04}});
  }
  if (spot) {
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
  list.push_back(
      {"open shell, back faces seen, textured", {{.mesh = bowl(), .textured = true}}, {.13, .06, .05, .035}});
  if (spot) {
    list.push_back(
        {"rear object moves behind another",
         {{.mesh = *spot},
          {.mesh = render::icosphere(4), .scale = 0.5, .place = {0.5, 0.2, 1.2}, .value = 0.25, .moves = false}},
         {.10, .08, .04, .025}});
  }
  list.push_back(
      {"two interpenetrating spheres",
       {{.mesh = render::icosphere(4), .scale = 0.7, .place = {-0.3, 0, 0}},
        {.mesh = render::icosphere(4), .scale = 0.7, .place = {0.3, 0.1, 0.1}, .value = 0.4, .moves = false}}});
  list.push_back({"a wire under a pixel", {{.mesh = wire()}}});
  list.push_back({"open shell with a toothed rim, textured", {{.mesh = toothed_bowl(), .textured = true}}});
  return list;
}

Posed pose(const Scene& scene, int k) {
  const double yaw = 0.4 + 1.05 * k, pitch = 0.35 * k;
  Posed posed;
  std::vector<int32_t> triangles;
  for (const Part& part : scene.parts) {
    const auto first = static_cast<int32_t>(posed.moves.size());
    for (auto [x, y, z] : unit_points(part.mesh)) {
      for (double at : {x, y, z}) posed.rest.push_back(static_cast<float>(at));
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
    const auto faces = static_cast<size_t>(part.mesh.faces());
    posed.values.insert(posed.values.end(), faces, static_cast<float>(part.textured ? 0.55 * part.value : part.value));
    posed.depths.insert(posed.depths.end(), faces, static_cast<float>(part.textured ? 0.45 * part.value : 0));
  }
  const auto faces = static_cast<int64_t>(triangles.size() / 3), vertices = static_cast<int64_t>(posed.moves.size());
  posed.triangles = ag::Array::from(triangles, {faces, 3});
  posed.topology = render::make_topology(ag::Array::from(posed.points, {vertices, 3}), posed.triangles);
  return posed;
}

render::Vec4 project(const Posed& posed, const Tensor& motion, double size) {
  const auto vertices = static_cast<int64_t>(posed.moves.size());
  const render::Vec3 point = render::unpack3(ag::Array::from(posed.points, {vertices, 3}));
  const Tensor moves = ag::tensor(ag::Array::from(posed.moves, {vertices}));
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

Tensor shade(const Posed& posed, const render::Vec4& clip, const render::VisiblePixels& pixels) {
  const auto by_face = [&](const std::vector<float>& values) {
    return ag::gather(ag::Array::from(values, {static_cast<int64_t>(values.size())}), pixels.triangle);
  };
  const auto vertices = static_cast<int64_t>(posed.moves.size());
  const render::Corners corners = render::corners(posed.triangles, pixels);
  const render::Vec3 weights = render::barycentrics(clip, corners, pixels);
  const render::Vec3 rest =
      render::interpolate(render::unpack3(ag::Array::from(posed.rest, {vertices, 3})), corners, weights);
  return by_face(posed.values) + by_face(posed.depths) * pattern(rest);
}

double weight(double x, double y) { return std::sin(7 * x + 1) + std::cos(5 * y - 2 * x) + std::sin(11 * x * y) / 2; }

namespace {

/// A rendering's values at its samples.
class Samples {
 public:
  Samples(const Posed& posed, int64_t side, const render::Vec4& clip, const Tensor& ids)
      : posed_(posed),
        side_(side),
        triangles_(posed.triangles.values<int32_t>()),
        x_(clip.x.values<float>()),
        y_(clip.y.values<float>()),
        w_(clip.w.values<float>()),
        ids_(ids.values<int32_t>()) {}

  double at(int64_t row, int64_t column) const {
    const int32_t id = ids_[static_cast<size_t>(row * side_ + column)];
    if (id < 0) return 0;
    const auto face = static_cast<size_t>(id);
    const double value = static_cast<double>(posed_.values[face]), depth = static_cast<double>(posed_.depths[face]);
    if (depth == 0) return value;
    const double sx = 2 * (static_cast<double>(column) + 0.5) / static_cast<double>(side_) - 1;
    const double sy = 1 - 2 * (static_cast<double>(row) + 0.5) / static_cast<double>(side_);
    double px[3], py[3], rest[3] = {0, 0, 0};
    size_t vertex[3];
    for (size_t k = 0; k < 3; ++k) {
      vertex[k] = static_cast<size_t>(triangles_[3 * face + k]);
      px[k] = static_cast<double>(x_[vertex[k]]) - sx * static_cast<double>(w_[vertex[k]]);
      py[k] = static_cast<double>(y_[vertex[k]]) - sy * static_cast<double>(w_[vertex[k]]);
    }
    const double area[3] = {px[1] * py[2] - px[2] * py[1], px[2] * py[0] - px[0] * py[2],
                            px[0] * py[1] - px[1] * py[0]};
    const double sum = area[0] + area[1] + area[2];
    for (size_t k = 0; k < 3; ++k)
      for (size_t i = 0; i < 3; ++i) rest[i] += area[k] / sum * static_cast<double>(posed_.rest[3 * vertex[k] + i]);
    return value + depth * pattern(rest[0], rest[1], rest[2]);
  }

 private:
  const Posed& posed_;
  int64_t side_;
  std::span<const int32_t> triangles_;
  std::span<const float> x_, y_, w_;
  std::span<const int32_t> ids_;
};

}  // namespace

double sampled_loss(const Posed& posed, int size, int samples, const Vector4& motion) {
  const ag::Step step;
  const ag::Array at = ag::Array::make<float>({4}, [&](std::span<float> out) {
    for (size_t i = 0; i < 4; ++i) out[i] = static_cast<float>(motion[i]);
  });
  const int64_t fine = static_cast<int64_t>(size) * samples;
  const render::Vec4 clip = project(posed, ag::tensor(at), size);
  ag::evaluate({clip.x, clip.y, clip.z, clip.w});
  const Samples seen(posed, fine, clip, render::visibility(clip, posed.triangles, {1, fine, fine}));
  std::vector<double> rows(static_cast<size_t>(size));
  ag::parallel_for(size, 1e9, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t column = 0; column < size; ++column) {
        double sum = 0;
        for (int64_t y = row * samples; y < (row + 1) * samples; ++y)
          for (int64_t x = column * samples; x < (column + 1) * samples; ++x) sum += seen.at(y, x);
        rows[static_cast<size_t>(row)] +=
            sum / (samples * samples) *
            weight((static_cast<double>(column) + 0.5) / size, (static_cast<double>(row) + 0.5) / size);
      }
    }
  });
  double loss = 0;
  for (double row : rows) loss += row;
  return loss;
}

}  // namespace truth
