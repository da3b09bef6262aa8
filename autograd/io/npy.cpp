#include <autograd/io/elements.h>
#include <autograd/io/npy.h>
#include <autograd/io/npy_format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

// "\x93NUMPY", version (2), length of the header (2, from version 2 on 4), header, elements. The header is a Python
// dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }

namespace autograd {

namespace {

using io::Bytes;
using io::Reader;
using io::Stored;

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> extents;
};

/// Reads the dictionary, which is Python's, but of three values only.
class HeaderParser {
 public:
  HeaderParser(const Reader& reader, Bytes text)
      : reader_(reader), text_(reinterpret_cast<const char*>(text.data()), text.size()) {}

  Header parse() {
    Header header;
    bool seen[3] = {};
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      const int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : 3;
      if (which == 3 || std::exchange(seen[which], true)) fail("the key '" + key + "'");
      if (which == 0) header.descr = string();
      if (which == 1) header.fortran_order = boolean();
      if (which == 2) header.extents = tuple();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) fail("text after the dictionary");
    if (!seen[0] || !seen[1] || !seen[2]) fail("no descr, fortran_order or shape");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { reader_.fail("corrupt .npy header: " + what); }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char expected) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != expected) return false;
    ++at_;
    return true;
  }
  void expect(char expected) {
    if (!accept(expected)) fail(std::string("no '") + expected + "' where it is expected");
  }
  std::string string() {
    skip_spaces();
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') {
      if (!accept('\'')) fail("no text where it is expected (structured arrays are not supported)");
    }
    const size_t end = text_.find(quote, at_);
    if (end == text_.npos) fail("a text without an end");
    const std::string result(text_.substr(at_, end - at_));
    at_ = end + 1;
    return result;
  }
  bool boolean() {
    skip_spaces();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    fail("fortran_order is neither True nor False");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (error != std::errc()) fail("an extent that is no whole number");
      at_ = static_cast<size_t>(end - text_.data());
      accept('L');  // Python 2's long integers
      values.push_back(value);
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return values;
  }

  const Reader& reader_;
  std::string_view text_;
  size_t at_ = 0;
};

std::optional<Stored> element_type(std::string_view code) {
  constexpr std::pair<std::string_view, Stored> codes[] = {
      {"f2", Stored::f16}, {"f4", Stored::f32}, {"f8", Stored::f64}, {"i1", Stored::i8},
      {"u1", Stored::u8},  {"i2", Stored::i16}, {"u2", Stored::u16}, {"i4", Stored::i32},
      {"u4", Stored::u32}, {"i8", Stored::i64}, {"u8", Stored::u64}, {"b1", Stored::boolean}};
  for (const auto& [name, type] : codes) {
    if (name == code) return type;
  }
  return std::nullopt;
}

/// Elements whose first axis runs fastest, in row-major order.
std::vector<unsigned char> row_major(Bytes elements, const Shape& shape, size_t size) {
  std::vector<unsigned char> out(elements.size());
  int64_t index[max_rank] = {};
  for (size_t to = 0; to < out.size(); to += size) {
    int64_t from = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) from = from * shape[axis] + index[axis];
    std::copy_n(elements.data() + static_cast<size_t>(from) * size, size, out.data() + to);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return out;
}

const char* code_of(DType type) {
  switch (type) {
    case DType::float32: return "<f4";
    case DType::float64: return "<f8";
    case DType::int32: return "<i4";
    case DType::boolean: return "|b1";
  }
  return "";
}

}  // namespace

Array read_npy(std::span<const unsigned char> bytes, const std::string& name) {
  Reader reader(name, bytes);
  constexpr std::string_view magic = "\x93NUMPY";
  const Bytes start = reader.take(magic.size());
  if (!std::equal(magic.begin(), magic.end(), start.begin(),
                  [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; }))
    reader.fail("not an .npy file");
  const uint64_t major = reader.little_endian(1);
  reader.little_endian(1);
  if (major < 1 || major > 3) reader.fail("version " + std::to_string(major) + " of the .npy format; expected 1 to 3");
  const Bytes text = reader.take(reader.little_endian(major == 1 ? 2 : 4));
  Header header = HeaderParser(reader, text).parse();
  const char order = header.descr.empty() ? '?' : header.descr[0];
  const std::optional<Stored> type = element_type(std::string_view(header.descr).substr(header.descr.empty() ? 0 : 1));
  if (!type || (order != '<' && order != '>' && order != '|'))
    reader.fail("elements of type '" + header.descr + "'; expected floats, integers or bool");
  const io::Extents extents = io::checked_extents(reader, header.extents, *type);
  Bytes elements = reader.take(extents.bytes);
  if (reader.left() > 0) reader.fail(std::to_string(reader.left()) + " bytes more than the shape needs");
  std::vector<unsigned char> reordered;
  if (header.fortran_order) elements = reordered = row_major(elements, extents.shape, io::size_of(*type));
  return io::to_array(reader, elements, extents.shape, *type, order == '>' ? std::endian::big : std::endian::little);
}

Array read_npy(const std::filesystem::path& path) { return read_npy(read_file(path, io::file_limit), path.string()); }

std::vector<unsigned char> io::npy_header(const Array& array) {
  std::string text = std::string("{'descr': '") + code_of(array.dtype()) + "', 'fortran_order': False, 'shape': (";
  for (const int64_t extent : array.shape()) text += std::to_string(extent) + ", ";
  if (array.shape().rank() > 1) text.resize(text.size() - 2);
  if (array.shape().rank() == 1) text.resize(text.size() - 1);
  text += "), }";
  constexpr size_t before = 10, alignment = 64;
  while ((before + text.size() + 1) % alignment != 0) text += ' ';
  text += '\n';
  std::vector<unsigned char> header{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  append_little_endian(header, text.size(), 2);
  header.insert(header.end(), text.begin(), text.end());
  return header;
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  std::vector<unsigned char> bytes = io::npy_header(array);
  const Bytes elements = io::bytes_of(array);
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  write_file(path, bytes);
}

}  // namespace autograd
