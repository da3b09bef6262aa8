#pragma once

#include <autograd/core/export.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace autograd {

/// Refers to anything that can be called with (begin, end) and outlives the call; copies and allocates nothing.
class RangeFunction {
 public:
  template <class Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, RangeFunction>) RangeFunction(Function&& function)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* object, int64_t begin, int64_t end) {
          (*static_cast<std::remove_reference_t<Function>*>(object))(begin, end);
        }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int64_t);
};

/// Calls run(begin, end) on parts of [0, count) that cover it, from as many threads as set_threads()
/// allows, where the estimated `cost` (nanoseconds of one thread) is worth waking them. Where a part
/// begins must not change the result. For kernels of custom operations and for host loops: runs
/// isolated (a waiting thread takes no unrelated task), and exceptions propagate.
BACKLIGHT_API void parallel_for(int64_t count, double cost, RangeFunction run);

}  // namespace autograd
