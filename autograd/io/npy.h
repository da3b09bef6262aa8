#pragma once

#include <autograd/core/array.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace autograd {

/// numpy's format for one array. Integers become int32 (FileError for a value that it does not hold), float16
/// becomes float32; either order of bytes and of axes.
/// throws FileError naming the file: missing, not .npy, cut short, another element type (strings, objects)
BACKLIGHT_API Array read_npy(const std::filesystem::path& path);
/// The same from memory; `name` stands for the file in errors.
BACKLIGHT_API Array read_npy(std::span<const unsigned char> bytes, const std::string& name = "npy");
/// Complete or not at all. throws FileError
BACKLIGHT_API void write_npy(const std::filesystem::path& path, const Array& array);

/// Most bytes that the arrays of an .npz file may take in all, unless told otherwise.
inline constexpr uint64_t zip_limit = uint64_t{1} << 33;

/// numpy's format for several named arrays: a ZIP archive of .npy files, as numpy.savez and savez_compressed write it.
/// throws FileError: as read_npy, for a corrupt archive, and where the arrays take more than `limit` bytes in all
BACKLIGHT_API std::map<std::string, Array> read_npz(const std::filesystem::path& path, uint64_t limit = zip_limit);
BACKLIGHT_API std::map<std::string, Array> read_npz(std::span<const unsigned char> bytes,
                                                    const std::string& name = "npz", uint64_t limit = zip_limit);
/// Not compressed; complete or not at all. Names are paths in the archive: ValueError for one that is empty, starts
/// with '/', or holds "..". throws FileError, also beyond 4 GiB
BACKLIGHT_API void write_npz(const std::filesystem::path& path, const std::map<std::string, Array>& arrays);

}  // namespace autograd
