#include <apps/fit_watch.h>
#include <apps/report.h>
#include <render/image/metrics.h>

#include <algorithm>
#include <chrono>

namespace {

constexpr double preview_seconds = 3;
constexpr int measurements = 16;  // of PSNR in a fit

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

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

}  // namespace

void write_preview(const render::Dataset& dataset, const std::filesystem::path& folder, const Picture& picture) {
  const render::View& first = dataset.views.front();
  write_image(folder / "preview.png", side_by_side(first.image, picture(first.camera)));
}

FitWatch::FitWatch(const render::Dataset& dataset, int holdout, std::filesystem::path out)
    : dataset_(dataset), out_(std::move(out)), preview_at_(now() + preview_seconds) {
  for (const bool held : {false, true}) {
    for (size_t view = 0; view < dataset.views.size(); ++view) {
      if (render::held_out(view, holdout) != held) continue;
      curves_.push_back({held ? "held-out view" : "training view", {}, {}});
      views_.push_back(view);
      break;
    }
  }
}

bool FitWatch::step(const char* what, int step, int steps, std::string_view note, const Picture& picture) {
  if (!progress_ || steps != steps_) progress_.emplace(what, steps);
  steps_ = steps;
  progress_->update(step, note);
  const int interval = std::max(steps / measurements, 1);
  if (step % interval == 0 || step == steps) measure(step, picture);
  if (now() > preview_at_) {
    write_preview(dataset_, out_, picture);
    preview_at_ = now() + preview_seconds;
  }
  return !interrupt_.requested();
}

void FitWatch::say(std::string_view line) {
  if (progress_) progress_->say(line);
}

void FitWatch::measure(int step, const Picture& picture) {
  for (size_t i = 0; i < views_.size(); ++i) {
    const render::View& view = dataset_.views[views_[i]];
    curves_[i].x.push_back(step);
    curves_[i].y.push_back(render::psnr(picture(view.camera), view.image).covered);
  }
}

Chart FitWatch::psnr_chart() const {
  return {.title = "PSNR, covered pixels", .x_label = "step", .y_label = "dB", .series = curves_};
}
