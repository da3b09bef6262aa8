#pragma once

#include <algorithm>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "tests/autograd/jit_reference.h"

// Programs and the memory that they work on, written by hand or at random.

namespace jit_test {

class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}

  uint32_t below(size_t bound) { return static_cast<uint32_t>(random_() % bound); }
  bool chance(uint32_t of) { return below(of) == 0; }

  uint32_t any_bits(DType type) {
    static constexpr float infinity = std::numeric_limits<float>::infinity();
    static constexpr float special[] = {
        0.0f,   -0.0f,   1.0f,  -1.0f,          infinity,      -infinity, std::numeric_limits<float>::quiet_NaN(),
        1e-40f, -1e-42f, 3e38f, -2147483648.0f, 2147483648.0f, 0.5f,      2.5f};
    if (type == DType::boolean) return below(2);
    if (type == DType::int32) return chance(4) ? static_cast<uint32_t>(random_()) : below(12);
    if (chance(4)) return bits(special[below(std::size(special))]);
    return bits((static_cast<float>(below(20001)) - 10000.0f) / 977.0f);
  }

  size_t add_buffer(DType type, size_t elements) {
    Buffer buffer;
    buffer.bytes.assign(2 * margin + elements * element_bytes(type), untouched);
    for (size_t k = 0; k < elements; ++k) {
      const uint32_t value = any_bits(type);
      std::memcpy(&buffer.bytes[margin + k * element_bytes(type)], &value, element_bytes(type));
    }
    buffer.bytes.resize((buffer.bytes.size() + 3) / 4 * 4, untouched);
    made.buffers.push_back(std::move(buffer));
    return made.buffers.size() - 1;
  }

  uint16_t add_operand(DType type, Access access, int64_t row_elements, uint16_t pattern, size_t buffer) {
    made.program.operands.push_back({access, pattern, made.program.row_lanes > 0 && row_elements == 0});
    made.operand_types.push_back(type);
    made.buffer_of.push_back(buffer);
    made.row_bytes.push_back(row_elements * static_cast<int64_t>(element_bytes(type)));
    return static_cast<uint16_t>(made.program.operands.size() - 1);
  }

  /// An operand to read, with `reach` elements more behind each lane's.
  uint16_t add_input(DType type, Access access, size_t reach) {
    const auto lanes = static_cast<size_t>(made.lanes), rows = static_cast<size_t>(made.rows);
    size_t row_elements = access == Access::uniform ? 0 : chance(5) ? 0 : 1 + below(lanes + 5);
    size_t width = 1;
    uint16_t pattern = 0;
    if (access == Access::linear || access == Access::row_linear) width = lanes;
    if (access == Access::linear) row_elements = lanes;
    if (made.program.row_lanes > 0 && row_elements > 0) row_elements = access == Access::row_uniform ? 1 : lanes;
    if (access == Access::pattern) {
      if (made.patterns.empty() || chance(3)) add_pattern();
      pattern = static_cast<uint16_t>(below(made.patterns.size()));
      width = 3 * lanes;
    }
    return add_operand(type, access, static_cast<int64_t>(row_elements), pattern,
                       add_buffer(type, rows * row_elements + width + reach));
  }

  void add_pattern() {
    std::vector<int32_t> pattern;
    for (int64_t lane = 0; lane < made.lanes; ++lane) {
      pattern.push_back(static_cast<int32_t>(below(3 * static_cast<size_t>(made.lanes))));
    }
    pattern.resize(pattern.size() + 16, 0x7000'0000);
    made.patterns.push_back(pattern);
  }

  uint16_t add_output(DType type, size_t more_lanes) {
    const auto lanes = static_cast<size_t>(made.lanes) + more_lanes;
    const size_t buffer = add_buffer(type, static_cast<size_t>(made.rows) * lanes);
    return add_operand(type, more_lanes == 0 ? Access::linear : Access::row_linear, static_cast<int64_t>(lanes), 0,
                       buffer);
  }

  Value add(Inst inst) {
    made.program.body.push_back(inst);
    return static_cast<Value>(made.program.body.size() - 1);
  }
  Value load(DType type, Access access) { return add({C::load, type, 0, 0, 0, add_input(type, access, 0)}); }
  Value literal(DType type, double value) {
    made.program.literals.push_back(value);
    return add({C::literal, type, 0, 0, 0, static_cast<uint16_t>(made.program.literals.size() - 1)});
  }
  Value scalar(DType type) {
    made.scalars.push_back(any_bits(type));
    return add({C::scalar, type, 0, 0, 0, made.program.scalars++});
  }

  void store(Value value, size_t more_lanes = 0) {
    made.program.stores.push_back({value, add_output(made.program.body[value].type, more_lanes)});
  }

  void fold(Value value, Fold::Kind kind, Fold::Span span) {
    const DType type = made.program.body[value].type;
    const auto rows = static_cast<size_t>(made.rows);
    const size_t stride = made.program.row_lanes > 0 ? 1 : 1 + below(3);
    const size_t elements = span == Fold::Span::all    ? 16
                            : span == Fold::Span::rows ? static_cast<size_t>(made.lanes)
                                                       : rows * stride;
    const size_t buffer = add_buffer(type, elements);
    made.folds.push_back(std::move(made.buffers[buffer]));
    made.buffers.pop_back();
    made.fold_bytes.push_back(static_cast<int64_t>(4 * stride));
    made.program.folds.push_back({value, kind, span});
  }

  Value pick(DType type, size_t reach) {
    std::vector<Value> all;
    for (size_t i = 0; i < made.program.body.size(); ++i) {
      if (made.program.body[i].type == type) all.push_back(static_cast<Value>(i));
    }
    const size_t window = std::min(reach, all.size());
    return all[all.size() - 1 - below(window)];
  }

  std::mt19937 random_;
  Case made;
};

