// A photograph made of opaque triangles, whose corners and colours are moved. Prints the picture's PSNR in dB.
//
//   soup PHOTO [OUT.png] [TRIANGLES] [STEPS]

#include <render/image/image.h>
#include <render/raster/silhouettes.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <random>
#include <string>

namespace ag = autograd;
using render::Tensor;

struct Soup {
  explicit Soup(int64_t count)
      : triangles(ag::arange(3 * count).reshape({count, 3})),
        order(ag::Array::make<float>({1, 3 * count}, [](std::span<float> out) {
          for (size_t i = 0; i < out.size(); ++i)  // from far to near
            out[i] = 0.9f - 1.8f * static_cast<float>(i / 3) / static_cast<float>(out.size() / 3);
        })) {
    const ag::Array numbers = ag::Array::make<double>({3 * count, 3}, [](std::span<double> out) {
      for (size_t i = 0; i < out.size(); ++i) out[i] = i % 3 == 0 ? static_cast<double>(i) : 0;
    });
    topology = render::make_topology(numbers, triangles);
  }

  // corners [3 * triangles, 2] from -1 to 1, colours [triangles, 3]
  Tensor draw(ag::Located corners, ag::Located colours, int64_t height, int64_t width) const {
    const Tensor places = corners.as(ag::DType::float32);
    const Tensor x = ag::expand_dims(ag::select(places, 1, 0), 0), y = ag::expand_dims(ag::select(places, 1, 1), 0);
    const render::Vec4 clip{x, y, ag::tensor(order), ag::tensor(ag::ones(order.shape()))};
    const Tensor ids = render::visibility(clip, triangles, {1, height, width});
    const render::VisiblePixels pixels = render::visible_pixels(ids);
    const render::Vec3 colour = render::gather(render::unpack3(colours), pixels.triangle);
    const render::Crossings crossings = render::silhouettes(clip, triangles, topology, ids);
    return render::antialiased_image(std::array{colour.x, colour.y, colour.z}, pixels, clip, crossings);
  }

  ag::Array triangles, order;
  render::Topology topology;
};

void run(const char* photo, const char* out, int count, int steps) {
  const render::Image8 image = render::shrink(render::read_image(photo), 256);
  const ag::Array linear = render::to_linear(image);
  const int64_t height = image.height, width = image.width;
  const Soup soup(count);
  std::mt19937 bits(1);
  const auto uniform = [&](float low, float high) {
    return low + (high - low) * static_cast<float>(bits() >> 8) / 16777216.0f;
  };

  // Small triangles all over the picture, in the colours that they start on.
  std::vector<float> corners, colours;
  for (int i = 0; i < count; ++i) {
    const float x = uniform(-1, 1), y = uniform(-1, 1);
    for (int k = 0; k < 3; ++k) corners.insert(corners.end(), {x + uniform(-0.2f, 0.2f), y + uniform(-0.2f, 0.2f)});
    const auto column = static_cast<int64_t>((x + 1) / 2 * static_cast<float>(width - 1));
    const auto row = static_cast<int64_t>((1 - y) / 2 * static_cast<float>(height - 1));
    const float* seen = linear.values<float>().data() + 4 * (row * width + column);
    colours.insert(colours.end(), seen, seen + 3);
  }
  ag::Parameter places = ag::Array::from(corners, {3 * count, 2}), paint = ag::Array::from(colours, {count, 3});
  ag::Adam move({places}), recolour({paint});
  std::array<ag::Optimiser*, 2> optimisers{&move, &recolour};
  double loss = 0;
  for (int i = 0; i < steps; ++i) {
    const ag::Step step;
    const double decay = std::pow(0.05, static_cast<double>(i) / steps);
    move.set_learning_rate(0.01 * decay);
    recolour.set_learning_rate(0.02 * decay);
    const Tensor target = ag::expand_dims(ag::slice(linear, 2, {.stop = 3}), 0);
    const Tensor error = ag::mean(ag::square(soup.draw(places, paint, height, width) - target));
    ag::minimise(error, optimisers);
    loss = error.item();
  }
  std::printf("PSNR %.2f dB\n", -10 * std::log10(loss));
  const ag::Step step;
  const Tensor drawn = soup.draw(places, paint, height, width);
  const Tensor opaque =
      ag::concatenate({drawn, ag::broadcast_to(ag::Located(1).as(ag::DType::float32), {1, height, width, 1})}, 3);
  render::write_png(out, image.width, image.height, 4, render::to_srgb(opaque.keep().reshape({height, width, 4})).rgba);
}

int main(int count, char** arguments) try {
  if (count < 2) {
    std::fprintf(stderr, "usage: soup PHOTO [OUT.png] [TRIANGLES] [STEPS]\n");
    return 2;
  }
  run(arguments[1], count > 2 ? arguments[2] : "soup.png", count > 3 ? std::stoi(arguments[3]) : 400,
      count > 4 ? std::stoi(arguments[4]) : 400);
} catch (const std::exception& error) {
  std::fprintf(stderr, "soup: %s\n", error.what());
  return 1;
}
