#pragma once

#include <autograd/core/error.h>
#include <autograd/core/export.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace autograd {

/// Something is wrong with a file: the text is one line that starts with its name
/// (and ":line" where there is one).
class FileError : public Error {
 public:
  using Error::Error;
};

/// The whole file. throws FileError (missing, a directory, unreadable, larger than `limit` bytes).
BACKLIGHT_API std::vector<unsigned char> read_file(const std::filesystem::path& path, size_t limit = size_t{1} << 31);

/// Writes `bytes` to a temporary file beside `path`, checks every write and the close, and renames it:
/// either the complete file appears or nothing changes. A symbolic link is followed; what is not a
/// regular file (/dev/null, a pipe) is written to directly. throws FileError with the system's reason.
BACKLIGHT_API void write_file(const std::filesystem::path& path, std::span<const unsigned char> bytes);
BACKLIGHT_API void write_file(const std::filesystem::path& path, std::string_view text);

/// Makes the folder and its parents; throws FileError where that fails or where it cannot be written to.
BACKLIGHT_API void make_folder(const std::filesystem::path& path);

}  // namespace autograd
