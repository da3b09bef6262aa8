#include <fmt/format.h>
#include <render/geometry/camera.h>
#include <render/geometry/shapes.h>
#include <render/geometry/topology.h>
#include <render/raster/silhouettes.h>
#include <tests/bench/bench.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

// How the renderer's time grows with triangles and with pixels, on one thread, and what a second thread gives on a
// batch of views. A sphere of radius 1 at distance 4, focal length 1.55 times the image's width, vertices at other
// places in every step; visibility, the antialiased image of interpolated colours (visibility included), and the
// gradients of positions and colours for a given gradient image.
//
// Times of one thread are the processor's; those of two are the clock's, so nothing else may run beside them.
//
//   curves      exit code 1 where time grows faster than the size, or two threads are not worth 1.8

namespace {

namespace ag = autograd;
using ag::Tensor;

constexpr double distance = 4, focal = 1.55;
constexpr double most_growth = 1.1;  // exponent from row to row: linear, and what clocks and caches add to it
constexpr double least_speedup = 1.8;

struct Times {
  double visibility = 0, image = 0, gradient = 0;
};

ag::Array looking_from(int views, int64_t size) {
  const auto width = static_cast<int>(size);
  return ag::Array::make<float>({views, 4, 4}, [&](std::span<float> out) {
    for (int view = 0; view < views; ++view) {
      const double angle = 0.7 + 0.5 * view;
      const render::Camera camera =
          render::look_at({distance * std::sin(angle), 0, distance * std::cos(angle)}, {0, 0, 0}, {0, 1, 0}, width,
                          width, focal * static_cast<double>(size));
      const render::Matrix4 matrix = render::clip_from_world(camera, 0.1, 100);
      for (size_t i = 0; i < 16; ++i) out[16 * static_cast<size_t>(view) + i] = static_cast<float>(matrix[i]);
    }
  });
}

class Scene {
 public:
  Scene(int subdivisions, int64_t size, int views)
      : mesh_(render::icosphere(subdivisions)),
        topology_(render::make_topology(mesh_.positions, mesh_.triangles)),
        frame_{views, size, size},
        matrices_(looking_from(views, size)),
        colours_(bench::uniform({mesh_.vertices(), 3}, 0.1f, 0.9f, 5)),
        gradient_(bench::uniform({views, size, size, 3}, -1, 1, 6)) {}

  int64_t triangles() const { return mesh_.faces(); }
  int64_t pixels() const { return frame_.pixels(); }

  Times step(int number, bench::Clock clock) const {
    const double factor = 1 + 0.01 * std::sin(number);
    const ag::Array points = ag::Array::make<float>({mesh_.vertices(), 3}, [&](std::span<float> out) {
      std::ranges::transform(mesh_.positions.values<double>(), out.begin(),
                             [&](double value) { return static_cast<float>(factor * value); });
    });
    const ag::Step step;
    Times times;
    const Tensor positions = ag::tensor(points), colours = ag::tensor(colours_);
    render::Vec4 clip;
    Tensor ids, image;
    const auto took = [&](auto&& run) { return bench::seconds(run, clock); };
    times.visibility = took([&] {
      clip = render::transform(matrices_, render::unpack3(positions));
      ids = render::visibility(clip, mesh_.triangles, frame_);
    });
    times.image = times.visibility + took([&] {
                    image = draw(clip, ids, colours);
                    ag::evaluate({image});
                  });
    times.gradient = took([&] {
      const auto gradients = ag::grad(image, {positions, colours}, {.cotangent = ag::tensor(gradient_)});
      ag::evaluate({gradients[0], gradients[1]});
    });
    return times;
  }

 private:
  Tensor draw(const render::Vec4& clip, const Tensor& ids, const Tensor& colours) const {
    const render::VisiblePixels pixels = render::visible_pixels(ids);
    const render::Corners corners = render::corners(mesh_.triangles, pixels, mesh_.vertices());
    const render::Vec3 weights = render::barycentrics(clip, corners, pixels);
    const render::Vec3 colour = render::interpolate(render::unpack3(colours), corners, weights);
    const std::array<Tensor, 3> channels{colour.x, colour.y, colour.z};
    return render::antialiased_image(channels, pixels, clip,
                                     render::silhouettes(clip, mesh_.triangles, topology_, ids));
  }

