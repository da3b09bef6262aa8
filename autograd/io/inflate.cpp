#include <autograd/io/inflate.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace autograd::io {

struct Inflater::Stream {
  z_stream zlib{};
  Bytes unread;  ///< not yet given to zlib, whose counters are 32 bits
  bool ended = false;
};

namespace {

template <class Size>
uInt next_part(Size size) {
  return static_cast<uInt>(std::min<uint64_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

Inflater::Inflater(const Reader& reader, Bytes compressed, Format format)
    : reader_(reader), stream_(std::make_unique<Stream>()) {
  stream_->unread = compressed;
  const int window = format == Format::gzip ? 16 + MAX_WBITS : -MAX_WBITS;
  if (inflateInit2(&stream_->zlib, window) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(&stream_->zlib); }

size_t Inflater::produce(std::span<unsigned char> out) {
  z_stream& zlib = stream_->zlib;
  size_t filled = 0;
  while (filled < out.size() && !stream_->ended) {
    if (zlib.avail_in == 0 && !stream_->unread.empty()) {
      const uInt part = next_part(stream_->unread.size());
      zlib.next_in = const_cast<unsigned char*>(stream_->unread.data());  // zlib's type; it only reads
      zlib.avail_in = part;
      stream_->unread = stream_->unread.subspan(part);
    }
    zlib.next_out = out.data() + filled;
    zlib.avail_out = next_part(out.size() - filled);
    const uInt room = zlib.avail_out;
    const int result = inflate(&zlib, Z_NO_FLUSH);
    filled += room - zlib.avail_out;
    if (result == Z_STREAM_END) stream_->ended = true;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_BUF_ERROR && stream_->unread.empty()) reader_.fail("cut short: the compressed data end early");
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      reader_.fail(std::string("corrupt: ") + (zlib.msg != nullptr ? zlib.msg : "not compressed as announced"));
  }
  return filled;
}

void Inflater::fill(std::span<unsigned char> out) {
  if (produce(out) < out.size()) reader_.fail("cut short: the compressed data hold less than announced");
}

void Inflater::expect_end() {
  unsigned char more;
  if (produce({&more, 1}) != 0) reader_.fail("corrupt: the compressed data hold more than announced");
}

}  // namespace autograd::io
