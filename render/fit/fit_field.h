#pragma once

#include <render/sdf/view.h>

#include <functional>
#include <span>
#include <vector>

namespace render {

/// A shape and what it looks like, as functions of Parameters. Made anew in each Step, so that what does not depend on
/// points is computed once a Step.
struct FieldScene {
  sdf::Field field;
  sdf::Shader shader;
};

/// Some steps on pictures that are `shrink` times smaller: coarse pixels cost less, and silhouettes reach farther.
struct FieldFitLevel {
  int shrink = 1, steps = 0;
};

struct FieldFitOptions {
  std::vector<FieldFitLevel> levels{{4, 80}, {2, 40}, {1, 30}};
  double rate = 0.03, final_rate = 0.001;  ///< of Adam; falls exponentially over all steps
  sdf::TraceOptions trace{};
};

/// What a caller sees after each step; returns whether to go on.
using FieldFitWatch = std::function<bool(int step, int steps, double loss)>;

/// Moves Parameters so that a field's pictures become the given ones: Adam on the mean square of the differences of
/// all views, colours premultiplied, and coverage. Returns the loss of each step.
///
/// parameters  float32, which `scene` reads
/// cameras     of one size, which every level's `shrink` divides
/// targets     [views, height, width, 4] float32 premultiplied linear
/// throws      ShapeError, ValueError
BACKLIGHT_API std::vector<double> fit_field(const std::vector<ag::Parameter>& parameters,
                                            const std::function<FieldScene()>& scene, std::span<const Camera> cameras,
                                            const ag::Array& targets, const FieldFitOptions& options = {},
                                            const FieldFitWatch& watch = {});

}  // namespace render
