#pragma once

#include <fmt/format.h>
#include <render/fit/dataset.h>
#include <render/geometry/camera_convention.h>
#include <render/image/file.h>

/// Writes the views' cameras as a COLMAP text model, cameras.txt and images.txt, into a folder.
inline void write_colmap_model(const std::filesystem::path& folder, const std::vector<render::View>& views) {
  std::string cameras, images;
  for (const render::View& view : views) {
    const render::Camera& camera = view.camera;
    const auto [q, t] = render::pose_to_colmap(camera.world_from_camera);
    const auto id = &view - views.data() + 1;
    cameras += fmt::format("{} PINHOLE {} {} {} {} {} {}\n", id, camera.width, camera.height, camera.fx, camera.fy,
                           camera.cx, camera.cy);
    images += fmt::format("{} {} {} {} {} {} {} {} {} {}\n\n", id, q[0], q[1], q[2], q[3], t[0], t[1], t[2], id,
                          std::filesystem::path(view.name).filename().string());
  }
  render::make_folder(folder);
  render::write_file(folder / "cameras.txt", cameras);
  render::write_file(folder / "images.txt", images);
}
