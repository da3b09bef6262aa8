// tinyobjloader is forgiving: it reads "nan" as 0, "1.5" as the index 1, drops faces, and tells no lines.
// So the text is read once by its own rules here; only what passes is handed on.

#include <render/geometry/obj_parts.h>
#include <render/image/file.h>

#include <algorithm>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <optional>

namespace render {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Cuts text into lines at \n, \r\n and \r, as tinyobjloader does.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
    line = rest_.substr(0, end);
    const bool pair = rest_.substr(end, 2) == "\r\n";
    rest_.remove_prefix(std::min(end + (pair ? 2 : 1), rest_.size()));
    ++number_;
    return true;
  }
  size_t number() const { return number_; }

 private:
  std::string_view rest_;
  size_t number_ = 0;
};

/// Takes the next word off the line; empty at its end.
std::string_view next_word(std::string_view& line) {
  size_t begin = 0;
  while (begin < line.size() && is_blank(line[begin])) ++begin;
  size_t end = begin;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// A decimal number, whole: nullopt where the word is none; infinite where it is too large.
std::optional<double> parse_number(std::string_view word) {
  if (word.starts_with('+') && !word.starts_with("+-")) word.remove_prefix(1);  // from_chars knows no plus sign
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end != word.data() + word.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const bool tiny = word.find("e-") != word.npos || word.find("E-") != word.npos;
    return tiny ? 0 : HUGE_VAL;
  }
  if (error != std::errc{}) return std::nullopt;
  return value;
}

constexpr const char* kind_names[] = {"vertex", "texture vertex", "normal"};

class Checker {
 public:
  Checker(const std::filesystem::path& path, std::string_view text) : path_(path), lines_(text) {}

  ObjNumbers run() {
    std::string_view line;
    while (lines_.next(line)) check_line(line);
    check_forward_references();
    if (numbers_.face_lines.empty()) {
      throw FileError(path_.string() + ": no faces; expected an OBJ with at least one 'f' line");
    }
    return std::move(numbers_);
  }

 private:
  [[noreturn]] void fail(size_t line, const std::string& what) const {
    throw FileError(at_line(path_, line) + ": " + what);
  }
  [[noreturn]] void fail(const std::string& what) const { fail(lines_.number(), what); }

  void check_line(std::string_view line) {
    if (line.find('\0') != line.npos) fail("a zero byte; expected the text of an OBJ file");
    const std::string_view keyword = next_word(line);
    if (keyword.empty() || keyword.front() == '#') return;
    if (keyword == "v") return check_vertex(line);
    if (keyword == "vt") return check_uv(line);
    if (keyword == "vn") return check_normal(line);
    if (keyword == "f") return check_face(line);
    if (keyword == "mtllib") numbers_.libraries.push_back({std::string(trimmed(line)), lines_.number()});
    // Words that are not known (smoothing groups, curves, ...) carry nothing for a triangle mesh.
    const bool a_word = (keyword.front() | 32) >= 'a' && (keyword.front() | 32) <= 'z';
    if (!a_word)
      fail(in_quotes(keyword) + " is no OBJ keyword; expected v, vt, vn, f, usemtl, ... or # (one line each)");
  }

