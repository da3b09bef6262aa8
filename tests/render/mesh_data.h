#pragma once

#include <tests/catch.h>
#include <tests/render/sample_files.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

/// A real mesh that stands beside the source tree, or an empty path (with a message) where it is absent.
inline std::filesystem::path shared_mesh(const std::string& name) {
  const std::optional<std::filesystem::path> data = sample::data_folder();
  if (data && std::filesystem::exists(*data / "meshes" / name)) return *data / "meshes" / name;
  WARN("skipped: no mesh " << name << " (BACKLIGHT_DATA names the folder of test data)");
  return {};
}

/// A test's own folder for text files.
class ScratchFolder : public sample::Folder {
 public:
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    const std::filesystem::path path = *this / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
