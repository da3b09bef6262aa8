#include <render/image/container.h>
#include <render/image/file.h>
#include <render/image/image.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>

// The encoder is compiled into this file alone, and static, so that it cannot meet a user's own copy.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#if __has_include(<stb/stb_image_write.h>)
#include <stb/stb_image_write.h>
#else
#include <stb_image_write.h>
#endif
#pragma GCC diagnostic pop

namespace render {

namespace {

void check_pixels(int width, int height, int channels, size_t bytes) {
  const auto text = [](auto... numbers) { return ((std::to_string(numbers) + " ") + ...); };
  if (channels != 1 && channels != 3 && channels != 4) {
    throw ag::ValueError("write_png: " + text(channels) + "channels; expected 1, 3 or 4");
  }
  if (width <= 0 || height <= 0 || int64_t{width} * height > max_image_pixels) {
    throw ag::ValueError("write_png: width and height are " + text(width, height) + "; expected 1 to " +
                         text(max_image_pixels) + "pixels");
  }
  const size_t expected = static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels);
  if (bytes != expected) throw ag::ValueError("write_png: " + text(bytes) + "bytes; expected " + text(expected));
}

}  // namespace

std::vector<unsigned char> encode_png(int width, int height, int channels, std::span<const unsigned char> pixels) {
  check_pixels(width, height, channels, pixels.size());
  int length = 0;
  const auto release = [](unsigned char* memory) { std::free(memory); };
  const std::unique_ptr<unsigned char, decltype(release)> png(
      stbi_write_png_to_mem(pixels.data(), width * channels, width, height, channels, &length));
  if (!png) throw std::bad_alloc();
  return {png.get(), png.get() + length};
}

void write_png(const std::filesystem::path& path, int width, int height, int channels,
               std::span<const unsigned char> pixels) {
  write_file(path, encode_png(width, height, channels, pixels));
}

}  // namespace render
