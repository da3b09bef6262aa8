#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/engine/jit/jit.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace autograd {

namespace {

constexpr Backend all[] = {Backend::avx512, Backend::avx2, Backend::interpreter};  // the best first

Backend best() {
  for (Backend candidate : all) {
    if (available(candidate)) return candidate;
  }
  return Backend::interpreter;
}

Backend from_environment() {
  const char* wanted = std::getenv("BACKLIGHT_BACKEND");
  if (wanted == nullptr || *wanted == '\0') return best();
  for (Backend candidate : all) {
    if (std::string_view(wanted) != name_of(candidate)) continue;
    if (available(candidate)) return candidate;
    throw ValueError(std::string("BACKLIGHT_BACKEND=") + wanted + ": this machine cannot run it; its best is " +
                     name_of(best()));
  }
  throw ValueError(std::string("BACKLIGHT_BACKEND=") + wanted + ": expected interpreter, avx2 or avx512");
}

std::atomic<int> chosen{-1};

}  // namespace

const char* name_of(Backend backend) {
  switch (backend) {
    case Backend::interpreter: return "interpreter";
    case Backend::avx2: return "avx2";
    case Backend::avx512: return "avx512";
  }
  return "";
}

bool available(Backend backend) {
  if (backend == Backend::interpreter) return true;
  return engine::jit::available(backend == Backend::avx512 ? engine::jit::Target::avx512 : engine::jit::Target::avx2);
}

void set_backend(Backend backend) {
  if (!available(backend)) {
    throw ValueError(std::string("set_backend: this machine cannot run ") + name_of(backend) + "; its best is " +
                     name_of(best()));
  }
  chosen = static_cast<int>(backend);
}

Backend backend() {
  if (chosen < 0) {
    static const Backend initial = from_environment();
    return initial;
  }
  return static_cast<Backend>(chosen.load());
}

}  // namespace autograd
