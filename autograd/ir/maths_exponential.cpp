#include <autograd/ir/expression.h>
#include <autograd/ir/maths.h>

#include <limits>

namespace autograd::ir {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr int32_t bits_of_infinity = 0x7f800000;
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float smallest_normal = std::numeric_limits<float>::min();
constexpr float log_of_smallest_normal = -87.33654f;  // the least x with exp(x) >= 2^-126

constexpr float log2_e = 0x1.715476p0f;
constexpr float ln2 = 0x1.62e43p-1f;
constexpr float ln2_high = 0x1.62e42ep-1f, ln2_low = 0x1.efa39ep-25f;  // 48 bits: high is ln 2 cut off

// n = round(t) and 2^n without a conversion. Where |t| < 2^22 the last bit of t + 1.5 2^23 is worth 1,
// so the sum is rounded to an integer and holds it in its low bits. The 127 makes these the exponent
// field of 2^n, once shifted there: n = (t + rounder) - rounder, 2^n = power_of_two(t + rounder).
constexpr float rounder = 0x1.8p23f + 127;
constexpr float negative_rounder = rounder + 256;  // bit 8 ends as the sign: -2^n
Expression power_of_two(Expression rounded) { return float_of(shift_left(bits_of(rounded), 23)); }

/// x = 2^k m of x > 0, denormals included; 1/2 <= `least` <= m < 2 least.
struct Parts {
  Expression exponent;  ///< k 2^23, as a float: k is where it was among the bits
  Expression mantissa;
};
Parts split(Expression x, int32_t bits_of_least) {
  const Expression bits = select(x < smallest_normal, bits_of(x * 0x1p23f) - (23 << 23), bits_of(x));
  const Expression exponent = (bits - bits_of_least) & ~0x7fffff;
  return {convert(exponent, DType::float32), float_of(bits - exponent)};
}

}  // namespace

// e^x = 2^n e^r, n = round(x log2 e), r = x - n ln 2 in [-0.347, 0.347]; e^r = 1 + r + r^2 T(r), 0.47.
// At the upper end n stays 127, so that 2^n is finite and the last fma overflows when the result does: r then
// reaches ln 2, where the error is 0.95. Below 2^-126 any n and r will do.
Value exp(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::exp, argument);
  const Expression x(builder, argument);
  const Expression rounded = at_most(fma(x, log2_e, rounder), rounder + 127);
  const Expression n = rounded - rounder;
  const Expression r = fma(n, -ln2_low, fma(n, -ln2_high, x));
  const Expression r2 = square(r);
  const Expression tail = even_odd(r, r2, {0.500001967f, 0.166667819f, 0.0416244119f, 0.0083419038f, 0.00160191196f});
  const Expression q = fma(r2, tail, r);
  const Expression scale = power_of_two(rounded);
  return select(x < log_of_smallest_normal, 0, fma(scale, q, scale)).value();
}

// log x = k ln 2 + log(1 + t), x = 2^k (1 + t), t in [-1/3, 1/3]: log(1 + t) = t + t^2 Q(t), 0.44.
// One float of ln 2 will do: its relative error is 2^-28, and the terms never cancel by more than a half.
Value log(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::log, argument);
  const Expression x(builder, argument);
  const auto [exponent, mantissa] = split(x, 0x3f2aaaab);  // 2/3
  const Expression t = mantissa - 1;
  const Expression t2 = square(t);
  const Expression q = even_odd(t, t2,
                                {-0.499999374f, 0.333332002f, -0.250077486f, 0.200110734f, -0.16417025f, 0.139971316f,
                                 -0.153836474f, 0.140206084f});
  const Expression positive = fma(exponent, ln2 * 0x1p-23f, fma(t2, q, t));
  const Expression others = select(x == 0, -infinity, x.number(not_a_number));
  return select(x < infinity, select(0 < x, positive, others), x).value();
}

