#include <apps/interrupt.h>
#include <apps/progress.h>
#include <apps/sdf_examples.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/fit/fit_field.h>
#include <render/sdf/combine.h>
#include <render/sdf/place.h>
#include <render/sdf/polygonise.h>
#include <render/sdf/primitives.h>
#include <render/shading/harmonics.h>
#include <render/shading/lighting.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

namespace {

namespace ag = autograd;
namespace sdf = render::sdf;
using render::Tensor;
using render::Vec3;

/// One or a few numbers that a fit looks for.
struct Quantity {
  std::string name;
  std::vector<float> truth, start;
  bool positive = false;  ///< the logarithm is what is fitted
};

/// Quantities as Parameters.
class Model {
 public:
  enum class At { truth, start };
  Model(const std::vector<Quantity>& quantities, At at) : quantities_(quantities) {
    for (const Quantity& quantity : quantities) {
      std::vector<float> values = at == At::truth ? quantity.truth : quantity.start;
      if (quantity.positive) {
        for (float& value : values) value = std::log(value);
      }
      parameters_.emplace_back(ag::Array::from(values, {static_cast<int64_t>(values.size())}), quantity.name);
    }
  }

  const std::vector<ag::Parameter>& parameters() const { return parameters_; }
  Vec3 vector(const std::string& name) const { return render::unpack3(value(name)); }
  Tensor number(const std::string& name, int64_t i = 0) const { return ag::select(value(name), 0, i); }

  /// The current values of one.
  std::vector<double> values(size_t i) const {
    std::vector<double> list;
    for (float value : parameters_[i].values<float>()) {
      list.push_back(quantities_[i].positive ? std::exp(static_cast<double>(value)) : static_cast<double>(value));
    }
    return list;
  }

 private:
  Tensor value(const std::string& name) const {
    for (size_t i = 0; i < quantities_.size(); ++i) {
      if (quantities_[i].name != name) continue;
      const Tensor raw = ag::tensor(parameters_[i]);
      return quantities_[i].positive ? ag::exp(raw) : raw;
    }
    throw ag::ValueError("fit sdf: no quantity is called " + name);
  }

