#pragma once

#include <autograd/engine/plan.h>

namespace autograd::engine {

inline constexpr size_t most_joint_places = 64;  ///< operands of joint stages, and folds, and patterns

/// Gives stages machine code that goes from stage to stage with a few rows at a time (jit/joint.h), if there is such
/// code for all of them.
void join_stages(const Plan& plan, Stages& stages, KernelSet& kernels);

/// Runs it on blocks of rows, for one thread. What the regions' arguments point to is known (FusedRun).
class JointRun {
 public:
  JointRun(const Plan& plan, const Stages& stages);
  /// The rows [first, last); `local` is the thread's memory for them.
  void run(int64_t first, int64_t last, std::byte* local);

 private:
  /// A stage, and where its operands and folds begin among those of all.
  struct Part {
    const KernelArguments* arguments;
    const ir::Program* program;
    size_t operands, folds;
  };
  void place(const Part& part, int64_t row, std::byte* local);

  const Stages& stages_;
  size_t count_ = 0;
  Part parts_[most_stages];
  jit::Call calls_[most_stages];
  std::byte* data_[most_joint_places];
  int64_t row_bytes_[most_joint_places];
  std::byte* folds_[most_joint_places];
  int64_t fold_bytes_[most_joint_places];
  const int32_t* patterns_[most_joint_places];
};

}  // namespace autograd::engine