  render::Mesh mesh_;
  render::Topology topology_;
  render::Frame frame_;
  ag::Array matrices_, colours_, gradient_;
};

Times medians(const std::vector<Times>& all) {
  const auto of = [&](double Times::*member) {
    std::vector<double> values;
    for (const Times& times : all) values.push_back(times.*member);
    return bench::median(values);
  };
  return {of(&Times::visibility), of(&Times::image), of(&Times::gradient)};
}

/// A second's worth of steps after plans and memory are warm, at least 5 and at most 50.
int steps_for(const Scene& scene) {
  for (int i = -2; i < 0; ++i) scene.step(i, bench::Clock::wall);
  const double one = bench::seconds([&] { scene.step(0, bench::Clock::wall); }, bench::Clock::wall);
  return std::clamp(static_cast<int>(1 / one), 5, 50);
}

Times measure(const Scene& scene) {
  const int steps = steps_for(scene);
  std::vector<Times> all;
  for (int i = 0; i < steps; ++i) all.push_back(scene.step(i, bench::Clock::thread));
  return medians(all);
}

/// One row a scene, from small to large. From row to row the image's time grows as size^exponent.
class Curve {
 public:
  /// unit  of the rows' labels
  explicit Curve(const char* unit) {
    fmt::print("{:>10}  {:>13}  {:>10}  {:>12}  {:>13}  {:>8}\n", unit, "visibility ms", "image ms", "gradient ms",
               "image ns each", "exponent");
  }

  /// size  what the time should be in proportion to
  void add(const Scene& scene, int64_t label, int64_t size) {
    const Times times = measure(scene);
    const auto elements = static_cast<double>(size);
    fmt::print("{:>10}  {:>13.2f}  {:>10.2f}  {:>12.2f}  {:>13.2f}", label, 1e3 * times.visibility, 1e3 * times.image,
               1e3 * times.gradient, 1e9 * times.image / elements);
    if (last_size_ > 0) {
      const double exponent = std::log(times.image / last_time_) / std::log(elements / last_size_);
      worst_ = std::max(worst_, exponent);
      fmt::print("  {:>8.2f}", exponent);
    }
    fmt::print("\n");
    std::fflush(stdout);
    last_size_ = elements, last_time_ = times.image;
  }

  /// Or better.
  bool is_linear() const {
    const bool linear = worst_ <= most_growth;
    fmt::print("{}\n\n", linear ? "linear or better" : "NOT LINEAR");
    return linear;
  }

 private:
  double last_size_ = 0, last_time_ = 0, worst_ = 0;
};

bool by_triangles() {
  fmt::print("Triangles, in one view of 512 x 512 pixels\n");
  Curve curve("triangles");
  for (int subdivisions = 3; subdivisions <= 8; ++subdivisions) {
    const Scene scene(subdivisions, 512, 1);
    curve.add(scene, scene.triangles(), scene.triangles());
  }
  return curve.is_linear();
}

bool by_pixels() {
  fmt::print("Pixels a side, 20,480 triangles\n");
  Curve curve("pixels");
  for (int64_t size = 128; size <= 4096; size *= 2) {
    const Scene scene(5, size, 1);
    curve.add(scene, size, scene.pixels());
  }
  return curve.is_linear();
}

/// Steps on one and on two threads take turns, so that what else the machine does is shared by both.
bool by_threads() {
  const Scene scene(6, 512, 8);
  const int before = ag::threads();
  std::array<std::vector<Times>, 2> all;
  const int steps = steps_for(scene);
  for (int i = -1; i < 3 * steps; ++i) {
    for (const int threads : {1, 2}) {
      ag::set_threads(threads);
      const Times times = scene.step(i, bench::Clock::wall);
      if (i >= 0) all[static_cast<size_t>(threads - 1)].push_back(times);
    }
  }
  ag::set_threads(before);
  const Times one = medians(all[0]), two = medians(all[1]);
  const double speedup = (one.image + one.gradient) / (two.image + two.gradient);
  fmt::print("8 views of 512 x 512 pixels, 81,920 triangles\n{:>10}  {:>13}  {:>10}  {:>12}\n", "threads",
             "visibility ms", "image ms", "gradient ms");
  for (const auto& [threads, times] : {std::pair(1, one), std::pair(2, two)})
    fmt::print("{:>10}  {:>13.2f}  {:>10.2f}  {:>12.2f}\n", threads, 1e3 * times.visibility, 1e3 * times.image,
               1e3 * times.gradient);
  fmt::print("{:>10}  {:>13.2f}  {:>10.2f}  {:>12.2f}  all {:.2f}{}\n", "ratio", one.visibility / two.visibility,
             one.image / two.image, one.gradient / two.gradient, speedup,
             speedup < least_speedup ? fmt::format(", BELOW {}", least_speedup) : "");
  return speedup >= least_speedup;
}

}  // namespace

int main() {
  ag::set_threads(1);
  const bool triangles = by_triangles(), pixels = by_pixels(), threads = by_threads();
  return triangles && pixels && threads ? 0 : 1;
}
