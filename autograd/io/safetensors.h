#pragma once

#include <autograd/core/array.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace autograd {

/// What a safetensors file holds: named arrays, and texts about them.
struct SafeTensors {
  std::map<std::string, Array> tensors;
  std::map<std::string, std::string> metadata;
};

/// A file in the safetensors format (github.com/huggingface/safetensors). Integers become int32 (FileError for a value
/// that it does not hold), float16 and bfloat16 float32. The format's own rules are kept: every byte belongs to
/// exactly one tensor, no key occurs twice.
/// throws FileError naming the file, and the tensor where it is one
BACKLIGHT_API SafeTensors read_safetensors(const std::filesystem::path& path);
/// The same from memory; `name` stands for the file in errors.
BACKLIGHT_API SafeTensors read_safetensors(std::span<const unsigned char> bytes,
                                           const std::string& name = "safetensors");

/// Complete or not at all; the same contents give the same bytes. ValueError for a tensor called "__metadata__" and
/// for texts that are not UTF-8; FileError
BACKLIGHT_API void write_safetensors(const std::filesystem::path& path, const SafeTensors& contents);

}  // namespace autograd
