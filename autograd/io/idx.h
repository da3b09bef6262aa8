#pragma once

#include <autograd/core/array.h>

#include <filesystem>
#include <span>
#include <string>

namespace autograd {

/// An array in the IDX format of the MNIST files (yann.lecun.com/exdb/mnist), gzipped or not. Bytes and integers
/// become int32, floats float32, doubles float64.
/// throws FileError naming the file: missing, not IDX, cut short, longer than announced, corrupt gzip
BACKLIGHT_API Array read_idx(const std::filesystem::path& path);
/// The same from memory; `name` stands for the file in errors.
BACKLIGHT_API Array read_idx(std::span<const unsigned char> bytes, const std::string& name = "idx");

}  // namespace autograd
