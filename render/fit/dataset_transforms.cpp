#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/fit/dataset_parts.h>
#include <render/geometry/pose.h>
#include <render/image/file.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <utility>

// One frame of the file becomes one View in four steps, each of which can refuse it by name:
// resolve() finds the image, read_intrinsics() and read_pose() make the camera, finish_view() the alpha.

namespace render {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// One entry of "frames" and what it needs to find its values and to name itself in an error.
struct Frame {
  const fs::path& json_path;
  const Json& document;
  const Json& entry;
  size_t index;
  std::string name;  ///< its file_path

  ViewPlace place() const {
    const std::string quoted = name.empty() ? "" : fmt::format(" ({})", name);
    return {fmt::format("{}: frame {}{}", json_path.string(), index, quoted),
            fmt::format("frame {} of {}", index, json_path.string())};
  }
  [[noreturn]] void fail(const std::string& reason) const { place().fail(reason); }
};

// JSON ------------------------------------------------------------------------------------------

/// With our own "path:line: ".
[[noreturn]] void fail_at(const fs::path& path, std::string_view text, size_t byte, std::string_view reason) {
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(byte), '\n');
  throw FileError(fmt::format("{}:{}: {}", path.string(), line, reason));
}

/// The text after "[json.exception.kind.101] parse error at line 1, column 2: ".
[[noreturn]] void fail_parsing(const fs::path& path, const std::string& what, std::string_view text, size_t byte) {
  // What other programs write for a number that is none; the parser has stopped in its first letters.
  for (const std::string_view word : {"NaN", "Infinity", "nan", "inf"}) {
    const size_t found = text.substr(0, byte + word.size()).rfind(word);
    if (found != text.npos && found + word.size() > byte)
      fail_at(path, text, byte, fmt::format("{} is not a finite number", word));
  }
  const size_t prefix = what.find(": ");
  fail_at(path, text, byte, std::string_view(what).substr(prefix == what.npos ? 0 : prefix + 2));
}

/// The number that float64 cannot hold, which the parser quotes at the end of its text.
[[noreturn]] void fail_at_number(const fs::path& path, const std::string& what, std::string_view text) {
  const size_t end = what.rfind('\''), begin = end == what.npos || end == 0 ? what.npos : what.rfind('\'', end - 1);
  if (begin == what.npos) throw FileError(fmt::format("{}: a number that is not finite", path.string()));
  const std::string number = what.substr(begin + 1, end - begin - 1);
  fail_at(path, text, std::min(text.find(number), text.size()), number + " is not a finite number");
}

Json parse(const fs::path& path) {
  const std::vector<unsigned char> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    fail_parsing(path, error.what(), text, std::min(text.size(), std::max<size_t>(error.byte, 1) - 1));
  } catch (const Json::out_of_range& error) {
    fail_at_number(path, error.what(), text);
  }
}

/// The value of `key`, null counting as absent.
const Json* find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::optional<double> find_number(const Frame& frame, const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (!value) return std::nullopt;
  if (!value->is_number()) frame.fail(fmt::format("{} is {}; expected a number", key, value->dump()));
  return value->get<double>();
}

/// The frame's value, else the file's.
std::optional<double> find_number(const Frame& frame, const char* key) {
  const std::optional<double> own = find_number(frame, frame.entry, key);
  return own ? own : find_number(frame, frame.document, key);
}

/// A string that may stand in a path and in a one-line message; empty where there is none.
std::string find_path(const Frame& frame, const char* key) {
  const Json* value = find(frame.entry, key);
  if (!value) return {};
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (value->is_string()) {
    const std::string& text = value->get_ref<const std::string&>();
    if (!text.empty() && std::none_of(text.begin(), text.end(), is_control)) return text;
  }
  frame.fail(fmt::format("{} is {}; expected the path of an image", key, value->dump()));
}

// Images ----------------------------------------------------------------------------------------

