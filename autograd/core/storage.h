#pragma once

#include <autograd/core/dtype.h>
#include <autograd/core/shape.h>

#include <atomic>
#include <cstddef>
#include <source_location>
#include <string>

namespace autograd {

/// The memory behind Array and Parameter. Private to the library. What every Step looks at comes first, in one line of
/// the cache (of shapes the first axis).
///
/// Leaves in open Steps that read this memory are references too, and assigning needs to know of them. Most are of the
/// thread that made it, which counts its own without locking: nobody else writes that number. Memory whose handles are
/// all gone goes with the last such leaf.
struct alignas(64) Storage {
  std::atomic<uint64_t> counts{1};  ///< references, and in the high half those that are leaves of other threads
  std::atomic<uint64_t> version{0};
  std::byte* data = nullptr;
  uint64_t serial = 0;  ///< never used twice, as addresses are
  std::atomic<uint32_t> own_leaves{0};
  uint32_t own_place = 0;  ///< of the maker's last leaf among its leaves
  uint16_t maker = no_thread;
  DType dtype = DType::float32;
  bool left = false;  ///< the maker has dropped the last handle; for nobody else to look at
  Shape shape;
  std::source_location assigned_at;  ///< of the last assignment, for errors
  std::string name;
  Storage* next_handed_over = nullptr;

  static Storage* create(const Shape& shape, DType dtype);
  uint32_t references() const { return static_cast<uint32_t>(counts.load(std::memory_order_acquire)) + own(); }
  void retain() { counts.fetch_add(1, std::memory_order_relaxed); }
  void release() { drop(1); }
  /// Leaves in open Steps, of any thread.
  uint32_t readers() const { return static_cast<uint32_t>(counts.load(std::memory_order_acquire) >> 32) + own(); }
  void add_reader() { counts.fetch_add(reader, std::memory_order_acq_rel); }
  void remove_reader() { drop(reader); }

  // For the maker alone:
  bool is_maker(uint16_t thread) const { return thread == maker && thread != no_thread; }
  bool has_own_leaves() const { return own_leaves.load(std::memory_order_relaxed) > 0; }
  void add_own_leaf(uint32_t place) {
    own_leaves.store(own_leaves.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    own_place = place;
  }
  void remove_own_leaf() {
    const uint32_t leaves = own_leaves.load(std::memory_order_relaxed) - 1;
    if (leaves == 0 && left) return destroy();
    own_leaves.store(leaves, std::memory_order_release);  // from here on another thread may destroy it
  }

  /// Destroys what other threads handed over and its maker has stopped reading.
  static void destroy_handed_over() {
    if (any_handed_over.load(std::memory_order_relaxed)) [[unlikely]]
      look_through_handed_over();
  }

  /// The calling thread's number, never used twice; no_thread for those that come late.
  static uint16_t this_thread();
  static constexpr uint16_t no_thread = 0;

 private:
  static constexpr uint64_t reader = uint64_t{1} << 32 | 1;
  static std::atomic<bool> any_handed_over;

  uint32_t own() const { return own_leaves.load(std::memory_order_acquire); }
  void drop(uint64_t count) {
    if (static_cast<uint32_t>(counts.fetch_sub(count, std::memory_order_acq_rel)) == static_cast<uint32_t>(count)) {
      own() == 0 ? destroy() : leave_to_maker();
    }
  }
  void leave_to_maker();
  static void look_through_handed_over();
  void destroy();
};

}  // namespace autograd
