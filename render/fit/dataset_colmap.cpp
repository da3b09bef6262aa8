#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/fit/dataset_parts.h>
#include <render/geometry/camera_convention.h>
#include <render/image/file.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

// A COLMAP text model, https://colmap.github.io/format.html. In cameras.txt a line is a camera,
//
//   CAMERA_ID MODEL WIDTH HEIGHT PARAMS...
//
// in images.txt two lines are an image; the second one lists its features, which are of no use here, and may be empty:
//
//   IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME
//   X Y POINT3D_ID ...

namespace render {

namespace {

namespace fs = std::filesystem;

/// Lines of a text file, counted from 1; comments and the spaces at either end are left out.
class TextLines {
 public:
  explicit TextLines(const fs::path& path) : path_(path), bytes_(read_file(path)) {
    rest_ = {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  /// False at the end of the file.
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    line = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    return true;
  }
  /// The next line that says something.
  bool next_entry(std::string_view& line) {
    while (next(line)) {
      if (!line.empty() && line.front() != '#') return true;
    }
    return false;
  }

  /// "images.txt:7"
  std::string place() const { return fmt::format("{}:{}", path_.string(), number_); }
  [[noreturn]] void fail(const std::string& what) const { throw FileError(place() + ": " + what); }

  /// Takes the next word off the line. throws FileError where there is none
  std::string_view word(std::string_view& line, const char* what) const {
    if (line.empty()) fail(fmt::format("{} is missing", what));
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view word = line.substr(0, end);
    line = trimmed(line.substr(end));
    return word;
  }
  template <class Number>
  Number number(std::string_view& line, const char* what) const {
    const std::string_view text = word(line, what);
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(static_cast<double>(value))) {
      fail(fmt::format("{} is '{}'; expected a finite number", what, printable(text)));
    }
    return value;
  }

  static std::string printable(std::string_view text) {
    std::string result(text.substr(0, 80));
    for (char& c : result) c = c >= ' ' && c <= '~' ? c : '?';
    return result;
  }

 private:
  static std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t\r");
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
  }

