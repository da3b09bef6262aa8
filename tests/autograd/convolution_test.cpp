#include <autograd/autograd.h>

#include <cmath>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// patches, conv2d and pooling against plain loops, over sizes, strides and paddings that leave parts out.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;
using ag::Window;
using Inputs = std::span<const Tensor>;

namespace {

struct Case {
  int64_t batch, height, width, channels, outputs;
  Window window;
};

const Case cases[] = {
    {2, 5, 6, 3, 4, {3, 3, 1, 0}}, {1, 5, 5, 1, 2, {3, 3, 1, 1}},
    {2, 7, 6, 2, 3, {2, 3, 2, 0}},  // the last row and column are left out
    {3, 4, 4, 2, 2, {4, 4, 1, 3}}, {1, 1, 1, 3, 2, {1, 1, 1, 0}},
    {2, 6, 9, 1, 5, {3, 2, 3, 1}},
};

int64_t windows(int64_t extent, int64_t window, const Window& w) {
  return (extent + 2 * w.padding - window) / w.stride + 1;
}

/// Calls visit(output position, window position, image position or -1) for each element of each window.
template <class Visit>
void for_each_element(const Case& c, Visit&& visit) {
  const int64_t down = windows(c.height, c.window.height, c.window);
  const int64_t across = windows(c.width, c.window.width, c.window);
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t oy = 0; oy < down; ++oy)
      for (int64_t ox = 0; ox < across; ++ox)
        for (int64_t wy = 0; wy < c.window.height; ++wy)
          for (int64_t wx = 0; wx < c.window.width; ++wx)
            for (int64_t k = 0; k < c.channels; ++k) {
              const int64_t y = oy * c.window.stride - c.window.padding + wy;
              const int64_t x = ox * c.window.stride - c.window.padding + wx;
              const bool inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
              visit((b * down + oy) * across + ox, (wy * c.window.width + wx) * c.channels + k,
                    inside ? ((b * c.height + y) * c.width + x) * c.channels + k : -1);
            }
}

size_t index(int64_t i) { return static_cast<size_t>(i); }

}  // namespace

TEST_CASE("patches are the windows' elements, and their adjoint adds them back") {
  Random random(1);
  for (const Case& c : cases) {
    const Array image = random_array<float>(random, {c.batch, c.height, c.width, c.channels}, -1, 1);
    const ag::Step step;
    const Tensor rows = ag::patches(image, c.window);
    const int64_t length = c.window.height * c.window.width * c.channels;
    REQUIRE(rows.shape() == Shape{c.batch, windows(c.height, c.window.height, c.window),
                                  windows(c.width, c.window.width, c.window), length});
    const Array weights = random_array<float>(random, rows.shape(), -1, 1);
    std::vector<float> expected(index(rows.size())), back(index(image.size()));
    for_each_element(c, [&](int64_t out, int64_t in_window, int64_t at) {
      const size_t place = index(out * length + in_window);
      expected[place] = at < 0 ? 0 : image.values<float>()[index(at)];
      if (at >= 0) back[index(at)] += weights.values<float>()[place];
    });
    CHECK(same_values(rows.to_vector<float>(), expected));
    CHECK(same_values(ag::grad(ag::sum(rows * weights), image).to_vector<float>(), back));
  }
}

TEST_CASE("conv2d is the sum of windows times weights") {
  Random random(2);
  for (const Case& c : cases) {
    const Array image = random_array<double>(random, {c.batch, c.height, c.width, c.channels}, -1, 1);
    const Array weight = random_array<double>(random, {c.window.height, c.window.width, c.channels, c.outputs}, -1, 1);
    const ag::Step step;
    const Tensor y = ag::conv2d(image, weight, {c.window.stride, c.window.padding});
    std::vector<double> expected(index(y.size()));
    for_each_element(c, [&](int64_t out, int64_t in_window, int64_t at) {
      for (int64_t o = 0; at >= 0 && o < c.outputs; ++o) {
        expected[index(out * c.outputs + o)] +=
            image.values<double>()[index(at)] * weight.values<double>()[index(in_window * c.outputs + o)];
      }
    });
    for (size_t i = 0; i < expected.size(); ++i) REQUIRE(y.values<double>()[i] == Approx(expected[i]).margin(1e-14));
  }
}

TEST_CASE("Pooling takes the largest and the mean of each window") {
  Random random(3);
  for (const Case& c : cases) {
    if (c.window.padding >= c.window.width) continue;
    const Array image = random_array<double>(random, {c.batch, c.height, c.width, c.channels}, -2, -1);
    const ag::Step step;
    const Tensor largest = ag::max_pool2d(image, c.window), mean = ag::avg_pool2d(image, c.window);
    std::vector<double> top(index(largest.size()), -10), average(index(mean.size()));
    REQUIRE(largest.shape() == mean.shape());
    for_each_element(c, [&](int64_t out, int64_t in_window, int64_t at) {
      if (at < 0) return;
      const size_t place = index(out * c.channels + in_window % c.channels);
      const double value = image.values<double>()[index(at)];
      top[place] = std::max(top[place], value);
      average[place] += value / static_cast<double>(c.window.height * c.window.width);
    });
    CHECK(same_values(largest.to_vector<double>(), top));
    for (size_t i = 0; i < average.size(); ++i) REQUIRE(mean.values<double>()[i] == Approx(average[i]));
  }
}

