#include <render/raster/list_ops.h>
#include <render/raster/silhouettes.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace render {

namespace {

/// At each crossing one pixel takes on a part of the other's colour: of the two blends
///   out[outer] += relu(d - 1/2) (c_inner - c_outer),   out[inner] += relu(1/2 - d) (c_outer - c_inner)
/// only one is not zero, and both are (d - 1/2) (c_inner - c_outer).
struct Overlap {
  Tensor part;      ///< [m]: d - 1/2
  Tensor receiver;  ///< [m] int32: the pixel that takes it on
};

Overlap overlap(const Vec4& clip, const Crossings& crossings) {
  const Frame& frame = crossings.frame;
  const ag::DType type = clip.x.dtype();
  const auto width = static_cast<double>(frame.width), height = static_cast<double>(frame.height);
  const Tensor horizontal = crossings.axis == 0;

  // The inner pixel's centre, and the edge's ends relative to it (times w).
  const Tensor centre_column = (ag::cast(crossings.column, type) + 0.5) * (2 / width) - 1;
  const Tensor centre_row = 1 - (ag::cast(crossings.row, type) + 0.5) * (2 / height);
  const Tensor x = ag::flatten(clip.x), y = ag::flatten(clip.y), w = ag::flatten(clip.w);
  struct End {
    Tensor along, across, w;  // the axis of the pixel pair, and the other one
  };
  const auto end = [&](const Tensor& vertex) {
    const Tensor end_w = ag::gather(w, vertex);
    const Tensor dx = ag::gather(x, vertex) - centre_column * end_w;
    const Tensor dy = ag::gather(y, vertex) - centre_row * end_w;
    return End{ag::where(horizontal, dx, dy), ag::where(horizontal, dy, dx), end_w};
  };
  const End a = end(crossings.a), b = end(crossings.b);

  // The point s a + (1 - s) b of the edge that lies on the line through both centres. The kernel found it on
  // positions rounded to 1/256 pixel; an edge shorter than that may end before the line is reached, and where
  // it points says nothing, so s stays within an edge's length of the edge.
  const Tensor difference = b.across - a.across;
  const Tensor s = ag::clamp(b.across / ag::where(difference == 0, 1, difference), -1, 2);
  const Tensor along = s * a.along + (1 - s) * b.along;
  const Tensor along_w = s * a.w + (1 - s) * b.w;
  // Rows grow downward, y upward.
  const Tensor forward = ag::where(crossings.outer > crossings.inner, 1.0, -1.0);
  const Tensor to_pixels = ag::cast(ag::where(horizontal, forward * (width / 2), forward * (-height / 2)), type);
  const Tensor distance = along / along_w * to_pixels;  // from the inner centre towards the outer one
  return {distance - 0.5, ag::where(distance > 0.5, crossings.outer, crossings.inner)};
}

void check_values(const char* operation, std::span<const Tensor> channels, const VisiblePixels& pixels) {
  if (channels.empty()) throw ag::ShapeError(std::string(operation) + ": no channels");
  for (const Tensor& channel : channels) {
    if (channel.shape() == pixels.pixel.shape() && channel.dtype() == channels[0].dtype()) continue;
    throw ag::ShapeError(std::string(operation) + ": a channel " + channel.shape().to_string() + " " +
                         name_of(channel.dtype()) + "; expected " + pixels.pixel.shape().to_string() + " " +
                         name_of(channels[0].dtype()) + ", a value for each visible pixel");
  }
}

/// A list of pixels in ascending order as runs of neighbours, which are few: a row of an image has one or two a
/// surface.
class PixelRuns {
 public:
  struct Run {
    int32_t first;  ///< pixel
    size_t place;   ///< of it in the list
  };

  PixelRuns(std::span<const int32_t> pixels, std::vector<Run>& memory) : pixels_(pixels) {
    constexpr size_t stretch = 16;
    memory.clear();
    for (size_t i = 0; i < pixels.size();) {
      memory.push_back({pixels[i], i});
      // As pixels ascend, those between two are all there if there are as many as numbers.
      while (i + stretch < pixels.size() && pixels[i + stretch] - pixels[i] == stretch) i += stretch;
      do ++i;
      while (i < pixels.size() && pixels[i] - pixels[i - 1] == 1);
    }
    runs_ = memory;
  }

  /// The place of a pixel, or none. Searches are quick where they come in ascending order: `near` is the run where the
  /// one before ended.
  static constexpr size_t none = SIZE_MAX;
  size_t find(int32_t pixel, size_t& near) const {
    if (runs_.empty()) return none;
    if (near == none || pixel < runs_[near].first) {
      const auto behind = std::ranges::upper_bound(runs_, pixel, {}, &Run::first);
      if (behind == runs_.begin()) return none;
      near = static_cast<size_t>(behind - runs_.begin()) - 1;
    }
    while (near + 1 < runs_.size() && runs_[near + 1].first <= pixel) ++near;
    const size_t place = runs_[near].place + static_cast<size_t>(pixel - runs_[near].first);
    return place < pixels_.size() && pixels_[place] == pixel ? place : none;
  }

