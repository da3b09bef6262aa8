#include <render/image/container.h>
#include <render/image/file.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>

namespace render {

namespace {

using Bytes = std::span<const unsigned char>;

/// Reads big-endian numbers from the front of a file; its end is an error that names the file.
class Reader {
 public:
  Reader(const std::filesystem::path& path, Bytes bytes) : path_(path), bytes_(bytes) {}

  size_t at() const { return at_; }
  bool at_end() const { return at_ == bytes_.size(); }

  Bytes take(size_t count) {
    if (count > bytes_.size() - at_) fail("the file is cut short");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  uint32_t number(size_t count) {
    uint32_t value = 0;
    for (const unsigned char byte : take(count)) value = value << 8 | byte;
    return value;
  }
  /// A reader of the next `count` bytes alone.
  Reader part(size_t count) { return {path_, take(count)}; }
  [[noreturn]] void fail(const std::string& reason) const { throw FileError(path_.string() + ": " + reason); }

 private:
  const std::filesystem::path& path_;
  Bytes bytes_;
  size_t at_ = 0;
};

void set_size(ImageHeader& header, const Reader& reader, uint32_t width, uint32_t height) {
  if (width == 0 || height == 0) reader.fail("corrupt: the image has no pixels");
  if (uint64_t{width} * height > uint64_t{max_image_pixels}) {
    reader.fail(std::to_string(width) + "x" + std::to_string(height) + " pixels; at most " +
                std::to_string(max_image_pixels) + " in all are accepted");
  }
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
}

// PNG -------------------------------------------------------------------------------------------
// signature, then chunks: length (4), type (4), data (length), CRC-32 of type and data (4).

constexpr std::array<unsigned char, 8> png_signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

constexpr uint32_t chunk_type(const char (&name)[5]) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(name[i]);
  return value;
}

struct Chunk {
  uint32_t type;
  Bytes data;
};

Chunk next_chunk(Reader& reader) {
  const size_t length = reader.number(4);
  const Bytes type = reader.take(4);
  const Bytes data = reader.take(length);
  const uint32_t announced = reader.number(4);
  uLong sum = crc32(0, type.data(), 4);
  // zlib takes a null pointer, which an empty span may hold, for a request to start anew.
  if (length > 0) sum = crc32_z(sum, data.data(), length);
  uint32_t code = 0;
  for (const unsigned char byte : type) code = code << 8 | byte;
  if (sum != announced) reader.fail("corrupt: wrong checksum");
  return {code, data};
}

ImageHeader check_png(Reader reader) {
  ImageHeader header{.format = ImageFormat::png};
  reader.take(png_signature.size());
  const Chunk first = next_chunk(reader);
  if (first.type != chunk_type("IHDR") || first.data.size() != 13) reader.fail("corrupt: no PNG header");
  const auto big_endian = [&](size_t at) {
    return uint32_t{first.data[at]} << 24 | uint32_t{first.data[at + 1]} << 16 | uint32_t{first.data[at + 2]} << 8 |
           first.data[at + 3];
  };
  set_size(header, reader, big_endian(0), big_endian(4));
  for (;;) {
    const size_t at = reader.at();
    const Chunk chunk = next_chunk(reader);
    if (chunk.type == chunk_type("IEND")) return header;
    if (chunk.type != chunk_type("PLTE")) continue;
    if (header.palette_at != 0) reader.fail("corrupt: two palettes");
    if (chunk.data.size() % 3 != 0) reader.fail("corrupt: the palette's last entry is incomplete");
    constexpr size_t length_and_type = 8;
    header.palette_at = at + length_and_type;
    header.palette_entries = chunk.data.size() / 3;
  }
}

// JPEG ------------------------------------------------------------------------------------------
// segments: 0xff, marker, and for most a length (2, counting itself) and data; after a start of scan
// entropy-coded bytes, where 0xff is followed by 0 or a restart marker.

constexpr uint32_t start_of_image = 0xd8, end_of_image = 0xd9, huffman_tables = 0xc4;

bool stands_alone(uint32_t marker) { return marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd7); }

/// Start of frame: C0 to CF without the Huffman tables, the reserved one, and the arithmetic conditioning.
bool starts_frame(uint32_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/// A table of Huffman codes: class (1), the number of codes of each length (16), the codes' values.
/// stb_image 2.27 has room for 256 and writes beyond it where there are more.
void check_huffman_tables(Reader tables) {
  while (!tables.at_end()) {
    tables.take(1);
    size_t codes = 0;
    for (const unsigned char count : tables.take(16)) codes += count;
    if (codes > 256) tables.fail("corrupt: a Huffman table of more than 256 codes");
    tables.take(codes);
  }
}

/// Skips whatever stands before it: entropy-coded bytes, fill bytes, and the stray ones that some writers leave.
uint32_t next_marker(Reader& reader) {
  for (;;) {
    while (reader.number(1) != 0xff) {
    }
    uint32_t marker = reader.number(1);
    while (marker == 0xff) marker = reader.number(1);
    if (!stands_alone(marker)) return marker;
  }
}

ImageHeader check_jpeg(Reader reader) {
  ImageHeader header{.format = ImageFormat::jpeg};
  reader.take(2);
  for (;;) {
    const uint32_t marker = next_marker(reader);
    if (marker == start_of_image) continue;
    if (marker == end_of_image) break;
    const size_t length = reader.number(2);
    if (length < 2) reader.fail("corrupt: a segment without a length");
    Reader segment = reader.part(length - 2);
    if (marker == huffman_tables) check_huffman_tables(segment);
    if (!starts_frame(marker)) continue;
    segment.take(1);  // bits a sample
    const uint32_t height = segment.number(2);
    set_size(header, reader, segment.number(2), height);
  }
  if (header.width == 0) reader.fail("corrupt: no JPEG frame");
  return header;
}

}  // namespace

ImageHeader check_container(const std::filesystem::path& path, Bytes bytes) {
  const Reader reader(path, bytes);
  if (bytes.empty()) reader.fail("the file is empty");
  if (bytes.size() >= 8 && std::equal(png_signature.begin(), png_signature.end(), bytes.begin())) {
    return check_png(reader);
  }
  if (bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == start_of_image) return check_jpeg(reader);
  reader.fail("neither a PNG nor a JPEG image");
}

}  // namespace render
