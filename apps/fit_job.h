#pragma once

#include <apps/json.h>
#include <render/fit/dataset.h>
#include <render/fit/fit_shape.h>

#include <filesystem>
#include <string>

/// A shape fit as `fit shape` and `demo` run it: progress on stderr, Ctrl-C ends it cleanly, a preview
/// picture every few seconds, and all results written to a folder.
struct FitJob {
  render::Dataset dataset;
  render::FitShapeOptions options;
  std::filesystem::path out;  ///< exists and can be written to
  std::string title;          ///< of the report
};

struct FitOutcome {
  Json metrics;         ///< what metrics.json holds
  std::string summary;  ///< one line for people: how good it is
};

/// Writes mesh.obj, metrics.json, images/NNN_{target,fit,difference}.png, preview.png and report.html.
FitOutcome run_fit(const FitJob& job);
