#pragma once

#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace autograd {

/// While it lives: round to nearest, denormals kept, whatever the caller of the library has set.
class FloatEnvironment {
 public:
#ifdef __SSE__
  FloatEnvironment() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~FloatEnvironment() { _mm_setcsr(saved_); }
#else
  FloatEnvironment() = default;
#endif
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

#ifdef __SSE__
 private:
  unsigned saved_;
#endif
};

}  // namespace autograd
