#pragma once

#include <apps/json.h>
#include <render/fit/fit_shape.h>
#include <render/fit/fit_texture.h>

#include <filesystem>
#include <optional>
#include <string>

/// A fit to a dataset as the subcommands run it: progress on stderr, Ctrl-C ends it cleanly, a preview picture every
/// few seconds, and all results written to a folder: mesh.obj (with its MTL and texture.png where it has one),
/// metrics.json, images/NNN_{target,fit,difference}.png, preview.png and report.html.
struct FitJob {
  render::Dataset dataset{};
  std::filesystem::path out{};           ///< exists and can be written to
  std::string title{};                   ///< of the report
  std::optional<render::Mesh> target{};  ///< the truth, for the report's turntable, where it is known
};

struct FitOutcome {
  Json metrics;         ///< what metrics.json holds
  std::string summary;  ///< one line for people: how good it is
};

/// With texture options the shape comes first, then an atlas and a texture on it.
FitOutcome fit_shape(const FitJob& job, const render::FitShapeOptions& shape,
                     const std::optional<render::FitTextureOptions>& texture = {});

/// A mesh of which a face has no texture coordinates gets an atlas first.
FitOutcome fit_texture(const FitJob& job, const render::Mesh& mesh, const render::FitTextureOptions& options);
