#include <autograd/io/elements.h>
#include <autograd/io/inflate.h>
#include <autograd/io/npy.h>
#include <autograd/io/npy_format.h>
#include <zlib.h>

#include <algorithm>
#include <string_view>

// A ZIP archive (PKWARE's APPNOTE.TXT): members, each a local header and its data; a central directory, which says
// where members are and how large; an end record, which says where the directory is. Only the directory is
// believed: the sizes in numpy's local headers are placeholders.

namespace autograd {

namespace {

using io::Bytes;
using io::Reader;

constexpr uint64_t local_signature = 0x04034b50, directory_signature = 0x02014b50, end_signature = 0x06054b50;
constexpr size_t end_size = 22, longest_comment = 65535;
constexpr uint64_t placeholder = 0xffffffff;  // "see the ZIP64 record"

struct Member {
  std::string name;
  uint64_t method = 0, crc = 0, compressed = 0, size = 0, offset = 0;
};

struct Directory {
  uint64_t offset = 0, entries = 0;
};

Directory find_directory(Reader& reader, Bytes bytes) {
  if (bytes.size() < end_size) reader.fail("not an .npz file (a ZIP archive)");
  const size_t last = bytes.size() - end_size, first = last - std::min(last, longest_comment);
  for (size_t at = last + 1; at-- > first;) {
    reader.seek(at);
    if (reader.little_endian(4) != end_signature) continue;
    reader.take(6);
    const uint64_t entries = reader.little_endian(2);
    reader.take(4);
    const uint64_t offset = reader.little_endian(4);
    if (offset == placeholder) reader.fail("a ZIP64 archive; at most 4 GiB are accepted");
    return {offset, entries};
  }
  reader.fail("not an .npz file (a ZIP archive), or cut short");
}

Member read_entry(Reader& reader) {
  Member member;
  if (reader.little_endian(4) != directory_signature) reader.fail("corrupt: the archive's directory has a gap");
  reader.take(4);
  if ((reader.little_endian(2) & 1) != 0) reader.fail("encrypted");
  member.method = reader.little_endian(2);
  reader.take(4);  // time and date
  member.crc = reader.little_endian(4);
  member.compressed = reader.little_endian(4);
  member.size = reader.little_endian(4);
  const uint64_t name = reader.little_endian(2), extra = reader.little_endian(2), comment = reader.little_endian(2);
  reader.take(8);  // disk, attributes
  member.offset = reader.little_endian(4);
  const Bytes text = reader.take(name);
  member.name.assign(text.begin(), text.end());
  reader.take(extra + comment);
  if (member.size == placeholder || member.compressed == placeholder || member.offset == placeholder)
    reader.fail("a ZIP64 archive; at most 4 GiB are accepted");
  return member;
}

/// Refuses what would make much of little before memory is taken for it.
void check_sizes(const Reader& reader, const std::vector<Member>& members, uint64_t limit) {
  uint64_t total = 0;
  for (const Member& member : members) {
    const uint64_t most = member.method == 0 ? member.compressed : member.compressed * io::deflate_limit;
    if (member.method != 0 && member.method != 8)
      reader.fail("'" + member.name + "' is compressed by method " + std::to_string(member.method) +
                  "; expected 0 (stored) or 8 (deflate)");
    if (member.size > most)
      reader.fail("corrupt: '" + member.name + "' announces " + std::to_string(member.size) + " bytes, which its " +
                  std::to_string(member.compressed) + " cannot hold");
    total += member.size;
  }
  if (total > limit)
    reader.fail("its arrays take " + std::to_string(total) + " bytes; at most " + std::to_string(limit) +
                " are accepted");
}

/// Where the member's data begin.
uint64_t data_offset(Reader& reader, const Member& member) {
  reader.seek(member.offset);
  if (reader.little_endian(4) != local_signature) reader.fail("corrupt: '" + member.name + "' is not where announced");
  reader.take(22);
  const uint64_t name = reader.little_endian(2), extra = reader.little_endian(2);
  reader.take(name + extra);
  return reader.at();
}

std::vector<Bytes> find_data(Reader& reader, Bytes bytes, const std::vector<Member>& members, uint64_t directory) {
  std::vector<Bytes> data;
  std::vector<std::pair<uint64_t, uint64_t>> places;
  for (const Member& member : members) {
    const uint64_t begin = data_offset(reader, member);
    if (begin + member.compressed > directory) reader.fail("cut short: '" + member.name + "' runs into the directory");
    data.push_back(bytes.subspan(begin, member.compressed));
    places.emplace_back(member.offset, begin + member.compressed);
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i) {
    if (places[i].first < places[i - 1].second) reader.fail("corrupt: members of the archive overlap");
  }
  return data;
}

std::vector<unsigned char> unpack(const Reader& reader, const Member& member, Bytes data) {
  std::vector<unsigned char> content(member.size);
  if (member.method == 0) {
    std::copy_n(data.begin(), content.size(), content.begin());
  } else {
    io::Inflater inflater(reader, data, io::Inflater::Format::raw);
    inflater.fill(content);
    inflater.expect_end();
  }
  if (crc32_z(crc32(0, nullptr, 0), content.data(), content.size()) != member.crc)
    reader.fail("corrupt: '" + member.name + "' has a wrong checksum");
  return content;
}

void check_name(const std::string& name) {
  const bool fits = !name.empty() && name[0] != '/' && name.find("..") == name.npos && name.find('\0') == name.npos &&
                    name.size() < 60000;
  if (!fits) throw ValueError("write_npz: the name '" + name + "' is no path in an archive");
}

/// What local header and directory entry have in common, from the version needed to the length of the name.
void append_description(std::vector<unsigned char>& out, const Member& member) {
  constexpr uint64_t version = 20, utf8_names = 1 << 11, first_of_january_1980 = 33;
  io::append_little_endian(out, version, 2);
  io::append_little_endian(out, utf8_names, 2);
  io::append_little_endian(out, 0, 4);  // stored; midnight
  io::append_little_endian(out, first_of_january_1980, 2);
  io::append_little_endian(out, member.crc, 4);
  io::append_little_endian(out, member.size, 4);
  io::append_little_endian(out, member.size, 4);
  io::append_little_endian(out, member.name.size(), 2);
}

void append_member(std::vector<unsigned char>& out, const Member& member, Bytes header, Bytes elements) {
  io::append_little_endian(out, local_signature, 4);
  append_description(out, member);
  io::append_little_endian(out, 0, 2);
  out.insert(out.end(), member.name.begin(), member.name.end());
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), elements.begin(), elements.end());
}

