#include <fmt/format.h>
#include <render/fit/fit_texture.h>
#include <render/fit/light.h>
#include <render/fit/textured_surface.h>
#include <render/fit/view_batch.h>
#include <render/fit/view_order.h>
#include <render/raster/texture_fill.h>
#include <render/raster/texture_use.h>
#include <render/shading/harmonics.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

// The image is linear in the texels: what a pixel shows is the sum of its taps' weights times texels (times the light).
// So the fit prepares, once: for each batch of views the taps and colours of pixels that show one surface only;
// from them the first texture (the adjoint of the blend, normalised) and, if wanted, the light. A step is then
// gather, subtract, scatter.

namespace render {

namespace {

constexpr float opaque = 0.99f;       // alpha from which a pixel shows the surface only
constexpr float grazing = 2;          // levels above a view's median: a pixel there sees the surface from the side
constexpr float least_seen = 0.02f;   // pixels whose weights a texel must gather to count as seen
constexpr double least_light = 0.02;  // harmonics may dip below zero where no light comes from
constexpr int light_rounds = 4;       // of estimating the light and the texture in turn
constexpr float mean_harmonic = 0.282095f;

FitTextureOptions checked(FitTextureOptions options) {
  const auto require = [](bool good, const char* what) {
    if (!good) throw ag::ValueError(std::string("fit texture: ") + what);
  };
  require(options.size >= 1 && options.size <= MipLevels::largest, "size is not from 1 to 16384");
  require(options.steps >= 0, "steps below 0");
  require(options.views_per_step >= 1, "views_per_step below 1");
  require(options.total_variation >= 0 && std::isfinite(options.total_variation),
          "total_variation is not a number from 0 on");
  require(
      options.rate > 0 && options.final_rate > 0 && std::isfinite(options.rate) && std::isfinite(options.final_rate),
      "rates are not above 0");
  return options;
}

Tensor leaf(const ag::Array& array) { return ag::tensor(array); }

using Planes = std::array<std::vector<float>, 3>;

/// What the pixels of some views show, and where on the texture.
struct Samples {
  std::vector<float> u, v, lod;
  Planes colour, normal;  ///< normals only where there is a light
};

/// The same as arrays [n], with the taps that lie behind a pixel.
struct Batch {
  int64_t pixels = 0;
  std::array<ag::Array, Taps::most> texel, weight;
  std::array<ag::Array, 3> colour, normal;
  ag::Array light;  ///< [n] that falls on the pixel's surface

  Taps taps() const {
    Taps taps;
    taps.count = Taps::most;
    std::ranges::transform(texel, taps.texel.begin(), leaf);
    std::ranges::transform(weight, taps.weight.begin(), leaf);
    return taps;
  }
  Vec3 seen_colour() const { return {leaf(colour[0]), leaf(colour[1]), leaf(colour[2])}; }
};

std::array<ag::Array, 3> as_arrays(const Planes& planes) {
  std::array<ag::Array, 3> arrays;
  for (size_t c = 0; c < 3; ++c) {
    arrays[c] = ag::Array::from(planes[c], {static_cast<int64_t>(planes[c].size())});
  }
  return arrays;
}

Batch make_batch(const Samples& samples, const MipLevels& levels) {
  Batch batch;
  batch.pixels = static_cast<int64_t>(samples.u.size());
  batch.colour = as_arrays(samples.colour);
  batch.normal = as_arrays(samples.normal);
  const ag::Step step;
  const auto list = [&](const std::vector<float>& values) { return leaf(ag::Array::from(values, {batch.pixels})); };
  const Taps taps = trilinear_taps({list(samples.u), list(samples.v)}, list(samples.lod), levels);
  std::vector<Tensor> all(taps.texel.begin(), taps.texel.end());
  all.insert(all.end(), taps.weight.begin(), taps.weight.end());
  ag::evaluate(all);
  const auto keep = [](const Tensor& tensor) { return tensor.keep(); };
  std::ranges::transform(taps.texel, batch.texel.begin(), keep);
  std::ranges::transform(taps.weight, batch.weight.begin(), keep);
  return batch;
}

/// Pixels that a silhouette edge passes: they blend two surfaces.
std::vector<bool> mixed_pixels(const Crossings& crossings) {
  std::vector<bool> mixed(static_cast<size_t>(crossings.frame.pixels()));
  for (const Tensor& side : {crossings.inner, crossings.outer}) {
    for (const int32_t pixel : side.values<int32_t>()) mixed[static_cast<size_t>(pixel)] = true;
  }
  return mixed;
}

float median(std::span<const float> values) {
  std::vector<float> list(values.begin(), values.end());
  const auto middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
  std::nth_element(list.begin(), middle, list.end());
  return list.empty() ? 0 : *middle;
}

Tensor mean_variation(const Tensor& texture) {
  const auto along = [&](int axis) {
    const Tensor step = ag::slice(texture, axis, {.start = 1}) - ag::slice(texture, axis, {.stop = -1});
    return step.size() > 0 ? ag::mean(ag::abs(step)) : ag::Located(0.0f).as(ag::DType::float32);
  };
  return along(0) + along(1);
}

}  // namespace

struct TextureFit::State {
  State(const Dataset& dataset_, const Mesh& mesh, FitTextureOptions options_)
      : dataset(dataset_),
        options(checked(std::move(options_))),
        surface(textured_surface(mesh)),
        levels(options.size, options.size),
        texture(ag::full({options.size, options.size, 3}, 0.5), "texture"),
        optimiser({texture}, {.learning_rate = options.rate}) {
    prepare();
    const bool lit = options.light == TextureLight::harmonics;
    if (lit) estimate(std::nullopt);
    back_project();
    for (int round = 1; lit && round < light_rounds; ++round) {
      estimate(texture.keep());
      back_project();
    }
    order.emplace(batches.size(), options.seed);
  }

