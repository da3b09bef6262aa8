#pragma once

#include <autograd/engine/interpreter.h>
#include <autograd/engine/jit/jit.h>
#include <autograd/engine/rectangles.h>
#include <autograd/engine/region.h>
#include <autograd/ir/program.h>

#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace autograd::engine {

/// A program and what executes it: machine code where there is some, else the interpreter.
class Kernel {
 public:
  explicit Kernel(ir::Program program);
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  const ir::Program& program() const { return program_; }
  /// Estimated cost of an element, in nanoseconds, for deciding whether threads are worth it.
  double cost() const { return cost_; }
  bool compiled() const { return function_ != nullptr; }
  std::span<const std::byte> code() const;

  void attach(std::shared_ptr<const jit::Code> code, size_t index);

 private:
  friend class KernelRun;
  const Interpreter& interpreter() const;

  ir::Program program_;
  double cost_ = 0;
  std::shared_ptr<const jit::Code> code_;
  size_t index_ = 0;
  jit::Function function_ = nullptr;
  mutable std::once_flag once_;
  mutable std::unique_ptr<const Interpreter> interpreter_;
};

/// Runs a kernel on pieces of one domain. For one thread.
class KernelRun {
 public:
  KernelRun(const Kernel& kernel, const KernelArguments& arguments, Fault& fault);
  /// Computes a piece. `begin` lies on a block of folds over all; folds over lanes need whole rows.
  void run(const Piece& piece) {
    // Where machine code met a fault, the interpreter says which.
    if (machine_ && !machine_->run(piece)) return;
    kernel_.interpreter().run(arguments_, piece, fault_);
  }

 private:
  const Kernel& kernel_;
  const KernelArguments& arguments_;
  Fault& fault_;
  std::optional<Machine> machine_;  ///< where there is machine code for this domain
};

/// Machine code of several kernels as one function.
struct Joint {
  std::shared_ptr<const jit::Code> code;
  jit::JointFunction function = nullptr;  ///< null where the system refuses executable memory
  std::span<const std::byte> bytes;
};

/// Collects the programs of a plan; those that the thread has seen before, in any plan, share a kernel.
class KernelSet {
 public:
  std::shared_ptr<const Kernel> add(ir::Program program);
  struct Part {
    std::shared_ptr<const Kernel> kernel;
    bool flat;  ///< see jit::Part
  };
  /// One function of several kernels. Null without machine code.
  std::shared_ptr<const Joint> join(std::span<const Part> parts);
  /// Machine code for all that are new, in one mapping.
  void compile();

 private:
  std::vector<std::shared_ptr<Kernel>> fresh_;
  std::vector<std::shared_ptr<Joint>> fresh_joints_;
  std::vector<std::vector<jit::Part>> joint_parts_;  ///< of those
};

/// Kernels that this thread has compiled to machine code so far.
int64_t compiled_kernels();

/// Cuts the domain into rows and lanes, and says how each operand of the program is walked. `whole_rows`: no piece
/// ends inside a row of the last axis; with folds of parts of the domain none does anyway.
void lay_out(ir::Program& program, KernelArguments& arguments, bool whole_rows);

}  // namespace autograd::engine
