#include <autograd/core/parallel.h>
#include <autograd/ops/patches.h>
#include <autograd/ops/record.h>

#include <algorithm>
#include <cstring>

namespace autograd {

namespace {

/// Sizes of images and windows.
struct Frame {
  int64_t batch, height, width, channels;
  int64_t down, across;  ///< windows
  Window window;

  int64_t row() const { return window.height * window.width * channels; }  ///< elements of a window
};

/// The part [begin, end) of a window that begins at `first` on an axis of the given extent which lies in the image.
struct Inside {
  int64_t begin, end;
  Inside(int64_t first, int64_t window, int64_t extent)
      : begin(std::clamp<int64_t>(-first, 0, window)), end(std::clamp<int64_t>(extent - first, begin, window)) {}
};

/// Calls row(image offset, window offset, count) for each run of elements that lie side by side in both, and
/// outside(window offset, count) for those that lie in the padding; window by window of image `b`, row `o`.
template <class Row, class Outside>
void for_each_run(const Frame& f, int64_t b, int64_t o, Row&& row, Outside&& outside) {
  const int64_t line = f.window.width * f.channels;
  const int64_t first_y = o * f.window.stride - f.window.padding;
  for (int64_t p = 0; p < f.across; ++p) {
    const int64_t first_x = p * f.window.stride - f.window.padding;
    const Inside x(first_x, f.window.width, f.width);
    for (int64_t y = 0; y < f.window.height; ++y) {
      const int64_t at = p * f.row() + y * line, image_y = first_y + y;
      if (image_y < 0 || image_y >= f.height || x.begin == x.end) {
        outside(at, line);
        continue;
      }
      if (x.begin > 0) outside(at, x.begin * f.channels);
      row(((b * f.height + image_y) * f.width + first_x + x.begin) * f.channels, at + x.begin * f.channels,
          (x.end - x.begin) * f.channels);
      if (x.end < f.window.width) outside(at + x.end * f.channels, (f.window.width - x.end) * f.channels);
    }
  }
}

Frame frame_of(const char* operation, const Shape& shape, const Window& window) {
  if (shape.rank() != 4)
    throw ShapeError(std::string(operation) + ": images of shape " + shape.to_string() +
                     "; expected [batch, height, width, channels]");
  const auto described = [&] {
    return std::to_string(window.height) + "x" + std::to_string(window.width) + " of stride " +
           std::to_string(window.stride) + " and padding " + std::to_string(window.padding);
  };
  if (window.height < 1 || window.width < 1 || window.stride < 1 || window.padding < 0)
    throw ValueError(std::string(operation) + ": a window " + described());
  const int64_t room_y = shape[1] + 2 * window.padding - window.height;
  const int64_t room_x = shape[2] + 2 * window.padding - window.width;
  if (room_y < 0 || room_x < 0)
    throw ShapeError(std::string(operation) + ": no window " + described() + " fits in images " + shape.to_string());
  return {shape[0], shape[1], shape[2], shape[3], room_y / window.stride + 1, room_x / window.stride + 1, window};
}

Shape shape_of_patches(const Frame& f) { return {f.batch, f.down, f.across, f.row()}; }

Frame frame_of(const Op::Call& call, const Shape& image) {
  return frame_of("patches", image, *static_cast<const Window*>(call.attributes));
}

template <class T>
void copy_patches(const Frame& f, const T* image, T* out) {
  const int64_t lines = f.batch * f.down, line = f.across * f.row();
  parallel_for(lines, 0.3 * static_cast<double>(lines * line), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* const to = out + i * line;
      for_each_run(
          f, i / f.down, i % f.down,
          [&](int64_t from, int64_t at, int64_t count) { std::copy_n(image + from, count, to + at); },
          [&](int64_t at, int64_t count) { std::fill_n(to + at, count, T(0)); });
    }
  });
}

/// Each image's windows in order: the same sums for any number of threads.
template <class T>
void add_patches(const Frame& f, const T* windows, T* image) {
  const int64_t lines = f.batch * f.down, line = f.across * f.row(), size = f.height * f.width * f.channels;
  parallel_for(f.batch, 0.5 * static_cast<double>(lines * line), [&](int64_t begin, int64_t end) {
    std::fill(image + begin * size, image + end * size, T(0));
    for (int64_t i = begin * f.down; i < end * f.down; ++i) {
      const T* const from = windows + i * line;
      for_each_run(
          f, i / f.down, i % f.down,
          [&](int64_t to, int64_t at, int64_t count) {
            for (int64_t k = 0; k < count; ++k) image[to + k] += from[at + k];
          },
          [](int64_t, int64_t) {});
    }
  });
}

