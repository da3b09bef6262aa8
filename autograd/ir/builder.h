#pragma once

#include <autograd/ir/program.h>

#include <span>

namespace autograd::ir {

/// Builds a Program by value numbering: an instruction that exists already is returned, and
/// rewrites that are exact for every input (x * 1, -(-x), a select of equal sides) are made here,
/// once, for every backend. x + 0, x * 0 and x - x stay: they are not exact (signed zero, NaN).
class Builder {
 public:
  /// `expected`: instructions for which room is made.
  explicit Builder(Program& program, size_t expected = 16) : program_(program) {
    program.body.reserve(expected);
    size_t buckets = 64;
    while (buckets < 2 * expected) buckets *= 2;
    rehash(buckets);
  }

  Value load(uint16_t operand, DType type) { return emit({Code::load, type, 0, 0, 0, operand}); }
  Value scalar(uint16_t slot, DType type) { return emit({Code::scalar, type, 0, 0, 0, slot}); }
  /// `number` must be exact in `type`.
  Value literal(double number, DType type);
  Value row(uint16_t table, Value index) { return emit({Code::row, DType::int32, index, 0, 0, table}); }
  Value gather(uint16_t operand, Value row, DType type) { return emit({Code::gather, type, row, 0, 0, operand}); }
  Value unary(Code code, Value a);
  Value binary(Code code, Value a, Value b);
  Value fma(Value a, Value b, Value c);
  Value select(Value condition, Value a, Value b);
  Value convert(Value a, DType to);
  Value bitcast(Value a, DType to);
  Value shift(Code code, Value a, uint16_t bits) { return emit({code, DType::int32, a, 0, 0, bits}); }
  /// `usual`, or where `condition` holds what the routine makes of x.
  Value rare(Rare routine, Value condition, Value x, Value usual) {
    return emit({Code::rare, DType::float32, condition, x, usual, static_cast<uint16_t>(routine)});
  }

  DType type(Value value) const { return program_.body[value].type; }
  /// Instructions so far.
  size_t size() const { return program_.body.size(); }

 private:
  Value emit(Inst inst);  // by value: in registers
  bool is(Value value, double number) const;
  // Of floats:
  bool is_literal(Value value) const;
  bool is_negation(Value value) const;
  Value negated(Value of_literal);
  void rehash(size_t buckets);

  Program& program_;
  std::vector<Value> table_;  ///< open addressing, value + 1
};

/// Numbers that are part of a program, not of its arguments: 0, 1, -1, 2.
bool is_structural(double number);

}  // namespace autograd::ir
