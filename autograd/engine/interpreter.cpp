#include <autograd/engine/fold.h>
#include <autograd/engine/interpreter.h>

#include <algorithm>
#include <cstring>

// A program is run over tiles of a thousand elements: an instruction is one call of a compiled loop,
// so dispatch costs a few nanoseconds a tile and intermediate values stay in the inner caches.

namespace autograd::engine {

using ir::Access;
using ir::Code;
using ir::Inst;
using Span = ir::Fold::Span;

namespace {

constexpr int64_t slot_bytes = 4096;

template <class T>
void fill(void* memory, T value, int64_t count) {
  std::fill_n(static_cast<T*>(memory), count, value);
}

void fill_number(void* memory, DType type, double value, int64_t count) {
  switch (type) {
    case DType::float32: return fill(memory, static_cast<float>(value), count);
    case DType::float64: return fill(memory, value, count);
    case DType::int32: return fill(memory, convert<int32_t>(value), count);
    case DType::boolean: return fill(memory, value != 0, count);
  }
}

void shift(Code code, int32_t* out, const int32_t* x, int bits, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const auto wide = static_cast<uint32_t>(x[i]);
    out[i] = code == Code::shift_left    ? static_cast<int32_t>(wide << bits)
             : code == Code::shift_right ? x[i] >> bits
                                         : static_cast<int32_t>(wide >> bits);
  }
}

void compute_rare(ir::Rare routine, float* out, const bool* condition, const float* x, const float* usual,
                  int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = condition[i] ? ir::compute(routine, x[i]) : usual[i];
}

/// Calls run(first index of the tile, offset in elements, count) for each stretch of the tile along
/// the innermost axis.
template <class Run>
void for_each_run(const KernelArguments& arguments, const Operand& operand, int64_t begin, int64_t count, Run&& run) {
  std::array<int64_t, max_rank> index{};
  int64_t rest = begin;
  int64_t offset = 0;
  for (int axis = arguments.rank - 1; axis >= 0; --axis) {
    const auto i = static_cast<size_t>(axis);
    index[i] = rest % arguments.extents[i];
    rest /= arguments.extents[i];
    offset += index[i] * operand.strides[i];
  }
  const auto inner = static_cast<size_t>(arguments.rank - 1);
  for (int64_t done = 0; done < count;) {
    const int64_t length = std::min(arguments.extents[inner] - index[inner], count - done);
    run(done, offset, length);
    done += length;
    index[inner] += length;
    offset += length * operand.strides[inner];
    for (size_t axis = inner; axis > 0 && index[axis] == arguments.extents[axis]; --axis) {
      offset += operand.strides[axis - 1] - index[axis] * operand.strides[axis];
      index[axis] = 0;
      ++index[axis - 1];
    }
  }
}

}  // namespace

/// The state of one run over the domain.
struct Interpreter::Tile {
  const KernelArguments& arguments;
  const Piece& piece;
  Fault& fault;
  std::byte* slots;
  std::vector<void*>& values;
  int64_t* offsets;
  std::vector<FoldLanes>& lanes;
  int64_t begin = 0, count = 0;
  bool faulty = false;
};

Interpreter::Interpreter(const ir::Program& program) : program_(program), kernels_(kernel_table()) {
  instructions_.reserve(program.body.size());
  for (const Inst& inst : program.body) {
    Instruction instruction;
    instruction.inst = inst;
    const int arguments = ir::argument_count(inst.code);
    if (arguments > 0) {
      // A select's type is that of its sides, not of its condition.
      const ir::Value typed = inst.code == Code::select || inst.code == Code::rare ? inst.b : inst.a;
      instruction.argument_type = program.body[typed].type;
      instruction.function = kernels_.find(inst.code, instruction.argument_type, inst.type);
      instruction.uniform = inst.code != Code::gather && inst.code != Code::row && instructions_[inst.a].uniform &&
                            (arguments < 2 || instructions_[inst.b].uniform) &&
                            (arguments < 3 || instructions_[inst.c].uniform);
    } else {
      instruction.uniform = inst.code != Code::load || program.operands[inst.immediate].access == Access::uniform;
    }
    if (inst.type == DType::float64 || instruction.argument_type == DType::float64) tile_size_ = 512;
    instructions_.push_back(instruction);
  }
  for (const ir::Fold& fold : program.folds) folds_lanes_ = folds_lanes_ || fold.span == Span::lanes;
  place_values();
}

