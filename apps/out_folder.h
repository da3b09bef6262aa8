#pragma once

#include <filesystem>
#include <vector>

/// Throws FileError where no file of this name can be written, before the work whose result it is to hold.
void require_writable(const std::filesystem::path& file);

/// The folder of a command's results. Made before the work, so that one that cannot be written to is known at once;
/// where an exception ends the work before anything is in it, what was made is removed.
class OutFolder {
 public:
  /// throws autograd::FileError
  explicit OutFolder(const std::filesystem::path& path);
  ~OutFolder();
  OutFolder(const OutFolder&) = delete;
  OutFolder& operator=(const OutFolder&) = delete;

 private:
  std::vector<std::filesystem::path> made_;  ///< the innermost first
  int exceptions_;
};
