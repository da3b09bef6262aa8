#include <apps/console.h>
#include <apps/fit_results.h>
#include <apps/report.h>
#include <apps/turntable.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/geometry/obj.h>
#include <render/image/file.h>
#include <sys/resource.h>

#include <algorithm>

namespace {

constexpr size_t reported_views = 4;

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct HeldOut {
  std::optional<double> iou, iou_min, psnr, psnr_image;
};

HeldOut held_out_scores(const std::vector<render::ViewScore>& scores) {
  HeldOut result;
  double iou = 0, iou_min = 1, psnr = 0, psnr_image = 0, count = 0;
  for (const render::ViewScore& score : scores) {
    if (!score.held_out) continue;
    iou += score.iou;
    iou_min = std::min(iou_min, score.iou);
    psnr += score.psnr;
    psnr_image += score.psnr_image;
    ++count;
  }
  if (count > 0) result = {iou / count, iou_min, psnr / count, psnr_image / count};
  return result;
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json all_metrics(const FitResults& results, const HeldOut& held_out, double seconds) {
  Json metrics{{"iou_heldout", number(held_out.iou)},
               {"iou_heldout_min", number(held_out.iou_min)},
               {"psnr_heldout", number(held_out.psnr)},
               {"psnr_heldout_image", number(held_out.psnr_image)}};
  metrics.update(results.metrics);
  metrics.update({{"seconds", seconds},
                  {"peak_memory_mb", peak_memory_mb()},
                  {"threads", autograd::threads()},
                  {"vertices", results.mesh.vertices()},
                  {"faces", results.mesh.faces()}});
  return metrics;
}

/// The held-out views first, since they tell most; then others, evenly.
std::vector<size_t> views_to_show(const std::vector<render::ViewScore>& scores) {
  std::vector<size_t> views;
  for (const render::ViewScore& score : scores) {
    if (score.held_out && views.size() < reported_views) views.push_back(score.view);
  }
  for (size_t i = 0; i < scores.size() && views.size() < std::min(reported_views, scores.size()); ++i) {
    if (std::find(views.begin(), views.end(), i) == views.end()) views.push_back(i);
  }
  return views;
}

std::vector<ImageRow> write_images(const FitJob& job, const FitResults& results) {
  const std::filesystem::path folder = job.out / "images";
  render::make_folder(folder);
  std::vector<ImageRow> rows;
  for (const size_t index : views_to_show(results.scores)) {
    const render::View& view = job.dataset.views[index];
    const render::ViewScore& score = results.scores[index];
    const render::Image8 seen = results.picture(view.camera), error = difference(seen, view.image);
    write_image(folder / fmt::format("{:03}_target.png", index), view.image);
    write_image(folder / fmt::format("{:03}_fit.png", index), seen);
    write_image(folder / fmt::format("{:03}_difference.png", index), error);
    rows.push_back({fmt::format("View {}{}: IoU {:.4f}, PSNR {:.1f} dB", index, score.held_out ? " (held out)" : "",
                                score.iou, score.psnr),
                    {{"target", view.image}, {"fit", seen}, {"difference x 4", error}}});
  }
  return rows;
}

/// The mesh, in one material that shows the texture where there is one.
void write_mesh(const FitJob& job, const FitResults& results) {
  render::Mesh mesh = results.mesh;
  if (results.texture) {
    const std::filesystem::path path = job.out / "texture.png";
    write_image(path, *results.texture);
    mesh.colors = autograd::zeros({0, 3});
    mesh.materials = {{.name = "texture", .diffuse = {1, 1, 1}, .diffuse_map = path}};
    mesh.face_materials = autograd::zeros({mesh.faces()}, autograd::DType::int32);
  }
  render::write_obj(job.out / "mesh.obj", mesh);
}

}  // namespace

FitOutcome write_results(const FitJob& job, FitResults results, double seconds) {
  for (const std::string& text : results.remarks) warning(text);
  const HeldOut held_out = held_out_scores(results.scores);
  FitOutcome outcome{all_metrics(results, held_out, seconds), results.summary};
  if (held_out.iou) {
    outcome.summary =
        fmt::format("IoU {:.4f}, PSNR {:.1f} dB on held-out views, {}", *held_out.iou, *held_out.psnr, results.summary);
  }
  write_mesh(job, results);
  write_preview(job.dataset, job.out, results.picture);

  Report report{
      .title = job.title,
      .summary = outcome.summary + ".",
      .command = command_line(),
      .notes = results.remarks,
      .charts = results.charts,
      .turntable = job.target ? turn_around(*job.target, results.picture) : walk_around(job.dataset, results.picture),
      .rows = write_images(job, results)};
  if (results.texture) report.rows.push_back({"Texture", {{"texture.png", *results.texture}}});
  for (const auto& [name, value] : outcome.metrics.items()) report.facts.emplace_back(name, plain_text(value));
  render::write_file(job.out / "report.html", html(report));
  render::write_file(job.out / "metrics.json", to_text(outcome.metrics));
  return outcome;
}
