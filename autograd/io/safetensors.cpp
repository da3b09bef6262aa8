#include <autograd/io/elements.h>
#include <autograd/io/safetensors.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

// The header's length (8 bytes), the header, the elements of all tensors. The header is JSON, padded with spaces:
// {"name": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}, "__metadata__": {"key": "text"}};
// offsets count from the end of the header.

namespace autograd {

namespace {

using io::Bytes;
using io::Reader;
using io::Stored;
using Json = nlohmann::json;

constexpr uint64_t longest_header = 100'000'000;  // the reference implementation's limit
constexpr const char* metadata_key = "__metadata__";

constexpr std::pair<const char*, Stored> type_names[] = {
    {"F32", Stored::f32},   {"F64", Stored::f64}, {"I32", Stored::i32}, {"BOOL", Stored::boolean}, {"F16", Stored::f16},
    {"BF16", Stored::bf16}, {"I64", Stored::i64}, {"I16", Stored::i16}, {"I8", Stored::i8},        {"U8", Stored::u8},
    {"U16", Stored::u16},   {"U32", Stored::u32}, {"U64", Stored::u64}};

std::optional<Stored> type_called(const std::string& name) {
  for (const auto& [known, type] : type_names) {
    if (name == known) return type;
  }
  return std::nullopt;
}

const char* name_in_file(DType type) {
  switch (type) {
    case DType::float32: return "F32";
    case DType::float64: return "F64";
    case DType::int32: return "I32";
    case DType::boolean: return "BOOL";
  }
  return "";
}

/// The header as JSON that is neither deep nor ambiguous: a later key of the same name would hide an earlier one.
Json parse_header(const Reader& reader, Bytes text) {
  constexpr int deepest = 3;  // {name: {"shape": [...]}}
  std::vector<std::set<std::string>> keys(deepest + 1);
  const auto check = [&](int depth, Json::parse_event_t event, const Json& value) {
    if (depth > deepest) reader.fail("corrupt header: nested too deeply");
    if (event == Json::parse_event_t::object_start) keys[static_cast<size_t>(depth)].clear();
    if (event == Json::parse_event_t::key &&
        !keys[static_cast<size_t>(depth - 1)].insert(value.get<std::string>()).second)
      reader.fail("corrupt header: the key " + value.dump() + " occurs twice");
    return true;
  };
  try {
    const Json header = Json::parse(text.begin(), text.end(), check);
    if (!header.is_object()) reader.fail("corrupt header: not a JSON object");
    return header;
  } catch (const Json::exception& error) {
    reader.fail(std::string("corrupt header: ") + error.what());
  }
}

struct Entry {
  std::string name;
  Stored type = Stored::f32;
  Shape shape;
  uint64_t begin = 0, end = 0;
};

Entry read_entry(const Reader& reader, const std::string& name, const Json& json) {
  const std::string quoted = Json(name).dump();
  const auto list = [&](const char* key) -> const Json& {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_array()) reader.fail("tensor " + quoted + " has no list '" + key + "'");
    for (const Json& number : *found) {
      if (!number.is_number_integer()) reader.fail("tensor " + quoted + ": '" + key + "' holds " + number.dump());
    }
    return *found;
  };
  if (!json.is_object()) reader.fail("tensor " + quoted + " is not described by an object");
  const auto dtype = json.find("dtype");
  if (dtype == json.end() || !dtype->is_string()) reader.fail("tensor " + quoted + " has no 'dtype'");
  const std::optional<Stored> type = type_called(dtype->get<std::string>());
  if (!type) reader.fail("tensor " + quoted + " has elements of type " + dtype->dump() + ", which is not supported");
  const Json& offsets = list("data_offsets");
  if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    reader.fail("tensor " + quoted + ": data_offsets " + offsets.dump() + "; expected [begin, end]");
  std::vector<int64_t> extents;
  for (const Json& extent : list("shape")) {
    // Beyond int64 they would wrap.
    const bool huge = extent.is_number_unsigned() && extent.get<uint64_t>() > INT64_MAX;
    extents.push_back(huge ? INT64_MAX : extent.get<int64_t>());
  }
  const std::string place = reader.name() + ": tensor " + quoted;
  const io::Extents checked = io::checked_extents(Reader(place, {}), extents, *type);
  Entry entry{name, *type, checked.shape, offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>()};
  if (entry.end < entry.begin || entry.end - entry.begin != checked.bytes)
    reader.fail("tensor " + quoted + ": data_offsets " + offsets.dump() + " for the " + std::to_string(checked.bytes) +
                " bytes of shape " + checked.shape.to_string());
  return entry;
}

/// In the file's order, without gaps or overlaps up to the end.
void check_offsets(const Reader& reader, std::vector<Entry>& entries, uint64_t bytes) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end)
      reader.fail("tensor " + Json(entry.name).dump() + " begins at byte " + std::to_string(entry.begin) +
                  (entry.begin < end ? ", inside another" : ", after a gap") + "; expected " + std::to_string(end));
    end = entry.end;
  }
  if (end > bytes) reader.fail("cut short: tensors up to byte " + std::to_string(end) + " of " + std::to_string(bytes));
  if (end < bytes) reader.fail(std::to_string(bytes - end) + " bytes that belong to no tensor");
}