void append_directory(std::vector<unsigned char>& out, const std::vector<Member>& members) {
  const size_t start = out.size();
  for (const Member& member : members) {
    io::append_little_endian(out, directory_signature, 4);
    io::append_little_endian(out, 20, 2);
    append_description(out, member);
    io::append_little_endian(out, 0, 12);  // no extra, no comment, disk 0, no attributes
    io::append_little_endian(out, member.offset, 4);
    out.insert(out.end(), member.name.begin(), member.name.end());
  }
  const size_t size = out.size() - start;
  io::append_little_endian(out, end_signature, 4);
  io::append_little_endian(out, 0, 4);
  io::append_little_endian(out, members.size(), 2);
  io::append_little_endian(out, members.size(), 2);
  io::append_little_endian(out, size, 4);
  io::append_little_endian(out, start, 4);
  io::append_little_endian(out, 0, 2);
}

}  // namespace

std::map<std::string, Array> read_npz(std::span<const unsigned char> bytes, const std::string& name, uint64_t limit) {
  Reader reader(name, bytes);
  const Directory directory = find_directory(reader, bytes);
  reader.seek(directory.offset);
  std::vector<Member> members;
  for (uint64_t i = 0; i < directory.entries; ++i) members.push_back(read_entry(reader));
  check_sizes(reader, members, limit);
  const std::vector<Bytes> data = find_data(reader, bytes, members, directory.offset);
  std::map<std::string, Array> arrays;
  for (size_t i = 0; i < members.size(); ++i) {
    constexpr std::string_view suffix = ".npy";
    std::string key = members[i].name;
    if (!key.ends_with(suffix)) reader.fail("'" + key + "' is not an .npy file");
    key.resize(key.size() - suffix.size());
    const std::string place = name + "/" + members[i].name;
    if (!arrays.emplace(key, read_npy(unpack(reader, members[i], data[i]), place)).second)
      reader.fail("corrupt: two members are called '" + members[i].name + "'");
  }
  return arrays;
}

std::map<std::string, Array> read_npz(const std::filesystem::path& path, uint64_t limit) {
  return read_npz(read_file(path, io::file_limit), path.string(), limit);
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, Array>& arrays) {
  std::vector<unsigned char> out;
  std::vector<Member> members;
  for (const auto& [name, array] : arrays) {
    check_name(name);
    const std::vector<unsigned char> header = io::npy_header(array);
    const Bytes elements = io::bytes_of(array);
    const uLong crc =
        crc32_z(crc32_z(crc32(0, nullptr, 0), header.data(), header.size()), elements.data(), elements.size());
    const uint64_t size = header.size() + elements.size();
    if (out.size() + size >= placeholder || members.size() >= 0xffff)
      throw FileError(path.string() + ": not written, as an archive of 4 GiB or 65535 arrays would need ZIP64");
    members.push_back({name + ".npy", 0, crc, size, size, out.size()});
    append_member(out, members.back(), header, elements);
  }
  append_directory(out, members);
  write_file(path, out);
}

}  // namespace autograd
