#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace sample {

namespace fs = std::filesystem;

/// A new empty folder, removed with its contents at the end of the scope.
class Folder {
 public:
  Folder() {
    static int counter = 0;
    path_ =
        fs::temp_directory_path() / ("backlight-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
    fs::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_;
};

}  // namespace sample
