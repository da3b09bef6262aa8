#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/fit/dataset.h>
#include <render/image/file.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

namespace render {

namespace {

using Json = nlohmann::ordered_json;  // keys in the order they are written here

void check_views(const std::vector<View>& views) {
  if (views.empty()) throw ag::ValueError("write_dataset: no views");
  for (size_t i = 0; i < views.size(); ++i) {
    const auto& [name, camera, image] = views[i];
    if (camera.width == image.width && camera.height == image.height) continue;
    throw ag::ValueError(fmt::format("write_dataset: view {} has a camera of {}x{} and an image of {}x{} pixels", i,
                                     camera.width, camera.height, image.width, image.height));
  }
}

/// camera_angle_x is for readers that know nothing else; it cannot say where the principal point is.
Json intrinsics(const Camera& camera) {
  return {{"camera_angle_x", 2 * std::atan(camera.width / (2 * camera.fx))},
          {"fl_x", camera.fx},
          {"fl_y", camera.fy},
          {"cx", camera.cx},
          {"cy", camera.cy},
          {"w", camera.width},
          {"h", camera.height}};
}

Json rows(const Matrix4& matrix) {
  Json result = Json::array();
  for (size_t at = 0; at < 16; at += 4) {
    result.push_back({matrix[at], matrix[at + 1], matrix[at + 2], matrix[at + 3]});
  }
  return result;
}

}  // namespace

void write_dataset(const std::filesystem::path& folder, const std::vector<View>& views) {
  check_views(views);
  make_folder(folder / "images");
  const std::filesystem::path json_path = folder / "transforms.json";
  std::error_code ignored;  // what cannot be removed cannot be replaced below either, which tells why
  std::filesystem::remove(json_path, ignored);

  const Json first = intrinsics(views.front().camera);
  bool all_equal = true;
  for (const View& view : views) all_equal = all_equal && intrinsics(view.camera) == first;

  Json document = all_equal ? first : Json::object();
  Json& frames = document["frames"] = Json::array();
  for (size_t i = 0; i < views.size(); ++i) {
    const auto& [name, camera, image] = views[i];
    const std::string file_path = fmt::format("images/{:03}.png", i);
    write_png(folder / file_path, image.width, image.height, 4, image.rgba);
    Json frame{{"file_path", file_path}};
    if (!all_equal) frame.update(intrinsics(camera));
    frame["transform_matrix"] = rows(camera.world_from_camera);
    frames.push_back(std::move(frame));
  }
  write_file(json_path, document.dump(2) + "\n");
}

}  // namespace render
