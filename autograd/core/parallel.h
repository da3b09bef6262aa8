#pragma once

#include <cstdint>
#include <functional>

namespace autograd {

/// Calls run(begin, end) on parts of [0, count) that cover it, from several threads where the
/// estimated `cost` (nanoseconds of one thread) is worth waking them. Where a part begins must not
/// change the result. Runs isolated: a waiting thread takes no unrelated task. Exceptions propagate.
void parallel_for(int64_t count, double cost, const std::function<void(int64_t, int64_t)>& run);

}  // namespace autograd
