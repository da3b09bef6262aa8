#pragma once

#include <autograd/ir/program.h>

#include <optional>
#include <span>

namespace autograd::ir {

/// Builds a Program by value numbering: an instruction that exists already is returned, and
/// rewrites that are exact for every input (x * 1, -(-x), a select of equal sides) are made here,
/// once, for every backend. x + 0, x * 0 and x - x stay: they are not exact (signed zero, NaN).
class Builder {
 public:
  explicit Builder(Program& program) : program_(program) {}

  Value load(uint16_t operand, DType type) { return emit({Code::load, type, 0, 0, 0, operand}); }
  Value gather(uint16_t operand, Value index, DType type) { return emit({Code::gather, type, index, 0, 0, operand}); }
  Value scalar(uint16_t slot, DType type) { return emit({Code::scalar, type, 0, 0, 0, slot}); }
  Value constant(Constant constant, DType type);
  Value unary(Code code, Value a);
  Value binary(Code code, Value a, Value b);
  Value fma(Value a, Value b, Value c) { return emit({Code::fma, type(a), a, b, c}); }
  Value select(Value condition, Value a, Value b);
  Value convert(Value a, DType to);

  DType type(Value value) const { return program_.body[value].type; }
  /// Fewer instructions than this keep a region's values in the inner caches.
  size_t size() const { return program_.body.size(); }

 private:
  Value emit(const Inst& inst);
  bool is(Value value, Constant constant) const;
  void rehash(size_t buckets);

  Program& program_;
  std::vector<Value> table_;  ///< open addressing, value + 1
};

/// The exact constant that a number is, if it is one of the four that programs know.
std::optional<Constant> exact_constant(double number);

}  // namespace autograd::ir
