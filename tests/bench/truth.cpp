#include <fmt/format.h>
#include <tests/bench/truth_scene.h>
#include <tests/reference/edge_methods.h>

#include <cmath>
#include <cstdio>
#include <string>

// How true silhouette gradients are: the derivative of a weighted image under screen-space motions of an object,
// against central differences of a supersampled rendering without any antialiasing rule, R x R pixels.
//
//   loss    sum over pixels of w(p) I(p), w(x, y) = sin(7 x + 1) + cos(5 y - 2 x) + sin(11 x y) / 2, (x, y) = centre /
//   R camera  distance 5, focal length 1.6 R pixels, principal point off the centre by (.37, .21) pixels poses   k =
//   0..5: yaw .4 + 1.05 k, then pitch .35 k motions translations in x and y, scale and rotation about the image's
//   centre error   |S (g - g*)| / |S g*|, S = diag(1, 1, 1 / (.3 R), 1 / (.3 R)); mean over the poses
//
// Beside it stand two methods that find edges from pairs of pixels (tests/reference). All three share the gradient of
// what pixels show of their own triangle.
//
//   truth [PART OF A SCENE'S NAME]      exit code 1 where a scene is out of its bars

namespace {

using namespace truth;

constexpr std::array<int, 4> sizes{64, 128, 256, 512};
constexpr std::array<const char*, 3> methods{"list of edges [bar]", "pixel pairs", "rasterized edges"};

std::vector<double> weights(int size) {
  std::vector<double> list;
  for (int row = 0; row < size; ++row)
    for (int column = 0; column < size; ++column) list.push_back(weight((column + 0.5) / size, (row + 0.5) / size));
  return list;
}

Tensor as_image(const std::vector<double>& values, int size) {
  return ag::tensor(ag::Array::from(values, {1, size, size, 1}).cast(ag::DType::float32));
}

Vector4 in_doubles(const Tensor& four) {
  const std::span<const float> list = four.values<float>();
  return {list[0], list[1], list[2], list[3]};
}

Vector4 sum(const Vector4& a, const Vector4& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}; }

reference::PlainView plain_view(const Posed& posed, const render::Vec4& clip, const Tensor& ids, const Tensor& image,
                                int size) {
  reference::PlainView view{.width = size,
                            .height = size,
                            .column = {},
                            .row = {},
                            .depth = {},
                            .triangles = {},
                            .ids = ids.to_vector<int32_t>(),
                            .image = ag::cast(image, ag::DType::float64).to_vector<double>()};
  const std::span<const float> x = clip.x.values<float>(), y = clip.y.values<float>(), w = clip.w.values<float>();
  for (size_t v = 0; v < x.size(); ++v) {
    const double depth = static_cast<double>(w[v]);
    view.column.push_back((static_cast<double>(x[v]) / depth + 1) * size / 2);
    view.row.push_back((1 - static_cast<double>(y[v]) / depth) * size / 2);
    view.depth.push_back(depth);
  }
  const std::span<const int32_t> weld = posed.topology.weld.values<int32_t>();
  for (int32_t vertex : posed.triangles.values<int32_t>()) view.triangles.push_back(weld[static_cast<size_t>(vertex)]);
  return view;
}

/// What a motion of vertices on the screen means for the four parameters.
Vector4 by_motion(const Posed& posed, const reference::PlainView& view, const reference::EdgeGradient& gradient) {
  Vector4 total{};
  for (size_t v = 0; v < gradient.by_vertex.size(); ++v) {
    const auto [column, row] = gradient.by_vertex[v];
    const double x = view.column[v] - view.width / 2.0, y = view.row[v] - view.height / 2.0;
    const double moves = static_cast<double>(posed.moves[v]);
    total = sum(total, {moves * column, -moves * row, moves * (x * column + y * row), moves * (y * column - x * row)});
  }
  return total;
}

