#pragma once

#include <autograd/engine/scatter_run.h>

#include <optional>

namespace autograd::engine {

/// Memory of the calling thread, until the next call.
std::byte* local_memory(int64_t bytes);

/// Scratch memory that a run takes for the results of blocks of its folds.
int64_t fold_bytes(const Region& region);

/// One run of a fused region: where its memory is, and how its domain is cut for threads.
class FusedRun {
 public:
  FusedRun(const Recording& recording, Region& region, Arena& scratch, const Values& values);

  /// The whole region over all threads, folds included; throws IndexError, ValueError (an integer division by zero).
  void run();

  // As a stage (stages.cpp), on a domain that is `rows` rows:
  /// Before the first row of a block of rows whose folds are combined at the end (fold.h).
  void start_row_block(int64_t block) { identify_rows(block, 0, arguments_.lanes()); }
  /// The rows [first, last), and their folds over lanes; `local` is the thread's memory for them.
  void run_rows(int64_t first, int64_t last, int64_t rows, std::byte* local);
  /// After all rows: the other folds; throws as run().
  void finish();
  /// Estimated time on one thread, in nanoseconds.
  double cost() const { return element_cost_ * static_cast<double>(arguments_.size); }
  /// Rows in a block of rows.
  int64_t row_block() const { return arguments_.row_block; }

 private:
  size_t count(ir::Fold::Span span) const;
  std::byte* fold_memory(size_t fold, Arena& scratch);
  void run_parts();
  void run_row_blocks(int64_t begin, int64_t end);
  void identify_rows(int64_t block, int64_t first_lane, int64_t width);
  template <class T>
  const T* at(const Place& place) const {
    return reinterpret_cast<const T*>(values_[place.base] + place.bytes);
  }
  void run_piece(const Piece& piece) { KernelRun(*region_.kernel, arguments_, fault_).run(piece); }
  void run_streams();
  template <class After>
  void run_blocks(int64_t begin, int64_t end, After&& after);
  void finish_lanes(int64_t first_row, int64_t last_row);
  void finish_folds();

  const Recording& recording_;
  Region& region_;
  const ir::Program& program_;
  KernelArguments& arguments_;
  const Values& values_;
  Fault fault_;
  double element_cost_;                ///< nanoseconds
  bool rows_ = false, lanes_ = false;  ///< there are folds of that span
  int64_t blocks_ = 0, row_blocks_ = 1;
  int64_t window_ = 0, windows_ = 1;
  RowTable* tables_ = nullptr;  ///< per lookups
  std::optional<ScatterRun> scatters_;
};

}  // namespace autograd::engine