void read_metadata(const Reader& reader, const Json& json, std::map<std::string, std::string>& metadata) {
  if (!json.is_object()) reader.fail("corrupt header: __metadata__ is not an object");
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) reader.fail("corrupt header: __metadata__ " + Json(key).dump() + " is not a text");
    metadata.emplace(key, value.get<std::string>());
  }
}

}  // namespace

SafeTensors read_safetensors(std::span<const unsigned char> bytes, const std::string& name) {
  Reader reader(name, bytes);
  const uint64_t length = reader.little_endian(8);
  if (length > longest_header)
    reader.fail("not a safetensors file: a header of " + std::to_string(length) + " bytes; at most " +
                std::to_string(longest_header));
  const Bytes text = reader.take(length);
  if (text.empty() || text[0] != '{') reader.fail("not a safetensors file: the header is not a JSON object");
  SafeTensors result;
  std::vector<Entry> entries;
  const Json header = parse_header(reader, text);
  for (const auto& [key, value] : header.items()) {
    if (key == metadata_key) {
      read_metadata(reader, value, result.metadata);
    } else {
      entries.push_back(read_entry(reader, key, value));
    }
  }
  check_offsets(reader, entries, reader.left());
  for (const Entry& entry : entries) {
    const std::string place = name + ": tensor " + Json(entry.name).dump();
    result.tensors.emplace(
        entry.name, io::to_array(Reader(place, {}), reader.take(entry.end - entry.begin), entry.shape, entry.type));
  }
  return result;
}

SafeTensors read_safetensors(const std::filesystem::path& path) {
  return read_safetensors(read_file(path, io::file_limit), path.string());
}

void write_safetensors(const std::filesystem::path& path, const SafeTensors& contents) {
  // The widest elements first, as the reference implementation has them: so every tensor is aligned.
  std::vector<std::pair<std::string, Array>> order(contents.tensors.begin(), contents.tensors.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return size_of(a.second.dtype()) > size_of(b.second.dtype()); });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!contents.metadata.empty()) header[metadata_key] = contents.metadata;
  int64_t end = 0;
  for (const auto& [name, array] : order) {
    if (name == metadata_key) throw ValueError("write_safetensors: a tensor cannot be called __metadata__");
    const std::span<const int64_t> shape = array.shape().extents();
    const int64_t begin = end;
    end += array.bytes();
    header[name] = {{"dtype", name_in_file(array.dtype())},
                    {"shape", std::vector<int64_t>(shape.begin(), shape.end())},
                    {"data_offsets", {begin, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& error) {
    throw ValueError(std::string("write_safetensors: ") + error.what());
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  std::vector<unsigned char> bytes;
  bytes.reserve(8 + text.size() + static_cast<size_t>(end));
  io::append_little_endian(bytes, text.size(), 8);
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (const auto& [name, array] : order) {
    const Bytes elements = io::bytes_of(array);
    bytes.insert(bytes.end(), elements.begin(), elements.end());
  }
  write_file(path, bytes);
}

}  // namespace autograd
