#pragma once

#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/region.h>

namespace autograd::engine {

/// A Program prepared for execution tile by tile: each value has a place, which is a slot of a
/// tile's size, or, for a linear load or store, the operand's memory itself.
class Interpreter {
 public:
  explicit Interpreter(const ir::Program& program);

  /// Elements [begin, end) of the domain; begin is a multiple of fold_block. Expects the default
  /// floating-point environment.
  void run(const KernelArguments& arguments, int64_t begin, int64_t end, Fault& fault) const;

  /// Estimated cost of an element, in nanoseconds, for deciding whether threads are worth it.
  double cost() const { return cost_; }

 private:
  enum class Place : uint8_t { slot, load, store };
  struct Instruction {
    ir::Inst inst;
    DType argument_type = DType::float32;
    TileFunction function = nullptr;
    Place place = Place::slot;
    uint16_t where = 0;    ///< slot or operand
    bool uniform = false;  ///< the same for every element: computed once a call
  };
  struct Tile;

  void place_values();
  void execute(const Instruction& instruction, Tile& tile) const;
  void load(const Instruction& instruction, const Operand& operand, Tile& tile) const;
  void gather(const Instruction& instruction, const Operand& operand, Tile& tile) const;

  const ir::Program& program_;
  const KernelTable& kernels_;
  std::vector<Instruction> instructions_;
  uint16_t slots_ = 0;
  int64_t tile_size_ = 1024;
  double cost_ = 0;
};

}  // namespace autograd::engine
