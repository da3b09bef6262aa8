#include <autograd/io/elements.h>
#include <autograd/io/idx.h>
#include <autograd/io/inflate.h>

// 0 0, element type, number of axes; an extent of 4 bytes for each axis; the elements. All big-endian.

namespace autograd {

namespace {

using io::Bytes;
using io::Reader;
using io::Stored;

struct Header {
  Stored type;
  io::Extents extents;
};

Stored element_type(const Reader& reader, unsigned char code) {
  switch (code) {
    case 0x08: return Stored::u8;
    case 0x09: return Stored::i8;
    case 0x0b: return Stored::i16;
    case 0x0c: return Stored::i32;
    case 0x0d: return Stored::f32;
    case 0x0e: return Stored::f64;
    default: reader.fail("not an IDX file: element type " + std::to_string(code));
  }
}

/// `take(n)` gives the next n bytes.
template <class Take>
Header read_header(const Reader& reader, Take&& take) {
  const std::array<unsigned char, 4> magic = take();
  if (magic[0] != 0 || magic[1] != 0) reader.fail("not an IDX file: it does not start with two zeros");
  const Stored type = element_type(reader, magic[2]);
  std::vector<int64_t> extents;
  for (int axis = 0; axis < magic[3]; ++axis) {
    const std::array<unsigned char, 4> bytes = take();
    extents.push_back(int64_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
  }
  return {type, io::checked_extents(reader, extents, type)};
}

Array read_plain(Reader& reader) {
  const Header header = read_header(reader, [&] {
    const Bytes bytes = reader.take(4);
    return std::array{bytes[0], bytes[1], bytes[2], bytes[3]};
  });
  const Bytes elements = reader.take(header.extents.bytes);
  if (reader.left() > 0) reader.fail(std::to_string(reader.left()) + " bytes more than announced");
  return io::to_array(reader, elements, header.extents.shape, header.type, std::endian::big);
}

Array read_gzip(const Reader& reader, Bytes bytes) {
  io::Inflater inflater(reader, bytes, io::Inflater::Format::gzip);
  const Header header = read_header(reader, [&] {
    std::array<unsigned char, 4> word;
    inflater.fill(word);
    return word;
  });
  if (header.extents.bytes / io::deflate_limit > bytes.size()) {
    reader.fail("announces " + std::to_string(header.extents.bytes) + " bytes, which its " +
                std::to_string(bytes.size()) + " cannot hold");
  }
  std::vector<unsigned char> elements(header.extents.bytes);
  inflater.fill(elements);
  inflater.expect_end();
  return io::to_array(reader, elements, header.extents.shape, header.type, std::endian::big);
}

}  // namespace

Array read_idx(std::span<const unsigned char> bytes, const std::string& name) {
  Reader reader(name, bytes);
  const bool gzipped = bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  return gzipped ? read_gzip(reader, bytes) : read_plain(reader);
}

Array read_idx(const std::filesystem::path& path) { return read_idx(read_file(path, io::file_limit), path.string()); }

}  // namespace autograd
