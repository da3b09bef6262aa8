#pragma once

#include <autograd/engine/jit/jit.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

// The kernel language read plainly: one element after the other, one instruction after the other.

namespace jit_test {

namespace ag = autograd;
namespace jit = autograd::engine::jit;
using ag::DType;
using ag::ir::Access;
using ag::ir::Fold;
using ag::ir::Inst;
using ag::ir::Program;
using ag::ir::Value;
using C = ag::ir::Code;

inline constexpr size_t margin = 128;  ///< bytes around a buffer that nobody may write
inline constexpr std::byte untouched{0xa5};

inline size_t element_bytes(DType type) { return type == DType::boolean ? 1 : 4; }

// A program with everything that a call of it needs -----------------------------------------------

struct Buffer {
  std::vector<std::byte> bytes;
  size_t begin = margin;  ///< of the element of row 0, lane 0
};

struct Case {
  Program program;
  int64_t rows = 1, lanes = 1;
  std::vector<DType> operand_types;
  std::vector<size_t> buffer_of;  ///< per operand: several may share one
  std::vector<Buffer> buffers;
  std::vector<int64_t> row_bytes;
  std::vector<std::vector<int32_t>> patterns;  ///< with wild offsets behind the last lane's
  std::vector<uint32_t> scalars;
  std::vector<int32_t> tables;
  std::vector<Buffer> folds;
  std::vector<int64_t> fold_bytes;
};

/// The memory of a case, for one run.
struct Memory {
  explicit Memory(const Case& of) : buffers(of.buffers), folds(of.folds) {
    for (const size_t buffer : of.buffer_of) data.push_back(buffers[buffer].bytes.data() + buffers[buffer].begin);
    for (Buffer& fold : folds) fold_data.push_back(fold.bytes.data() + fold.begin);
    for (const std::vector<int32_t>& pattern : of.patterns) patterns.push_back(pattern.data());
  }
  jit::Call call(const Case& of) const {
    return {of.rows,           of.lanes,         data.data(),      of.row_bytes.data(), patterns.data(),
            of.scalars.data(), of.tables.data(), fold_data.data(), of.fold_bytes.data()};
  }
  std::vector<Buffer> buffers, folds;
  std::vector<std::byte*> data, fold_data;
  std::vector<const int32_t*> patterns;
};

// The reference -----------------------------------------------------------------------------------

inline float real(uint32_t bits) { return std::bit_cast<float>(bits); }
inline int32_t whole(uint32_t bits) { return static_cast<int32_t>(bits); }
inline uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
inline uint32_t bits(int32_t x) { return static_cast<uint32_t>(x); }

inline uint32_t read(const std::byte* place, DType type) {
  uint32_t value = 0;
  std::memcpy(&value, place, element_bytes(type));
  return value;
}

inline uint32_t convert(DType from, DType to, uint32_t a) {
  if (from == to) return a;
  const double x = from == DType::float32 ? static_cast<double>(real(a)) : whole(a);
  switch (to) {
    case DType::boolean: return x != 0;
    case DType::float32: return bits(static_cast<float>(x));
    default: return bits(x >= -2147483648.0 && x < 2147483648.0 ? static_cast<int32_t>(x) : INT32_MIN);
  }
}

template <class T>
uint32_t number(const Inst& inst, T a, T b) {
  switch (inst.code) {
    case C::minimum: return bits(a < b ? a : b);
    case C::maximum: return bits(b < a ? a : b);
    case C::equal: return a == b;
    case C::not_equal: return a != b;
    case C::less: return a < b;
    default: return a <= b;
  }
}

inline uint32_t of_float(const Inst& inst, float a, float b, float c) {
  switch (inst.code) {
    case C::negate: return bits(-a);
    case C::absolute: return bits(std::fabs(a));
    case C::square_root: return bits(std::sqrt(a));
    case C::floor: return bits(std::floor(a));
    case C::ceil: return bits(std::ceil(a));
    case C::round: return bits(std::nearbyint(a));
    case C::add: return bits(a + b);
    case C::subtract: return bits(a - b);
    case C::multiply: return bits(a * b);
    case C::divide: return bits(a / b);
    case C::fma: return bits(std::fma(a, b, c));
    default: return number(inst, a, b);
  }
}

inline uint32_t of_int(const Inst& inst, uint32_t a, uint32_t b) {
  switch (inst.code) {
    case C::negate: return 0 - a;
    case C::absolute: return whole(a) < 0 ? 0 - a : a;
    case C::shift_left: return a << inst.immediate;
    case C::shift_right: return bits(whole(a) >> inst.immediate);
    case C::shift_right_logical: return a >> inst.immediate;
    case C::add: return a + b;
    case C::subtract: return a - b;
    case C::multiply: return a * b;
    case C::bit_and: return a & b;
    case C::bit_or: return a | b;
    case C::bit_xor: return a ^ b;
    default: return number(inst, whole(a), whole(b));
  }
}

inline uint32_t of_bool(const Inst& inst, uint32_t a, uint32_t b) {
  switch (inst.code) {
    case C::logical_not: return a ^ 1;
    case C::logical_and: return a & b;
    case C::logical_or: return a | b;
    default: return number(inst, whole(a), whole(b));
  }
}

template <class T>
T combine(Fold::Kind kind, T a, T b) {
  if (kind == Fold::Kind::sum) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    return static_cast<T>(a + b);
  }
  if (kind == Fold::Kind::max) return b < a || a != a ? a : b;
  return a < b || a != a ? a : b;
}

