#include <autograd/core/error.h>
#include <autograd/core/parallel.h>
#include <render/image/image.h>
#include <render/image/pixels.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace render {

namespace {

/// The 256 codes in linear light.
const std::array<float, 256>& linear_of_code() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values{};
    for (size_t code = 0; code < 256; ++code) values[code] = srgb_to_linear(static_cast<float>(code) / 255.0f);
    return values;
  }();
  return table;
}

/// The nearest sRGB code, found among the linear values of the 255 borders between codes.
unsigned char code_of_linear(float linear) {
  static const std::array<float, 255> borders = [] {
    std::array<float, 255> values{};
    for (size_t code = 0; code < 255; ++code) {
      values[code] = srgb_to_linear((static_cast<float>(code) + 0.5f) / 255.0f);
    }
    return values;
  }();
  return static_cast<unsigned char>(std::upper_bound(borders.begin(), borders.end(), linear) - borders.begin());
}

/// NaN becomes 0: an 8-bit file cannot say that a value is undefined.
float clamp_unit(float value) { return value > 0 ? std::min(value, 1.0f) : 0.0f; }

void to_linear_pixel(const unsigned char* rgba, float* premultiplied) {
  const float alpha = static_cast<float>(rgba[3]) / 255.0f;
  for (size_t channel = 0; channel < 3; ++channel) {
    premultiplied[channel] = linear_of_code()[rgba[channel]] * alpha;
  }
  premultiplied[3] = alpha;
}

void to_srgb_pixel(const float* premultiplied, unsigned char* rgba) {
  const float alpha = clamp_unit(premultiplied[3]);
  rgba[3] = static_cast<unsigned char>(std::lround(alpha * 255.0f));
  for (size_t channel = 0; channel < 3; ++channel) {
    const float colour = clamp_unit(premultiplied[channel]);
    rgba[channel] = rgba[3] == 0 ? 0 : code_of_linear(clamp_unit(colour / alpha));
  }
}

// Area averaging: output i covers input [i, i + 1) * input_size / output_size; the weights of a row sum to 1.
struct Coverage {
  size_t first;
  std::vector<float> weights;
};

std::vector<Coverage> box_filter(int input_size, int output_size) {
  std::vector<Coverage> coverage;
  for (int64_t i = 0; i < output_size; ++i) {
    // In units of 1 / output_size of an input pixel, where every border is an integer.
    const int64_t begin = i * input_size, end = (i + 1) * input_size;
    const int64_t first = begin / output_size, last = (end - 1) / output_size;
    Coverage& row = coverage.emplace_back(Coverage{static_cast<size_t>(first), {}});
    for (int64_t pixel = first; pixel <= last; ++pixel) {
      const int64_t overlap = std::min(end, (pixel + 1) * output_size) - std::max(begin, pixel * output_size);
      row.weights.push_back(static_cast<float>(static_cast<double>(overlap) / input_size));
    }
  }
  return coverage;
}

constexpr double pixel_cost = 15;  // nanoseconds

/// One row of the image, premultiplied linear, averaged along x: [columns, 4].
void shrink_row(const unsigned char* rgba, const std::vector<Coverage>& columns, std::vector<float>& row) {
  for (size_t column = 0; column < columns.size(); ++column) {
    std::array<float, 4> sum{};
    const auto& [first, weights] = columns[column];
    for (size_t i = 0; i < weights.size(); ++i) {
      std::array<float, 4> pixel;
      to_linear_pixel(rgba + 4 * (first + i), pixel.data());
      for (size_t channel = 0; channel < 4; ++channel) sum[channel] += weights[i] * pixel[channel];
    }
    std::copy(sum.begin(), sum.end(), row.begin() + static_cast<std::ptrdiff_t>(4 * column));
  }
}

int shrunk(int side, int longer, int max_size) {
  return std::max(1, static_cast<int>((int64_t{2} * side * max_size + longer) / (int64_t{2} * longer)));
}

}  // namespace

float srgb_to_linear(float encoded) {
  return encoded <= 0.04045f ? encoded / 12.92f : std::pow((encoded + 0.055f) / 1.055f, 2.4f);
}

float linear_to_srgb(float linear) {
  return linear <= 0.0031308f ? linear * 12.92f : 1.055f * std::pow(linear, 1.0f / 2.4f) - 0.055f;
}

void require_pixels(const char* operation, const Image8& image) {
  const bool sized = image.width >= 0 && image.height >= 0;
  if (sized && image.rgba.size() == size_t{4} * static_cast<size_t>(image.width) * static_cast<size_t>(image.height))
    return;
  throw ag::ValueError(std::string(operation) + ": an image of " + std::to_string(image.width) + "x" +
                       std::to_string(image.height) + " pixels and " + std::to_string(image.rgba.size()) +
                       " bytes; expected four a pixel");
}

ag::Array to_linear(const Image8& image) {
  require_pixels("to_linear", image);
  return ag::Array::make<float>({image.height, image.width, 4}, [&](std::span<float> out) {
    for (size_t at = 0; at < out.size(); at += 4) to_linear_pixel(&image.rgba[at], &out[at]);
  });
}

Image8 to_srgb(const ag::Array& linear) {
  const ag::Shape& shape = linear.shape();
  if (shape.rank() != 3 || shape[2] != 4) {
    throw ag::ShapeError("to_srgb: shape " + shape.to_string() + "; expected [height, width, 4]");
  }
  const std::span<const float> values = linear.values<float>();
  Image8 image{static_cast<int>(shape[1]), static_cast<int>(shape[0]), true, {}};
  image.rgba.resize(values.size());
  const auto pixels = static_cast<int64_t>(values.size() / 4);
  ag::parallel_for(pixels, static_cast<double>(pixels) * pixel_cost, [&](int64_t begin, int64_t end) {
    for (auto at = static_cast<size_t>(4 * begin); at < static_cast<size_t>(4 * end); at += 4)
      to_srgb_pixel(&values[at], &image.rgba[at]);
  });
  return image;
}

Image8 shrink(const Image8& image, int max_size) {
  if (max_size <= 0) throw ag::ValueError("shrink: max_size is " + std::to_string(max_size) + "; expected 1 or more");
  require_pixels("shrink", image);
  const int longer = std::max(image.width, image.height);
  if (longer <= max_size) return image;
  Image8 result{shrunk(image.width, longer, max_size), shrunk(image.height, longer, max_size), image.has_alpha, {}};
  const std::vector<Coverage> columns = box_filter(image.width, result.width);
  const size_t row_size = 4 * columns.size();
  result.rgba.resize(row_size * static_cast<size_t>(result.height));
  const std::vector<Coverage> rows = box_filter(image.height, result.height);
  const double cost = static_cast<double>(image.rgba.size()) / 4 * pixel_cost;
  ag::parallel_for(result.height, cost, [&](int64_t begin, int64_t end) {
    std::vector<float> row(row_size), sum(row_size);
    for (auto y = static_cast<size_t>(begin); y < static_cast<size_t>(end); ++y) {
      std::fill(sum.begin(), sum.end(), 0.0f);
      const auto& [first, weights] = rows[y];
      for (size_t i = 0; i < weights.size(); ++i) {
        shrink_row(&image.rgba[4 * (first + i) * static_cast<size_t>(image.width)], columns, row);
        for (size_t at = 0; at < row_size; ++at) sum[at] += weights[i] * row[at];
      }
      for (size_t at = 0; at < row_size; at += 4) to_srgb_pixel(&sum[at], &result.rgba[y * row_size + at]);
    }
  });
  return result;
}

}  // namespace render