inline constexpr DType types[] = {DType::float32, DType::int32, DType::boolean};
inline constexpr Access accesses[] = {Access::linear, Access::uniform, Access::row_linear, Access::row_uniform,
                                      Access::pattern};

/// What a load of the type can be; of short rows only 4-byte elements are read in order.
inline std::span<const Access> accesses_of(const Writer& write, DType type) {
  static constexpr Access of_short[] = {Access::uniform, Access::linear, Access::row_linear, Access::row_uniform};
  if (write.made.program.row_lanes == 0) return accesses;
  return std::span(of_short).first(type == DType::boolean ? 1 : 4);
}

inline void add_load(Writer& write, DType type) {
  const std::span<const Access> list = accesses_of(write, type);
  write.load(type, list[write.below(list.size())]);
}

inline void add_sources(Writer& write) {
  for (const DType type : types) {
    for (const Access access : accesses_of(write, type)) write.load(type, access);
    write.scalar(type);
    write.literal(type, type == DType::boolean ? 1 : -3);
    write.literal(type, 0);
  }
}

inline void add_gather(Writer& write, size_t reach) {
  const DType type = types[write.below(3)];
  const int32_t rows = static_cast<int32_t>(write.below(14)), stride = static_cast<int32_t>(write.below(4));
  const auto table = write.made.program.tables++;
  write.made.tables.insert(write.made.tables.end(), {rows, stride});
  const Value row = write.add({C::row, DType::int32, write.pick(DType::int32, reach), 0, 0, table});
  const uint16_t operand = write.add_input(type, accesses[write.below(5)], 14 * 4);
  write.add({C::gather, type, row, 0, 0, operand});
}

/// Only the bits of what memory held are the same everywhere: those of a computed NaN are not.
inline Value loaded_float(Writer& write) {
  Value value = 0;
  do {
    value = write.pick(DType::float32, SIZE_MAX);
  } while (write.made.program.body[value].code != C::load);
  return value;
}