// Slots are given out by last use. A value that is stored is computed in its output's memory; a
// linear load is read where it lies.
void Interpreter::place_values() {
  const auto count = instructions_.size();
  std::vector<size_t> last_use(count, 0);
  for (size_t i = 0; i < count; ++i) {
    const Inst& inst = instructions_[i].inst;
    const int arguments = ir::argument_count(inst.code);
    const ir::Value used[3] = {inst.a, inst.b, inst.c};
    for (int k = 0; k < arguments; ++k) last_use[used[k]] = i;
  }
  for (const ir::Fold& fold : program_.folds) last_use[fold.value] = count;
  for (const ir::Store& store : program_.stores) last_use[store.value] = count;

  for (const ir::Store& store : program_.stores) {
    Instruction& instruction = instructions_[store.value];
    if (instruction.place != Place::slot || instruction.uniform) continue;
    if (instruction.inst.code == Code::load && program_.operands[instruction.inst.immediate].access == Access::linear)
      continue;
    instruction.place = Place::store;
    instruction.where = store.operand;
  }
  std::vector<uint16_t> free;
  for (size_t i = 0; i < count; ++i) {
    Instruction& instruction = instructions_[i];
    const Inst& inst = instruction.inst;
    if (inst.code == Code::load && program_.operands[inst.immediate].access == Access::linear) {
      instruction.place = Place::load;
      instruction.where = inst.immediate;
    } else if (instruction.place == Place::slot) {
      if (free.empty() || instruction.uniform) {
        instruction.where = slots_++;
      } else {
        instruction.where = free.back();
        free.pop_back();
      }
    }
    // Only now: an instruction's result never overlaps its arguments.
    const int arguments = ir::argument_count(inst.code);
    const ir::Value used[3] = {inst.a, inst.b, inst.c};
    for (int k = 0; k < arguments; ++k) {
      const Instruction& argument = instructions_[used[k]];
      const bool again = (k > 0 && used[k] == used[0]) || (k > 1 && used[k] == used[1]);
      if (last_use[used[k]] == i && !again && argument.place == Place::slot && !argument.uniform) {
        free.push_back(argument.where);
      }
    }
  }
}

void Interpreter::load(const Instruction& instruction, const Operand& operand, Tile& tile) const {
  auto* out = static_cast<std::byte*>(tile.values[static_cast<size_t>(&instruction - instructions_.data())]);
  const int64_t size = size_of(instruction.inst.type);
  const StrideFunction copy = kernels_.strided(instruction.inst.type);
  const int64_t stride = operand.strides[static_cast<size_t>(tile.arguments.rank - 1)];
  for_each_run(tile.arguments, operand, tile.begin, tile.count, [&](int64_t done, int64_t offset, int64_t length) {
    const std::byte* from = address(operand, tile.piece, offset);
    if (stride == 1) {
      std::memcpy(out + done * size, from, static_cast<size_t>(length * size));
    } else {
      copy(out + done * size, from, stride, length);
    }
  });
}

void Interpreter::row(const Instruction& instruction, Tile& tile) const {
  const auto id = static_cast<size_t>(&instruction - instructions_.data());
  const auto* index = static_cast<const int32_t*>(tile.values[instruction.inst.a]);
  auto* out = static_cast<int32_t*>(tile.values[id]);
  const int32_t* table = tile.arguments.tables.data() + 2 * instruction.inst.immediate;
  const auto rows = static_cast<uint32_t>(table[0]);
  const auto stride = static_cast<uint32_t>(table[1]);
  int64_t bad = tile.count;
  for (int64_t i = 0; i < tile.count; ++i) {
    const bool exists = static_cast<uint32_t>(index[i]) < rows;
    if (!exists) bad = std::min(bad, i);
    out[i] = exists ? static_cast<int32_t>(static_cast<uint32_t>(index[i]) * stride) : 0;
  }
  if (bad == tile.count) return;
  tile.fault.report(tile.begin + bad, id, index[bad]);
  tile.faulty = true;
}

