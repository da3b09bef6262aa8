#pragma once

#include <apps/json.h>
#include <apps/report.h>
#include <render/geometry/mesh.h>

#include <string>
#include <vector>

// The examples of `fit sdf`: each makes pictures of a shape that it knows, fits another start to them, and says how far
// what was found is from the truth.

struct SdfExampleOptions {
  int size = 256;  ///< width and height of the pictures, pixels; a multiple of 8
};

struct SdfOutcome {
  std::string title, summary;    ///< for people: what it is, how good it is
  Json metrics;                  ///< what metrics.json holds
  std::vector<ImageRow> images;  ///< captions are names of files
  std::vector<double> losses;
  render::Mesh mesh;  ///< of the fitted shape
};

/// microDR's demo: a sphere glows as exp(-f) at one depth of 16 x 16 rays. Its own recipe first, then a better one.
SdfOutcome fit_glowing_sphere();
/// A sphere in four views, by its silhouettes and shading.
SdfOutcome fit_sphere_in_views(const SdfExampleOptions& options);
/// A ball that melts into a rounded box, and a ring around it: 25 numbers from eight views.
SdfOutcome fit_three_shapes(const SdfExampleOptions& options);
