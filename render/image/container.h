#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace render {

/// More than this is refused before memory is taken for it.
inline constexpr int64_t max_image_pixels = int64_t{1} << 26;

enum class ImageFormat { png, jpeg };

/// What a PNG or JPEG file announces about itself. Private to the library.
struct ImageHeader {
  ImageFormat format{};
  int width = 0, height = 0;
  size_t palette_at = 0;       ///< PNG: where the PLTE chunk's entries start, or 0
  size_t palette_entries = 0;  ///< their number
};

/// Walks the chunks of a PNG or the segments of a JPEG from first to last without decoding.
/// stb_image checks no CRC and pads a truncated JPEG with grey, so this stands before it.
/// throws  FileError starting with `path`: neither format, cut short, a wrong CRC, no size, or more
///         than max_image_pixels
ImageHeader check_container(const std::filesystem::path& path, std::span<const unsigned char> bytes);

}  // namespace render