inline uint32_t combine(Fold::Kind kind, DType type, uint32_t a, uint32_t b) {
  return type == DType::float32 ? bits(combine(kind, real(a), real(b))) : bits(combine(kind, whole(a), whole(b)));
}

inline uint32_t identity(Fold::Kind kind, DType type) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const bool is_real = type == DType::float32;
  switch (kind) {
    case Fold::Kind::sum: return is_real ? bits(-0.0f) : 0;
    case Fold::Kind::max: return is_real ? bits(-infinity) : bits(INT32_MIN);
    default: return is_real ? bits(infinity) : bits(INT32_MAX);
  }
}

class Reference {
 public:
  Reference(const Case& of, Memory& memory) : case_(of), memory_(memory), values_(of.program.body.size()) {}

  uint32_t run() {
    const Program& program = case_.program;
    for (int64_t row = 0; row < case_.rows; ++row) {
      std::vector<std::array<uint32_t, 16>> lanes(program.folds.size());
      for (size_t f = 0; f < lanes.size(); ++f) {
        lanes[f].fill(identity(program.folds[f].kind, type(program.folds[f].value)));
      }
      for (int64_t lane = 0; lane < case_.lanes; ++lane) {
        for (size_t i = 0; i < values_.size(); ++i) values_[i] = compute(program.body[i], row, lane);
        for (const ag::ir::Store& store : program.stores) {
          std::memcpy(place(store.operand, row, lane), &values_[store.value], element_bytes(type(store.value)));
        }
        for (size_t f = 0; f < lanes.size(); ++f) fold(f, lane, lanes[f]);
      }
      for (size_t f = 0; f < lanes.size(); ++f) finish_row(f, row, lanes[f]);
    }
    return fault_;
  }

 private:
  DType type(Value value) const { return case_.program.body[value].type; }

  std::byte* place(size_t operand, int64_t row, int64_t lane) const {
    const ag::ir::Operand& of = case_.program.operands[operand];
    int64_t element = 0;
    if (of.access == Access::linear || of.access == Access::row_linear) element = lane;
    if (of.access == Access::pattern) element = case_.patterns[of.pattern][static_cast<size_t>(lane)];
    return memory_.data[operand] + row * case_.row_bytes[operand] +
           element * static_cast<int64_t>(element_bytes(case_.operand_types[operand]));
  }

  uint32_t compute(const Inst& inst, int64_t row, int64_t lane) {
    const uint32_t a = values_[inst.a], b = values_[inst.b], c = values_[inst.c];
    const DType from = type(inst.a);
    switch (inst.code) {
      case C::load: return read(place(inst.immediate, row, lane), inst.type);
      case C::scalar:
        return inst.type == DType::boolean ? case_.scalars[inst.immediate] != 0 : case_.scalars[inst.immediate];
      case C::literal: {
        const double literal = case_.program.literals[inst.immediate];
        if (inst.type == DType::float32) return bits(static_cast<float>(literal));
        return inst.type == DType::int32 ? bits(static_cast<int32_t>(literal)) : literal != 0;
      }
      case C::row: {
        const bool exists = a < static_cast<uint32_t>(case_.tables[2u * inst.immediate]);
        fault_ |= !exists;
        return exists ? a * static_cast<uint32_t>(case_.tables[2u * inst.immediate + 1]) : 0;
      }
      case C::gather:
        return read(place(inst.immediate, row, lane) + whole(a) * static_cast<int64_t>(element_bytes(inst.type)),
                    inst.type);
      case C::convert: return convert(from, inst.type, a);
      case C::bitcast: return a;
      case C::select: return a != 0 ? b : c;
      case C::rare: return a != 0 ? bits(ag::ir::compute(static_cast<ag::ir::Rare>(inst.immediate), real(b))) : c;
      default: break;
    }
    if (from == DType::float32) return of_float(inst, real(a), real(b), real(c));
    return from == DType::int32 ? of_int(inst, a, b) : of_bool(inst, a, b);
  }

  void fold(size_t f, int64_t lane, std::array<uint32_t, 16>& lanes) {
    const Fold& fold = case_.program.folds[f];
    uint32_t* out = reinterpret_cast<uint32_t*>(memory_.fold_data[f]);
    if (fold.span == Fold::Span::all) out += lane % 16;
    if (fold.span == Fold::Span::rows) out += lane;
    if (fold.span == Fold::Span::lanes) out = &lanes[static_cast<size_t>(lane % 16)];
    *out = combine(fold.kind, type(fold.value), *out, values_[fold.value]);
  }

  void finish_row(size_t f, int64_t row, std::array<uint32_t, 16>& lanes) {
    const Fold& fold = case_.program.folds[f];
    if (fold.span != Fold::Span::lanes) return;
    for (size_t half = 8; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) lanes[i] = combine(fold.kind, type(fold.value), lanes[i], lanes[i + half]);
    }
    std::memcpy(memory_.fold_data[f] + row * case_.fold_bytes[f], lanes.data(), 4);
  }

  const Case& case_;
  Memory& memory_;
  std::vector<uint32_t> values_;
  uint32_t fault_ = 0;
};

}  // namespace jit_test
