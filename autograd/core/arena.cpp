#include <autograd/core/arena.h>
#include <autograd/core/large_pages.h>

#include <algorithm>

#if defined(__SANITIZE_ADDRESS__)
#define BACKLIGHT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BACKLIGHT_ASAN 1
#endif
#endif
#ifdef BACKLIGHT_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace autograd {

namespace {
constexpr size_t alignment = 64;
constexpr size_t first_block = size_t{1} << 16;
}  // namespace

int64_t Arena::bytes_of(int64_t bytes) {
  return static_cast<int64_t>((static_cast<size_t>(std::max<int64_t>(bytes, 1)) + alignment - 1) / alignment *
                              alignment);
}

void* Arena::allocate(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes_of(bytes));
  while (block_ < blocks_.size() && offset_ + size > blocks_[block_].size) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    Block block;
    block.size = std::max(size, blocks_.empty() ? first_block : 2 * blocks_.back().size);
    // Not value-initialised. Kernels may read, not write, a vector past the end of a buffer.
    block.memory.reset(new std::byte[block.size + 2 * alignment]);
    advise_large_pages(block.memory.get(), block.size);
    const auto address = reinterpret_cast<uintptr_t>(block.memory.get());
    block.begin = block.memory.get() + (alignment - address % alignment) % alignment;
    ASAN_POISON_MEMORY_REGION(block.begin, block.size);
    reserved_ += static_cast<int64_t>(block.size);
    blocks_.push_back(std::move(block));
  }
  std::byte* result = blocks_[block_].begin + offset_;
  ASAN_UNPOISON_MEMORY_REGION(result, size);
  offset_ += size;
  used_ += static_cast<int64_t>(size);
  return result;
}

void Arena::release(const Mark& mark) {
  for (size_t i = mark.block; i < blocks_.size() && i <= block_; ++i) {
    const size_t from = i == mark.block ? mark.offset : 0;
    ASAN_POISON_MEMORY_REGION(blocks_[i].begin + from, blocks_[i].size - from);
  }
  block_ = mark.block;
  offset_ = mark.offset;
  used_ = mark.used;
}

void Arena::trim() {
  while (blocks_.size() > block_ + 1) {
    reserved_ -= static_cast<int64_t>(blocks_.back().size);
    blocks_.pop_back();
  }
}

}  // namespace autograd
