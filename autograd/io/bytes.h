#pragma once

#include <autograd/io/file.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

// What the readers of formats share; private to io/.

namespace autograd::io {

using Bytes = std::span<const unsigned char>;

/// Walks the bytes of a file; what is wrong is a FileError that starts with its name.
class Reader {
 public:
  Reader(const std::string& name, Bytes bytes) : name_(name), bytes_(bytes) {}

  const std::string& name() const { return name_; }
  size_t size() const { return bytes_.size(); }
  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  void seek(uint64_t position) {
    if (position > bytes_.size()) fail("cut short: it points beyond its end");
    at_ = static_cast<size_t>(position);
  }
  Bytes take(uint64_t count) {
    if (count > left()) {
      fail("cut short: " + std::to_string(count) + " bytes expected at byte " + std::to_string(at_) + ", " +
           std::to_string(left()) + " left");
    }
    at_ += static_cast<size_t>(count);
    return bytes_.subspan(at_ - static_cast<size_t>(count), static_cast<size_t>(count));
  }
  uint64_t big_endian(size_t count) {
    uint64_t value = 0;
    for (const unsigned char byte : take(count)) value = value << 8 | byte;
    return value;
  }
  uint64_t little_endian(size_t count) {
    const Bytes bytes = take(count);
    uint64_t value = 0;
    for (size_t i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
  }
  /// One line, also where it quotes what the file holds.
  [[noreturn]] void fail(const std::string& what) const {
    std::string text = name_ + ": " + what;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
    throw FileError(text);
  }

 private:
  const std::string& name_;
  Bytes bytes_;
  size_t at_ = 0;
};

inline void append_little_endian(std::vector<unsigned char>& out, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) out.push_back(i < 8 ? static_cast<unsigned char>(value >> (8 * i)) : 0);
}

/// Files are read up to this size: more than the largest float64 array.
inline constexpr size_t file_limit = size_t{1} << 35;

/// Deflate makes no more than this of one byte (zlib's technical notes): what announces more lies.
inline constexpr uint64_t deflate_limit = 1032;

}  // namespace autograd::io