 private:
  std::span<const int32_t> pixels_;
  std::span<const Run> runs_;
};

/// Visible pixels [n], inner and outer pixels of crossings in. Out, both [2, m]: the places of the inner and of the
/// outer pixels in the list, with 0 for those that are not visible; and 1 for an inner pixel, -1 for an outer one that
/// is visible, else 0.
class PlacesOp : public ag::CustomOp {
 public:
  const char* name() const override { return "antialiased_image"; }

  void run(ag::CustomCall& call) const override {
    const std::span<const int32_t> pixel = call.input<int32_t>(0), inner = call.input<int32_t>(1),
                                   outer = call.input<int32_t>(2);
    const size_t count = inner.size();
    const auto extent = static_cast<int64_t>(count);
    const std::span<int32_t> place = call.output<int32_t>(0, {2, extent}), sign = call.output<int32_t>(1, {2, extent});
    thread_local std::vector<PixelRuns::Run> memory;  // of the thread that called, for its next step too
    const PixelRuns runs(pixel, memory);
    ag::parallel_for(extent, 10 * static_cast<double>(count), [&](int64_t begin, int64_t end) {
      size_t near = PixelRuns::none, before = PixelRuns::none, behind = PixelRuns::none;
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        const size_t at_inner = runs.find(inner[i], near);
        if (at_inner == PixelRuns::none)
          throw ag::IndexError("antialiased_image: a crossing's inner pixel " + std::to_string(inner[i]) +
                               " is not visible");
        const size_t at_outer = runs.find(outer[i], outer[i] < inner[i] ? before : behind);
        const bool seen = at_outer != PixelRuns::none;
        place[i] = static_cast<int32_t>(at_inner);
        place[count + i] = seen ? static_cast<int32_t>(at_outer) : 0;
        sign[i] = 1;
        sign[count + i] = seen ? -1 : 0;
      }
    });
  }
};

/// How far each channel steps at crossings, c_inner - c_outer, from their places and signs [2, m] and a list of values
/// [n] a channel: [channels, m]. By general operations it would be sum(gather(channel, places) * signs, 0). It is one
/// of its own because gradients need it, and what an operation of this kind returns is kept from one evaluation to the
/// next, which spares the gradients' the pixels' colours.
class StepsOp : public ag::CustomOp {
 public:
  const char* name() const override { return "antialiased_image"; }

  ag::OutputType output(std::span<const ag::OutputType> inputs) const override {
    return {{static_cast<int64_t>(inputs.size() - first_channel), inputs[places].shape[1]}, inputs[signs].dtype};
  }

  void run(ag::CustomCall& call) const override {
    if (call.type(signs) == ag::DType::float64)
      take<double>(call);
    else
      take<float>(call);
  }

  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor> inputs, const Tensor&) const override {
    std::vector<Tensor> grads(inputs.size());
    for (size_t i = first_channel; i < inputs.size(); ++i) {
      const Tensor of_channel = ag::select(grad, 0, static_cast<int64_t>(i - first_channel));
      grads[i] = ag::scatter_add(of_channel * inputs[signs], inputs[places], inputs[i].shape()[0]);
    }
    return grads;
  }

 private:
  enum Input : size_t { places, signs, first_channel };

  template <class T>
  static void take(ag::CustomCall& call) {
    const std::span<const int32_t> place = call.input<int32_t>(places);
    const std::span<const T> sign = call.input<T>(signs);
    const size_t channels = call.input_count() - first_channel, count = place.size() / 2;
    const std::span<T> steps = call.output<T>(0, {static_cast<int64_t>(channels), static_cast<int64_t>(count)});
    if (count == 0) return;  // as where nothing is visible
    const double cost = 4 * static_cast<double>(steps.size());
    ag::parallel_for(static_cast<int64_t>(count), cost, [&](int64_t begin, int64_t end) {
      for (size_t c = 0; c < channels; ++c) {
        const T* const channel = call.input<T>(first_channel + c).data();
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
          const T outer = sign[count + i] == 0 ? T(0) : channel[place[count + i]];
          steps[c * count + i] = channel[place[i]] - outer;
        }
      }
    });
  }
};

/// An image over zeros from a list of values [n] a channel at pixels [n] in ascending order, and what is added to some
/// of them afterwards, [channels, m] at receivers [m]: scatter_add twice, but in one pass over the image. A constant
/// channel may follow, 1 at the pixels, with its own additions [m], the last input.
class ImageOp : public ag::CustomOp {
 public:
  ImageOp(const Frame& frame, size_t channels, bool coverage)
      : frame_(frame), channels_(channels), coverage_(coverage) {}
  const char* name() const override { return "antialiased_image"; }

  ag::OutputType output(std::span<const ag::OutputType> inputs) const override {
    return {{frame_.views, frame_.height, frame_.width, static_cast<int64_t>(width())}, inputs[first_channel].dtype};
  }

  void run(ag::CustomCall& call) const override {
    if (call.type(first_channel) == ag::DType::float64)
      write<double>(call);
    else
      write<float>(call);
  }

