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

namespace {

constexpr int64_t slot_bytes = 4096;

double cost_of(Code code) {
  switch (code) {
    case Code::exp:
    case Code::log:
    case Code::sin:
    case Code::cos:
    case Code::tan:
    case Code::asin:
    case Code::acos:
    case Code::atan:
    case Code::tanh:
    case Code::erf: return 8;
    case Code::pow:
    case Code::atan2: return 20;
    case Code::gather: return 1;
    default: return 0.15;
  }
}

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
  Fault& fault;
  std::byte* slots;
  std::vector<void*>& values;
  int64_t* offsets;
  int64_t begin = 0, count = 0;
};

Interpreter::Interpreter(const ir::Program& program) : program_(program), kernels_(kernel_table()) {
  instructions_.reserve(program.body.size());
  for (const Inst& inst : program.body) {
    Instruction instruction;
    instruction.inst = inst;
    const int arguments = ir::argument_count(inst.code);
    if (arguments > 0) {
      // A select's type is that of its sides, not of its condition.
      const ir::Value typed = inst.code == Code::select ? inst.b : inst.a;
      instruction.argument_type = program.body[typed].type;
      instruction.function =
          inst.code == Code::gather ? nullptr : kernels_.find(inst.code, instruction.argument_type, inst.type);
      instruction.uniform = inst.code != Code::gather && instructions_[inst.a].uniform &&
                            (arguments < 2 || instructions_[inst.b].uniform) &&
                            (arguments < 3 || instructions_[inst.c].uniform);
    } else {
      instruction.uniform = inst.code != Code::load || program.operands[inst.immediate] == Access::uniform;
    }
    if (inst.type == DType::float64 || instruction.argument_type == DType::float64) tile_size_ = 512;
    if (!instruction.uniform) cost_ += cost_of(inst.code);
    instructions_.push_back(instruction);
  }
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
    if (instruction.inst.code == Code::load && program_.operands[instruction.inst.immediate] == Access::linear)
      continue;
    instruction.place = Place::store;
    instruction.where = store.operand;
  }
  std::vector<uint16_t> free;
  for (size_t i = 0; i < count; ++i) {
    Instruction& instruction = instructions_[i];
    const Inst& inst = instruction.inst;
    if (inst.code == Code::load && program_.operands[inst.immediate] == Access::linear) {
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
    const std::byte* from = operand.data + offset * size;
    if (stride == 1) {
      std::memcpy(out + done * size, from, static_cast<size_t>(length * size));
    } else {
      copy(out + done * size, from, stride, length);
    }
  });
}

void Interpreter::gather(const Instruction& instruction, const Operand& operand, Tile& tile) const {
  const auto id = static_cast<size_t>(&instruction - instructions_.data());
  const auto* index = static_cast<const int32_t*>(tile.values[instruction.inst.a]);
  const Access access = program_.operands[instruction.inst.immediate];
  const int64_t* offsets = nullptr;
  if (access != Access::uniform) {
    const int64_t stride = operand.strides[static_cast<size_t>(tile.arguments.rank - 1)];
    for_each_run(tile.arguments, operand, tile.begin, tile.count, [&](int64_t done, int64_t offset, int64_t length) {
      for (int64_t i = 0; i < length; ++i) tile.offsets[done + i] = offset + i * stride;
    });
    offsets = tile.offsets;
  }
  const int64_t bad = kernels_.gather(instruction.inst.type)(tile.values[id], operand.data, index, offsets,
                                                             operand.row_stride, operand.rows, tile.count);
  if (bad >= 0) tile.fault.report(tile.begin + bad, id, index[bad]);
}

void Interpreter::execute(const Instruction& instruction, Tile& tile) const {
  const Inst& inst = instruction.inst;
  const auto id = static_cast<size_t>(&instruction - instructions_.data());
  switch (inst.code) {
    case Code::constant:
      return fill_number(tile.values[id], inst.type, value_of(static_cast<ir::Constant>(inst.immediate)), tile.count);
    case Code::scalar:
      return fill_number(tile.values[id], inst.type, tile.arguments.scalars[inst.immediate], tile.count);
    case Code::load:
      if (instruction.place != Place::load) load(instruction, tile.arguments.operands[inst.immediate], tile);
      return;
    case Code::gather: return gather(instruction, tile.arguments.operands[inst.immediate], tile);
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

void Interpreter::run(const KernelArguments& arguments, int64_t begin, int64_t end, Fault& fault) const {
  thread_local std::vector<std::byte> memory;
  thread_local std::vector<void*> values;
  thread_local std::vector<int64_t> offsets;
  const auto needed = static_cast<size_t>((slots_ + 1) * slot_bytes);
  if (memory.size() < needed) memory.resize(needed);
  offsets.resize(static_cast<size_t>(tile_size_));
  values.assign(instructions_.size(), nullptr);
  auto* slots = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;

  Tile tile{arguments, fault, slots, values, offsets.data()};
  tile.begin = begin;
  tile.count = std::min(tile_size_, std::max<int64_t>(end - begin, 1));
  for (size_t i = 0; i < instructions_.size(); ++i) {
    const Instruction& instruction = instructions_[i];
    if (instruction.place == Place::slot) values[i] = slots + instruction.where * slot_bytes;
    if (!instruction.uniform) continue;
    if (instruction.inst.code == Code::load) {
      kernels_.strided(instruction.inst.type)(values[i], arguments.operands[instruction.inst.immediate].data, 0,
                                              tile.count);
    } else {
      execute(instruction, tile);
    }
  }

  thread_local std::vector<FoldLanes> lanes;
  lanes.resize(program_.folds.size());
  for (tile.begin = begin; tile.begin < end; tile.begin += tile.count) {
    tile.count = std::min(tile_size_, end - tile.begin);
    for (size_t i = 0; i < instructions_.size(); ++i) {
      const Instruction& instruction = instructions_[i];
      if (instruction.uniform) continue;
      if (instruction.place != Place::slot) {
        values[i] = arguments.operands[instruction.where].data + tile.begin * size_of(instruction.inst.type);
      }
      execute(instruction, tile);
    }
    for (const ir::Store& store : program_.stores) {
      const Instruction& instruction = instructions_[store.value];
      const int64_t size = size_of(instruction.inst.type);
      std::byte* to = arguments.operands[store.operand].data + tile.begin * size;
      if (to != values[store.value]) std::memcpy(to, values[store.value], static_cast<size_t>(tile.count * size));
    }
    for (size_t f = 0; f < program_.folds.size(); ++f) {
      const ir::Fold& fold = program_.folds[f];
      const DType type = program_.body[fold.value].type;
      if (tile.begin % fold_block == 0) fold_identity(fold.kind, type, lanes[f].bytes, 16);
      kernels_.fold(fold.kind, type)(lanes[f].bytes, values[fold.value], tile.count);
      if ((tile.begin + tile.count) % fold_block == 0 || tile.begin + tile.count == end) {
        fold_lanes(fold.kind, type, lanes[f], arguments.partials[f] + tile.begin / fold_block * size_of(type));
      }
    }
  }
}

}  // namespace autograd::engine
