#include <render/fit/fit_shape.h>
#include <render/fit/large_steps.h>
#include <render/fit/light.h>
#include <render/fit/surface_view.h>
#include <render/fit/untangle.h>
#include <render/fit/view_batch.h>
#include <render/fit/view_order.h>
#include <render/fit/welded_surface.h>
#include <render/geometry/shapes.h>
#include <render/image/holes.h>
#include <render/image/image.h>
#include <render/shading/harmonics.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace render {

namespace {

constexpr int sphere_subdivisions = 5;
constexpr int coarse_size = 64;           // pixels that the longer side of a halved image has at least
constexpr int light_interval = 10;        // steps between estimates of the light
constexpr float opaque = 0.99f;           // alpha from which a pixel shows one surface only
constexpr double plain_enough = 27;       // dB from which one colour explains the images
constexpr double albedo_rate = 0.03;      // slower, and the shape bends to explain paint first
constexpr double albedo_smoothing = 0.1;  // a step, along edges; falls with the shape's rate, so that paint sharpens as
                                          // the shape settles
constexpr double light_relaxation = 0.3;
constexpr double untangling = 10;  // of a visible back, for each unit of depth: an error of 1 in a pixel counts 1

FitShapeOptions checked(FitShapeOptions options) {
  const auto require = [](bool good, const char* what) {
    if (!good) throw ag::ValueError(std::string("fit: ") + what);
  };
  require(options.steps >= 0, "steps below 0");
  require(options.views_per_step >= 1, "views_per_step below 1");
  require(options.lambda >= 0 && std::isfinite(options.lambda), "lambda is not a number from 0 on");
  require(
      options.rate > 0 && options.final_rate > 0 && std::isfinite(options.rate) && std::isfinite(options.final_rate),
      "rates are not above 0");
  require(options.coarse >= 0 && options.coarse <= 1, "coarse is not a part from 0 to 1");
  return options;
}

/// The views with images of half the size, in each of which a step sees as much of the shape for a third of the time:
/// most of the way from a sphere to the shape needs no finer pixels.
std::vector<View> halved(std::span<const View* const> views) {
  std::vector<View> half(views.size());
  for (size_t i = 0; i < views.size(); ++i) {
    const Image8& image = views[i]->image;
    half[i].image = shrink(image, std::max(image.width, image.height) / 2);
    half[i].camera = resized(views[i]->camera, half[i].image.width, half[i].image.height);
  }
  return half;
}

bool all_larger(std::span<const View* const> views, int size) {
  return std::all_of(views.begin(), views.end(),
                     [&](const View* view) { return std::max(view->image.width, view->image.height) >= size; });
}

/// Light until the first estimate: even, and such that albedo 1 looks grey.
ag::Array even_light() {
  return ag::Array::make<float>({9, 3}, [](std::span<float> out) {
    std::fill(out.begin(), out.end(), 0.0f);
    std::fill_n(out.begin(), 3, 0.8f / 0.282095f);
  });
}

/// The start's ball as a mesh in scene coordinates.
Mesh start_sphere(const Start& start) {
  Mesh mesh = icosphere(sphere_subdivisions);
  const std::span<const double> unit = mesh.positions.values<double>();
  mesh.positions = ag::Array::make<double>(mesh.positions.shape(), [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = start.centre[i % 3] + start.radius * unit[i];
  });
  return mesh;
}

/// The mean over the ends of each vertex's edges: [vertices, 3] -> [vertices, 3].
class NeighbourMean {
 public:
  NeighbourMean(int64_t vertices, const ag::Array& edges) : vertices_(vertices) {
    const std::span<const int32_t> ends = edges.values<int32_t>();
    std::vector<int32_t> from, to;
    std::vector<float> degree(static_cast<size_t>(vertices));
    for (size_t e = 0; e < ends.size(); e += 2) {
      from.insert(from.end(), {ends[e], ends[e + 1]});
      to.insert(to.end(), {ends[e + 1], ends[e]});
      for (size_t k = 0; k < 2; ++k) ++degree[static_cast<size_t>(ends[e + k])];
    }
    for (float& value : degree) value = 1 / std::max(value, 1.0f);
    const auto count = static_cast<int64_t>(from.size());
    from_ = ag::Array::from(from, {count});
    to_ = ag::Array::from(to, {count});
    inverse_degree_ = ag::Array::from(degree, {vertices, 1});
  }

