#include <apps/sdf_examples.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/sdf/place.h>
#include <render/sdf/polygonise.h>
#include <render/sdf/primitives.h>

#include <array>
#include <chrono>
#include <cmath>

// microDR (the ancestor of this renderer, a thousand lines of C) fits a sphere to a picture of 16 x 16 pixels. Each
// pixel is asked at one point of its ray, half-way to the plane z = -1, and shows exp(-f) of the distance f there.

namespace {

namespace ag = autograd;
using render::Tensor;
using render::Vec3;

constexpr int64_t side = 16;
constexpr int recipe_steps = 200, shown_step = 190, steps = 600;

struct Sphere {
  ag::Parameter centre, log_radius;

  double centre_error() const {
    const std::span<const float> c = centre.values<float>();
    return std::hypot(c[0], c[1], c[2] + 1.0);
  }
  double radius() const { return std::exp(log_radius.item()); }
};

Sphere target_sphere() { return {ag::Array::of({0.0f, 0.0f, -1.0f}), ag::Array::scalar(std::log(0.5f))}; }
Sphere starting_sphere() { return {ag::Array::of({0.4f, 0.3f, -1.2f}), ag::Array::scalar(-1.0f)}; }

/// Where the rays of columns [16] and rows [16, 1] are asked: half of (x, y, -1), x and y from -1 in steps of 2 / 16.
struct Samples {
  ag::Array x, y, z;

  Samples() : z(ag::Array::scalar(-0.5f)) {
    x = ag::Array::make<float>({side}, [](std::span<float> out) {
      for (size_t i = 0; i < out.size(); ++i) out[i] = (2 * static_cast<float>(i) - side) / (2.0f * side);
    });
    y = x.reshape({side, 1});
  }
  Vec3 points() const { return {ag::tensor(x), ag::tensor(y), ag::tensor(z)}; }
};

Tensor distance(const Sphere& sphere, const Vec3& point) {
  return render::sdf::sphere(render::sdf::translate(point, render::unpack3(sphere.centre)), ag::exp(sphere.log_radius));
}

Tensor glow(const Sphere& sphere, const Samples& samples) { return ag::exp(-distance(sphere, samples.points())); }

ag::Array picture(const Sphere& sphere) {
  const ag::Step step;
  return glow(sphere, Samples()).keep();
}

struct RecipeResult {
  double loss = 0, x = 0, y = 0, radius = 0;  ///< at the step that microDR prints last
};

/// Its very recipe: gradient descent with a rate of 0.001.
RecipeResult run_recipe(const Sphere& sphere, const ag::Array& target) {
  constexpr double rate = 0.001;
  const Samples samples;
  RecipeResult result;
  for (int i = 0; i < recipe_steps; ++i) {
    const ag::Step step;
    const Tensor loss = ag::mean(ag::square(glow(sphere, samples) - target));
    const auto [to_centre, to_radius] = ag::grad(loss, {sphere.centre, sphere.log_radius});
    const std::array<ag::Assignment, 2> updates{
        {{sphere.centre, sphere.centre - rate * to_centre}, {sphere.log_radius, sphere.log_radius - rate * to_radius}}};
    ag::evaluate(std::span<const Tensor>(&loss, 1), updates);
    if (i != shown_step) continue;
    const std::span<const float> centre = sphere.centre.values<float>();
    result = {loss.item(), centre[0], centre[1], sphere.radius()};
  }
  return result;
}

/// From the same start: Adam, its rate falling to a hundredth.
std::vector<double> run_adam(const Sphere& sphere, const ag::Array& target) {
  const Samples samples;
  ag::Adam optimiser({sphere.centre, sphere.log_radius}, {.beta2 = 0.99});
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) {
    optimiser.set_learning_rate(0.2 * std::pow(0.01, static_cast<double>(i) / steps));
    const ag::Step step;
    const Tensor loss = ag::mean(ag::square(glow(sphere, samples) - target));
    optimiser.minimise(loss);
    losses.push_back(loss.item());
  }
  return losses;
}

/// Values as grey, each as 16 x 16 pixels of the image.
render::Image8 image_of(const ag::Array& values) {
  constexpr int scale = 16, size = scale * side;
  constexpr float black = 0.3f, white = 1.05f;
  const std::span<const float> glow = values.values<float>();
  const ag::Array linear = ag::Array::make<float>({size, size, 4}, [&](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t row = i / 4 / size / scale, column = i / 4 % size / scale;
      out[i] = i % 4 == 3 ? 1 : (glow[row * side + column] - black) / (white - black);
    }
  });
  return render::to_srgb(linear);
}

double seconds_of(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

SdfOutcome fit_glowing_sphere() {
  const ag::Array target = picture(target_sphere());
  const Sphere old_way = starting_sphere(), sphere = starting_sphere();
  RecipeResult recipe;
  SdfOutcome outcome;
  const double recipe_time = seconds_of([&] { recipe = run_recipe(old_way, target); });
  const double time = recipe_time + seconds_of([&] { outcome.losses = run_adam(sphere, target); });

  outcome.title = "A glowing sphere";
  const double centre_error = sphere.centre_error(), radius_error = std::fabs(sphere.radius() - 0.5);
  outcome.metrics = {{"example", "sphere"},
                     {"center_error", centre_error},
                     {"radius_error", radius_error},
                     {"milliseconds", time * 1e3},
                     {"loss", outcome.losses.back()},
                     {"steps", steps},
                     {"recipe",
                      {{"steps", recipe_steps},
                       {"milliseconds", recipe_time * 1e3},
                       {"at_step", shown_step},
                       {"loss", recipe.loss},
                       {"center_x", recipe.x},
                       {"center_y", recipe.y},
                       {"radius", recipe.radius}}}};
  outcome.summary = fmt::format(
      "microDR's recipe, {} steps in {:.1f} ms: loss {:.6f}, centre ({:.4f}, {:.4f}), radius {:.4f} at step {}; "
      "Adam, {} steps: centre within {:.1e}, radius within {:.1e}; {:.1f} ms in all",
      recipe_steps, recipe_time * 1e3, recipe.loss, recipe.x, recipe.y, recipe.radius, shown_step, steps, centre_error,
      radius_error, time * 1e3);
  outcome.images = {{"What 16 x 16 rays see",
                     {{"target", image_of(target)},
                      {"start", image_of(picture(starting_sphere()))},
                      {"recipe", image_of(picture(old_way))},
                      {"fit", image_of(picture(sphere))}}}};
  outcome.mesh = render::sdf::polygonise([&](const Vec3& p) { return distance(sphere, p); },
                                         {.lower = {-0.7, -0.7, -1.7}, .upper = {0.7, 0.7, -0.3}});
  return outcome;
}
