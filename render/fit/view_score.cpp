#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/fit/view_score.h>
#include <render/image/metrics.h>

#include <algorithm>

namespace render {

namespace {
constexpr double poor_iou = 0.7;  // below it a view is named,
constexpr size_t most_named = 3;  // the worst of them
}  // namespace

std::vector<const View*> training_views(const Dataset& dataset, int holdout) {
  std::vector<const View*> views;
  for (size_t i = 0; i < dataset.views.size(); ++i) {
    if (!held_out(i, holdout)) views.push_back(&dataset.views[i]);
  }
  if (views.empty()) throw autograd::ValueError("fit: no views to learn from");
  return views;
}

std::vector<ViewScore> score_views(const Dataset& dataset, int holdout,
                                   const std::function<Image8(const Camera&)>& picture) {
  std::vector<ViewScore> list;
  for (size_t i = 0; i < dataset.views.size(); ++i) {
    const View& view = dataset.views[i];
    const Image8 seen = picture(view.camera);
    const Psnr noise = psnr(seen, view.image);
    list.push_back({i, held_out(i, holdout), iou(seen, view.image), noise.covered, noise.image});
  }
  return list;
}

std::vector<std::string> disagreeing_views(const Dataset& dataset, const std::vector<ViewScore>& scores) {
  std::vector<ViewScore> poor;
  for (const ViewScore& score : scores) {
    if (score.iou < poor_iou) poor.push_back(score);
  }
  std::stable_sort(poor.begin(), poor.end(), [](const ViewScore& a, const ViewScore& b) { return a.iou < b.iou; });
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(poor.size(), most_named); ++i) {
    lines.push_back(fmt::format("{}: its mask and camera disagree with the other views (IoU {:.2f})",
                                dataset.views[poor[i].view].name, poor[i].iou));
  }
  if (poor.size() > most_named) {
    lines.push_back("so do " + std::to_string(poor.size() - most_named) + " more of " + std::to_string(scores.size()) +
                    " views: the fit has not converged; take more steps, or check the cameras");
  }
  return lines;
}

}  // namespace render
