#pragma once

#include <autograd/core/array.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

// What the tests of autograd share.

/// The sanitizers make everything many times slower, and memory their own: long tests take a part of their
/// cases, tests of memory do not run.
constexpr bool sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return true;
#endif
#endif
  return false;
}

/// Reproducible numbers: SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  int64_t below(int64_t count) { return static_cast<int64_t>(next() % static_cast<uint64_t>(count)); }
  double uniform(double low, double high) { return low + (high - low) * (static_cast<double>(next() >> 11) * 0x1p-53); }

 private:
  uint64_t state_;
};

/// Values from [low, high).
template <class T>
autograd::Array random_array(Random& random, const autograd::Shape& shape, double low, double high) {
  return autograd::Array::make<T>(shape, [&](std::span<T> out) {
    for (T& value : out) value = static_cast<T>(random.uniform(low, high));
  });
}

/// Numbers at the borders of a type's range, for each way in which arithmetic can go wrong.
template <class T>
std::vector<T> special_values() {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>) {
    return {false, true};
  } else if constexpr (std::is_integral_v<T>) {
    return {0, 1, -1, 2, -2, 7, -7, 65536, -65536, Limits::max(), Limits::lowest(), Limits::lowest() + 1};
  } else {
    return {T(0),
            T(-0.0),
            T(1),
            T(-1),
            T(2),
            T(0.5),
            T(-0.5),
            T(1.5),
            T(2.5),
            T(-2.5),
            T(1e-30),
            T(-1e30),
            T(40000.5),
            T(16777217),
            T(2147483648.0),
            T(-2147483649.0),
            Limits::denorm_min(),
            -Limits::denorm_min(),
            Limits::min(),
            Limits::max(),
            Limits::lowest(),
            Limits::infinity(),
            -Limits::infinity(),
            Limits::quiet_NaN()};
  }
}

/// Equal bytes; the sign and payload of a NaN are free.
template <class T>
bool same_bits(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  }
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

/// Position of the first element that differs, or -1; of spans and vectors of one type.
template <class A, class B>
int64_t first_difference(const A& a, const B& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!same_bits<typename A::value_type>(a[i], b[i])) return static_cast<int64_t>(i);
  }
  return a.size() == b.size() ? -1 : static_cast<int64_t>(std::min(a.size(), b.size()));
}

template <class A, class B>
bool same_values(const A& a, const B& b) {
  return first_difference(a, b) < 0;
}

/// Those that this machine has.
inline std::vector<autograd::Backend> backends() {
  std::vector<autograd::Backend> result;
  for (auto backend : {autograd::Backend::interpreter, autograd::Backend::avx2, autograd::Backend::avx512}) {
    if (autograd::available(backend)) result.push_back(backend);
  }
  return result;
}

/// Another backend while it lives.
class WithBackend {
 public:
  explicit WithBackend(autograd::Backend backend) : saved_(autograd::backend()) { autograd::set_backend(backend); }
  ~WithBackend() { autograd::set_backend(saved_); }
  WithBackend(const WithBackend&) = delete;
  WithBackend& operator=(const WithBackend&) = delete;

 private:
  autograd::Backend saved_;
};

/// Restores the number of threads.
class Threads {
 public:
  explicit Threads(int count) : saved_(autograd::threads()) { autograd::set_threads(count); }
  ~Threads() { autograd::set_threads(saved_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int saved_;
};