/// By the renderer, and by the two other methods.
std::array<Vector4, 3> gradients(const Posed& posed, int size) {
  const ag::Step step;
  const ag::Array still = ag::zeros({4});
  const render::Vec4 clip = project(posed, ag::tensor(still), size);
  const Tensor ids = render::visibility(clip, posed.triangles, {1, size, size});
  const render::VisiblePixels pixels = render::visible_pixels(ids);
  const Tensor shown = shade(posed, clip, pixels);
  const std::vector<double> weight_list = weights(size);
  const render::Crossings crossings = render::silhouettes(clip, posed.triangles, posed.topology, ids);
  const Tensor smooth = render::antialiased_image({&shown, 1}, pixels, clip, crossings);
  std::array<Vector4, 3> result;
  result[0] = in_doubles(ag::grad(ag::sum(smooth * as_image(weight_list, size)), still));

  const Tensor plain = render::to_image(ag::expand_dims(shown, 1), pixels);
  ag::evaluate({clip.x, clip.y, clip.w, plain});
  const reference::PlainView view = plain_view(posed, clip, ids, plain, size);
  for (size_t method = 1; method < methods.size(); ++method) {
    const reference::EdgeGradient edges =
        method == 1 ? reference::pixel_pairs(view, weight_list) : reference::rasterized_edges(view, weight_list);
    const Tensor inside =
        ag::grad(ag::sum(plain * as_image(edges.by_pixel, size)), still, {.unused = ag::GradOptions::Unused::zeros});
    result[method] = sum(in_doubles(inside), by_motion(posed, view, edges));
  }
  return result;
}

Vector4 true_gradient(const Posed& posed, int size) {
  const int samples = size < 256 ? 16 : 8;
  const double turn = 0.25 / (0.15 * size);
  const Vector4 steps{0.25, 0.25, turn, turn};
  Vector4 result{};
  for (size_t i = 0; i < 4; ++i) {
    Vector4 motion{};
    motion[i] = steps[i];
    const double above = sampled_loss(posed, size, samples, motion);
    motion[i] = -steps[i];
    result[i] = (above - sampled_loss(posed, size, samples, motion)) / (2 * steps[i]);
  }
  return result;
}

double relative_error(const Vector4& g, const Vector4& truth, int size) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < 4; ++i) {
    const double scale = i < 2 ? 1 : 1 / (0.3 * size);
    error += std::pow(scale * (g[i] - truth[i]), 2);
    norm += std::pow(scale * truth[i], 2);
  }
  return std::sqrt(error / norm);
}

std::array<double, 3> mean_errors(const Scene& scene, int size) {
  std::array<double, 3> means{};
  for (int k = 0; k < 6; ++k) {
    const Posed posed = pose(scene, k);
    const Vector4 truth = true_gradient(posed, size);
    const std::array<Vector4, 3> found = gradients(posed, size);
    for (size_t method = 0; method < methods.size(); ++method)
      means[method] += relative_error(found[method], truth, size) / 6;
  }
  return means;
}

/// Prints a scene's rows; returns at how many sizes it is out of its bars.
int judge(const Scene& scene) {
  std::array<std::array<double, 3>, sizes.size()> errors;
  int out = 0;
  fmt::print("{}\n  {:<22}", scene.name, methods[0]);
  for (size_t i = 0; i < sizes.size(); ++i) {
    errors[i] = mean_errors(scene, sizes[i]);
    const bool barred = scene.bars[i] > 0, is_out = barred && !(errors[i][0] <= scene.bars[i]);
    out += is_out;
    fmt::print("{:>7.3f} {:<6}", errors[i][0],
               barred ? fmt::format("[{:.3f}]{}", scene.bars[i], is_out ? "!" : "").erase(1, 1) : "");
    std::fflush(stdout);
  }
  for (size_t method = 1; method < methods.size(); ++method) {
    fmt::print("\n  {:<22}", methods[method]);
    for (const auto& error : errors) fmt::print("{:>7.3f} {:<6}", error[method], "");
  }
  fmt::print("\n");
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string only = count > 1 ? arguments[1] : "";
  fmt::print("Relative error of silhouette gradients; a bar that is missed has a !\n{:<24}", "");
  for (int size : sizes) fmt::print("{:>7}{:7}", fmt::format("{} px", size), "");
  fmt::print("\n");
  int judged = 0;
  std::string out_of_bars;
  for (const Scene& scene : scenes()) {
    if (scene.name.find(only) == std::string::npos) continue;
    ++judged;
    const int out = judge(scene);
    if (out > 0) out_of_bars += fmt::format("\n  {}: at {} of {} sizes", scene.name, out, sizes.size());
  }
  if (judged == 0) fmt::print("no scene has \"{}\" in its name\n", only);
  fmt::print("{}{}\n", out_of_bars.empty() ? "All within their bars." : "OUT OF THEIR BARS:", out_of_bars);
  return judged > 0 && out_of_bars.empty() ? 0 : 1;
}
