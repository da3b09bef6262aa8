#include <fmt/format.h>
#include <render/geometry/camera.h>
#include <render/geometry/shapes.h>
#include <render/geometry/topology.h>
#include <render/raster/silhouettes.h>
#include <tests/bench/data_mesh.h>
#include <tests/bench/raster_by_hand.h>
#include <tests/bench/rows.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

// The renderer's speed on one view of 512 x 512 pixels: a mesh whose longest half-extent is 1, turned by 0.7, at
// distance 4, focal length 1.55 x 512 pixels, vertices at other places in every step. Visibility, then the antialiased
// image of interpolated vertex colours, then the gradients of positions and colours for a given gradient image: each
// evaluated by itself, so that `forward` contains the visibility and `backward` neither.

namespace bench {

namespace {

using ag::Tensor;

constexpr int size = 512, steps = 50;
constexpr double distance = 4, focal = 1.55 * size, yaw = 0.7;
constexpr double most_different = 0.02;  // of the elements

struct Times {
  std::vector<double> visibility, forward, backward;
  double total() const { return visibility.back() + forward.back() + backward.back(); }
};

/// A file of the test data, else the demo's shape with about as many faces.
render::Mesh load(const char* file, int subdivisions, std::string& note) {
  DataMesh found = data_mesh(file);
  if (found.mesh) return *std::move(found.mesh);
  note = found.missing + ": another shape takes its place";
  return render::creature(subdivisions);
}

/// Camera coordinates [vertices, 3].
std::vector<float> posed(const render::Mesh& mesh) {
  const render::Bounds box = render::bounds(mesh);
  double half = 0;
  for (size_t k = 0; k < 3; ++k) half = std::max(half, (box.upper[k] - box.lower[k]) / 2);
  std::vector<float> points;
  for (size_t i = 0; i < static_cast<size_t>(mesh.vertices()); ++i) {
    double p[3];
    for (size_t k = 0; k < 3; ++k) p[k] = (mesh.positions.values<double>()[3 * i + k] - box.centre()[k]) / half;
    points.push_back(static_cast<float>(std::cos(yaw) * p[0] + std::sin(yaw) * p[2]));
    points.push_back(static_cast<float>(p[1]));
    points.push_back(static_cast<float>(std::cos(yaw) * p[2] - std::sin(yaw) * p[0] - distance));
  }
  return points;
}

/// Only edges with two wings: the meshes are closed.
std::vector<RasterByHand::Edge> edges_of(const render::Topology& topology) {
  const auto ends = topology.edges.values<int32_t>(), start = topology.wing_start.values<int32_t>(),
             wings = topology.wings.values<int32_t>();
  std::vector<RasterByHand::Edge> edges;
  for (size_t e = 0; e + 1 < start.size(); ++e) {
    const auto first = static_cast<size_t>(start[e]);
    if (start[e + 1] - start[e] == 2) edges.push_back({ends[2 * e], ends[2 * e + 1], {wings[first], wings[first + 1]}});
  }
  return edges;
}

/// Throws where the results of the renderer and of the loops written by hand are not the same but for few elements:
/// float edge functions see other pixels here and there, and a face seen edge-on may have any gradient.
void compare(const char* what, std::span<const float> engine, std::span<const float> by_hand) {
  double magnitude = 0;
  for (const float value : by_hand)
    magnitude += std::abs(static_cast<double>(value)) / static_cast<double>(by_hand.size());
  size_t different = 0;
  for (size_t i = 0; i < engine.size(); ++i)
    different += !(std::abs(engine[i] - by_hand[i]) <= 1e-2 * (magnitude + std::abs(static_cast<double>(by_hand[i]))));
  const double share = static_cast<double>(different) / static_cast<double>(engine.size());
  if (share > most_different)
    throw std::runtime_error(
        fmt::format("raster: {:.2f}% of {} differ from the loops written by hand", 100 * share, what));
}

class Scene {
 public:
  Scene(const char* file, int subdivisions)
      : mesh_(load(file, subdivisions, note)),
        topology_(render::make_topology(mesh_.positions, mesh_.triangles)),
        base_(posed(mesh_)),
        hand_(size, static_cast<float>(focal), mesh_.triangles.values<int32_t>(), edges_of(topology_)) {
    const render::Camera camera{size, size, focal, focal, size / 2.0, size / 2.0};
    const render::Matrix4 matrix = render::projection(camera, 0.1, 100);
    matrices_ = ag::Array::make<float>({1, 4, 4}, [&](std::span<float> out) {
      std::transform(matrix.begin(), matrix.end(), out.begin(), [](double x) { return static_cast<float>(x); });
    });
    positions_ = ag::Array::from(base_, {mesh_.vertices(), 3});
    colours_ = uniform({mesh_.vertices(), 3}, 0.1f, 0.9f, 5);
    gradient_ = uniform({1, size, size, 3}, -1, 1, 6);
  }

  std::string note;