// x^y = 2^(y log2 x), where log2 needs 2^-31: as the sum of two floats.
//   log2 x = k + log2 m, m in [sqrt(1/2), sqrt 2); s = (m - 1) / (m + 1) in [-0.172, 0.172];
//   log2 m = 2/ln 2 atanh s = c s + s^3 P(s^2), P to 1e-11 of log2 m.
// s is followed by s_low, what its rounding lost; of the cubic term the derivative is enough, 3 s^2 P ~ c s^2.
// Sums are Dekker's (1971): of a + b = sum, |a| >= |b|, the rest is b - (sum - a).
//   2^t = 2^n 2^r, r in [-1/2, 1/2]: 2^r = 1 + r ln 2 + r^2 T(r), 0.45; up to 1 as in exp, and 2 or more at 1.
// y beyond 2^31 is y = +-2^31 (even as well): x^y is 0, 1 or infinite. Zero and infinite x end in 0 or
// infinity, which bits of infinity - bits exchanges; they are what halving does not change.
Value pow(Builder& builder, Value of_x, Value of_y) {
  if (builder.type(of_x) == DType::float64) return builder.binary(Code::pow, of_x, of_y);
  constexpr float most = 0x1.fffffep30f;
  const Expression x(builder, of_x), y = at_least(at_most(Expression(builder, of_y), most), -most);
  const Expression magnitude = absolute(x);

  constexpr float c = 0x1.715476p1f, c_low = 0x1.4ae0cp-25f;  // 2 / ln 2
  const auto [exponent, m] = split(magnitude, 0x3f3504f3);    // sqrt(1/2)
  const Expression numerator = m - 1, denominator = m + 1;
  const Expression denominator_low = m - (denominator - 1);
  const Expression inverse = 1 / denominator;
  const Expression s = numerator * inverse;
  const Expression s_low = fma(-s, denominator_low, fma(-s, denominator, numerator)) * inverse;
  const Expression s2 = square(s);
  const Expression p = horner(s2, {0.961796701f, 0.577078819f, 0.411927313f, 0.336488456f});
  const Expression line = s * c;
  const Expression line_low = fma(s_low, fma(s2, c, c), fma(s, c_low, fma(s, c, -line)));
  const Expression sum = fma(exponent, 0x1p-23f, line);
  const Expression rest = (line - fma(exponent, -0x1p-23f, sum)) + fma(s * s2, p, line_low);
  const Expression log2_high = sum + rest;
  const Expression log2_low = rest - (log2_high - sum);

  const Expression t = y * log2_high;
  const Expression t_low = fma(y, log2_low, fma(y, log2_high, -t));
  const Expression rounded = at_most(t + rounder, rounder + 127);
  const Expression r = (t - (rounded - rounder)) + t_low;
  const Expression r2 = square(r);
  const Expression tail =
      even_odd(r, r2, {0.240227431f, 0.0555043966f, 0.00960848387f, 0.00133504393f, 0.000177445065f});
  const Expression q = fma(r2, tail, r * ln2);
  const Expression scale = power_of_two(rounded);
  const Expression usual = select(t < -126, 0, at_least(fma(scale, q, scale), smallest_normal));

  const Expression whole = convert(y, DType::int32);
  const Expression is_whole = convert(whole, DType::float32) == y;
  const Expression defined = select(0 <= select(is_whole, magnitude, x), usual, not_a_number);
  const Expression half = fma(y, 0, 0.5);  // NaN with y
  const Expression bits = bits_of(magnitude);
  const Expression end = float_of(select(y < 0, bits_of_infinity - bits, bits));
  const Expression power = select(magnitude == magnitude * half, end, defined);
  const Expression sign = shift_left(select(is_whole, whole, 0), 31) & bits_of(x);  // odd powers keep it
  return select((x == 1) || (y == 0), 1, float_of(bits_of(power) | sign)).value();
}

