#pragma once

#include <autograd/core/array.h>

#include <array>
#include <filesystem>
#include <span>
#include <vector>

namespace render {

namespace ag = autograd;

/// An 8-bit image as files hold it: sRGB with straight alpha, row 0 on top. What takes one throws ValueError where it
/// has not the bytes that its size asks for.
struct Image8 {
  int width = 0, height = 0;
  bool has_alpha = false;           ///< the file had an alpha channel or a transparent colour (else alpha is 255)
  std::vector<unsigned char> rgba;  ///< [height, width, 4]

  bool operator==(const Image8&) const = default;
};

/// Reads PNG or JPEG (any colour type and depth; 16 bits are rounded to 8) with stb_image.
/// throws  FileError: missing, truncated, corrupt, or more than 2^26 pixels announced (checked
///         before any memory is taken)
BACKLIGHT_API Image8 read_image(const std::filesystem::path& path);

/// Width and height as the file's header announces them; nothing is decoded. throws FileError
BACKLIGHT_API std::array<int, 2> image_size(const std::filesystem::path& path);

/// Writes a PNG of `channels` (1, 3 or 4) 8-bit channels, to a temporary file that is renamed when complete.
/// throws  FileError; ValueError where the sizes do not fit together
BACKLIGHT_API void write_png(const std::filesystem::path& path, int width, int height, int channels,
                             std::span<const unsigned char> pixels);
/// The same as bytes in memory, for embedding.
BACKLIGHT_API std::vector<unsigned char> encode_png(int width, int height, int channels,
                                                    std::span<const unsigned char> pixels);

/// [height, width, 4] float32 premultiplied linear RGBA of an 8-bit image.
BACKLIGHT_API ag::Array to_linear(const Image8& image);
/// Back: premultiplied linear (clamped to [0, 1]) to straight sRGB, rounded to nearest. Undoes to_linear
/// exactly wherever alpha is not 0; colour under alpha 0 is black. throws ShapeError, DTypeError
BACKLIGHT_API Image8 to_srgb(const ag::Array& linear);

/// Reduced so that the longer side is at most `max_size` pixels, by area averaging of premultiplied
/// linear colour; unchanged where it already is. throws ValueError unless max_size > 0
BACKLIGHT_API Image8 shrink(const Image8& image, int max_size);

/// IEC 61966-2-1 transfer functions on one channel in [0, 1].
BACKLIGHT_API float srgb_to_linear(float encoded);
BACKLIGHT_API float linear_to_srgb(float linear);

}  // namespace render
