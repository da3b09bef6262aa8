#pragma once

#include <autograd/engine/interpreter_kernels.h>
#include <autograd/engine/region.h>

namespace autograd::engine {

/// A Program prepared for execution tile by tile: each value has a place, which is a slot of a
/// tile's size, or, for a linear load or store, the operand's memory itself.
class Interpreter {
 public:
  explicit Interpreter(const ir::Program& program);

  /// A piece as KernelRun::run() takes it. Expects the default floating-point environment.
  void run(const KernelArguments& arguments, const Piece& piece, Fault& fault) const;

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
  void row(const Instruction& instruction, Tile& tile) const;
  void gather(const Instruction& instruction, const Operand& operand, Tile& tile) const;
  int64_t tile_end(const Tile& tile, int64_t end) const;
  void run_elements(Tile& tile, int64_t begin, int64_t end) const;
  void store(Tile& tile) const;
  void fold(Tile& tile, size_t fold, int64_t end) const;
  void fold_parts(Tile& tile, size_t fold) const;

  const ir::Program& program_;
  const KernelTable& kernels_;
  std::vector<Instruction> instructions_;
  uint16_t slots_ = 0;
  int64_t tile_size_ = 1024;
  bool folds_lanes_ = false;
};

}  // namespace autograd::engine
