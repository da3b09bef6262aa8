#pragma once

#include <autograd/core/dtype.h>
#include <autograd/core/shape.h>

#include <atomic>
#include <cstddef>
#include <source_location>
#include <string>

namespace autograd {

/// The memory behind Array and Parameter. Private to the library.
struct Storage {
  std::atomic<uint32_t> references{1};
  /// Leaves in open Steps, of any thread, that read this memory: assigning needs to know.
  std::atomic<uint32_t> readers{0};
  std::atomic<uint64_t> version{0};
  DType dtype = DType::float32;
  Shape shape;
  std::string name;
  std::source_location assigned_at;  ///< of the last assignment, for errors
  std::byte* data = nullptr;

  static Storage* create(const Shape& shape, DType dtype);
  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release();
};

}  // namespace autograd