  /// The adjoint of placing is looking up.
  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor> inputs, const Tensor&) const override {
    const Tensor rows = ag::reshape(ag::flatten(grad), {frame_.pixels(), static_cast<int64_t>(width())});
    const Tensor at_pixels = ag::gather(rows, inputs[pixels]), at_receivers = ag::gather(rows, inputs[receivers]);
    const auto count = static_cast<int64_t>(channels_);
    std::vector<Tensor> grads(inputs.size());
    for (int64_t c = 0; c < count; ++c) grads[first_channel + static_cast<size_t>(c)] = ag::select(at_pixels, 1, c);
    grads[additions] = ag::transpose(ag::slice(at_receivers, 1, {.stop = count}));
    if (coverage_) grads.back() = ag::select(at_receivers, 1, count);
    return grads;
  }

 private:
  enum Input : size_t { pixels, receivers, additions, first_channel };
  size_t width() const { return channels_ + coverage_; }

  template <class T>
  void write(ag::CustomCall& call) const {
    const std::span<const int32_t> pixel = call.input<int32_t>(pixels), receiver = call.input<int32_t>(receivers);
    const int64_t count = frame_.pixels();
    if (!kernels::is_ascending(pixel))
      throw ag::ValueError("antialiased_image: visible pixels are not in ascending order");
    if ((!pixel.empty() && (pixel.front() < 0 || pixel.back() >= count)) ||
        !is_within(kernels::range_of(receiver), count))
      throw ag::IndexError("antialiased_image: pixels that are not among " + std::to_string(count));
    const auto channels = static_cast<int64_t>(width());
    const std::span<T> image = call.output<T>(0, {frame_.views, frame_.height, frame_.width, channels});
    std::vector<const T*> lists;
    for (size_t c = 0; c < channels_; ++c) lists.push_back(call.input<T>(first_channel + c).data());
    std::vector<const T*> added;
    for (size_t c = 0; c < channels_; ++c) added.push_back(call.input<T>(additions).data() + c * receiver.size());
    if (coverage_) added.push_back(call.input<T>(first_channel + channels_).data());
    ag::parallel_for(count, static_cast<double>(image.size()) * 0.1, [&](int64_t begin, int64_t end) {
      const auto place = [&](int64_t from) { return std::lower_bound(pixel.begin(), pixel.end(), from); };
      const auto first = place(begin), last = place(end);
      const auto skipped = static_cast<size_t>(first - pixel.begin());
      kernels::write_image<T>({first, last}, {lists.data(), channels_, skipped, coverage_}, begin, end, image.data());
      for (size_t i = 0; i < receiver.size(); ++i) {
        if (receiver[i] < begin || receiver[i] >= end) continue;
        T* const out = &image[static_cast<size_t>(receiver[i]) * added.size()];
        for (size_t c = 0; c < added.size(); ++c) out[c] += added[c][i];
      }
    });
  }

  Frame frame_;
  size_t channels_;
  bool coverage_;
};

}  // namespace

Tensor antialias(const Tensor& image, const Vec4& clip, const Crossings& crossings) {
  const Frame& frame = crossings.frame;
  const ag::Shape shape = image.shape();
  if (shape.rank() != 4 || shape.size() != frame.pixels() * shape[3]) {
    throw ag::ShapeError("antialias: image " + shape.to_string() + "; expected [" + std::to_string(frame.views) + ", " +
                         std::to_string(frame.height) + ", " + std::to_string(frame.width) + ", channels]");
  }
  const auto [part, receiver] = overlap(clip, crossings);
  const Tensor flat = ag::reshape(image, {frame.pixels(), shape[3]});
  const Tensor step = ag::gather(flat, crossings.inner) - ag::gather(flat, crossings.outer);  // [m, channels]
  return ag::reshape(flat + ag::scatter_add(step * ag::expand_dims(part, 1), receiver, frame.pixels()), shape);
}

Tensor antialiased_image(std::span<const Tensor> channels, const VisiblePixels& pixels, const Vec4& clip,
                         const Crossings& crossings, const ImageOptions& options) {
  check_values("antialiased_image", channels, pixels);
  const std::vector<Tensor> lists = ag::eager(PlacesOp(), 2, {pixels.pixel, crossings.inner, crossings.outer});
  std::vector<Tensor> inputs{lists[0], ag::cast(lists[1], channels[0].dtype())};
  inputs.insert(inputs.end(), channels.begin(), channels.end());
  const Tensor steps = ag::custom(std::make_shared<StepsOp>(), inputs);

  const auto [part, receiver] = overlap(clip, crossings);
  inputs = {pixels.pixel, receiver, part * steps};
  inputs.insert(inputs.end(), channels.begin(), channels.end());
  if (options.coverage) inputs.push_back(ag::where(ag::select(lists[1], 0, 1) == 0, part, 0));
  return ag::custom(std::make_shared<ImageOp>(pixels.frame, channels.size(), options.coverage), inputs);
}

}  // namespace render
