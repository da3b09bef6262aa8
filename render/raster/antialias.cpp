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

/// Visible pixels [n], inner and outer pixels of crossings in. Out, [2, m] each: the places of the inner and of the
/// outer pixels among the visible ones, with 0 for those that are not visible; and 1 for an inner pixel, -1 for an
/// outer one that is visible, else 0.
class PlacesOp : public ag::CustomOp {
 public:
  const char* name() const override { return "antialiased_image"; }

  void run(ag::CustomCall& call) const override {
    const std::span<const int32_t> pixel = call.input<int32_t>(0), inner = call.input<int32_t>(1),
                                   outer = call.input<int32_t>(2);
    const size_t count = inner.size();
    const auto extent = static_cast<int64_t>(count);
    const std::span<int32_t> place = call.output<int32_t>(0, {2, extent}), sign = call.output<int32_t>(1, {2, extent});
    auto near = pixel.begin();
    for (size_t i = 0; i < count; ++i) {
      near = find(pixel, near, inner[i]);
      if (near == pixel.end() || *near != inner[i])
        throw ag::IndexError("antialiased_image: a crossing's inner pixel " + std::to_string(inner[i]) +
                             " is not visible");
      const auto other = find(pixel, near, outer[i]);
      const bool seen = other != pixel.end() && *other == outer[i];
      place[i] = static_cast<int32_t>(near - pixel.begin());
      place[count + i] = seen ? static_cast<int32_t>(other - pixel.begin()) : 0;
      sign[i] = 1;
      sign[count + i] = seen ? -1 : 0;
    }
  }

 private:
  using Iterator = std::span<const int32_t>::iterator;

  /// The first that is not smaller than `wanted`, looked for in steps that double, from `near` on.
  static Iterator find(std::span<const int32_t> pixel, Iterator near, int32_t wanted) {
    Iterator low = near, high = near;  // the answer is in [low, high]
    if (near != pixel.end() && *near < wanted) {
      for (std::ptrdiff_t step = 1;; step *= 2) {
        if (pixel.end() - high <= step) {
          high = pixel.end();
          break;
        }
        high += step;
        if (*high >= wanted) break;
        low = high;
      }
    } else {
      for (std::ptrdiff_t step = 1; low != pixel.begin(); step *= 2) {
        low -= std::min(step, low - pixel.begin());
        if (*low < wanted) break;
        high = low;
      }
    }
    return std::lower_bound(low, high, wanted);
  }
};

/// Lists of values [n] of visible pixels, one for each channel, at both ends of crossings: inner less outer, [channels,
/// m]. What an operation such as this gives is kept, so a gradient asked for later needs no pixel's values but these.
class DifferencesOp : public ag::CustomOp {
 public:
  enum Input : size_t { places, signs, values };  // those of PlacesOp; signs of the values' type
  const char* name() const override { return "antialiased_image"; }

  ag::OutputType output(std::span<const ag::OutputType> inputs) const override {
    return {{static_cast<int64_t>(inputs.size() - values), inputs[places].shape[1]}, inputs[values].dtype};
  }

  void run(ag::CustomCall& call) const override {
    if (call.type(values) == ag::DType::float64)
      subtract<double>(call);
    else
      subtract<float>(call);
  }

  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor> inputs, const Tensor&) const override {
    std::vector<Tensor> grads(inputs.size());
    for (size_t i = values; i < inputs.size(); ++i) {
      const Tensor part = ag::select(grad, 0, static_cast<int64_t>(i - values)) * inputs[signs];
      grads[i] = ag::scatter_add(part, inputs[places], inputs[i].size());
    }
    return grads;
  }

 private:
  template <class T>
  void subtract(ag::CustomCall& call) const {
    const std::span<const int32_t> place = call.input<int32_t>(places);
    const std::span<const T> sign = call.input<T>(signs);
    const size_t count = place.size() / 2, channels = call.input_count() - values;
    const std::span<T> out = call.output<T>(0, {static_cast<int64_t>(channels), static_cast<int64_t>(count)});
    for (size_t c = 0; c < channels; ++c) {
      const std::span<const T> value = call.input<T>(values + c);
      for (size_t i = 0; i < count; ++i) {
        const size_t outer = count + i;  // sign 0: not visible, so black
        const T other = sign[outer] == 0 ? T(0) : value[static_cast<size_t>(place[outer])];
        out[c * count + i] = value[static_cast<size_t>(place[i])] - other;
      }
    }
  }
};

/// An image over zeros from values at pixels [n] in ascending order, and what is added to some of them afterwards, at
/// receivers [m]; a list of values [n] and one of additions [m] for each channel. As scatter_add of the stacked lists,
/// twice, but in one pass over the image. A constant channel may follow, 1 at the pixels, with additions of its own.
class ImageOp : public ag::CustomOp {
 public:
  enum Input : size_t { pixels, receivers, values };  // then additions
  ImageOp(const Frame& frame, size_t channels) : frame_(frame), channels_(channels) {}
  const char* name() const override { return "antialiased_image"; }

