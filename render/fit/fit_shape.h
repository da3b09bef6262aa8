#pragma once

#include <render/fit/dataset.h>
#include <render/fit/start.h>
#include <render/fit/view_score.h>
#include <render/geometry/mesh.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace render {

/// Whether the surface has one colour or one for each vertex. Shading and paint explain the same pixels,
/// so too much freedom flattens the shape and too little bends it: automatic fits one colour first, and
/// starts again with vertex colours where that cannot explain the images.
enum class Albedo { constant, vertex, automatic };

struct FitShapeOptions {
  int steps = 600;
  int views_per_step = 6;
  uint64_t seed = 0;
  int holdout = 8;  ///< view i is never used where i mod holdout == holdout - 1; 0: all are used
  Albedo albedo = Albedo::automatic;
  std::optional<Mesh> init{};            ///< start from this mesh, in scene coordinates; else a sphere
  double lambda = 7;                     ///< smoothness of a step (render/fit/large_steps.h)
  double rate = 0.1, final_rate = 0.01;  ///< of the optimiser, in radii of the starting ball
  double coarse = 0.5;  ///< the first steps, as a part of all, on images of half the size where those have 64 pixels
};

/// What a caller sees between steps.
struct FitState {
  int step = 0, steps = 0;  ///< steps grows when a fit starts again with vertex colours
  double loss = 0;
  const char* phase = "";  ///< "one colour", "vertex colours"
  class ShapeFit* fit = nullptr;
};

/// Recovers a shape, its colours and the light from posed images with masks. Deterministic: the same
/// bytes for a seed, whatever the number of threads.
class BACKLIGHT_API ShapeFit {
 public:
  /// The dataset is kept by reference.
  /// throws ValueError: no training views, empty masks, cameras that do not meet, a mesh to start from that none of
  ///        them sees, options out of range; ShapeError, DTypeError or IndexError for a mesh that does not fit together
  ShapeFit(const Dataset& dataset, FitShapeOptions options);
  ~ShapeFit();
  ShapeFit(const ShapeFit&) = delete;
  ShapeFit& operator=(const ShapeFit&) = delete;

  /// Runs to the end, or until `go_on` returns false.
  void run(const std::function<bool(const FitState&)>& go_on = {});

  Mesh mesh() const;
  /// The fitted surface in the estimated light, as a camera of the scene sees it.
  Image8 render(const Camera& camera) const;
  /// Every view's score, held-out ones included.
  std::vector<ViewScore> scores() const;
  /// What the user should know, one line each: views whose mask disagrees, holes that the surface cannot form.
  std::vector<std::string> remarks(const std::vector<ViewScore>& scores) const;

  const Start& start() const;
  int steps_done() const;
  bool interrupted() const;
  bool vertex_colors() const;
  /// dB (linear, where both alphas are > .99) that one colour reached half-way; NaN where that was not tried.
  double one_colour_psnr() const;
  const std::vector<double>& losses() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace render