void Interpreter::gather(const Instruction& instruction, const Operand& operand, Tile& tile) const {
  const auto id = static_cast<size_t>(&instruction - instructions_.data());
  if (tile.faulty) {  // the table may have no row at all
    std::memset(tile.values[id], 0, static_cast<size_t>(tile.count * size_of(instruction.inst.type)));
    return;
  }
  const Access access = program_.operands[instruction.inst.immediate].access;
  const int64_t* offsets = nullptr;
  if (access != Access::uniform) {
    const int64_t stride = operand.strides[static_cast<size_t>(tile.arguments.rank - 1)];
    for_each_run(tile.arguments, operand, tile.begin, tile.count, [&](int64_t done, int64_t offset, int64_t length) {
      for (int64_t i = 0; i < length; ++i) tile.offsets[done + i] = offset + i * stride;
    });
    offsets = tile.offsets;
  }
  kernels_.gather(instruction.inst.type)(
      tile.values[id], operand.data, static_cast<const int32_t*>(tile.values[instruction.inst.a]), offsets, tile.count);
}

void Interpreter::execute(const Instruction& instruction, Tile& tile) const {
  const Inst& inst = instruction.inst;
  const auto id = static_cast<size_t>(&instruction - instructions_.data());
  switch (inst.code) {
    case Code::literal: return fill_number(tile.values[id], inst.type, program_.literals[inst.immediate], tile.count);
    case Code::scalar:
      return fill_number(tile.values[id], inst.type, tile.arguments.scalars[inst.immediate], tile.count);
    case Code::load:
      if (instruction.place != Place::load) load(instruction, tile.arguments.operands[inst.immediate], tile);
      return;
    case Code::row: return row(instruction, tile);
    case Code::gather: return gather(instruction, tile.arguments.operands[inst.immediate], tile);
    case Code::shift_left:
    case Code::shift_right:
    case Code::shift_right_logical:
      return shift(inst.code, static_cast<int32_t*>(tile.values[id]), static_cast<const int32_t*>(tile.values[inst.a]),
                   inst.immediate, tile.count);
    case Code::rare:
      return compute_rare(static_cast<ir::Rare>(inst.immediate), static_cast<float*>(tile.values[id]),
                          static_cast<const bool*>(tile.values[inst.a]), static_cast<const float*>(tile.values[inst.b]),
                          static_cast<const float*>(tile.values[inst.c]), tile.count);
    case Code::divide:
    case Code::remainder:
      if (inst.type == DType::int32) {
        const auto* divisor = static_cast<const int32_t*>(tile.values[inst.b]);
        const int64_t zero = std::find(divisor, divisor + tile.count, 0) - divisor;
        if (zero < tile.count) tile.fault.report(tile.begin + zero, id, 0);
      }
      break;
    default: break;
  }
  instruction.function(tile.values[id], tile.values[inst.a], tile.values[inst.b], tile.values[inst.c], tile.count);
}

int64_t Interpreter::tile_end(const Tile& tile, int64_t end) const {
  int64_t size = tile_size_;
  if (folds_lanes_) {  // a tile begins with a row, or at a multiple of its size inside one
    const int64_t lanes = tile.arguments.lanes();
    size = lanes < tile_size_ ? tile_size_ / lanes * lanes : std::min(size, lanes - tile.begin % lanes);
  }
  return std::min(tile.begin + size, end);
}

void Interpreter::run(const KernelArguments& arguments, const Piece& piece, Fault& fault) const {
  thread_local std::vector<std::byte> memory;
  thread_local std::vector<void*> values;
  thread_local std::vector<int64_t> offsets;
  thread_local std::vector<FoldLanes> lanes;
  // Slots of their own for what is written in place: it may not be written before all is read.
  const auto needed = (static_cast<size_t>(slots_) + 2 + program_.operands.size()) * slot_bytes;
  if (memory.size() < needed) memory.resize(needed);
  offsets.resize(static_cast<size_t>(tile_size_));
  lanes.resize(program_.folds.size());
  values.assign(instructions_.size(), nullptr);
  auto* slots = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;

  Tile tile{arguments, piece, fault, slots, values, offsets.data(), lanes};
  tile.begin = piece.begin;
  tile.count = std::min<int64_t>(tile_size_, piece.end - piece.begin);  // no tile of this piece has more
  for (size_t i = 0; i < instructions_.size(); ++i) {
    const Instruction& instruction = instructions_[i];
    if (instruction.place == Place::slot) values[i] = slots + instruction.where * slot_bytes;
    if (!instruction.uniform) continue;
    if (instruction.inst.code == Code::load) {
      const Operand& operand = arguments.operands[instruction.inst.immediate];
      kernels_.strided(instruction.inst.type)(values[i], address(operand, piece, 0), 0, tile.count);
    } else {
      execute(instruction, tile);
    }
  }
  if (piece.whole_rows()) return run_elements(tile, piece.begin, piece.end);
  for (int64_t row = piece.begin; row < piece.end; row += arguments.lanes()) {
    run_elements(tile, row + piece.lane_begin, row + piece.lane_end);
  }
}

