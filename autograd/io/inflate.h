#pragma once

#include <autograd/io/bytes.h>

#include <memory>

namespace autograd::io {

/// Takes compressed bytes apart piece by piece, so that a header can be read before memory is taken for what it
/// announces.
class Inflater {
 public:
  enum class Format : uint8_t { gzip, raw };
  Inflater(const Reader& reader, Bytes compressed, Format format);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out`; FileError where the data are corrupt or end before.
  void fill(std::span<unsigned char> out);
  /// FileError where data follow, or where the gzip's checksum is wrong.
  void expect_end();

 private:
  struct Stream;
  size_t produce(std::span<unsigned char> out);

  const Reader& reader_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace autograd::io
