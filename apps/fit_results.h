#pragma once

#include <apps/fit_job.h>
#include <apps/fit_watch.h>

/// What a fit to a dataset found.
struct FitResults {
  Picture picture;
  std::vector<render::ViewScore> scores;
  std::vector<std::string> remarks;
  render::Mesh mesh;
  std::optional<render::Image8> texture;  ///< that the mesh wears
  std::vector<Chart> charts;
  Json metrics;         ///< of this fit; scores, time and memory are added
  std::string summary;  ///< of this fit; scores stand before it
};

/// Writes all that FitJob names, says the remarks on stderr.
/// seconds  that the fit has taken
FitOutcome write_results(const FitJob& job, FitResults results, double seconds);
