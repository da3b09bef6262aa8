#pragma once

#include <autograd/engine/fold.h>
#include <autograd/engine/jit/jit.h>
#include <autograd/engine/region.h>
#include <autograd/ir/program.h>

#include <memory>

namespace autograd::engine {

/// Runs machine code on pieces of a domain, one after another, each cut into rectangles. For one thread.
class Machine {
 public:
  Machine(jit::Function function, const ir::Program& program, const KernelArguments& arguments);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// A piece as KernelRun::run() takes it; returns whether there was a fault in it.
  bool run(const Piece& piece);

 private:
  static constexpr size_t carried_folds = 32;  ///< of all rows of a window
  static constexpr size_t most = 64;           ///< operands and patterns that fit without asking for memory

  template <class T>
  class Few {
   public:
    explicit Few(size_t count)
        : many_(count > most ? std::make_unique<T[]>(count) : nullptr), data_(many_ ? many_.get() : few_) {}
    T* data() { return data_; }
    T& operator[](size_t i) { return data_[i]; }

   private:
    T few_[most];
    std::unique_ptr<T[]> many_;
    T* data_;
  };
  /// Of an operand.
  struct Origin {
    std::byte* data;     ///< the element at index 0 of the domain, or where it would lie
    int64_t lane_bytes;  ///< from a lane to the next, where lanes lie in order
  };
  struct alignas(64) Carried {
    std::byte bytes[64];
  };

  void lane_window(const Piece& piece);
  void elements(int64_t begin, int64_t end);
  void windows(int64_t slice, int64_t row, int64_t rows);
  void rectangle(int64_t slice, int64_t row, int64_t lane, int64_t rows, int64_t lanes);
  void add_slice(int64_t slice);
  void place_folds(int64_t row, int64_t lane);
  void start_block();
  void end_block(int64_t block);
  DType type_of(size_t fold) const { return program_.body[program_.folds[fold].value].type; }
  template <class Do>
  void each_carried(int64_t rows, Do&& visit);

  jit::Function function_;
  const ir::Program& program_;
  const KernelArguments& arguments_;
  const Layout& layout_;
  jit::Call call_{};
  Few<Origin> origins_;
  Few<uint16_t> local_operands_;
  size_t local_count_ = 0;
  Few<std::byte*> data_;
  Few<const int32_t*> patterns_;
  Few<std::byte*> folds_;
  Few<int64_t> fold_bytes_;
  Few<FoldLanes> lanes_;
  size_t lane_folds_ = 0;
  int64_t rows_in_window_ = 0;
  Carried carried_[carried_folds];
  bool folds_all_ = false;
  bool one_row_ = false;  ///< the domain is, and any part of it is one rectangle
  bool fault_ = false;
};

}  // namespace autograd::engine