  std::vector<Quantity> quantities_;
  std::vector<ag::Parameter> parameters_;
};

struct Example {
  std::vector<Quantity> quantities;
  std::function<sdf::Field(const Model&)> field;
  double radius = 1;  ///< of a ball around the origin that holds all of it, and what it starts from
  int views = 4;
  render::FieldFitOptions fit{};
};

/// Matt, in the light of `backlight render`.
sdf::Shader shader_of(const Vec3& albedo) {
  const render::Lighting light = render::lighting(render::LightingPreset::studio);
  return [=](const Vec3&, const Vec3& normal) {
    Tensor received = normal.x * 0 + light.ambient;
    for (const auto& [toward, strength] : light.directional) {
      received = received + strength * render::lambert(normal, toward);
    }
    return albedo * received;
  };
}

render::FieldScene scene_of(const Example& example, const Model& model) {
  return {example.field(model), shader_of(model.vector("albedo"))};
}

render::Image8 picture_of(const Example& example, const Model& model, const render::Camera& camera) {
  const ag::Step step;
  const render::FieldScene scene = scene_of(example, model);
  const ag::Array picture = sdf::photograph(scene.field, scene.shader, {&camera, 1}, 4);
  return render::to_srgb(picture.reshape({camera.height, camera.width, 4}));
}

ag::Array photographs(const Example& example, const std::vector<render::Camera>& cameras) {
  const ag::Step step;
  const render::FieldScene scene = scene_of(example, Model(example.quantities, Model::At::truth));
  return sdf::photograph(scene.field, scene.shader, cameras, 4);
}

std::vector<ImageRow> compare_pictures(const Example& example, const Model& model,
                                       const std::vector<render::Camera>& cameras) {
  constexpr size_t shown = 4;
  const Model truth(example.quantities, Model::At::truth), start(example.quantities, Model::At::start);
  std::vector<ImageRow> rows;
  for (size_t i = 0; i < std::min(shown, cameras.size()); ++i) {
    const render::Image8 target = picture_of(example, truth, cameras[i]), fit = picture_of(example, model, cameras[i]);
    rows.push_back({fmt::format("View {}", i),
                    {{fmt::format("{:03}_target", i), target},
                     {fmt::format("{:03}_start", i), picture_of(example, start, cameras[i])},
                     {fmt::format("{:03}_fit", i), fit},
                     {fmt::format("{:03}_difference", i), difference(fit, target)}}});
  }
  return rows;
}

/// Every number's error as a part of the number.
void report_quantities(const Example& example, const Model& model, Json& metrics) {
  double worst = 0;
  Json worst_name, list = Json::array();
  for (size_t i = 0; i < example.quantities.size(); ++i) {
    const Quantity& quantity = example.quantities[i];
    const std::vector<double> found = model.values(i);
    for (size_t k = 0; k < found.size(); ++k) {
      const double truth = quantity.truth[k], error = std::fabs(found[k] - truth) / std::fabs(truth);
      if (error < worst) continue;
      worst = error;
      worst_name = quantity.name;
    }
    list.push_back({{"name", quantity.name}, {"truth", quantity.truth}, {"found", found}});
  }
  metrics["parameter_error"] = worst;
  metrics["worst_parameter"] = worst_name;
  metrics["parameters"] = list;
}

/// Makes the pictures, fits, and compares.
SdfOutcome run(const std::string& name, const Example& example, const SdfExampleOptions& options, Model& model) {
  const auto cameras = render::cameras_around({}, example.radius, example.views, options.size, options.size, 1);
  const ag::Array targets = photographs(example, cameras);

  SdfOutcome outcome;
  bool interrupted = false;
  const auto start = std::chrono::steady_clock::now();
  {
    const Interrupt interrupt;
    std::optional<Progress> progress;
    outcome.losses = render::fit_field(
        model.parameters(), [&] { return scene_of(example, model); }, cameras, targets, example.fit,
        [&](int step, int steps, double loss) {
          if (!progress) progress.emplace("fitting", steps);
          progress->update(step, fmt::format("loss {:.2e}", loss));
          interrupted = interrupt.requested();
          return !interrupted;
        });
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  outcome.metrics = {{"example", name},
                     {"milliseconds", seconds * 1e3},
                     {"loss", outcome.losses.back()},
                     {"steps", outcome.losses.size()},
                     {"views", example.views},
                     {"size", options.size},
                     {"exit_reason", interrupted ? "interrupted" : "finished"}};
  report_quantities(example, model, outcome.metrics);
  outcome.images = compare_pictures(example, model, cameras);
  const ag::Step step;
  const double r = example.radius;
  outcome.mesh = sdf::polygonise(example.field(model), {.lower = {-r, -r, -r}, .upper = {r, r, r}, .resolution = 96});
  return outcome;
}

Example sphere_example() {
  Example example;
  example.quantities = {{"center", {0.2f, -0.1f, 0.3f}, {0, 0, 0}},
                        {"radius", {0.8f}, {0.5f}, true},
                        {"albedo", {0.9f, 0.55f, 0.25f}, {0.5f, 0.5f, 0.5f}, true}};
  example.field = [](const Model& model) -> sdf::Field {
    const Vec3 centre = model.vector("center");
    const Tensor radius = model.number("radius");
    return [=](const Vec3& p) { return sdf::sphere(sdf::translate(p, centre), radius); };
  };
  example.radius = 1.3;
  example.fit.levels = {{8, 80}, {4, 30}, {1, 10}};
  example.fit.rate = 0.05;
  return example;
}

Example three_shapes_example() {
  Example example;
  example.quantities = {{"ball_center", {-0.15f, 0.2f, 0.15f}, {0.05f, 0.3f, 0.05f}},
                        {"ball_radius", {0.4f}, {0.3f}, true},
                        {"box_center", {0.12f, -0.5f, -0.1f}, {0.05f, -0.55f, 0.05f}},
                        {"box_half", {0.55f, 0.22f, 0.38f}, {0.4f, 0.3f, 0.45f}, true},
                        {"box_rounding", {0.14f}, {0.08f}, true},
                        {"box_rotation", {0.2f, 0.5f, -0.15f}, {0.05f, 0.3f, 0.05f}},
                        {"ring_center", {-0.12f, 0.18f, 0.14f}, {0.02f, 0.25f, 0.05f}},
                        {"ring_radii", {0.75f, 0.1f}, {0.85f, 0.14f}, true},
                        {"ring_tilt", {1.2f, 0.3f}, {1.4f, 0.15f}},
                        {"blend", {0.4f}, {0.2f}, true},
                        {"albedo", {0.85f, 0.5f, 0.3f}, {0.5f, 0.5f, 0.5f}, true}};
  example.field = [](const Model& model) -> sdf::Field {
    const Vec3 ball = model.vector("ball_center"), box = model.vector("box_center"), ring = model.vector("ring_center");
    const Vec3 half = model.vector("box_half");
    const Tensor tilt_x = model.number("ring_tilt", 0), tilt_y = model.number("ring_tilt", 1);
    const sdf::Rotation box_turn = sdf::rotation(model.vector("box_rotation")),
                        ring_turn = sdf::rotation({tilt_x, tilt_y, tilt_x * 0});
    const Tensor radius = model.number("ball_radius"), rounding = model.number("box_rounding"),
                 major = model.number("ring_radii", 0), minor = model.number("ring_radii", 1),
                 blend = model.number("blend");
    return [=](const Vec3& p) {
      const Tensor to_ball = sdf::sphere(sdf::translate(p, ball), radius);
      const Tensor to_box = sdf::rounded_box(sdf::rotate(sdf::translate(p, box), box_turn), half, rounding);
      const Tensor to_ring = sdf::torus(sdf::rotate(sdf::translate(p, ring), ring_turn), major, minor);
      return sdf::union_of(sdf::smooth_union(to_ball, to_box, blend), to_ring);
    };
  };
  example.radius = 1.15;
  example.views = 8;
  example.fit.levels = {{4, 100}, {2, 60}, {1, 20}};
  example.fit.rate = 0.05;
  example.fit.final_rate = 0.003;  // rounding and blend lie in a flat valley
  return example;
}

}  // namespace

SdfOutcome fit_sphere_in_views(const SdfExampleOptions& options) {
  const Example example = sphere_example();
  Model model(example.quantities, Model::At::start);
  SdfOutcome outcome = run("sphere-views", example, options, model);
  const std::vector<double> centre = model.values(0);
  const std::vector<float>& truth = example.quantities[0].truth;
  const double centre_error = std::hypot(centre[0] - truth[0], centre[1] - truth[1], centre[2] - truth[2]);
  const double radius_error = std::fabs(model.values(1)[0] - example.quantities[1].truth[0]);
  outcome.metrics["center_error"] = centre_error;
  outcome.metrics["radius_error"] = radius_error;
  outcome.title = "A sphere from four views";
  outcome.summary = fmt::format("centre within {:.1e}, radius within {:.1e}; {:.2f} s", centre_error, radius_error,
                                outcome.metrics["milliseconds"].get<double>() / 1e3);
  return outcome;
}

SdfOutcome fit_three_shapes(const SdfExampleOptions& options) {
  const Example example = three_shapes_example();
  Model model(example.quantities, Model::At::start);
  SdfOutcome outcome = run("three-shapes", example, options, model);
  outcome.title = "Three shapes from eight views";
  outcome.summary = fmt::format("every parameter within {:.2f}% ({} is the farthest off); {:.1f} s",
                                outcome.metrics["parameter_error"].get<double>() * 100,
                                outcome.metrics["worst_parameter"].get<std::string>(),
                                outcome.metrics["milliseconds"].get<double>() / 1e3);
  return outcome;
}
