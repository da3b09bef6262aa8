#include <autograd/ir/expression.h>
#include <autograd/ir/maths.h>

#include <cmath>
#include <limits>

namespace autograd::ir {

namespace {

constexpr float pi = 0x1.921fb6p1f, pi_rest = -0x1.777a5cp-24f;  // nearest, and what is left of pi
// pi cut off after 24 and 48 bits. All parts are positive, so that -0 - 0 pi is still -0.
constexpr float pi_high = 0x1.921fb4p1f, pi_middle = 0x1.4442dp-23f, pi_low = 0x1.846988p-47f;
constexpr float rounder = 0x1.8p23f;  // t + rounder: round(t) in the low bits, see maths_exponential.cpp

// Below this bound n stays small enough for n to be the right integer (t = x / pi is off by n 2^-25) and
// for n pi_low to be exact enough where x is close to a multiple of pi.
constexpr float reduction_limit = 30000;

/// x - n unit pi. The first fma is exact: the difference is a multiple of the last bit of pi_high.
Expression minus_multiple(Expression x, Expression n, float unit) {
  return fma(n, -unit * pi_low, fma(n, -unit * pi_middle, fma(n, -unit * pi_high, x)));
}

/// sin r for r in [-pi/2, pi/2]: r + r (r^2 P(r^2)), 0.10. Of r = -0 the bracket is -0 + 0 = +0, so -0 stays.
Expression sine(Expression r) {
  const Expression r2 = square(r);
  const Expression tail = horner(r2, {0.00833306927f, -0.000198097681f, 2.60605384e-06f});
  return fma(fma(r2, -0.166666597f, square(r2) * tail), r, r);
}

/// -a where n, in the low bits of `rounded`, is odd.
Expression negate_if_odd(Expression a, Expression rounded) {
  return float_of(bits_of(a) ^ shift_left(bits_of(rounded), 31));
}

/// `usual`, where the magnitude of x lets it be right; infinities are rare, too.
Value unless_far(Rare routine, Expression x, Expression magnitude, Expression usual) {
  return x.builder().rare(routine, (reduction_limit < magnitude).value(), x.value(), usual.value());
}

/// asin s for s in [0, 0.55], of s and s^2: s + s^3 P(s^2), 0.31.
Expression arc_sine(Expression s, Expression s2) {
  const Expression p = horner(s2, {0.166669324f, 0.0748807415f, 0.0463580675f, 0.0199281219f, 0.0491271503f});
  return fma(s * s2, p, s);
}

/// base + atan t for t in [-1, 1], a base of 0, pi/2 or pi and its rest: t + t^3 P(t^2), 0.28. What is small
/// is added up first.
Expression turn(Expression base, Expression t) {
  const Expression t2 = square(t);
  const Expression tail = even_odd(
      t2, square(t2),
      {0.199937671f, -0.142110035f, 0.10665784f, -0.0755171627f, 0.043205712f, -0.0163640045f, 0.00291967997f});
  const Expression p = fma(t2, tail, -0.333331525f);
  return (base + t) + fma(t * t2, p, base * (pi_rest / pi));
}

}  // namespace

float compute(Rare routine, float x) {
  const double argument = static_cast<double>(x);
  switch (routine) {
    case Rare::sin: return static_cast<float>(std::sin(argument));
    case Rare::cos: return static_cast<float>(std::cos(argument));
    case Rare::tan: return static_cast<float>(std::tan(argument));
  }
  return x;
}

// sin x = (-1)^n sin(x - n pi), n = round(x / pi).
Value sin(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::sin, argument);
  const Expression x(builder, argument);
  const Expression rounded = fma(x, 1 / pi, rounder);
  const Expression r = minus_multiple(x, rounded - rounder, 1);
  return unless_far(Rare::sin, x, absolute(x), negate_if_odd(sine(r), rounded));
}

// cos x = (-1)^(n+1) sin(|x| - (n + 1/2) pi), n = round(|x| / pi - 1/2); an odd rounder makes n + 1 of n.
Value cos(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::cos, argument);
  const Expression x(builder, argument);
  const Expression a = absolute(x);
  const Expression rounded = fma(a, 1 / pi, -0.5) + (rounder + 1);
  const Expression r = minus_multiple(a, (rounded - (rounder + 1)) + 0.5, 1);
  return unless_far(Rare::cos, x, a, negate_if_odd(sine(r), rounded));
}

