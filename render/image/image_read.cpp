#include <render/image/container.h>
#include <render/image/file.h>
#include <render/image/image.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

// The decoder is compiled into this file alone, and static, so that it cannot meet a user's own copy.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#else
#include <stb_image.h>
#endif
#pragma GCC diagnostic pop

namespace render {

namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
template <class T>
using Decoded = std::unique_ptr<T, Free>;

constexpr int rgba_channels = 4;

[[noreturn]] void fail_decoding(const std::filesystem::path& path) {
  throw FileError(path.string() + ": corrupt or not supported: " + stbi_failure_reason());
}

/// stb_image 2.27 leaves the palette entries that the file does not list uninitialised, and pixels may
/// name them. Listing all 256, the rest as black, makes such a file the same image every time.
void complete_palette(std::vector<unsigned char>& bytes, const ImageHeader& header) {
  constexpr size_t entries = 256;
  if (header.palette_at == 0 || header.palette_entries >= entries) return;
  const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(header.palette_at + 3 * header.palette_entries);
  bytes.insert(end, 3 * (entries - header.palette_entries), 0);
  const size_t length_at = header.palette_at - 8;
  bytes[length_at + 2] = 3 * entries >> 8;
  bytes[length_at + 3] = 3 * entries & 255;
}

/// round(value * 255 / 65535) = round(value / 257).
unsigned char round_to_8_bits(stbi_us value) { return static_cast<unsigned char>((value + 128) / 257); }

Image8 decode(const std::filesystem::path& path, const std::vector<unsigned char>& bytes) {
  Image8 image;
  int channels = 0;
  const int length = static_cast<int>(bytes.size());
  if (stbi_is_16_bit_from_memory(bytes.data(), length)) {
    const Decoded<stbi_us> pixels(
        stbi_load_16_from_memory(bytes.data(), length, &image.width, &image.height, &channels, rgba_channels));
    if (!pixels) fail_decoding(path);
    image.rgba.resize(size_t{rgba_channels} * static_cast<size_t>(image.width) * static_cast<size_t>(image.height));
    std::transform(pixels.get(), pixels.get() + image.rgba.size(), image.rgba.begin(), round_to_8_bits);
  } else {
    const Decoded<stbi_uc> pixels(
        stbi_load_from_memory(bytes.data(), length, &image.width, &image.height, &channels, rgba_channels));
    if (!pixels) fail_decoding(path);
    const size_t count = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
    image.rgba.assign(pixels.get(), pixels.get() + rgba_channels * count);
  }
  image.has_alpha = channels == 2 || channels == 4;
  return image;
}

}  // namespace

Image8 read_image(const std::filesystem::path& path) {
  constexpr size_t limit = (size_t{1} << 31) - 4096;  // the decoder counts bytes in an int
  std::vector<unsigned char> bytes = read_file(path, limit);
  complete_palette(bytes, check_container(path, bytes));
  return decode(path, bytes);
}

std::array<int, 2> image_size(const std::filesystem::path& path) {
  const ImageHeader header = check_container(path, read_file(path));
  return {header.width, header.height};
}

}  // namespace render
