#include <autograd/engine/interpreter_kernels.h>

namespace autograd::engine {

namespace baseline {
extern const KernelTable table;
}
#ifdef BACKLIGHT_HAS_V3
namespace v3 {
extern const KernelTable table;
}
#endif
#ifdef BACKLIGHT_HAS_V4
namespace v4 {
extern const KernelTable table;
}
#endif

static const KernelTable& choose() {
#ifdef BACKLIGHT_HAS_V4
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd")) {
    return v4::table;
  }
#endif
#ifdef BACKLIGHT_HAS_V3
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    return v3::table;
  }
#endif
  return baseline::table;
}

const KernelTable& kernel_table() {
  static const KernelTable& table = choose();
  return table;
}

}  // namespace autograd::engine