// tan x = tan r for even n, -1 / tan r for odd; r = x - n pi/2, n = round(2 x / pi).
// tan r = r + r^3 P(r^2) for r in [-pi/4, pi/4], 0.30.
Value tan(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::tan, argument);
  const Expression x(builder, argument);
  const Expression rounded = fma(x, 2 / pi, rounder);
  const Expression r = minus_multiple(x, rounded - rounder, 0.5f);
  const Expression r2 = square(r);
  const Expression p =
      horner(r2, {0.333331555f, 0.133388445f, 0.053407032f, 0.0244465992f, 0.0030919041f, 0.00940276496f});
  const Expression t = fma(r * r2, p, r);
  const Expression odd = shift_left(bits_of(rounded), 31) < 0;
  return unless_far(Rare::tan, x, absolute(x), select(odd, -1 / t, t));
}

/// asin of a, or where `outer` holds, of sqrt((1 - a) / 2).
static Expression inner_arc_sine(const Expression& a, const Expression& outer) {
  const Expression s2 = select(outer, fma(a, -0.5, 0.5), square(a));
  return arc_sine(select(outer, square_root(s2), a), s2);
}

// asin a = pi/2 - 2 asin sqrt((1 - a) / 2) for a > 0.55 (Cody & Waite), where that asin is below 1/2 and
// doubling its rounding error does no harm. A square root of less than 0 is NaN.
Value asin(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::asin, argument);
  const Expression x(builder, argument);
  const Expression a = absolute(x);
  const Expression outer = 0.55f < a;
  const Expression angle = inner_arc_sine(a, outer);
  return with_sign(select(outer, fma(angle, -2, pi / 2) + pi_rest / 2, angle), x).value();
}

// acos x = pi/2 - asin x inside; outside 2 asin sqrt((1 - |x|) / 2), or for x < 0 pi minus that.
Value acos(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::acos, argument);
  const Expression x(builder, argument);
  const Expression a = absolute(x);
  const Expression outer = 0.55f < a;
  const Expression angle = with_sign(inner_arc_sine(a, outer), x);
  const Expression base = select(outer, select(x < 0, pi, x.number(0)), pi / 2);
  return fma(base, pi_rest / pi, fma(angle, select(outer, 2, x.number(-1)), base)).value();
}

// atan a = pi/2 + atan(-1/a) for a > 1.
Value atan(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::atan, argument);
  const Expression x(builder, argument);
  const Expression a = absolute(x);
  const Expression steep = 1 < a;
  const Expression base = select(steep, pi / 2, x.number(0));
  return with_sign(turn(base, select(steep, -1 / a, a)), x).value();
}

// t = the smaller over the larger of |x| and |y|, and then with the sign of y:
//
//                x > 0            x < 0
//   |y| > |x|    pi/2 - atan t    pi/2 + atan t
//   otherwise    atan t           pi - atan t
//
// 0/0 is made 0 and infinity/infinity 1; -0 counts as negative. A minimum could lose a NaN, selects cannot.
Value atan2(Builder& builder, Value of_y, Value of_x) {
  if (builder.type(of_y) == DType::float64) return builder.binary(Code::atan2, of_y, of_x);
  const Expression y(builder, of_y), x(builder, of_x);
  const Expression a = absolute(x), b = absolute(y);
  const Expression steep = a < b;
  const Expression smaller = select(steep, a, b);
  const Expression larger = at_least(select(steep, b, a), std::numeric_limits<float>::denorm_min());
  const Expression t = select(smaller == larger, 1, smaller / larger);
  const Expression toward_x = float_of(bits_of(t) ^ (bits_of(x) & sign_bit));
  const Expression base = select(steep, pi / 2, select(bits_of(x) < 0, pi, x.number(0)));
  return with_sign(turn(base, select(steep, -toward_x, toward_x)), y).value();
}

}  // namespace autograd::ir
