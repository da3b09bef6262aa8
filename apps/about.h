#pragma once

#include <autograd/core/error.h>
#include <render/image/file.h>

#include <string>

/// What `work` returns. What it finds wrong with the contents of a file or folder is an error that names it.
template <class Work>
auto about(const std::string& name, Work&& work) {
  try {
    return work();
  } catch (const autograd::ValueError& error) {
    throw render::FileError(name + ": " + error.what());
  }
}
