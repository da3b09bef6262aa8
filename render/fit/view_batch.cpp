#include <render/fit/view_batch.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace render {

namespace {

/// Linear values of the 256 encoded ones.
const std::array<float, 256>& linear_table() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values{};
    for (size_t i = 0; i < 256; ++i) values[i] = srgb_to_linear(static_cast<float>(i) / 255);
    return values;
  }();
  return table;
}

void copy_image(const Image8& image, const Frame& frame, std::span<float> out) {
  const std::array<float, 256>& linear = linear_table();
  for (int y = 0; y < image.height; ++y) {
    const unsigned char* from = image.rgba.data() + static_cast<size_t>(y * image.width) * 4;
    float* to = out.data() + static_cast<int64_t>(y) * frame.width * 4;
    for (int x = 0; x < image.width; ++x, from += 4, to += 4) {
      const float alpha = static_cast<float>(from[3]) / 255;
      for (int c = 0; c < 3; ++c) to[c] = linear[from[c]] * alpha;
      to[3] = alpha;
    }
  }
}

}  // namespace

Matrix4 clip_from_fit(const Camera& camera, const Start& start, const Frame& frame) {
  // The camera relative to the ball's centre, in units of its radius; done in float64.
  Camera moved = camera;
  for (size_t axis = 0; axis < 3; ++axis) {
    double& position = moved.world_from_camera[axis * 4 + 3];
    position = (position - start.centre[axis]) / start.radius;
  }
  moved.width = static_cast<int>(frame.width);
  moved.height = static_cast<int>(frame.height);
  const Point3 position = moved.position();
  const double distance = std::hypot(position[0], position[1], position[2]);
  return clip_from_world(moved, 0.02, distance + 20);
}

static ag::Array as_array(std::span<const Matrix4> matrices) {
  return ag::Array::make<float>({static_cast<int64_t>(matrices.size()), 4, 4}, [&](std::span<float> out) {
    for (size_t i = 0; i < matrices.size(); ++i) {
      for (size_t k = 0; k < 16; ++k) out[i * 16 + k] = static_cast<float>(matrices[i][k]);
    }
  });
}

ViewBatch make_batch(std::span<const View* const> views, const Start& start) {
  ViewBatch batch;
  batch.frame.views = static_cast<int64_t>(views.size());
  for (const View* view : views) {
    batch.frame.width = std::max<int64_t>(batch.frame.width, view->image.width);
    batch.frame.height = std::max<int64_t>(batch.frame.height, view->image.height);
  }
  const Frame& frame = batch.frame;
  const int64_t pixels = frame.height * frame.width;
  std::vector<Matrix4> matrices;
  bool equal = true;
  for (const View* view : views) {
    matrices.push_back(clip_from_fit(view->camera, start, frame));
    equal &= view->image.width == frame.width && view->image.height == frame.height;
  }
  batch.matrices = as_array(matrices);
  batch.targets = ag::Array::make<float>({frame.views, frame.height, frame.width, 4}, [&](std::span<float> out) {
    ag::parallel_for(frame.views, static_cast<double>(frame.pixels()) * 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const std::span<float> part = out.subspan(static_cast<size_t>(i * pixels * 4), static_cast<size_t>(pixels * 4));
        const View& view = *views[static_cast<size_t>(i)];
        if (!equal) std::fill(part.begin(), part.end(), 0.0f);
        copy_image(view.image, frame, part);
      }
    });
  });
  batch.inside = equal ? ag::ones({1})
                       : ag::Array::make<float>({frame.views, frame.height, frame.width, 1}, [&](std::span<float> out) {
                           std::fill(out.begin(), out.end(), 0.0f);
                           for (int64_t i = 0; i < frame.views; ++i) {
                             const Image8& image = views[static_cast<size_t>(i)]->image;
                             for (int y = 0; y < image.height; ++y) {
                               const auto row = out.begin() + i * pixels + y * frame.width;
                               std::fill(row, row + image.width, 1.0f);
                             }
                           }
                         });
  return batch;
}

ag::Array camera_matrices(std::span<const Camera> cameras, const Start& start) {
  std::vector<Matrix4> matrices;
  for (const Camera& camera : cameras)
    matrices.push_back(clip_from_fit(camera, start, {1, camera.height, camera.width}));
  return as_array(matrices);
}

}  // namespace render
