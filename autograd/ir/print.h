#pragma once

#include <autograd/ir/program.h>

#include <string>

namespace autograd::ir {

const char* name_of(Code code);

/// One line an instruction: "v7: float32 = multiply v3 v5".
std::string to_string(const Program& program);

}  // namespace autograd::ir
