#pragma once

namespace autograd {

/// Throws ValueError, naming both, unless the option is from `lowest` to `highest`; NaN is not. Private to optim/.
void require_option(const char* method, const char* name, double value, double lowest, double highest);

}  // namespace autograd