void run_patches(const Op::Call& call) {
  const Frame f = frame_of(call, call.inputs[0]->shape());
  if (call.node->dtype == DType::float64) {
    copy_patches(f, call.input<double>(0), static_cast<double*>(call.output));
  } else {
    copy_patches(f, call.input<float>(0), static_cast<float*>(call.output));
  }
}

void run_overlay(const Op::Call& call) {
  const Frame f = frame_of(call, call.node->shape());
  if (call.node->dtype == DType::float64) {
    add_patches(f, call.input<double>(0), static_cast<double*>(call.output));
  } else {
    add_patches(f, call.input<float>(0), static_cast<float*>(call.output));
  }
}

Tensor overlay(const Tensor& windows, const Shape& shape, const Window& window);
Tensor record_patches(const Tensor& x, const Window& window, std::source_location where);

}  // namespace

// The two are each other's adjoint.
static const Op patches_op{
    "patches", Op::Kind::call, nullptr,
    [](const Vjp& v) { return Gradients(overlay(v.grad, v.inputs[0].shape(), v.attributes<Window>())); }, run_patches};
static const Op overlay_op{"overlay", Op::Kind::call, nullptr,
                           [](const Vjp& v) { return Gradients(record_patches(v.grad, v.attributes<Window>(), {})); },
                           run_overlay};

namespace {

Tensor record_patches(const Tensor& x, const Window& window, std::source_location where) {
  const Frame f = frame_of("patches", x.shape(), window);
  return Graph::current().record({patches_op, {&x, 1}, shape_of_patches(f), x.dtype(), where}, window);
}

/// Windows added into zeros where they came from.
Tensor overlay(const Tensor& windows, const Shape& shape, const Window& window) {
  return Graph::current().record({overlay_op, {&windows, 1}, shape, windows.dtype(), {}}, window);
}

template <class T>
void find_largest(const Frame& f, const T* image, int32_t* out) {
  const int64_t lines = f.batch * f.down;
  const double cost = 1.5 * static_cast<double>(lines * f.across * f.row());
  parallel_for(lines, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / f.down;
      const Inside y(i % f.down * f.window.stride - f.window.padding, f.window.height, f.height);
      const int64_t first_y = i % f.down * f.window.stride - f.window.padding;
      for (int64_t p = 0; p < f.across; ++p) {
        const int64_t first_x = p * f.window.stride - f.window.padding;
        const Inside x(first_x, f.window.width, f.width);
        int32_t* const best = out + (i * f.across + p) * f.channels;
        const int64_t start = ((b * f.height + first_y + y.begin) * f.width + first_x + x.begin) * f.channels;
        for (int64_t c = 0; c < f.channels; ++c) best[c] = static_cast<int32_t>(start + c);
        for (int64_t wy = y.begin; wy < y.end; ++wy) {
          for (int64_t wx = x.begin; wx < x.end; ++wx) {
            const int64_t at = ((b * f.height + first_y + wy) * f.width + first_x + wx) * f.channels;
            for (int64_t c = 0; c < f.channels; ++c) {
              const T candidate = image[at + c], champion = image[best[c]];
              const bool wins = !(candidate <= champion) && champion == champion;  // also as NaN
              best[c] = wins ? static_cast<int32_t>(at + c) : best[c];
            }
          }
        }
      }
    }
  });
}

}  // namespace

static const Op largest_op{"largest_in_windows", Op::Kind::call, nullptr, nullptr, [](const Op::Call& call) {
                             const Frame f = frame_of(call, call.inputs[0]->shape());
                             if (call.inputs[0]->dtype == DType::float64) {
                               find_largest(f, call.input<double>(0), static_cast<int32_t*>(call.output));
                             } else {
                               find_largest(f, call.input<float>(0), static_cast<int32_t*>(call.output));
                             }
                           }};

Tensor patches(Located x, const Window& window) { return record_patches(floating("patches", x), window, x.where()); }

Tensor largest_in_windows(Located x, const Window& window) {
  const Tensor input = floating("largest_in_windows", x);
  const Frame f = frame_of("largest_in_windows", input.shape(), window);
  if (window.padding >= window.height || window.padding >= window.width)
    throw ValueError("largest_in_windows: padding " + std::to_string(window.padding) + " of a window " +
                     std::to_string(window.height) + "x" + std::to_string(window.width) + " holds whole windows");
  return Graph::current().record(
      {largest_op, {&input, 1}, {f.batch, f.down, f.across, f.channels}, DType::int32, x.where()}, window);
}

}  // namespace autograd