  /// The numbers of a line, at most 7, all of them finite.
  size_t read_numbers(std::string_view line, std::array<double, 7>& values) const {
    size_t count = 0;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
      if (word.front() == '#') break;
      const std::optional<double> value = parse_number(word);
      if (!value) fail(in_quotes(word) + " is not a number");
      if (!std::isfinite(*value)) fail(in_quotes(word) + " is not finite; expected a finite number");
      if (count == values.size()) fail("more than 7 numbers");
      values[count++] = *value;
    }
    return count;
  }

  void check_vertex(std::string_view line) {
    std::array<double, 7> values{};
    const size_t count = read_numbers(line, values);
    if (count < 3 || count == 5) {
      fail("a vertex of " + std::to_string(count) + " numbers; expected x y z, x y z w or x y z r g b");
    }
    const bool has_color = count >= 6;
    if (has_color && numbers_.colors.empty()) numbers_.colors.assign(numbers_.positions.size(), 1.0);
    numbers_.positions.insert(numbers_.positions.end(), values.begin(), values.begin() + 3);
    if (has_color) {
      numbers_.colors.insert(numbers_.colors.end(), values.begin() + 3, values.begin() + 6);
    } else if (!numbers_.colors.empty()) {
      numbers_.colors.insert(numbers_.colors.end(), 3, 1.0);
    }
  }

  void check_uv(std::string_view line) {
    std::array<double, 7> values{};
    const size_t count = read_numbers(line, values);
    if (count < 1 || count > 3) fail("a texture vertex of " + std::to_string(count) + " numbers; expected u v");
    for (const double value : values) {
      if (static_cast<float>(std::fabs(value)) > FLT_MAX) fail("a texture coordinate that float32 cannot hold");
    }
    numbers_.uvs.insert(numbers_.uvs.end(), values.begin(), values.begin() + 2);
  }

  void check_normal(std::string_view line) {
    std::array<double, 7> values{};
    const size_t count = read_numbers(line, values);
    if (count != 3) fail("a normal of " + std::to_string(count) + " numbers; expected x y z");
    numbers_.normals.insert(numbers_.normals.end(), values.begin(), values.begin() + 3);
  }

  void check_face(std::string_view line) {
    int corners = 0;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line), ++corners) check_corner(word);
    if (corners < 3) fail("a face of " + std::to_string(corners) + " corners; expected at least 3");
    numbers_.face_lines.push_back(lines_.number());
  }

  /// vertex, vertex/uv, vertex//normal or vertex/uv/normal. Nothing may be missing at the end: in "1/ 2"
  /// tinyobjloader would take the next corner's index for a texture index.
  void check_corner(std::string_view word) {
    std::string_view rest = word;
    for (size_t kind = 0; kind < 3; ++kind) {
      const size_t slash = std::min(rest.find('/'), rest.size());
      const bool left_out = kind == 1 && slash == 0 && !rest.empty();
      if (!left_out) check_index(word, rest.substr(0, slash), kind);
      if (slash == rest.size()) return;
      rest.remove_prefix(slash + 1);
    }
    fail_corner(word);
  }

  void check_index(std::string_view word, std::string_view index, size_t kind) {
    int32_t value = 0;
    const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), value);
    const bool out_of_range = error == std::errc::result_out_of_range;
    if (end != index.data() + index.size() || (error != std::errc{} && !out_of_range)) {
      fail_corner(word);
    }
    if (!out_of_range && value == 0) {
      fail(std::string(kind_names[kind]) + " index 0 in " + in_quotes(word) + "; OBJ counts from 1");
    }
    if (out_of_range || value < -count(kind)) fail_range(lines_.number(), kind, std::string(index));
    if (value > count(kind)) forward_.push_back({lines_.number(), kind, value});
  }

  [[noreturn]] void fail_corner(std::string_view word) const {
    fail(in_quotes(word) + " is not a corner of a face; expected vertex/texture/normal indices");
  }

  int64_t count(size_t kind) const {
    if (kind == 0) return static_cast<int64_t>(numbers_.positions.size() / 3);
    if (kind == 1) return static_cast<int64_t>(numbers_.uvs.size() / 2);
    return static_cast<int64_t>(numbers_.normals.size() / 3);
  }

  [[noreturn]] void fail_range(size_t line, size_t kind, const std::string& index) const {
    const std::string last = std::to_string(count(kind)), kind_name = kind_names[kind];
    const std::string expected = count(kind) == 0 ? "the file has no " + kind_name + " before it"
                                                  : "expected 1 to " + last + " or -1 to -" + last;
    fail(line, kind_name + " index " + index.substr(0, 40) + " is out of range; " + expected);
  }

  /// A face may name what a later line defines.
  void check_forward_references() const {
    for (const Forward& reference : forward_) {
      if (reference.index > count(reference.kind)) {
        fail_range(reference.line, reference.kind, std::to_string(reference.index));
      }
    }
  }

  struct Forward {
    size_t line, kind;
    int32_t index;
  };

  const std::filesystem::path& path_;
  Lines lines_;
  ObjNumbers numbers_;
  std::vector<Forward> forward_;
};

}  // namespace

std::string at_line(const std::filesystem::path& path, size_t line) {
  return path.string() + ":" + std::to_string(line);
}

std::string in_quotes(std::string_view text) {
  constexpr size_t longest = 40;
  std::string result = "'";
  for (const char c : text.substr(0, longest)) result += c >= ' ' && c <= '~' ? c : '?';
  return result + (text.size() > longest ? "...'" : "'");
}

ObjNumbers check_obj(const std::filesystem::path& path, std::string_view text) { return Checker(path, text).run(); }

}  // namespace render
