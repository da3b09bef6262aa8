#pragma once

#include <autograd/ir/builder.h>

#include <cassert>
#include <initializer_list>

namespace autograd::ir {

/// A value with the operators of C++, so that lowered mathematics reads as such. A number takes the
/// type of the expression that it meets, and must be exact in it: floats are written with their f.
class Expression {
 public:
  Expression(Builder& builder, Value value) : builder_(&builder), value_(value) {}

  Builder& builder() const { return *builder_; }
  Value value() const { return value_; }
  DType type() const { return builder_->type(value_); }

  Expression number(double exact) const {
    assert(type() != DType::float32 || exact != exact || static_cast<double>(static_cast<float>(exact)) == exact);
    return {*builder_, builder_->literal(exact, type())};
  }
  Expression unary(Code code) const { return {*builder_, builder_->unary(code, value_)}; }
  Expression binary(Code code, Expression other) const {
    return {*builder_, builder_->binary(code, value_, other.value_)};
  }

 private:
  Builder* builder_;
  Value value_;
};

// Arithmetic -----------------------------------------------------------------------------------------
inline Expression operator-(Expression a) { return a.unary(Code::negate); }
inline Expression operator+(Expression a, Expression b) { return a.binary(Code::add, b); }
inline Expression operator-(Expression a, Expression b) { return a.binary(Code::subtract, b); }
inline Expression operator*(Expression a, Expression b) { return a.binary(Code::multiply, b); }
inline Expression operator/(Expression a, Expression b) { return a.binary(Code::divide, b); }
inline Expression operator+(Expression a, double b) { return a + a.number(b); }
inline Expression operator-(Expression a, double b) { return a - a.number(b); }
inline Expression operator-(double a, Expression b) { return b.number(a) - b; }
inline Expression operator*(Expression a, double b) { return a * a.number(b); }
inline Expression operator/(double a, Expression b) { return b.number(a) / b; }

inline Expression absolute(Expression a) { return a.unary(Code::absolute); }
inline Expression square(Expression a) { return a * a; }
inline Expression square_root(Expression a) { return a.unary(Code::square_root); }

/// a b + c, rounded once.
inline Expression fma(Expression a, Expression b, Expression c) {
  return {a.builder(), a.builder().fma(a.value(), b.value(), c.value())};
}
inline Expression fma(Expression a, double b, Expression c) { return fma(a, a.number(b), c); }
inline Expression fma(Expression a, Expression b, double c) { return fma(a, b, a.number(c)); }
inline Expression fma(Expression a, double b, double c) { return fma(a, a.number(b), a.number(c)); }

/// `bound` where a is above it; NaN stays.
inline Expression at_most(Expression a, double bound) { return a.number(bound).binary(Code::minimum, a); }
/// `bound` where a is below it; NaN stays.
inline Expression at_least(Expression a, double bound) { return a.number(bound).binary(Code::maximum, a); }

// Comparison and selection -----------------------------------------------------------------------------
inline Expression operator<(Expression a, Expression b) { return a.binary(Code::less, b); }
inline Expression operator<(Expression a, double b) { return a < a.number(b); }
inline Expression operator<(double a, Expression b) { return b.number(a) < b; }
inline Expression operator<=(double a, Expression b) { return b.number(a).binary(Code::less_equal, b); }
inline Expression operator==(Expression a, Expression b) { return a.binary(Code::equal, b); }
inline Expression operator==(Expression a, double b) { return a == a.number(b); }
inline Expression operator||(Expression a, Expression b) { return a.binary(Code::logical_or, b); }

inline Expression select(Expression condition, Expression a, Expression b) {
  return {a.builder(), a.builder().select(condition.value(), a.value(), b.value())};
}
inline Expression select(Expression condition, double a, Expression b) { return select(condition, b.number(a), b); }
inline Expression select(Expression condition, Expression a, double b) { return select(condition, a, a.number(b)); }

// Bits (int32, wraps) ----------------------------------------------------------------------------------
inline Expression operator&(Expression a, Expression b) { return a.binary(Code::bit_and, b); }
inline Expression operator|(Expression a, Expression b) { return a.binary(Code::bit_or, b); }
inline Expression operator^(Expression a, Expression b) { return a.binary(Code::bit_xor, b); }
inline Expression operator&(Expression a, int32_t b) { return a & a.number(b); }
inline Expression shift_left(Expression a, uint16_t bits) {
  return {a.builder(), a.builder().shift(Code::shift_left, a.value(), bits)};
}
inline Expression convert(Expression a, DType to) { return {a.builder(), a.builder().convert(a.value(), to)}; }
inline Expression bits_of(Expression a) { return {a.builder(), a.builder().bitcast(a.value(), DType::int32)}; }
inline Expression float_of(Expression bits) {
  return {bits.builder(), bits.builder().bitcast(bits.value(), DType::float32)};
}

constexpr int32_t sign_bit = INT32_MIN;
/// A magnitude (its sign bit is clear, or it is NaN) with the sign of x.
inline Expression with_sign(Expression magnitude, Expression x) {
  return float_of(bits_of(magnitude) | (bits_of(x) & sign_bit));
}

// Polynomials, coefficients from the constant upwards --------------------------------------------------
/// By Horner's scheme: the fewest instructions, each waiting for the one before.
inline Expression horner(Expression x, std::initializer_list<float> coefficients) {
  const float* next = coefficients.end() - 1;
  Expression sum = x.number(static_cast<double>(*next));
  while (next != coefficients.begin()) sum = fma(sum, x, static_cast<double>(*--next));
  return sum;
}

/// Even and odd powers apart, as Estrin splits them: half as long a chain where x^2 is there anyway.
inline Expression even_odd(Expression x, Expression x_squared, std::initializer_list<float> coefficients) {
  const auto every_other = [&](size_t first) {
    const float* c = coefficients.begin();
    size_t k = first + (coefficients.size() - 1 - first) / 2 * 2;
    Expression sum = x.number(static_cast<double>(c[k]));
    for (; k > first; k -= 2) sum = fma(sum, x_squared, static_cast<double>(c[k - 2]));
    return sum;
  };
  return fma(every_other(1), x, every_other(0));
}

}  // namespace autograd::ir