  const Dataset& dataset;
  FitTextureOptions options;
  TexturedSurface surface;
  MipLevels levels;
  std::vector<Batch> batches;
  ag::Parameter texture;  ///< [size, size, 3], linear
  ag::Array seen;         ///< [size, size, 1]: how much training views show of a texel
  ag::Array light;        ///< [9, 3]
  ag::Adam optimiser;
  std::optional<ViewOrder> order;  ///< of batches
  int done = 0;
  bool interrupted = false;
  std::vector<double> losses;
  mutable ag::Array pyramid_shown;  ///< of `shown_version`, clamped: many pictures are made of one texture
  mutable uint64_t shown_version = UINT64_MAX;

  bool lit() const { return options.light == TextureLight::harmonics; }
  TexturedView look(const Camera& camera) const {
    return see(surface, camera_matrices({&camera, 1}, surface.start), {1, camera.height, camera.width}, levels);
  }
  Vec3 normals(const TexturedView& view, const Camera& camera) const;
  void collect(const View& view, Samples& samples) const;
  void prepare();
  void estimate(const std::optional<ag::Array>& albedo);
  void back_project();
  Tensor pyramid() const { return mipmap(ag::tensor(texture), levels); }
  const ag::Array& shown_pyramid() const;
  void step(int number);
  void fill();
};

Vec3 TextureFit::State::normals(const TexturedView& view, const Camera& camera) const {
  const Point3 position = camera.position();
  std::array<float, 3> eye{};
  for (size_t k = 0; k < 3; ++k) {
    eye[k] = static_cast<float>((position[k] - surface.start.centre[k]) / surface.start.radius);
  }
  return seen_normals(surface, view, ag::Array::from(std::span<const float>(eye), {1, 3}));
}

void TextureFit::State::collect(const View& view, Samples& samples) const {
  const ag::Step step;
  const TexturedView looked = look(view.camera);
  std::vector<Tensor> wanted{looked.uv.x, looked.uv.y, looked.lod};
  if (lit()) {
    const Vec3 normal = normals(looked, view.camera);
    wanted.insert(wanted.end(), {normal.x, normal.y, normal.z});
  }
  ag::evaluate(wanted);
  std::vector<std::span<const float>> values;
  for (const Tensor& each : wanted) values.push_back(each.values<float>());
  const std::vector<bool> mixed = mixed_pixels(looked.surface.crossings);
  const ag::Array linear = to_linear(view.image);
  const std::span<const float> target = linear.values<float>();
  const std::span<const int32_t> pixels = looked.surface.pixels.pixel.values<int32_t>();
  const float coarsest = median(values[2]) + grazing;
  for (size_t i = 0; i < pixels.size(); ++i) {
    const auto pixel = static_cast<size_t>(pixels[i]);
    if (mixed[pixel] || target[4 * pixel + 3] < opaque || values[2][i] > coarsest) continue;
    samples.u.push_back(values[0][i]);
    samples.v.push_back(values[1][i]);
    samples.lod.push_back(values[2][i]);
    for (size_t c = 0; c < 3; ++c) {
      samples.colour[c].push_back(target[4 * pixel + c]);
      if (lit()) samples.normal[c].push_back(values[3 + c][i]);
    }
  }
}

/// Batches of neighbouring numbers would look from neighbouring sides; every n-th view looks from all.
void TextureFit::State::prepare() {
  const std::vector<const View*> training = training_views(dataset, options.holdout);
  const auto views = static_cast<size_t>(options.views_per_step);
  const size_t count = (training.size() + views - 1) / views;
  for (size_t first = 0; first < count; ++first) {
    Samples samples;
    for (size_t i = first; i < training.size(); i += count) collect(*training[i], samples);
    if (!samples.u.empty()) batches.push_back(make_batch(samples, levels));
  }
  if (batches.empty()) {
    throw ag::ValueError(
        "fit texture: no training view shows the mesh inside its mask; are mesh and cameras in the same coordinates? "
        "try --convention opencv");
  }
}

/// The white light that explains the colours' means over channels best, given the texture; without one the surface
/// counts as white. A coloured light would take part of the paint's colour.
void TextureFit::State::estimate(const std::optional<ag::Array>& albedo) {
  Planes normal;
  std::vector<float> brightness, paint;
  for (const Batch& batch : batches) {
    const ag::Step step;
    const auto mean = [](const Vec3& colour) { return (colour.x + colour.y + colour.z) / 3; };
    Tensor wanted[2] = {mean(batch.seen_colour()), {}};
    if (albedo) wanted[1] = mean(blend_rgb(mipmap(leaf(*albedo), levels), batch.taps()));
    ag::evaluate(std::span<const Tensor>(wanted, albedo ? 2 : 1));
    const auto append = [](std::vector<float>& list, std::span<const float> more) {
      list.insert(list.end(), more.begin(), more.end());
    };
    for (size_t c = 0; c < 3; ++c) append(normal[c], batch.normal[c].values<float>());
    append(brightness, wanted[0].values<float>());
    if (albedo) append(paint, wanted[1].values<float>());
  }
  const ag::Array estimate = estimate_light({.normal = {normal[0], normal[1], normal[2]},
                                             .albedo = {paint, paint, paint},
                                             .colour = {brightness, brightness, brightness}});
  const std::span<const float> found = estimate.values<float>();
  light = ag::Array::make<float>({9, 3}, [&](std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = found[i] / std::max(mean_harmonic * found[i % 3], 1e-6f);
  });
  for (Batch& batch : batches) {
    const ag::Step step;
    const Vec3 normals{leaf(batch.normal[0]), leaf(batch.normal[1]), leaf(batch.normal[2])};
    batch.light = ag::maximum(harmonic_light(normals, light).x, least_light).keep();
  }
}

/// Each texel becomes the mean of the pixels that show it, weighted as they blend it; dark places count less where the
/// light is divided out.
void TextureFit::State::back_project() {
  ag::Array sums = ag::zeros({levels.texels(), 4});  // colours times weights, and weights
  for (const Batch& batch : batches) {
    const ag::Step step;
    // The least-squares albedo of colours c = a l is sum(c l) / sum(l^2).
    Vec3 colour = batch.seen_colour();
    Tensor strength = ag::broadcast_to(ag::Located(1.0f).as(ag::DType::float32), {batch.pixels});
    if (lit()) {
      colour = colour * leaf(batch.light);
      strength = ag::square(leaf(batch.light));
    }
    const Tensor columns[] = {colour.x, colour.y, colour.z, strength};
    const Taps taps = batch.taps();
    sums = (leaf(sums) + ag::scatter_add_weighted(columns, taps.weight, taps.texel, levels.texels())).keep();
  }
  const ag::Step step;
  const Tensor base = leaf(ag::zeros({levels[0].height, levels[0].width, 4}));
  const Tensor pulled = ag::grad(mipmap(base, levels), base, {.cotangent = leaf(sums)});
  const Tensor total = ag::slice(pulled, 2, {.start = 3});
  const Tensor means = ag::slice(pulled, 2, {.stop = 3}) / ag::where(total > 0, total, 1);
  const Tensor shown = ag::where(total > least_seen, total, 0);
  const Tensor filled = fill_unseen(means, shown, levels);
  ag::evaluate({filled, shown});
  seen = shown.keep();
  texture.assign(filled);
}

const ag::Array& TextureFit::State::shown_pyramid() const {
  if (shown_version != texture.version()) {
    const ag::Step step;
    pyramid_shown = ag::clamp(pyramid(), 0, 1).keep();
    shown_version = texture.version();
  }
  return pyramid_shown;
}

void TextureFit::State::step(int number) {
  const ag::Step scope;
  const Batch& batch = batches[order->next()];
  Vec3 shown = blend_rgb(pyramid(), batch.taps());
  if (lit()) shown = shown * leaf(batch.light);
  const Vec3 difference = shown - batch.seen_colour();
  Tensor loss = ag::mean(ag::abs(difference.x) + ag::abs(difference.y) + ag::abs(difference.z)) / 3;
  if (options.total_variation > 0) {
    loss = loss + options.total_variation * mean_variation(ag::tensor(texture));
  }
  const double progress = options.steps > 1 ? static_cast<double>(number) / (options.steps - 1) : 0;
  optimiser.set_learning_rate(options.rate * std::pow(options.final_rate / options.rate, progress));
  optimiser.minimise(loss);
  losses.push_back(loss.item());
}

void TextureFit::State::fill() {
  const ag::Step step;
  texture.assign(fill_unseen(ag::clamp(ag::tensor(texture), 0, 1), leaf(seen), levels));
}

TextureFit::TextureFit(const Dataset& dataset, const Mesh& mesh, FitTextureOptions options)
    : state_(std::make_unique<State>(dataset, mesh, std::move(options))) {}
TextureFit::~TextureFit() = default;

void TextureFit::run(const std::function<bool(const TextureFitState&)>& go_on) {
  State& s = *state_;
  for (int number = 0; number < s.options.steps && !s.interrupted; ++number) {
    s.step(number);
    ++s.done;
    s.interrupted = go_on && !go_on({s.done, s.options.steps, s.losses.back(), this});
  }
  s.fill();
}

Image8 TextureFit::texture() const {
  const ag::Step step;
  const ag::Shape shape{state_->options.size, state_->options.size, 1};
  const Tensor alpha = ag::broadcast_to(ag::Located(1.0f).as(ag::DType::float32), shape);
  return to_srgb(ag::concatenate({state_->texture, alpha}, 2).keep());
}

Image8 TextureFit::render(const Camera& camera) const {
  const ag::Step step;
  const State& s = *state_;
  const TexturedView view = s.look(camera);
  Vec3 colour = blend_rgb(leaf(s.shown_pyramid()), trilinear_taps(view.uv, view.lod, s.levels));
  if (s.lit()) colour = colour * harmonic_light(s.normals(view, camera), s.light);
  return to_srgb(ag::reshape(draw(view.surface, colour), {camera.height, camera.width, 4}).keep());
}

std::vector<ViewScore> TextureFit::scores() const {
  return score_views(state_->dataset, state_->options.holdout, [&](const Camera& camera) { return render(camera); });
}

std::vector<std::string> TextureFit::remarks(const std::vector<ViewScore>& scores) const {
  std::vector<std::string> lines = disagreeing_views(state_->dataset, scores);
  const TexturedSurface& surface = state_->surface;
  const TextureUse use = texture_use(surface.uvs, surface.uv_triangles, state_->options.size, state_->options.size);
  if (use.overlap > 0.05) {
    lines.push_back(
        fmt::format("parts of the surface share texels ({:.0f}% more area than texels): what they show is averaged",
                    100 * use.overlap));
  }
  if (use.flat_faces > 0) {
    lines.push_back(fmt::format("{} of {} faces have texture coordinates of no area: a face shows one spot or line",
                                use.flat_faces, surface.triangles.shape()[0]));
  }
  if (use.far_faces > 0) {
    lines.push_back(fmt::format("{} of {} faces have texture coordinates that reach too far: over more than 8 repeats",
                                use.far_faces, surface.triangles.shape()[0]));
  }
  return lines;
}

double TextureFit::coverage() const {
  const State& s = *state_;
  const ag::Array faces = texture_use(s.surface.uvs, s.surface.uv_triangles, s.options.size, s.options.size).faces;
  const std::span<const int32_t> face = faces.values<int32_t>();
  const std::span<const float> weight = s.seen.values<float>();
  int64_t used = 0, shown = 0;
  for (size_t i = 0; i < face.size(); ++i) {
    if (face[i] < 0) continue;
    ++used;
    shown += weight[i] > 0;
  }
  return used > 0 ? static_cast<double>(shown) / static_cast<double>(used) : 0;
}

int TextureFit::steps_done() const { return state_->done; }
bool TextureFit::interrupted() const { return state_->interrupted; }
const std::vector<double>& TextureFit::losses() const { return state_->losses; }

}  // namespace render