void Interpreter::run_elements(Tile& tile, int64_t begin, int64_t end) const {
  for (tile.begin = begin; tile.begin < end; tile.begin += tile.count) {
    tile.count = tile_end(tile, end) - tile.begin;
    tile.faulty = false;
    for (size_t i = 0; i < instructions_.size(); ++i) {
      const Instruction& instruction = instructions_[i];
      if (instruction.uniform) continue;
      if (instruction.place == Place::store && tile.arguments.operands[instruction.where].in_place) {
        tile.values[i] = tile.slots + (slots_ + 1 + instruction.where) * slot_bytes;
      } else if (instruction.place != Place::slot) {
        tile.values[i] = address(tile.arguments.operands[instruction.where], tile.piece, tile.begin);
      }
      execute(instruction, tile);
    }
    store(tile);
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      if (program_.folds[f].span == Span::all) {
        fold(tile, f, end);
      } else {
        fold_parts(tile, f);
      }
    }
  }
}

void Interpreter::store(Tile& tile) const {
  for (const ir::Store& store : program_.stores) {
    const Instruction& instruction = instructions_[store.value];
    const int64_t size = size_of(instruction.inst.type);
    std::byte* to = address(tile.arguments.operands[store.operand], tile.piece, tile.begin);
    if (to != tile.values[store.value])
      std::memcpy(to, tile.values[store.value], static_cast<size_t>(tile.count * size));
  }
}

void Interpreter::fold(Tile& tile, size_t f, int64_t end) const {
  const ir::Fold& fold = program_.folds[f];
  const DType type = program_.body[fold.value].type;
  FoldLanes& lanes = tile.lanes[f];
  if (tile.begin % fold_block == 0) fold_identity(fold.kind, type, lanes.bytes, 16);
  kernels_.fold(fold.kind, type)(lanes.bytes, tile.values[fold.value], tile.count);
  if ((tile.begin + tile.count) % fold_block == 0 || tile.begin + tile.count == end) {
    fold_lanes(fold.kind, type, lanes, tile.arguments.folds[f] + tile.begin / fold_block * size_of(type));
  }
}

/// Folds over lanes or rows: the tile is a part of a row, or rows.
void Interpreter::fold_parts(Tile& tile, size_t f) const {
  const ir::Fold& fold = program_.folds[f];
  const KernelArguments& arguments = tile.arguments;
  const DType type = program_.body[fold.value].type;
  const int64_t size = size_of(type), lanes = arguments.lanes();
  const auto* values = static_cast<const std::byte*>(tile.values[fold.value]);
  for (int64_t done = 0; done < tile.count;) {
    const int64_t row = (tile.begin + done) / lanes, lane = (tile.begin + done) % lanes;
    const bool by_rows = fold.span == Span::rows;
    const int64_t block_end = by_rows ? lanes : std::min(lanes, (lane / fold_block + 1) * fold_block);
    const int64_t count = std::min(block_end - lane, tile.count - done);
    const std::byte* from = values + done * size;
    if (by_rows) {
      fold_elements(fold.kind, type, arguments.folds[f] + (row / arguments.row_block * lanes + lane) * size, from,
                    count);
    } else {
      FoldLanes& partial = tile.lanes[f];
      if (lane % fold_block == 0) fold_identity(fold.kind, type, partial.bytes, 16);
      kernels_.fold(fold.kind, type)(partial.bytes, from, count);
      if (lane + count == block_end) {
        const int64_t block = row * arguments.lane_blocks + lane / fold_block;
        fold_lanes(fold.kind, type, partial, arguments.folds[f] + block * size);
      }
    }
    done += count;
  }
}

}  // namespace autograd::engine
