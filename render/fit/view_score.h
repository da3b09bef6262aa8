#pragma once

#include <render/fit/dataset.h>

#include <functional>
#include <string>
#include <vector>

namespace render {

/// How well a fit reproduces a view of its dataset.
struct ViewScore {
  size_t view = 0;
  bool held_out = false;
  double iou = 0, psnr = 0, psnr_image = 0;
};

/// The views that a fit learns from. throws ValueError where none is left
BACKLIGHT_API std::vector<const View*> training_views(const Dataset& dataset, int holdout);

/// Every view's score, held-out ones included. `picture` is what the fit shows a camera.
BACKLIGHT_API std::vector<ViewScore> score_views(const Dataset& dataset, int holdout,
                                                 const std::function<Image8(const Camera&)>& picture);

/// One line for each of the worst views whose mask the fit does not match.
BACKLIGHT_API std::vector<std::string> disagreeing_views(const Dataset& dataset, const std::vector<ViewScore>& scores);

}  // namespace render