  Tensor of(const Tensor& values) const {
    return ag::scatter_add(ag::gather(values, from_), to_, vertices_) * inverse_degree_;
  }

 private:
  int64_t vertices_;
  ag::Array from_, to_, inverse_degree_;
};

}  // namespace

struct ShapeFit::State {
  State(const Dataset& dataset_, FitShapeOptions options_)
      : dataset(dataset_),
        options(checked(std::move(options_))),
        training(training_views(dataset, options.holdout)),
        coarse(options.coarse > 0 && all_larger(training, 2 * coarse_size) ? halved(training) : std::vector<View>()),
        start(estimate_start(training)),
        base(options.init ? *options.init : start_sphere(start)),
        surface(weld(base, start)),
        hides_back(render::hides_back(surface)),
        system(surface.positions.shape()[0], surface.topology.edges, options.lambda),
        neighbours(surface.positions.shape()[0], surface.topology.edges) {
    reset(options.albedo == Albedo::vertex);
    if (options.init && !is_seen()) {
      throw ag::ValueError(
          "fit: no training view shows the mesh to start from inside its mask; are mesh and cameras in the same "
          "coordinates?");
    }
  }

  const Dataset& dataset;
  FitShapeOptions options;
  std::vector<const View*> training;
  std::vector<View> coarse;  ///< of `training`, in its order; empty where coarse steps would see too little
  Start start;
  Mesh base;
  WeldedSurface surface;
  bool hides_back;
  LargeSteps system;
  NeighbourMean neighbours;

  // What is fitted.
  std::optional<ag::Parameter> variables;  ///< u of large steps, [vertices, 3]
  std::optional<ag::Parameter> albedo;     ///< [vertices, 3]; 1 everywhere while the surface has one colour
  ag::Array light = even_light();          ///< [9, 3]
  bool light_known = false;                ///< it was estimated
  bool paint = false;                      ///< vertex colours are fitted

  std::optional<ag::UniformAdam> shape_optimiser;
  std::optional<ag::Adam> paint_optimiser;
  std::optional<ViewOrder> order;

  int done = 0;
  bool interrupted = false;
  double one_colour = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> losses;

  void reset(bool with_paint) {
    paint = with_paint;
    variables.emplace(system.variables(surface.positions), "shape");
    albedo.emplace(ag::ones(surface.positions.shape()), "albedo");
    light = even_light();
    light_known = false;
    shape_optimiser.emplace(std::vector<ag::Parameter>{*variables}, ag::AdamOptions{.learning_rate = options.rate});
    paint_optimiser.emplace(std::vector<ag::Parameter>{*albedo}, ag::AdamOptions{.learning_rate = albedo_rate});
    order.emplace(training.size(), options.seed);
  }

  ag::Array positions() const {
    const ag::Step step;
    return system.positions(*variables).keep();
  }

  /// Albedo of visible pixels; nothing while the surface has one colour.
  std::optional<Vec3> pixel_albedo(const SurfaceView& view) const {
    if (!paint) return std::nullopt;
    return interpolate(unpack3(*albedo), view.corners, view.weights);
  }

  Vec3 shade(const SurfaceView& view, const std::optional<Vec3>& pixel_albedo) const {
    const Vec3 lit = harmonic_light(view.normal, light);
    return pixel_albedo ? lit * *pixel_albedo : lit;
  }

  void update_light(const SurfaceView& view, const std::optional<Vec3>& pixel_albedo, const ag::Array& targets);
  void step(int number, int total);
  bool steps(int from, int to, int total, const char* phase, const std::function<bool(const FitState&)>& go_on,
             ShapeFit* fit);
  Tensor image(std::span<const Camera> cameras) const;
  bool is_seen() const;
  double training_psnr() const;
};