// tanh a = a + a^3 P(a^2) for a < 0.55, 0.62; above it 1 - 1 / ((e^2a + 1) / 2), where nothing cancels.
// e^2a = 2^n e^2r with r in [-0.174, 0.174] and (e^2r - 1) / 2 = r + r^2 T(r), 0.05 of e^2r; one float of ln 2 will
// do, as e^2a matters less and less. From 10 on the result is 1.
Value tanh(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::tanh, argument);
  const Expression x(builder, argument);
  const Expression a = at_most(absolute(x), 10);
  const Expression a2 = square(a);
  const Expression small = fma(a * a2, horner(a2, {-0.333329469f, 0.133207262f, -0.0526716858f, 0.0164370704f}), a);

  const Expression rounded = fma(a, 2 * log2_e, rounder);
  const Expression r = fma(rounded - rounder, -ln2 / 2, a);
  const Expression r2 = square(r);
  const Expression tail = even_odd(r, r2, {0.99999988f, 0.666660845f, 0.333346158f, 0.133898914f, 0.0442254543f});
  const Expression q = fma(r2, tail, r);
  const Expression scale = power_of_two(rounded);
  const Expression large = 1 - 1 / fma(scale, q, fma(scale, 0.5, 0.5));
  return with_sign(select(a < 0.55f, small, large), x).value();
}

// 1 / (1 + e^-x), e^-x = 2^n e^-r as in exp: r = x + n ln 2, e^-r = 1 - (r + r^2 T(r)), 0.05.
// float64: e^x / (1 + e^x) below 0, so that neither side overflows.
Value sigmoid(Builder& builder, Value argument) {
  const Expression x(builder, argument);
  if (x.type() == DType::float64) {
    const Expression e = (-absolute(x)).unary(Code::exp);
    return (select(x < 0, e, x.number(1)) / (e + 1)).value();
  }
  const Expression a = at_most(x, 80);  // from 17 on the result is 1
  const Expression rounded = fma(a, -log2_e, negative_rounder);
  const Expression n = rounded - negative_rounder;
  const Expression r = fma(n, ln2_low, fma(n, ln2_high, a));
  const Expression r2 = square(r);
  const Expression tail =
      even_odd(r, r2, {-0.49999994f, 0.166665211f, -0.0416682623f, 0.00836867373f, -0.00138210435f});
  const Expression q = fma(r2, tail, r);
  const Expression scale = power_of_two(rounded);  // -2^n
  return select(x < log_of_smallest_normal, 0, 1 / fma(scale, q, 1 - scale)).value();
}

// erf a = 1 - 2^-t, t = -log2(1 - erf a) = a (1.63 + a Q(a)), 0.09 on [0, 4], weighted with what it does to
// erf; beyond 4 the result is 1. t is nearly linear for small a, so nothing cancels:
// 2^-t = 2^-n 2^-r, r = t - n in [-1/2, 1/2], and 1 - 2^-r = r ln 2 + r^2 T(r), 0.22 of itself.
Value erf(Builder& builder, Value argument) {
  if (builder.type(argument) == DType::float64) return builder.unary(Code::erf, argument);
  const Expression x(builder, argument);
  const Expression a = at_most(absolute(x), 4);
  const Expression a2 = square(a);
  const Expression curve = even_odd(a, a2,
                                    {0.918447435f, 0.14827925f, -0.027641464f, -0.000211924329f, 0.00238382141f,
                                     -0.000900596846f, 0.000166054277f, -1.29255423e-05f});
  const Expression t = fma(a2, curve, a * 1.62790704f);

  const Expression rounded = rounder - t;
  const Expression r = t - (rounder - rounded);
  const Expression r2 = square(r);
  const Expression tail =
      even_odd(r, r2, {-0.240226492f, 0.0555036739f, -0.00961831026f, 0.00133873918f, -0.000153824498f});
  const Expression q = fma(r2, tail, r * ln2);
  const Expression scale = power_of_two(rounded);
  return with_sign(fma(scale, q, 1 - scale), x).value();
}

}  // namespace autograd::ir
