#pragma once

#include <render/sdf/trace.h>

#include <vector>

// Which rays go on and which have found something: the lists around the marching in trace.cpp.

namespace render::sdf {

/// A silhouette is at most this far from the centre of a pixel whose coverage it changes, pixels: half the diagonal,
/// and a little.
inline double silhouette_reach(double softness) { return 0.75 * softness; }

/// Of rays on their way: components of [n], depths but for `best`.
struct MarchState {
  Tensor depth, previous;           ///< where f is asked for next, and was before
  Tensor best;                      ///< smallest f so far, in pixels
  Tensor best_before, best_behind;  ///< of its neighbours
  Tensor hit_before, hit_behind;    ///< around the first change of sign; 0 while there is none
};

struct Marching {
  Tensor ray;  ///< [n] int32: rows of the first list
  Pixels pixels;
  MarchState state;
};

/// Of rays that met the surface or came near it: see Trace.
struct FoundLists {
  Pixels pixels;
  Tensor hit, silhouette;
  Tensor hit_before, hit_behind;    ///< [n]; both are best_before where there is no hit
  Tensor best_before, best_behind;  ///< [n]
};

/// The lists of one tracing.
class RayLists {
 public:
  /// The pixels of tiles (of `tile` x `tile` pixels) whose cone came near the surface before the far plane.
  RayLists(const Tensor& cone_depth, int64_t tile, const Frame& frame, const TraceOptions& options);

  /// Rays on their way: all at first.
  const Marching& marching() const { return marching_; }
  /// Which rays have neither left nor decided; [n] bool.
  Tensor goes_on(const MarchState& state) const;
  /// The state after some steps. Rays that have ended leave the list when they are the half of it.
  void update(const MarchState& state);
  /// What was found, in the first list's order. Rays still on their way end here.
  FoundLists found();

 private:
  friend class UpdateOp;
  friend class FoundOp;
  struct Found {
    double best = 1e30, best_before = 0, best_behind = 0, hit_before = 0, hit_behind = 0;
  };

  void take(const Tensor& going);

  Frame frame_;
  TraceOptions options_;
  Pixels first_;  ///< the list that rays are rows of
  Marching marching_;
  std::vector<Found> found_;  ///< of each ray
};

}  // namespace render::sdf
