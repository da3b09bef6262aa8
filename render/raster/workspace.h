#pragma once

#include <array>
#include <cstddef>

namespace render::kernels {

/// Memory that kernels use again from call to call, so that a steady step allocates nothing. Nothing here
/// is inline but the declarations: a function compiled for AVX-512 must not become the one copy
/// that the linker keeps for every processor.
class Workspace {
 public:
  static constexpr std::size_t most_blocks = 16;

  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  /// At least `bytes` bytes, 64-byte aligned; the first `kept` bytes of the block are as they were.
  void* acquire(std::size_t block, std::size_t bytes, std::size_t kept = 0);

 private:
  struct Block {
    void* memory = nullptr;
    std::size_t bytes = 0;
  };
  std::array<Block, most_blocks> blocks_;
};

}  // namespace render::kernels