// Least squares over the pixels that show one surface only, moved towards by a part: an estimate from
// one minibatch's views is noisy.
void ShapeFit::State::update_light(const SurfaceView& view, const std::optional<Vec3>& pixel_albedo,
                                   const ag::Array& targets) {
  std::vector<Tensor> wanted{view.normal.x, view.normal.y, view.normal.z};
  if (pixel_albedo) wanted.insert(wanted.end(), {pixel_albedo->x, pixel_albedo->y, pixel_albedo->z});
  ag::evaluate(wanted);
  const std::span<const int32_t> pixels = view.pixels.pixel.values<int32_t>();
  const std::span<const float> target = targets.values<float>();
  std::vector<float> lists[9];  // normal, albedo, colour
  for (size_t k = 0; k < wanted.size(); ++k) {
    const std::span<const float> values = wanted[k].values<float>();
    for (size_t i = 0; i < pixels.size(); ++i) {
      if (target[static_cast<size_t>(pixels[i]) * 4 + 3] > opaque) lists[k].push_back(values[i]);
    }
  }
  for (int32_t pixel : pixels) {
    const float* colour = target.data() + static_cast<size_t>(pixel) * 4;
    if (colour[3] <= opaque) continue;
    for (size_t c = 0; c < 3; ++c) lists[6 + c].push_back(colour[c]);
  }
  const ag::Array estimate = estimate_light({.normal = {lists[0], lists[1], lists[2]},
                                             .albedo = {lists[3], lists[4], lists[5]},
                                             .colour = {lists[6], lists[7], lists[8]}});
  if (!light_known) {
    light = estimate;
    light_known = true;
    return;
  }
  const std::span<const float> before = light.values<float>(), now = estimate.values<float>();
  light = ag::Array::make<float>({9, 3}, [&](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = before[i] + static_cast<float>(light_relaxation) * (now[i] - before[i]);
  });
}

void ShapeFit::State::step(int number, int total) {
  const ag::Step scope;
  std::vector<const View*> views;
  const auto batch_size = std::min(training.size(), static_cast<size_t>(options.views_per_step));
  const bool fine = coarse.empty() || number >= options.coarse * total;
  for (size_t i = 0; i < batch_size; ++i) {
    const size_t next = order->next();
    views.push_back(fine ? training[next] : &coarse[next]);
  }
  const ViewBatch batch = make_batch(views, start);

  const Vec3 positions = unpack3(system.positions(*variables));
  const SurfaceView view = see(positions, surface.triangles, surface.topology, batch.matrices, batch.frame);
  const std::optional<Vec3> paint_seen = pixel_albedo(view);
  if (number % light_interval == 0) update_light(view, paint_seen, batch.targets);
  const Tensor drawn = draw(view, shade(view, paint_seen));

  // mean |alpha - alpha*| + mean |rgb - rgb*|
  const auto pixels = static_cast<double>(batch.frame.pixels());
  const ag::Array weights = ag::Array::of<float>({1.0f / 3, 1.0f / 3, 1.0f / 3, 1});
  Tensor loss = ag::sum(ag::abs(drawn - batch.targets) * (weights * batch.inside)) / pixels;
  if (hides_back) loss = loss + pushed_back(view) * (untangling / pixels);

  const double progress = total > 1 ? static_cast<double>(number) / (total - 1) : 0;
  const double decay = std::pow(options.final_rate / options.rate, progress);
  shape_optimiser->set_learning_rate(options.rate * decay);
  std::vector<ag::Optimiser*> optimisers{&*shape_optimiser};
  if (paint) optimisers.push_back(&*paint_optimiser);
  ag::minimise(loss, optimisers);
  losses.push_back(loss.item());
  if (paint) {
    const Tensor painted = ag::tensor(*albedo);
    albedo->assign(ag::maximum(painted + albedo_smoothing * decay * (neighbours.of(painted) - painted), 0));
  }
}

bool ShapeFit::State::steps(int from, int to, int total, const char* phase,
                            const std::function<bool(const FitState&)>& go_on, ShapeFit* fit) {
  const int before = done - from;  // steps of an abandoned beginning
  for (int number = from; number < to; ++number) {
    step(number, total);
    ++done;
    if (go_on && !go_on({done, before + total, losses.back(), phase, fit})) {
      interrupted = true;
      return false;
    }
  }
  return true;
}

Tensor ShapeFit::State::image(std::span<const Camera> cameras) const {
  const Frame frame{static_cast<int64_t>(cameras.size()), cameras[0].height, cameras[0].width};
  const Vec3 at = unpack3(system.positions(*variables));
  const SurfaceView view = see(at, surface.triangles, surface.topology, camera_matrices(cameras, start), frame);
  return draw(view, shade(view, pixel_albedo(view)));
}

