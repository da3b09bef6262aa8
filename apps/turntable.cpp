#include <apps/turntable.h>
#include <render/shading/still.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace {

constexpr int film_size = 240;  // pixels of the longer side
constexpr int turn_frames = 36;
constexpr double elevation = 0.3;  // radians above the horizon

double distance(const render::Camera& a, const render::Camera& b) {
  const render::Point3 p = a.position(), q = b.position();
  return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

std::vector<size_t> walk(const std::vector<render::View>& views) {
  std::vector<size_t> order(views.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t i = 1; i < order.size(); ++i) {
    const render::Camera& here = views[order[i - 1]].camera;
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(i);
    const auto next = std::min_element(begin, order.end(), [&](size_t a, size_t b) {
      return distance(here, views[a].camera) < distance(here, views[b].camera);
    });
    std::iter_swap(begin, next);
  }
  return order;
}

}  // namespace

Turntable walk_around(const render::Dataset& dataset, const Picture& fit) {
  Turntable table{{{"target", {}}, {"fit", {}}}};
  const render::Image8& first = dataset.views.front().image;
  for (const size_t index : walk(dataset.views)) {
    const render::View& view = dataset.views[index];
    // Films need frames of one size.
    if (view.image.width != first.width || view.image.height != first.height) continue;
    table.films[0].frames.push_back(render::shrink(view.image, film_size));
    table.films[1].frames.push_back(render::shrink(fit(view.camera), film_size));
  }
  return table;
}

Turntable turn_around(const render::Mesh& target, const Picture& fit) {
  Turntable table{{{"target", {}}, {"fit", {}}}};
  const render::Still still(target);
  const render::BoundingSphere sphere = render::bounding_sphere(target);
  const double focal = 1.4 * film_size, reach = sphere.radius / std::sin(std::atan(0.45 * film_size / focal));
  for (int frame = 0; frame < turn_frames; ++frame) {
    const double angle = 2 * std::numbers::pi * frame / turn_frames;
    const render::Point3& c = sphere.centre;
    const render::Point3 eye{c[0] + reach * std::cos(elevation) * std::sin(angle), c[1] + reach * std::sin(elevation),
                             c[2] + reach * std::cos(elevation) * std::cos(angle)};
    const render::Camera camera = render::look_at(eye, c, {0, 1, 0}, film_size, film_size, focal);
    table.films[0].frames.push_back(still.picture(camera));
    table.films[1].frames.push_back(fit(camera));
  }
  return table;
}
