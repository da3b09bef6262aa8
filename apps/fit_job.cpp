#include <apps/console.h>
#include <apps/fit_job.h>
#include <apps/fit_results.h>
#include <fmt/format.h>
#include <render/geometry/atlas.h>
#include <render/raster/texture_use.h>

#include <algorithm>
#include <chrono>

namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Runs the fit under a progress bar.
void run_watched(render::ShapeFit& fit, FitWatch& watch) {
  const Picture picture = [&](const render::Camera& camera) { return fit.render(camera); };
  int shown_steps = 0;
  fit.run([&](const render::FitState& state) {
    if (state.steps != shown_steps && shown_steps > 0) {
      watch.say("one colour does not explain the images: starting again with vertex colours");
    }
    shown_steps = state.steps;
    const std::string note = fmt::format("loss {:.4f}  {}", state.loss, state.phase);
    return watch.step("fitting", state.step, state.steps, note, picture);
  });
}

void run_watched(render::TextureFit& fit, FitWatch& watch) {
  const Picture picture = [&](const render::Camera& camera) { return fit.render(camera); };
  fit.run([&](const render::TextureFitState& state) {
    return watch.step("painting", state.step, state.steps, fmt::format("loss {:.4f}", state.loss), picture);
  });
}

Json last_loss(const std::vector<double>& losses) { return losses.empty() ? Json(nullptr) : Json(losses.back()); }

const char* exit_reason(bool interrupted) { return interrupted ? "interrupted" : "finished"; }

FitResults shape_results(const render::ShapeFit& fit, const FitWatch& watch) {
  FitResults results;
  results.picture = [&fit](const render::Camera& camera) { return fit.render(camera); };
  results.scores = fit.scores();
  results.remarks = fit.remarks(results.scores);
  results.mesh = fit.mesh();
  if (fit.losses().size() > 1) results.charts = {loss_chart(fit.losses()), watch.psnr_chart()};
  results.metrics = {{"loss", last_loss(fit.losses())},
                     {"steps", fit.steps_done()},
                     {"albedo", fit.vertex_colors() ? "vertex" : "constant"},
                     {"one_colour_psnr", fit.one_colour_psnr()},
                     {"exit_reason", exit_reason(fit.interrupted())}};
  results.summary = fit.vertex_colors() ? "vertex colours" : "one colour";
  return results;
}

FitResults texture_results(const render::TextureFit& fit, const render::Mesh& mesh, const FitWatch& watch) {
  FitResults results;
  results.picture = [&fit](const render::Camera& camera) { return fit.render(camera); };
  results.scores = fit.scores();
  results.remarks = fit.remarks(results.scores);
  results.mesh = mesh;
  results.texture = fit.texture();
  if (fit.losses().size() > 1) results.charts = {loss_chart(fit.losses()), watch.psnr_chart()};
  results.metrics = {{"coverage", fit.coverage()},
                     {"texture_size", results.texture->width},
                     {"loss", last_loss(fit.losses())},
                     {"steps", fit.steps_done()},
                     {"exit_reason", exit_reason(fit.interrupted())}};
  results.summary = fmt::format("{:.1f}% of the texture seen", 100 * fit.coverage());
  return results;
}

bool all_faces_have_uvs(const render::Mesh& mesh) {
  return mesh.has_uvs() && std::ranges::all_of(mesh.uv_triangles.values<int32_t>(), [](int32_t uv) { return uv >= 0; });
}

/// The mesh with coordinates for each of its faces.
render::Mesh with_coordinates(const render::Mesh& mesh, int size) {
  if (mesh.has_uvs() && !all_faces_have_uvs(mesh)) {
    warning("some faces have no texture coordinates: the mesh gets a new atlas");
  } else if (mesh.has_uvs()) {
    const render::TextureUse use = render::texture_use(mesh.uvs, mesh.uv_triangles, 1, 1);
    if (use.flat_faces + use.far_faces < mesh.faces()) return mesh;
    warning(use.far_faces == 0 ? "the texture coordinates span no area: the mesh gets a new atlas"
                               : "the texture coordinates reach too far: the mesh gets a new atlas");
  }
  return render::with_atlas(mesh, {.size = size});
}

}  // namespace

FitOutcome fit_texture(const FitJob& job, const render::Mesh& mesh, const render::FitTextureOptions& options) {
  const Stopwatch watch;
  FitWatch progress(job.dataset, options.holdout, job.out);
  const render::Mesh worn = with_coordinates(mesh, options.size);
  render::TextureFit fit(job.dataset, worn, options);
  run_watched(fit, progress);
  return write_results(job, texture_results(fit, worn, progress), watch.seconds());
}

FitOutcome fit_shape(const FitJob& job, const render::FitShapeOptions& shape,
                     const std::optional<render::FitTextureOptions>& texture) {
  const Stopwatch watch;
  std::optional<FitWatch> progress(std::in_place, job.dataset, shape.holdout, job.out);
  render::ShapeFit fit(job.dataset, shape);
  run_watched(fit, *progress);
  FitResults found = shape_results(fit, *progress);
  if (!texture) return write_results(job, found, watch.seconds());

  progress.emplace(job.dataset, texture->holdout, job.out);
  render::FitTextureOptions options = *texture;
  if (fit.interrupted()) options.steps = 0;  // what the views show, not refined: a second long
  const render::Mesh worn = render::with_atlas(found.mesh, {.size = options.size});
  render::TextureFit paint(job.dataset, worn, options);
  run_watched(paint, *progress);
  FitResults painted = texture_results(paint, worn, *progress);
  painted.metrics.update(found.metrics);
  painted.metrics["exit_reason"] = exit_reason(fit.interrupted() || paint.interrupted());
  for (Chart& chart : painted.charts) chart.title += ", texture";
  for (Chart& chart : found.charts) chart.title += ", shape";
  painted.charts.insert(painted.charts.begin(), found.charts.begin(), found.charts.end());
  painted.remarks.insert(painted.remarks.begin(), found.remarks.begin(), found.remarks.end());
  return write_results(job, painted, watch.seconds());
}
