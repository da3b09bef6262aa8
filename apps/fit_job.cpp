#include <apps/console.h>
#include <apps/fit_job.h>
#include <apps/interrupt.h>
#include <apps/progress.h>
#include <apps/report.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/geometry/obj.h>
#include <render/image/file.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace {

using Clock = std::chrono::steady_clock;
constexpr double preview_seconds = 3;
constexpr size_t reported_views = 4;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void write_image(const std::filesystem::path& path, const render::Image8& image) {
  render::write_png(path, image.width, image.height, 4, image.rgba);
}

/// Target and fit beside each other.
render::Image8 side_by_side(const render::Image8& left, const render::Image8& right) {
  render::Image8 both{.width = left.width + right.width, .height = left.height, .has_alpha = true, .rgba = {}};
  const auto row = [](const render::Image8& image, int y) {
    const auto begin = image.rgba.begin() + static_cast<std::ptrdiff_t>(y) * image.width * 4;
    return std::pair(begin, begin + static_cast<std::ptrdiff_t>(image.width) * 4);
  };
  for (int y = 0; y < left.height; ++y) {
    for (const render::Image8* image : {&left, &right}) {
      const auto [begin, end] = row(*image, y);
      both.rgba.insert(both.rgba.end(), begin, end);
    }
  }
  return both;
}

/// Runs the fit under a progress bar; false if the user stopped it.
void run_watched(const FitJob& job, render::ShapeFit& fit) {
  const Interrupt interrupt;
  std::optional<Progress> progress;
  int shown_steps = 0;
  auto last_preview = Clock::now();
  fit.run([&](const render::FitState& state) {
    if (state.steps != shown_steps) {
      if (progress) progress->say("one colour does not explain the images: starting again with vertex colours");
      progress.emplace("fitting", state.steps);
      shown_steps = state.steps;
    }
    progress->update(state.step, fmt::format("loss {:.4f}  {}", state.loss, state.phase));
    if (seconds_since(last_preview) > preview_seconds) {
      const render::View& view = job.dataset.views.front();
      write_image(job.out / "preview.png", side_by_side(view.image, fit.render(view.camera)));
      last_preview = Clock::now();
    }
    return !interrupt.requested();
  });
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

std::vector<ImageRow> write_images(const FitJob& job, const render::ShapeFit& fit,
                                   const std::vector<render::ViewScore>& scores) {
  const std::filesystem::path folder = job.out / "images";
  render::make_folder(folder);
  std::vector<ImageRow> rows;
  for (size_t index : views_to_show(scores)) {
    const render::View& view = job.dataset.views[index];
    const render::Image8 seen = fit.render(view.camera), error = difference(seen, view.image);
    write_image(folder / fmt::format("{:03}_target.png", index), view.image);
    write_image(folder / fmt::format("{:03}_fit.png", index), seen);
    write_image(folder / fmt::format("{:03}_difference.png", index), error);
    rows.push_back({fmt::format("View {}{}: IoU {:.4f}, PSNR {:.1f} dB", index,
                                scores[index].held_out ? " (held out)" : "", scores[index].iou, scores[index].psnr),
                    {{"target", view.image}, {"fit", seen}, {"difference x 4", error}}});
  }
  return rows;
}

Chart loss_chart(const std::vector<double>& losses) {
  Series series{.name = "loss", .x = {}, .y = losses};
  for (size_t i = 0; i < losses.size(); ++i) series.x.push_back(static_cast<double>(i + 1));
  return {.title = "Loss", .x_label = "step", .y_label = "loss", .logarithmic = true, .series = {series}};
}

std::string text_of(const Json& value) {
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

FitOutcome run_fit(const FitJob& job) {
  const auto start = Clock::now();
  for (const std::string& text : job.dataset.warnings) warning(text);
  render::ShapeFit fit(job.dataset, job.options);
  run_watched(job, fit);

  const std::vector<render::ViewScore> scores = fit.scores();
  const std::vector<std::string> remarks = fit.remarks(scores);
  for (const std::string& text : remarks) warning(text);
  const HeldOut held_out = held_out_scores(scores);
  const render::Mesh mesh = fit.mesh();

  FitOutcome outcome;
  outcome.metrics = {{"iou_heldout", number(held_out.iou)},
                     {"iou_heldout_min", number(held_out.iou_min)},
                     {"psnr_heldout", number(held_out.psnr)},
                     {"psnr_heldout_image", number(held_out.psnr_image)},
                     {"loss", fit.losses().empty() ? Json(nullptr) : Json(fit.losses().back())},
                     {"steps", fit.steps_done()},
                     {"seconds", seconds_since(start)},
                     {"peak_memory_mb", peak_memory_mb()},
                     {"threads", autograd::threads()},
                     {"vertices", mesh.vertices()},
                     {"faces", mesh.faces()},
                     {"albedo", fit.vertex_colors() ? "vertex" : "constant"},
                     {"one_colour_psnr", fit.one_colour_psnr()},
                     {"exit_reason", fit.interrupted() ? "interrupted" : "finished"}};

  render::write_obj(job.out / "mesh.obj", mesh);
  Report report{.title = job.title, .command = command_line(), .notes = remarks};
  report.rows = write_images(job, fit, scores);
  const render::View& first = job.dataset.views.front();
  write_image(job.out / "preview.png", side_by_side(first.image, fit.render(first.camera)));
  if (fit.losses().size() > 1) report.charts.push_back(loss_chart(fit.losses()));
  for (const auto& [name, value] : outcome.metrics.items()) report.facts.emplace_back(name, text_of(value));

  outcome.summary = fmt::format("{} colours", fit.vertex_colors() ? "vertex" : "one");
  if (held_out.iou) {
    outcome.summary = fmt::format("IoU {:.4f}, PSNR {:.1f} dB on held-out views, {}", *held_out.iou, *held_out.psnr,
                                  fit.vertex_colors() ? "vertex colours" : "one colour");
  }
  report.summary = outcome.summary + ".";
  render::write_file(job.out / "report.html", html(report));
  render::write_file(job.out / "metrics.json", to_text(outcome.metrics));
  return outcome;
}
