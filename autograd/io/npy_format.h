#pragma once

#include <autograd/core/array.h>

#include <vector>

namespace autograd::io {

/// Magic, version and header of an .npy file, padded so that the elements after it are aligned.
std::vector<unsigned char> npy_header(const Array& array);

}  // namespace autograd::io
