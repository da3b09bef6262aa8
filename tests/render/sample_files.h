#pragma once

#include <render/image/file.h>
#include <render/image/image.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

// Files for tests to read: an empty folder that is gone afterwards, PNG files built chunk by chunk
// (so that every colour type, and every fault, can be had), a small JPEG, and the folder of real ones.

namespace sample {

namespace fs = std::filesystem;
using Bytes = std::vector<unsigned char>;

/// A new empty folder, removed with its contents at the end of the scope.
class Folder {
 public:
  Folder() {
    static int counter = 0;
    path_ =
        fs::temp_directory_path() / ("backlight-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
    fs::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// The folder of real meshes and images, where there is one.
inline std::optional<fs::path> data_folder() {
  const char* given = std::getenv("BACKLIGHT_DATA");
  const fs::path path = given ? fs::path(given) : fs::path(BACKLIGHT_SOURCE_ROOT) / ".." / "shared" / "data";
  return fs::is_directory(path) ? std::optional(path) : std::nullopt;
}

inline void append(Bytes& bytes, std::span<const unsigned char> more) {
  const size_t before = bytes.size();
  bytes.resize(before + more.size());
  std::copy(more.begin(), more.end(), bytes.begin() + static_cast<std::ptrdiff_t>(before));
}

inline void append_number(Bytes& bytes, uint32_t value) {
  std::array<unsigned char, 4> digits{};
  for (size_t i = 0; i < 4; ++i) digits[i] = static_cast<unsigned char>(value >> (24 - 8 * i));
  append(bytes, digits);
}

inline Bytes png_chunk(const std::string& type, const Bytes& data) {
  Bytes chunk;
  append_number(chunk, static_cast<uint32_t>(data.size()));
  append(chunk, Bytes(type.begin(), type.end()));
  append(chunk, data);
  append_number(chunk, static_cast<uint32_t>(crc32_z(0, chunk.data() + 4, chunk.size() - 4)));
  return chunk;
}

/// What a PNG is made of. `rows` are scan lines without the filter byte, samples packed as the format packs them.
struct Png {
  uint32_t width, height;
  unsigned char depth, colour_type;
  std::vector<Bytes> rows{};
  Bytes palette{};
  Bytes transparency{};
};

inline Bytes encode(const Png& png) {
  Bytes header;
  append_number(header, png.width);
  append_number(header, png.height);
  append(header, std::array<unsigned char, 5>{png.depth, png.colour_type});
  Bytes lines;
  for (const Bytes& row : png.rows) {
    append(lines, std::array<unsigned char, 1>{});
    append(lines, row);
  }
  uLongf size = compressBound(static_cast<uLong>(lines.size()));
  Bytes packed(size);
  compress(packed.data(), &size, lines.data(), static_cast<uLong>(lines.size()));
  packed.resize(size);

  Bytes file{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  append(file, png_chunk("IHDR", header));
  if (!png.palette.empty()) append(file, png_chunk("PLTE", png.palette));
  if (!png.transparency.empty()) append(file, png_chunk("tRNS", png.transparency));
  append(file, png_chunk("IDAT", packed));
  append(file, png_chunk("IEND", {}));
  return file;
}

/// A JPEG of 6x4 pixels, all (200, 100, 50).
inline Bytes jpeg() {
  // clang-format off
  return {
      0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x01,
      0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x02, 0x01, 0x01, 0x01, 0x01, 0x01, 0x02, 0x01, 0x01, 0x01, 0x02,
      0x02, 0x02, 0x02, 0x02, 0x04, 0x03, 0x02, 0x02, 0x02, 0x02, 0x05, 0x04, 0x04, 0x03, 0x04, 0x06, 0x05, 0x06,
      0x06, 0x06, 0x05, 0x06, 0x06, 0x06, 0x07, 0x09, 0x08, 0x06, 0x07, 0x09, 0x07, 0x06, 0x06, 0x08, 0x0b, 0x08,
      0x09, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x06, 0x08, 0x0b, 0x0c, 0x0b, 0x0a, 0x0c, 0x09, 0x0a, 0x0a, 0x0a, 0xff,
      0xdb, 0x00, 0x43, 0x01, 0x02, 0x02, 0x02, 0x02, 0x02, 0x02, 0x05, 0x03, 0x03, 0x05, 0x0a, 0x07, 0x06, 0x07,
      0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
      0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
      0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0xff, 0xc0, 0x00, 0x11,
      0x08, 0x00, 0x04, 0x00, 0x06, 0x03, 0x01, 0x11, 0x00, 0x02, 0x11, 0x01, 0x03, 0x11, 0x01, 0xff, 0xc4, 0x00,
      0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x05, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0xff, 0xc4, 0x00, 0x14, 0x11, 0x01, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda, 0x00, 0x0c, 0x03,
      0x01, 0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x3c, 0x57, 0x36, 0x1f, 0xff, 0xd9
  };
  // clang-format on
}

/// An image of one colour.
inline render::Image8 plain(int width, int height, const std::array<unsigned char, 4>& rgba) {
  render::Image8 image{width, height, true, Bytes(static_cast<size_t>(4 * width * height))};
  for (size_t at = 0; at < image.rgba.size(); ++at) image.rgba[at] = rgba[at % 4];
  return image;
}

/// Names in a folder, sorted.
inline std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sample