  ag::OutputType output(std::span<const ag::OutputType> inputs) const override {
    return {{frame_.views, frame_.height, frame_.width, static_cast<int64_t>(inputs.size() - additions())},
            inputs[values].dtype};
  }

  void run(ag::CustomCall& call) const override {
    if (call.type(values) == ag::DType::float64)
      write<double>(call);
    else
      write<float>(call);
  }

  /// The adjoint of placing is looking up.
  std::vector<Tensor> vjp(const Tensor& grad, std::span<const Tensor> inputs, const Tensor&) const override {
    const Tensor rows = ag::reshape(grad, {frame_.pixels(), grad.shape()[3]});
    const Tensor placed = ag::gather(rows, inputs[pixels]), added = ag::gather(rows, inputs[receivers]);
    std::vector<Tensor> grads(inputs.size());
    for (size_t i = values; i < additions(); ++i) grads[i] = ag::select(placed, 1, static_cast<int64_t>(i - values));
    for (size_t i = additions(); i < inputs.size(); ++i)
      grads[i] = ag::select(added, 1, static_cast<int64_t>(i - additions()));
    return grads;
  }

 private:
  size_t additions() const { return values + channels_; }

  template <class T>
  void write(ag::CustomCall& call) const {
    const std::span<const int32_t> pixel = call.input<int32_t>(pixels), receiver = call.input<int32_t>(receivers);
    const int64_t count = frame_.pixels();
    const auto disorder = std::adjacent_find(pixel.begin(), pixel.end(), std::greater_equal<>());
    if (disorder != pixel.end()) throw ag::ValueError("antialiased_image: visible pixels are not in ascending order");
    if ((!pixel.empty() && (pixel.front() < 0 || pixel.back() >= count)) || !range_of(receiver).within(count))
      throw ag::IndexError("antialiased_image: pixels that are not among " + std::to_string(count));
    const size_t width = call.input_count() - additions();
    const bool coverage = width > channels_;
    const std::span<T> image =
        call.output<T>(0, {frame_.views, frame_.height, frame_.width, static_cast<int64_t>(width)});
    std::vector<const T*> from;
    for (size_t c = 0; c < channels_; ++c) from.push_back(call.input<T>(values + c).data());
    ag::parallel_for(count, static_cast<double>(image.size()) * 0.3, [&](int64_t begin, int64_t end) {
      const Part part{pixel, begin, end, channels_};
      if (coverage)
        channels_ == 3 ? place<T, 4, true>(part, from, image.data()) : place<T, 0, true>(part, from, image.data());
      else
        channels_ == 3 ? place<T, 3, false>(part, from, image.data()) : place<T, 0, false>(part, from, image.data());
    });
    for (size_t c = 0; c < width; ++c) {
      const T* addition = call.input<T>(additions() + c).data();
      for (size_t i = 0; i < receiver.size(); ++i) image[static_cast<size_t>(receiver[i]) * width + c] += addition[i];
    }
  }

  /// Pixels [begin, end) of the image.
  struct Part {
    std::span<const int32_t> pixel;
    int64_t begin, end;
    size_t channels;
  };

  /// known_width: of a pixel of the image, where it is known; else 0
  template <class T, size_t known_width, bool coverage>
  static void place(const Part& part, const std::vector<const T*>& from, T* image) {
    const size_t channels = known_width > 0 ? known_width - coverage : part.channels;
    const auto width = static_cast<int64_t>(channels + coverage);
    const std::span<const int32_t> pixel = part.pixel;
    const auto first = std::lower_bound(pixel.begin(), pixel.end(), part.begin) - pixel.begin();
    int64_t next = part.begin;
    for (auto i = static_cast<size_t>(first); i < pixel.size() && pixel[i] < part.end; ++i) {
      const int64_t at = pixel[i];
      if (next < at) std::fill(image + next * width, image + at * width, T(0));
      T* out = image + at * width;
      for (size_t c = 0; c < channels; ++c) out[c] = from[c][i];
      if (coverage) out[channels] = 1;
      next = at + 1;
    }
    std::fill(image + next * width, image + part.end * width, T(0));
  }

  Frame frame_;
  size_t channels_;
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
  const std::vector<Tensor> places = ag::eager(PlacesOp(), 2, {pixels.pixel, crossings.inner, crossings.outer});
  const auto [part, receiver] = overlap(clip, crossings);
  std::vector<Tensor> ends{places[0], ag::cast(places[1], channels[0].dtype())};
  ends.insert(ends.end(), channels.begin(), channels.end());
  const Tensor differences = ag::custom(std::make_shared<DifferencesOp>(), ends);
  std::vector<Tensor> inputs{pixels.pixel, receiver};
  inputs.insert(inputs.end(), channels.begin(), channels.end());
  for (size_t c = 0; c < channels.size(); ++c)
    inputs.push_back(part * ag::select(differences, 0, static_cast<int64_t>(c)));
  if (options.coverage) inputs.push_back(ag::where(ag::select(places[1], 0, 1) == 0, part, 0));
  return ag::custom(std::make_shared<ImageOp>(pixels.frame, channels.size()), inputs);
}

}  // namespace render
