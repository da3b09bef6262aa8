#pragma once

#include <autograd/core/export.h>

#include <cstdint>
#include <functional>

namespace autograd {

/// Calls run(begin, end) on parts of [0, count) that cover it, from as many threads as set_threads()
/// allows, where the estimated `cost` (nanoseconds of one thread) is worth waking them. Where a part
/// begins must not change the result. For kernels of custom operations and for host loops: runs
/// isolated (a waiting thread takes no unrelated task), and exceptions propagate.
BACKLIGHT_API void parallel_for(int64_t count, double cost, const std::function<void(int64_t, int64_t)>& run);

}  // namespace autograd