  /// Wall seconds of `steps` steps of the renderer and of the loops, one after the other.
  void measure(Times& engine, Times& by_hand) {
    for (int i = -3; i < steps; ++i) {
      move(i);
      run_engine(engine);
      run_by_hand(by_hand);
      if (i >= 0) continue;
      engine = by_hand = {};  // plans and memory are warm from here on
    }
  }

 private:
  /// The whole body changes its size a little: the steps do not see the same pixels.
  void move(int step) {
    const auto factor = static_cast<float>(1 + 0.01 * std::sin(step));
    positions_ = ag::Array::make<float>({mesh_.vertices(), 3}, [&](std::span<float> out) {
      for (size_t i = 0; i < out.size(); ++i) {
        const float centre = i % 3 == 2 ? static_cast<float>(-distance) : 0;
        out[i] = centre + factor * (base_[i] - centre);
      }
    });
  }

  void run_engine(Times& times) {
    const ag::Step step;
    const Tensor positions = ag::tensor(positions_), colours = ag::tensor(colours_);
    render::Vec4 clip;
    Tensor ids, image;
    const double visibility = seconds([&] {
      clip = render::transform(matrices_, render::unpack3(positions));
      ids = render::visibility(clip, mesh_.triangles, {1, size, size});
    });
    const double shading = seconds([&] {
      const render::VisiblePixels pixels = render::visible_pixels(ids);
      const render::Corners corners = render::corners(mesh_.triangles, pixels, mesh_.vertices());
      const render::Vec3 weights = render::barycentrics(clip, corners, pixels);
      const render::Vec3 colour = render::interpolate(render::unpack3(colours), corners, weights);
      const Tensor channels[] = {colour.x, colour.y, colour.z};
      image =
          render::antialiased_image(channels, pixels, clip, render::silhouettes(clip, mesh_.triangles, topology_, ids));
      image_ = image.values<float>();
    });
    times.visibility.push_back(visibility);
    times.forward.push_back(visibility + shading);
    times.backward.push_back(seconds([&] {
      const auto [to_positions, to_colours] =
          ag::grad(image, {positions, colours}, {.cotangent = ag::tensor(gradient_)});
      ag::evaluate({to_positions, to_colours});
      to_positions_ = to_positions.values<float>();
      to_colours_ = to_colours.values<float>();
    }));
    if (compared_) return;
    kept_ = {std::vector(image_.begin(), image_.end()), std::vector(to_positions_.begin(), to_positions_.end()),
             std::vector(to_colours_.begin(), to_colours_.end())};
  }

  void run_by_hand(Times& times) {
    const auto positions = positions_.values<float>(), colours = colours_.values<float>();
    times.visibility.push_back(seconds([&] { hand_.visibility(positions); }));
    times.forward.push_back(seconds([&] { image_ = hand_.forward(positions, colours); }));
    times.backward.push_back(seconds([&] { hand_.backward(positions, colours, gradient_.values<float>()); }));
    if (compared_) return;
    compare("the image", kept_[0], image_);
    compare("the gradient of positions", kept_[1], hand_.to_positions);
    compare("the gradient of colours", kept_[2], hand_.to_colours);
    compared_ = true;
  }

  render::Mesh mesh_;
  render::Topology topology_;
  std::vector<float> base_;
  RasterByHand hand_;
  ag::Array matrices_, positions_, colours_, gradient_;
  std::span<const float> image_, to_positions_, to_colours_;
  std::array<std::vector<float>, 3> kept_;
  bool compared_ = false;
};

enum class Part { visibility, forward, backward };

Result result(const char* file, int subdivisions, Part part) {
  struct Measured {
    std::string note;
    Times engine, by_hand;
  };
  static std::map<std::string, Measured> all;
  if (!all.contains(file)) {
    Scene scene(file, subdivisions);
    Measured& measured = all[file];
    scene.measure(measured.engine, measured.by_hand);
    measured.note = scene.note;
  }
  const Measured& measured = all[file];
  const auto of = [&](const Times& times) {
    return 1e3 * median(part == Part::visibility ? times.visibility
                        : part == Part::forward  ? times.forward
                                                 : times.backward);
  };
  const double engine = of(measured.engine), by_hand = of(measured.by_hand);
  const double pixels = size * size;
  return {engine,
          measured.note,
          {{.name = "to scalar loops",
            .ratio = engine / by_hand,
            .engine_ns = engine * 1e6 / pixels,
            .baseline_ns = by_hand * 1e6 / pixels}}};
}

constexpr const char* bunny = "bunny/bunny_hr.obj";
constexpr const char* spot = "spot/spot_triangulated.obj";

}  // namespace

Result raster_bunny_visibility_ms() { return result(bunny, 6, Part::visibility); }
Result raster_bunny_forward_ms() { return result(bunny, 6, Part::forward); }
Result raster_bunny_backward_ms() { return result(bunny, 6, Part::backward); }
Result raster_spot_visibility_ms() { return result(spot, 4, Part::visibility); }
Result raster_spot_forward_ms() { return result(spot, 4, Part::forward); }
Result raster_spot_backward_ms() { return result(spot, 4, Part::backward); }

}  // namespace bench
