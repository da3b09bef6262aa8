#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace autograd {

/// Bump allocation with marks: everything allocated after a mark is released at once, in O(1).
/// Blocks grow by doubling and are kept, so a repeated pattern of allocations stops asking the
/// system for memory. Nothing is destroyed: only trivially destructible things live here.
class Arena {
 public:
  struct Mark {
    size_t block = 0, offset = 0;
    int64_t used = 0;
    bool operator==(const Mark&) const = default;
  };

  /// 64-byte aligned, uninitialised. Never returns null.
  void* allocate(int64_t bytes);
  template <class T>
  T* array(int64_t count) {
    return static_cast<T*>(allocate(count * static_cast<int64_t>(sizeof(T))));
  }

  Mark mark() const { return {block_, offset_, used_}; }
  /// Marks are released in the reverse of the order in which they were taken.
  void release(const Mark& mark);

  /// What an allocation takes.
  static int64_t bytes_of(int64_t bytes);
  int64_t used() const { return used_; }
  int64_t reserved() const { return reserved_; }
  /// Gives back the blocks past the current one.
  void trim();

 private:
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::byte* begin = nullptr;  ///< 64-byte aligned
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0, offset_ = 0;
  int64_t used_ = 0, reserved_ = 0;
};

}  // namespace autograd