inline void add_instruction(Writer& write, size_t reach) {
  static constexpr C of_floats[] = {C::negate,   C::absolute, C::square_root, C::floor,   C::ceil,    C::round, C::add,
                                    C::subtract, C::multiply, C::divide,      C::minimum, C::maximum, C::fma};
  static constexpr C of_ints[] = {C::negate,  C::absolute, C::shift_left, C::shift_right, C::shift_right_logical,
                                  C::add,     C::subtract, C::multiply,   C::minimum,     C::maximum,
                                  C::bit_and, C::bit_or,   C::bit_xor};
  static constexpr C of_bools[] = {C::logical_not, C::logical_and, C::logical_or};
  static constexpr C comparisons[] = {C::equal, C::not_equal, C::less, C::less_equal};
  const DType type = types[write.below(3)];
  const auto any = [&](DType of) { return write.pick(of, reach); };
  const Value a = any(type), b = any(type), c = any(type);
  switch (write.below(12)) {
    case 0: write.add({comparisons[write.below(4)], DType::boolean, a, b}); return;
    case 1: write.add({C::select, type, any(DType::boolean), a, b}); return;
    case 2: write.add({C::convert, types[write.below(3)], a}); return;
    case 3: write.add({C::bitcast, DType::float32, any(DType::int32)}); return;
    case 4: write.add({C::bitcast, DType::int32, loaded_float(write)}); return;
    case 5:
      write.add({C::rare, DType::float32, any(DType::boolean), any(DType::float32), any(DType::float32),
                 static_cast<uint16_t>(write.below(3))});
      return;
    case 6:
      if (write.made.program.row_lanes == 0 && write.chance(4)) return add_gather(write, reach);
      return add_load(write, type);
    default: break;
  }
  switch (type) {
    case DType::float32: write.add({of_floats[write.below(std::size(of_floats))], type, a, b, c}); return;
    case DType::int32:
      write.add({of_ints[write.below(std::size(of_ints))], type, a, b, c, static_cast<uint16_t>(write.below(32))});
      return;
    default: write.add({of_bools[write.below(std::size(of_bools))], type, a, b, c}); return;
  }
}

struct Size {
  int64_t rows, lanes;
};

inline Case random_case(uint32_t seed, Size size, size_t instructions, size_t reach) {
  Writer write(seed);
  write.made.rows = size.rows;
  write.made.lanes = size.lanes;
  add_sources(write);
  for (size_t k = 0; k < instructions; ++k) add_instruction(write, reach);
  for (uint32_t k = 1 + write.below(6); k > 0; --k)
    write.store(write.pick(types[write.below(3)], reach), write.below(3));
  const bool aligned = size.rows == 1 || size.lanes % 16 == 0;
  for (uint32_t k = write.below(5); k > 0; --k) {
    const auto span = static_cast<Fold::Span>(write.below(3));
    if (span == Fold::Span::all && !aligned) continue;
    write.fold(write.pick(types[write.below(2)], reach), static_cast<Fold::Kind>(write.below(3)), span);
  }
  return std::move(write.made);
}

/// Rows of `lanes` lanes, at most 16, several of which are taken at once.
inline Case random_short_case(uint32_t seed, Size size, size_t instructions, size_t reach) {
  Writer write(seed);
  write.made.rows = size.rows;
  write.made.lanes = size.lanes;
  write.made.program.row_lanes = static_cast<uint8_t>(size.lanes);
  add_sources(write);
  for (size_t k = 0; k < instructions; ++k) add_instruction(write, reach);
  for (uint32_t k = write.below(4); k > 0; --k) write.store(write.pick(types[write.below(2)], reach));
  for (uint32_t k = 1 + write.below(5); k > 0; --k) {
    const auto span = static_cast<Fold::Span>(write.below(3));
    if (span == Fold::Span::all && size.lanes != 16) continue;
    write.fold(write.pick(types[write.below(2)], reach), static_cast<Fold::Kind>(write.below(3)), span);
  }
  return std::move(write.made);
}

}  // namespace jit_test
