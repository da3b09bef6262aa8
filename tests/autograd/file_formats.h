#pragma once

#include <zlib.h>

#include <new>

#include "tests/autograd/file_bytes.h"

// Files of the formats that the library reads, put together by what they announce, true or not.

inline FileBytes npy(const std::string& dictionary, const FileBytes& data) {
  return bytes_of("\x93NUMPY") + FileBytes{1, 0} + little(dictionary.size(), 2) + bytes_of(dictionary) + data;
}

inline std::string described(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

/// Compressed; window: -MAX_WBITS for what is in a ZIP archive.
inline FileBytes gzip(const FileBytes& bytes, int window = 16 + MAX_WBITS) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  FileBytes out(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<unsigned char*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // all of it: deflateBound() says how much room that takes
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// One member of an archive, as its directory announces it.
struct Member {
  std::string name;
  FileBytes content;
  uint64_t method = 0;
  FileBytes stored = {};  ///< compressed; else the content
  uint64_t size = 0;      ///< announced; 0: the content's
  uint64_t crc = 0;       ///< announced; 0: the content's
  int64_t offset = -1;    ///< announced; -1: where it is
  uint64_t flags = 0;
};

/// As numpy writes it: the local headers' sizes are placeholders.
inline FileBytes zip(const std::vector<Member>& members, uint64_t entries = 1000) {
  FileBytes out, directory;
  for (const Member& member : members) {
    const FileBytes& data = member.method == 0 ? member.content : member.stored;
    const uint64_t crc = member.crc != 0 ? member.crc : crc32_z(0, member.content.data(), member.content.size());
    const auto offset = member.offset < 0 ? out.size() : static_cast<uint64_t>(member.offset);
    const uint64_t size = member.size != 0 ? member.size : member.content.size();
    directory = directory + little(0x02014b50, 4) + little(45, 2) + little(45, 2) + little(member.flags, 2) +
                little(member.method, 2) + little(0, 4) + little(crc, 4) + little(data.size(), 4) + little(size, 4) +
                little(member.name.size(), 2) + little(0, 12) + little(offset, 4) + bytes_of(member.name);
    out = out + little(0x04034b50, 4) + little(45, 2) + little(0, 2) + little(member.method, 2) + little(0, 8) +
          little(0xffffffff, 4) + little(0xffffffff, 4) + little(member.name.size(), 2) + little(20, 2) +
          bytes_of(member.name) + FileBytes(20) + data;
  }
  const size_t start = out.size();
  const uint64_t count = entries == 1000 ? members.size() : entries;
  return out + directory + little(0x06054b50, 4) + little(0, 4) + little(count, 2) + little(count, 2) +
         little(directory.size(), 4) + little(start, 4) + little(0, 2);
}

inline FileBytes safetensors(const std::string& header, const FileBytes& data) {
  return little(header.size(), 8) + bytes_of(header) + data;
}

/// Of its header.
inline std::string safetensors_entry(const std::string& name, const std::string& dtype, const std::string& shape,
                                     const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}
