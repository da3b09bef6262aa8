#pragma once

#include <autograd/io/file.h>

namespace render {

using autograd::FileError;
using autograd::make_folder;
using autograd::read_file;
using autograd::write_file;

}  // namespace render
