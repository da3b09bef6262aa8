#pragma once

#include <span>

namespace fuzz {

/// One format's reader: any bytes at all are read, or refused with a FileError that begins with the file's name.
/// Aborts where they are neither.
struct Target {
  const char* name;
  void (*run)(std::span<const unsigned char> bytes);
};

extern const Target targets[4];  ///< npy, npz, safetensors, idx

}  // namespace fuzz