/// The file that `name` means, relative to the JSON and inside its folder.
fs::path resolve(const Frame& frame, const char* key, const std::string& name) {
  const fs::path path = frame.json_path.parent_path() / relative_path(frame.place(), key, name);
  for (const char* extension : {"", ".png", ".jpg"}) {
    fs::path candidate = path;
    candidate += extension;
    std::error_code ignored;
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  frame.fail(fmt::format("{} {}: no such image (nor with .png or .jpg added)", key, path.string()));
}

/// The frame's mask_path, else a file in masks/; of no use where the image has alpha.
std::optional<fs::path> find_frame_mask(const Frame& frame, const fs::path& image_path, const Image8& image) {
  if (image.has_alpha) return std::nullopt;
  const std::string mask_path = find_path(frame, "mask_path");
  if (!mask_path.empty()) return resolve(frame, "mask_path", mask_path);
  return find_mask(frame.json_path.parent_path(), image_path.filename());
}

// Cameras ---------------------------------------------------------------------------------------

struct Focal {
  double x, y;
};

/// fl_x or camera_angle_x of the frame, else of the file; fl_y follows fl_x unless it is given beside or within.
Focal read_focal(const Frame& frame, double width) {
  std::optional<double> x, y;
  for (const Json* level : {&frame.entry, &frame.document}) {
    if (!y) y = find_number(frame, *level, "fl_y");
    x = find_number(frame, *level, "fl_x");
    if (const auto angle = find_number(frame, *level, "camera_angle_x"); angle && !x) {
      if (!(*angle > 0 && *angle < std::numbers::pi)) {
        frame.fail(fmt::format("camera_angle_x is {}; expected radians between 0 and pi", *angle));
      }
      x = width / (2 * std::tan(*angle / 2));
    }
    if (x) break;
  }
  if (!x) frame.fail("no focal length; expected fl_x (pixels) or camera_angle_x (radians), in the frame or at the top");
  const Focal focal{*x, y.value_or(*x)};
  if (!(focal.x > 0 && focal.y > 0)) {
    frame.fail(fmt::format("fl_x and fl_y are {} and {}; expected positive pixels", focal.x, focal.y));
  }
  return focal;
}

void refuse_distortion(const Frame& frame) {
  for (const char* key : {"k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2"}) {
    if (const double value = find_number(frame, key).value_or(0); value != 0) {
      frame.fail(fmt::format("lens distortion is not supported: {} is {}; undistort the images first", key, value));
    }
  }
}

/// A camera without a pose, for the image as its file has it.
Camera read_intrinsics(const Frame& frame, const fs::path& path, const Image8& image) {
  refuse_distortion(frame);
  const double width = find_number(frame, "w").value_or(image.width);
  const double height = find_number(frame, "h").value_or(image.height);
  if (width != image.width || height != image.height) {
    frame.fail(fmt::format("{} is {}x{} pixels, but w and h say {}x{}; scale fl_x, fl_y, cx, cy, w and h to the image",
                           path.string(), image.width, image.height, width, height));
  }
  const Focal focal = read_focal(frame, width);
  Camera camera{image.width, image.height, focal.x, focal.y};
  camera.cx = find_number(frame, "cx").value_or(width / 2);
  camera.cy = find_number(frame, "cy").value_or(height / 2);
  return camera;
}

Matrix4 read_matrix(const Frame& frame) {
  const char* expected = "expected transform_matrix: 4 rows of 4 numbers, camera to world";
  const Json* rows = find(frame.entry, "transform_matrix");
  if (!rows || !rows->is_array() || rows->size() != 4) frame.fail(expected);
  Matrix4 matrix{};
  for (size_t row = 0; row < 4; ++row) {
    const Json& values = (*rows)[row];
    if (!values.is_array() || values.size() != 4) frame.fail(expected);
    for (size_t column = 0; column < 4; ++column) {
      if (!values[column].is_number()) frame.fail(expected);
      matrix[4 * row + column] = values[column].get<double>();
    }
  }
  return matrix;
}

RigidPose read_pose(const Frame& frame, Convention convention) {
  RigidPose pose;
  try {
    pose = rigid_pose(read_matrix(frame));
  } catch (const ag::ValueError& error) {
    frame.fail(error.what());
  }
  if (convention == Convention::opencv) pose.world_from_camera = swap_opengl_opencv(pose.world_from_camera);
  return pose;
}

const Json& frames_of(const fs::path& path, const Json& document) {
  const Json* frames = document.is_object() ? find(document, "frames") : nullptr;
  if (!frames || !frames->is_array() || frames->empty()) {
    throw FileError(fmt::format("{}: no frames; expected an object with a list \"frames\"", path.string()));
  }
  return *frames;
}

View read_view(const Frame& frame, const fs::path& image_path, const DatasetOptions& options, ViewTally& scaled) {
  View view{frame.name, {}, read_view_image(frame.place(), image_path)};
  view.camera = read_intrinsics(frame, image_path, view.image);
  const RigidPose pose = read_pose(frame, options.convention);
  if (pose.scale != 1) scaled.add(fmt::format("{}, {:.6g}", frame.name, pose.scale));
  view.camera.world_from_camera = pose.world_from_camera;
  finish_view(frame.place(), image_path, find_frame_mask(frame, image_path, view.image), options, view);
  return view;
}

}  // namespace

Dataset read_transforms(const fs::path& path, const DatasetOptions& options) {
  const Json document = parse(path);
  const Json& frames = frames_of(path, document);

  Dataset dataset;
  ViewTally scaled;
  std::map<fs::path, size_t> seen;  // the frame that an image belongs to
  for (size_t index = 0; index < frames.size(); ++index) {
    Frame frame{path, document, frames[index], index, {}};
    if (!frame.entry.is_object()) frame.fail("expected an object with file_path and transform_matrix");
    frame.name = find_path(frame, "file_path");
    if (frame.name.empty()) frame.fail("no file_path");
    const fs::path image_path = resolve(frame, "file_path", frame.name);
    const auto [earlier, is_new] = seen.emplace(image_path, index);
    if (!is_new) frame.fail(fmt::format("the same image as frame {}", earlier->second));
    dataset.views.push_back(read_view(frame, image_path, options, scaled));
  }
  scaled.report("have a transform_matrix with a scale, which was divided out", dataset);
  return dataset;
}

}  // namespace render