/// Whether a training view's mask shows any of the surface: only then is there a way to move it.
bool ShapeFit::State::is_seen() const {
  return std::any_of(training.begin(), training.end(), [&](const View* view) {
    const ag::Step scope;
    const std::span<const float> seen = image({&view->camera, 1}).values<float>();
    for (size_t i = 3; i < seen.size(); i += 4) {
      if (seen[i] >= 0.5f && view->image.rgba[i] >= 128) return true;
    }
    return false;
  });
}

double ShapeFit::State::training_psnr() const {
  double squares = 0, count = 0;
  for (const View* view : training) {
    const ag::Step scope;
    const std::span<const float> seen = image({&view->camera, 1}).values<float>();
    const ag::Array linear = to_linear(view->image);
    const std::span<const float> target = linear.values<float>();
    for (size_t i = 0; i < seen.size(); i += 4) {
      if (seen[i + 3] <= opaque || target[i + 3] <= opaque) continue;
      for (size_t c = 0; c < 3; ++c) squares += std::pow(static_cast<double>(seen[i + c] - target[i + c]), 2);
      count += 3;
    }
  }
  return count > 0 ? -10 * std::log10(std::max(squares / count, 1e-12)) : 0;
}

ShapeFit::ShapeFit(const Dataset& dataset, FitShapeOptions options)
    : state_(std::make_unique<State>(dataset, std::move(options))) {}
ShapeFit::~ShapeFit() = default;

void ShapeFit::run(const std::function<bool(const FitState&)>& go_on) {
  State& s = *state_;
  const int total = s.options.steps;
  if (s.options.albedo != Albedo::automatic) {
    s.steps(0, total, total, s.paint ? "vertex colours" : "one colour", go_on, this);
    return;
  }
  const int half = total / 2;
  if (!s.steps(0, half, total, "one colour", go_on, this)) return;
  s.one_colour = s.training_psnr();
  if (s.one_colour >= plain_enough) {
    s.steps(half, total, total, "one colour", go_on, this);
  } else {
    s.reset(true);
    s.steps(0, total, total, "vertex colours", go_on, this);
  }
}

Mesh ShapeFit::mesh() const {
  const State& s = *state_;
  // A vertex's colour: its albedo in the mean of the estimated light over all directions.
  const std::span<const float> albedo = s.albedo->values<float>(), light = s.light.values<float>();
  const ag::Array colors = ag::Array::make<float>(s.albedo->shape(), [&](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = std::clamp(albedo[i] * (0.282095f * light[i % 3]), 0.0f, 1.0f);
    }
  });
  return unweld(s.base, s.surface, s.start, s.positions(), colors);
}

Image8 ShapeFit::render(const Camera& camera) const {
  const ag::Step scope;
  const Tensor image = state_->image({&camera, 1});
  return to_srgb(ag::reshape(image, {camera.height, camera.width, 4}).keep());
}

std::vector<ViewScore> ShapeFit::scores() const {
  return score_views(state_->dataset, state_->options.holdout, [&](const Camera& camera) { return render(camera); });
}

std::vector<std::string> ShapeFit::remarks(const std::vector<ViewScore>& scores) const {
  std::vector<std::string> lines = disagreeing_views(state_->dataset, scores);
  int holes = 0;
  for (const ViewScore& score : scores) {
    const View& view = state_->dataset.views[score.view];
    if (closed_holes(render(view.camera), view.image) > 0) ++holes;
  }
  if (holes >= 2) {
    lines.push_back("the masks of " + std::to_string(holes) +
                    " views show holes that this surface cannot form: a sphere stays one closed surface without "
                    "handles; start from a mesh of the right kind with --init");
  }
  return lines;
}

const Start& ShapeFit::start() const { return state_->start; }
int ShapeFit::steps_done() const { return state_->done; }
bool ShapeFit::interrupted() const { return state_->interrupted; }
bool ShapeFit::vertex_colors() const { return state_->paint; }
double ShapeFit::one_colour_psnr() const { return state_->one_colour; }
const std::vector<double>& ShapeFit::losses() const { return state_->losses; }

}  // namespace render
