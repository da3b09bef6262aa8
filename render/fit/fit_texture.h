#pragma once

#include <render/fit/view_score.h>
#include <render/geometry/mesh.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace render {

/// What a texture holds. none: the appearance of a matte surface, light baked in. harmonics: a light of nine spherical
/// harmonics is estimated and divided out. It is taken to be white, and of strength 1 on average over all directions,
/// since pictures cannot tell a bright or coloured light from a bright or coloured surface.
enum class TextureLight { none, harmonics };

struct FitTextureOptions {
  int size = 1024;  ///< width and height of the texture, texels
  int steps = 60;
  int views_per_step = 4;
  uint64_t seed = 0;
  int holdout = 8;  ///< view i is never used where i mod holdout == holdout - 1; 0: all are used
  TextureLight light = TextureLight::none;
  double total_variation = 0;               ///< weight of the mean difference of neighbouring texels
  double rate = 0.01, final_rate = 0.0005;  ///< of the optimiser, linear colour
};

/// What a caller sees between steps.
struct TextureFitState {
  int step = 0, steps = 0;
  double loss = 0;
  class TextureFit* fit = nullptr;
};

/// Recovers the texture of a known shape from posed images with masks. Cameras and shape are fixed, so which texels a
/// pixel blends, and by which weights, is found once. The texture starts as the mean of the pixels that show each
/// texel, weighted as they blend it, and is then refined by gradient descent through the same blend. Deterministic.
class BACKLIGHT_API TextureFit {
 public:
  /// The dataset is kept by reference. Each face of the mesh needs texture coordinates (see with_atlas()); those
  /// outside [0, 1] repeat the texture.
  /// throws ValueError: no training views, or none that sees the mesh; faces without UVs; options out of range
  TextureFit(const Dataset& dataset, const Mesh& mesh, FitTextureOptions options);
  ~TextureFit();
  TextureFit(const TextureFit&) = delete;
  TextureFit& operator=(const TextureFit&) = delete;

  /// Runs to the end, or until `go_on` returns false; then fills what no view shows.
  void run(const std::function<bool(const TextureFitState&)>& go_on = {});

  /// The texture, opaque.
  Image8 texture() const;
  /// The surface with its texture (and light), as a camera of the scene sees it.
  Image8 render(const Camera& camera) const;
  std::vector<ViewScore> scores() const;
  /// What the user should know, one line each.
  std::vector<std::string> remarks(const std::vector<ViewScore>& scores) const;

  /// The share of the texels inside the mesh's UV triangles that a training view shows.
  double coverage() const;
  int steps_done() const;
  bool interrupted() const;
  const std::vector<double>& losses() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace render
