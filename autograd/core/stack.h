#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

namespace autograd {

/// A vector of plain records that grow at the end, for what is pushed most often: growing is a call of its own, so that
/// a push costs its callers a comparison and no registers.
template <class T>
class Stack {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  template <class... Arguments>
  T& push(Arguments&&... arguments) {
    if (end_ == limit_) [[unlikely]]
      grow();
    return *new (end_++) T(std::forward<Arguments>(arguments)...);
  }
  void pop() { --end_; }
  void shrink(size_t size) { end_ = begin() + size; }
  size_t size() const { return static_cast<size_t>(end_ - begin()); }
  T& operator[](size_t i) { return begin()[i]; }
  const T& operator[](size_t i) const { return begin()[i]; }
  T& back() { return end_[-1]; }
  T* begin() const { return reinterpret_cast<T*>(memory_.get()); }
  T* end() const { return end_; }
  /// What was pushed `n` records behind the end before it was popped, or zeros; null: there is no room for it.
  const T* popped(size_t n) const { return static_cast<size_t>(limit_ - end_) > n ? end_ + n : nullptr; }

 private:
  [[gnu::noinline]] void grow() {
    const size_t count = size(), room = std::max<size_t>(64, 2 * count);
    auto larger = std::make_unique<std::byte[]>(room * sizeof(T));
    if (count > 0) std::memcpy(larger.get(), memory_.get(), count * sizeof(T));
    memory_ = std::move(larger);
    end_ = begin() + count;
    limit_ = begin() + room;
  }

  std::unique_ptr<std::byte[]> memory_;
  T* end_ = nullptr;
  T* limit_ = nullptr;
};

}  // namespace autograd