  fs::path path_;
  std::vector<unsigned char> bytes_;
  std::string_view rest_;
  size_t number_ = 0;
};

using CameraId = int64_t;

/// Width, height and intrinsics by id.
std::map<CameraId, Camera> read_cameras(const fs::path& path) {
  TextLines lines(path);
  std::map<CameraId, Camera> cameras;
  std::string_view line;
  while (lines.next_entry(line)) {
    const auto id = lines.number<CameraId>(line, "CAMERA_ID");
    const std::string_view model = lines.word(line, "MODEL");
    if (model != "PINHOLE" && model != "SIMPLE_PINHOLE") {
      lines.fail(
          fmt::format("camera {} is {}, of a lens whose distortion is not supported; expected PINHOLE or "
                      "SIMPLE_PINHOLE: undistort the images with `colmap image_undistorter`, which writes such a model",
                      id, TextLines::printable(model)));
    }
    Camera camera{.width = lines.number<int>(line, "WIDTH"), .height = lines.number<int>(line, "HEIGHT")};
    camera.fx = lines.number<double>(line, "the focal length");
    camera.fy = model == "PINHOLE" ? lines.number<double>(line, "the second focal length") : camera.fx;
    camera.cx = lines.number<double>(line, "the principal point's column");
    camera.cy = lines.number<double>(line, "the principal point's row");
    if (!line.empty()) lines.fail(fmt::format("camera {} has more numbers than its model {}", id, model));
    if (!(camera.width > 0 && camera.height > 0 && camera.fx > 0 && camera.fy > 0)) {
      lines.fail(fmt::format("camera {} has {}x{} pixels and focal lengths {} and {}; expected positive numbers", id,
                             camera.width, camera.height, camera.fx, camera.fy));
    }
    if (!cameras.emplace(id, camera).second) lines.fail(fmt::format("camera {} for the second time", id));
  }
  return cameras;
}

struct ImageEntry {
  ViewPlace place;
  std::string name;
  CameraId camera_id;
  Camera camera;
};

ImageEntry parse_image(const TextLines& lines, std::string_view line, const std::map<CameraId, Camera>& cameras) {
  lines.number<int64_t>(line, "IMAGE_ID");
  ColmapPose pose;
  constexpr const char* names[] = {"QW", "QX", "QY", "QZ", "TX", "TY", "TZ"};
  for (size_t i = 0; i < 4; ++i) pose.rotation[i] = lines.number<double>(line, names[i]);
  for (size_t i = 0; i < 3; ++i) pose.translation[i] = lines.number<double>(line, names[4 + i]);
  ImageEntry image{.place = {}, .name = {}, .camera_id = lines.number<CameraId>(line, "CAMERA_ID"), .camera = {}};
  image.name = std::string(line);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (image.name.empty() || std::ranges::any_of(image.name, is_control)) {
    lines.fail(fmt::format("NAME is '{}'; expected the name of an image", TextLines::printable(image.name)));
  }
  image.place = {fmt::format("{} ({})", lines.place(), image.name), lines.place()};
  const auto camera = cameras.find(image.camera_id);
  if (camera == cameras.end()) image.place.fail(fmt::format("camera {} is not in cameras.txt", image.camera_id));
  image.camera = camera->second;
  try {
    image.camera.world_from_camera = pose_from_colmap(pose);
  } catch (const ag::ValueError&) {
    image.place.fail("QW QX QY QZ is of length 0 or too large; expected a rotation");
  }
  return image;
}

/// In the order of their names: that of the file depends on how the model was made.
std::vector<ImageEntry> read_images(const fs::path& path, const std::map<CameraId, Camera>& cameras) {
  TextLines lines(path);
  std::vector<ImageEntry> images;
  std::string_view line, features;
  while (lines.next_entry(line)) {
    images.push_back(parse_image(lines, line, cameras));
    lines.next(features);
  }
  if (images.empty()) throw FileError(path.string() + ": no images");
  std::ranges::stable_sort(images, {}, &ImageEntry::name);
  const auto twice = std::ranges::adjacent_find(images, {}, &ImageEntry::name);
  if (twice != images.end()) (twice + 1)->place.fail("the same image as at " + twice->place.after);
  return images;
}

fs::path find_image(const ImageEntry& image, const fs::path& folder) {
  const fs::path name = relative_path(image.place, "NAME", image.name);
  std::error_code ignored;
  for (const fs::path& path : {folder / "images" / name, folder / name}) {
    if (fs::is_regular_file(path, ignored)) return path;
  }
  image.place.fail(fmt::format("no such image in {}, nor in {}", (folder / "images").string(), folder.string()));
}

View read_view(const ImageEntry& image, const fs::path& folder, const DatasetOptions& options) {
  const fs::path path = find_image(image, folder);
  View view{image.name, image.camera, read_view_image(image.place, path)};
  if (view.image.width != image.camera.width || view.image.height != image.camera.height) {
    image.place.fail(fmt::format(
        "{} is {}x{} pixels, but camera {} in cameras.txt says {}x{}; expected the images that the model was "
        "made from (--max-size reduces them)",
        path.string(), view.image.width, view.image.height, image.camera_id, image.camera.width, image.camera.height));
  }
  finish_view(image.place, path, find_mask(folder, fs::path(image.name)), options, view);
  return view;
}

}  // namespace

std::optional<fs::path> find_colmap_model(const fs::path& folder) {
  std::error_code ignored;
  const fs::path places[] = {folder, folder / "sparse" / "0", folder / "sparse"};
  for (const fs::path& place : places) {
    if (fs::exists(place / "cameras.txt", ignored) && fs::exists(place / "images.txt", ignored)) return place;
  }
  for (const fs::path& place : places) {
    if (!fs::exists(place / "cameras.bin", ignored)) continue;
    throw FileError(
        fmt::format("{}: a binary COLMAP model; expected a text one: `colmap model_converter --input_path {} "
                    "--output_path {} --output_type TXT` makes it",
                    (place / "cameras.bin").string(), place.string(), place.string()));
  }
  return std::nullopt;
}

Dataset read_colmap(const fs::path& folder, const fs::path& model, const DatasetOptions& options) {
  const std::map<CameraId, Camera> cameras = read_cameras(model / "cameras.txt");
  Dataset dataset;
  for (const ImageEntry& image : read_images(model / "images.txt", cameras)) {
    dataset.views.push_back(read_view(image, folder, options));
  }
  return dataset;
}

}  // namespace render
