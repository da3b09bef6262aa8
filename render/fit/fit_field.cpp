#include <fmt/format.h>
#include <render/fit/fit_field.h>

#include <cmath>

namespace render {

namespace {

/// The pictures and rays of one level.
struct Views {
  Frame frame;
  ag::Array matrices;  ///< [views, 3, 4]
  ag::Array targets;   ///< [views, height, width, 4]
};

Views shrunk_views(std::span<const Camera> cameras, const ag::Array& targets, int shrink) {
  const int width = cameras[0].width, height = cameras[0].height;
  if (shrink < 1 || width % shrink != 0 || height % shrink != 0) {
    throw ag::ValueError(
        fmt::format("fit_field: shrink {}; expected a divisor of {} x {} pixels", shrink, width, height));
  }
  std::vector<Camera> small;
  for (const Camera& camera : cameras) small.push_back(resized(camera, width / shrink, height / shrink));
  Views views;
  views.frame = {static_cast<int64_t>(cameras.size()), height / shrink, width / shrink};
  views.matrices = sdf::ray_matrices(small).cast(ag::DType::float32);
  const ag::Step step;
  const Tensor blocks =
      ag::reshape(targets, {views.frame.views, views.frame.height, shrink, views.frame.width, shrink, 4});
  views.targets = ag::mean(blocks, {2, 4}).keep();
  return views;
}

Tensor picture_loss(const FieldScene& scene, const Views& views, const sdf::TraceOptions& options) {
  const sdf::FieldView seen = sdf::see(scene.field, views.matrices, views.frame, options, {.order = 1});
  const Tensor picture = sdf::draw(seen, scene.shader(seen.point, seen.normal));
  return ag::mean(ag::square(picture - views.targets));
}

}  // namespace

std::vector<double> fit_field(const std::vector<ag::Parameter>& parameters, const std::function<FieldScene()>& scene,
                              std::span<const Camera> cameras, const ag::Array& targets, const FieldFitOptions& options,
                              const FieldFitWatch& watch) {
  if (cameras.empty()) throw ag::ValueError("fit_field: no cameras; expected one for each picture");
  const ag::Shape expected{static_cast<int64_t>(cameras.size()), cameras[0].height, cameras[0].width, 4};
  if (targets.shape() != expected) {
    throw ag::ShapeError(
        fmt::format("fit_field: targets {}; expected {}", targets.shape().to_string(), expected.to_string()));
  }
  int steps = 0;
  for (const FieldFitLevel& level : options.levels) steps += level.steps;
  ag::Adam optimiser(parameters);
  std::vector<double> losses;
  for (const FieldFitLevel& level : options.levels) {
    const Views views = shrunk_views(cameras, targets, level.shrink);
    for (int i = 0; i < level.steps; ++i) {
      const double part = static_cast<double>(losses.size()) / steps;
      optimiser.set_learning_rate(options.rate * std::pow(options.final_rate / options.rate, part));
      const ag::Step step;
      const Tensor loss = picture_loss(scene(), views, options.trace);
      optimiser.minimise(loss);
      losses.push_back(loss.item());
      if (watch && !watch(static_cast<int>(losses.size()), steps, losses.back())) return losses;
    }
  }
  return losses;
}

}  // namespace render