TEST_CASE("Of equal elements the first is the largest, and NaN wins") {
  const float nan = std::nanf("");
  const Array image = Array::from(std::vector<float>{1, 2, 2, nan, 0, 2, nan, 1}, {1, 2, 4, 1});
  const ag::Step step;
  CHECK(ag::largest_in_windows(image, {2, 2, 2}).to_vector<int32_t>() == std::vector<int32_t>{1, 3});
  CHECK(std::isnan(ag::max_pool2d(image, {2, 2, 2}).values<float>()[1]));
}

TEST_CASE("Gradients of convolutions and pooling against central differences") {
  Random random(4);
  for (const Case& c : cases) {
    const Array image = random_array<double>(random, {c.batch, c.height, c.width, c.channels}, -1, 1);
    const Array weight = random_array<double>(random, {c.window.height, c.window.width, c.channels, c.outputs}, -1, 1);
    const ag::Convolution geometry{c.window.stride, c.window.padding};
    check_gradients("conv2d", [&](Inputs in) { return ag::conv2d(in[0], in[1], geometry); }, {image, weight});
    if (c.window.padding >= c.window.width) continue;
    check_gradients("max_pool2d", [&](Inputs in) { return ag::square(ag::max_pool2d(in[0], c.window)); }, {image});
    check_gradients("avg_pool2d", [&](Inputs in) { return ag::square(ag::avg_pool2d(in[0], c.window)); }, {image});
  }
}

TEST_CASE("Images of nothing convolve to nothing") {
  const ag::Step step;
  CHECK(ag::conv2d(ag::zeros({0, 4, 4, 2}), ag::zeros({3, 3, 2, 5})).shape() == Shape{0, 2, 2, 5});
  CHECK(ag::max_pool2d(ag::zeros({0, 4, 4, 2}), {2, 2, 2}).values<float>().empty());
}

TEST_CASE("A convolution has the same bits on any number of threads") {
  Random random(5);
  const Array image = random_array<float>(random, {9, 30, 30, 4}, -1, 1);
  const Array weight = random_array<float>(random, {5, 5, 4, 8}, -1, 1);
  std::vector<float> first;
  for (const int threads : {1, 2, 7}) {
    const Threads use(threads);
    const ag::Step step;
    const Tensor y = ag::max_pool2d(ag::conv2d(image, weight, {1, 2}), {2, 2, 2});
    const auto [of_image, of_weight] = ag::grad(ag::sum(y * y), {image, weight});
    std::vector<float> all = of_image.to_vector<float>();
    all.insert(all.end(), of_weight.values<float>().begin(), of_weight.values<float>().end());
    if (first.empty()) first = all;
    CHECK(same_values(all, first));
  }
}

TEST_CASE("Convolutions say what does not fit") {
  const ag::Step step;
  const Array image = ag::zeros({1, 4, 4, 2});
  CHECK_THROWS_WITH(ag::conv2d(image, ag::zeros({3, 3, 3, 5})),
                    "conv2d: images [1, 4, 4, 2] and weight [3, 3, 3, 5]; expected [batch, height, width, inputs] and "
                    "[window height, window width, inputs, outputs]");
  CHECK_THROWS_AS(ag::conv2d(ag::zeros({4, 4, 2}), ag::zeros({3, 3, 2, 5})), ag::ShapeError);
  CHECK_THROWS_AS(ag::conv2d(image, ag::zeros({3, 3, 2, 5}), {.stride = 0}), ag::ValueError);
  CHECK_THROWS_WITH(ag::patches(image, {5, 3}),
                    "patches: no window 5x3 of stride 1 and padding 0 fits in images [1, 4, 4, 2]");
  CHECK_THROWS_WITH(ag::patches(image, {2, 2, 1, -1}), "patches: a window 2x2 of stride 1 and padding -1");
  CHECK_THROWS_AS(ag::patches(ag::zeros({4, 4}), {2, 2}), ag::ShapeError);
  CHECK_THROWS_WITH(ag::max_pool2d(image, {2, 2, 2, 2}),
                    "largest_in_windows: padding 2 of a window 2x2 holds whole windows");
  CHECK_THROWS_AS(ag::patches(ag::zeros({1, 4, 4, 2}, ag::DType::int32), {2, 2}), ag::DTypeError);
}
