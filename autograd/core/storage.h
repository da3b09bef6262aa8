#pragma once

#include <autograd/core/dtype.h>
#include <autograd/core/shape.h>

#include <atomic>
#include <cstddef>
#include <source_location>
#include <string>

namespace autograd {

/// The memory behind Array and Parameter. Private to the library. What every Step looks at comes first, in one line of
/// the cache (of shapes the first two axes).
struct alignas(64) Storage {
  std::atomic<uint64_t> counts{1};
  std::atomic<uint64_t> version{0};
  std::byte* data = nullptr;
  uint64_t serial = 0;  ///< never used twice, as addresses are
  DType dtype = DType::float32;
  Shape shape;
  std::source_location assigned_at;  ///< of the last assignment, for errors
  std::string name;

  static Storage* create(const Shape& shape, DType dtype);
  uint32_t references() const { return static_cast<uint32_t>(counts.load(std::memory_order_acquire)); }
  void retain() { counts.fetch_add(1, std::memory_order_relaxed); }
  void release() { drop(1); }
  /// Leaves in open Steps, of any thread, that read this memory: assigning needs to know. Each is a reference too, and
  /// both are counted at once.
  uint32_t readers() const { return static_cast<uint32_t>(counts.load(std::memory_order_acquire) >> 32); }
  void add_reader() { counts.fetch_add(reader, std::memory_order_acq_rel); }
  void remove_reader() { drop(reader); }

 private:
  static constexpr uint64_t reader = uint64_t{1} << 32 | 1;
  void drop(uint64_t count) {
    if (static_cast<uint32_t>(counts.fetch_sub(count, std::memory_order_acq_rel)) == 1) destroy();
  }
  void destroy();
};

}  // namespace autograd
