#pragma once

#include <apps/chart.h>
#include <apps/interrupt.h>
#include <apps/progress.h>
#include <render/fit/dataset.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a fit shows a camera.
using Picture = std::function<render::Image8(const render::Camera&)>;

/// Follows a fit while it runs: a progress bar on stderr, a preview of the first view in the results' folder every few
/// seconds, PSNR now and then for the report, and whether the user pressed Ctrl-C.
class FitWatch {
 public:
  /// The dataset is kept by reference.
  FitWatch(const render::Dataset& dataset, int holdout, std::filesystem::path out);

  /// After each step; false if the fit should end. A change of `steps` starts a new bar.
  bool step(const char* what, int step, int steps, std::string_view note, const Picture& picture);
  /// A line that stays, above the bar.
  void say(std::string_view line);
  bool interrupted() const { return interrupt_.requested(); }

  /// Of a view that the fit learns from, and of one that it never sees (where there is one).
  Chart psnr_chart() const;

 private:
  void measure(int step, const Picture& picture);

  const render::Dataset& dataset_;
  std::filesystem::path out_;
  Interrupt interrupt_;
  std::optional<Progress> progress_;
  int steps_ = 0;
  double preview_at_;  // seconds
  std::vector<Series> curves_;
  std::vector<size_t> views_;  // of the curves
};

/// Target and fit of the dataset's first view beside each other, as preview.png in the folder.
void write_preview(const render::Dataset& dataset, const std::filesystem::path& folder, const Picture& picture);
