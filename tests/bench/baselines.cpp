#include <cmath>

#include "loop.h"

// What the engine is measured against: each work as the one loop that a programmer would write for it.

namespace {

// The chain: eight times t += |o + d t - c| - r -----------------------------------------------------------

constexpr int rounds = 8;

/// Of the last t, with respect to one element's inputs.
struct ChainGradient {
  float dx = 0, dy = 0, dz = 0, cx = 0, cy = 0, cz = 0, r = 0;
};

/// With q = o - c, v = q + d t and g the gradient of the last t to this round's:
///   dc -= g v / |v|,  dd += g t v / |v|,  dr -= g,  g += g d . v / |v|
/// The rounds' t and 1 / |v| stay in registers.
inline ChainGradient reverse_chain(float qx, float qy, float qz, float dx, float dy, float dz, float r, float start) {
  float t[rounds], inverse[rounds];
  float next = start;
#pragma GCC unroll 8
  for (int k = 0; k < rounds; ++k) {
    t[k] = next;
    const float x = qx + dx * t[k], y = qy + dy * t[k], z = qz + dz * t[k];
    const float square = x * x + y * y + z * z;
    inverse[k] = 1 / std::sqrt(square);
    next = t[k] + square * inverse[k] - r;
  }
  ChainGradient sum;
  float g = 1;
#pragma GCC unroll 8
  for (int k = rounds - 1; k >= 0; --k) {
    const float s = g * inverse[k];
    const float x = s * (qx + dx * t[k]), y = s * (qy + dy * t[k]), z = s * (qz + dz * t[k]);
    sum.dx += x * t[k], sum.dy += y * t[k], sum.dz += z * t[k];
    sum.cx -= x, sum.cy -= y, sum.cz -= z;
    sum.r -= g;
    g += x * dx + y * dy + z * dz;
  }
  return sum;
}

}  // namespace

WORK(chain_forward) {
  const float *ox = in[0], *oy = in[1], *oz = in[2], *dx = in[3], *dy = in[4], *dz = in[5];
  const float *cx = in[6], *cy = in[7], *cz = in[8], *r = in[9], *start = in[10];
  float* result = out[0];
#pragma GCC ivdep
  for (long i = 0; i < count; ++i) {
    const float qx = ox[i] - cx[i], qy = oy[i] - cy[i], qz = oz[i] - cz[i];
    float t = start[i];
#pragma GCC unroll 8
    for (int k = 0; k < rounds; ++k) {
      const float x = qx + dx[i] * t, y = qy + dy[i] * t, z = qz + dz[i] * t;
      t += std::sqrt(x * x + y * y + z * z) - r[i];
    }
    result[i] = t;
  }
}

WORK(chain_gradient_of_arrays) {
  const float *ox = in[0], *oy = in[1], *oz = in[2], *dx = in[3], *dy = in[4], *dz = in[5];
  const float *cx = in[6], *cy = in[7], *cz = in[8], *r = in[9], *start = in[10];
  float *to_dx = out[0], *to_dy = out[1], *to_dz = out[2], *to_cx = out[3], *to_cy = out[4], *to_cz = out[5];
  float* to_r = out[6];
#pragma GCC ivdep
  for (long i = 0; i < count; ++i) {
    const ChainGradient g =
        reverse_chain(ox[i] - cx[i], oy[i] - cy[i], oz[i] - cz[i], dx[i], dy[i], dz[i], r[i], start[i]);
    to_dx[i] = g.dx, to_dy[i] = g.dy, to_dz[i] = g.dz;
    to_cx[i] = g.cx, to_cy[i] = g.cy, to_cz[i] = g.cz;
    to_r[i] = g.r;
  }
}

WORK(chain_gradient_of_scalars) {
  const float *ox = in[0], *oy = in[1], *oz = in[2], *dx = in[3], *dy = in[4], *dz = in[5], *start = in[10];
  const float cx = *in[6], cy = *in[7], cz = *in[8], r = *in[9];
  float *to_dx = out[0], *to_dy = out[1], *to_dz = out[2];
  float to_cx = 0, to_cy = 0, to_cz = 0, to_r = 0;
#pragma GCC ivdep
  for (long i = 0; i < count; ++i) {
    const ChainGradient g = reverse_chain(ox[i] - cx, oy[i] - cy, oz[i] - cz, dx[i], dy[i], dz[i], r, start[i]);
    to_dx[i] = g.dx, to_dy[i] = g.dy, to_dz[i] = g.dz;
    to_cx += g.cx, to_cy += g.cy, to_cz += g.cz;
    to_r += g.r;
  }
  *out[3] = to_cx, *out[4] = to_cy, *out[5] = to_cz, *out[6] = to_r;
}

// sum(tanh(exp(-x x) y + z)) and its gradients ------------------------------------------------------------

WORK(exp_chain_gradient) {
  const float *x = in[0], *y = in[1], *z = in[2];
  float *to_x = out[1], *to_y = out[2], *to_z = out[3];
  float sum = 0;
#pragma GCC ivdep
  for (long i = 0; i < count; ++i) {
    const float e = std::exp(-x[i] * x[i]);
    const float value = std::tanh(e * y[i] + z[i]);
    const float g = 1 - value * value;
    sum += value;
    to_z[i] = g;
    to_y[i] = g * e;
    to_x[i] = -2 * x[i] * y[i] * (g * e);
  }
  *out[0] = sum;
}

// Functions -----------------------------------------------------------------------------------------------

#define FUNCTION(name, value)                                                      \
  WORK(name) {                                                                     \
    _Pragma("GCC ivdep") for (long i = 0; i < count; ++i) { out[0][i] = (value); } \
  }

FUNCTION(exp, std::exp(in[0][i]))
FUNCTION(log, std::log(in[0][i]))
FUNCTION(pow, std::pow(in[0][i], in[1][i]))
FUNCTION(tanh, std::tanh(in[0][i]))
FUNCTION(sin, std::sin(in[0][i]))
FUNCTION(cos, std::cos(in[0][i]))
FUNCTION(sigmoid, 1 / (1 + std::exp(-in[0][i])))
FUNCTION(erf, std::erf(in[0][i]))
FUNCTION(atan2, std::atan2(in[0][i], in[1][i]))

// sum(w (x + b)) and sum(w x b), their gradients to x and b; rows of 64 -------------------------------------

namespace {

constexpr int columns = 64;

/// b is one row: its gradient is a sum over rows.
template <bool product>
void row_gradient(const float* w, const float* x, const float* b, float* loss, float* to_x, float* to_b, long count) {
  float sum = 0, column_sums[columns] = {};
  for (long first = 0; first < count; first += columns) {
#pragma GCC ivdep
    for (int j = 0; j < columns; ++j) {
      const float weight = w[first + j], value = x[first + j];
      sum += weight * (product ? value * b[j] : value + b[j]);
      to_x[first + j] = product ? weight * b[j] : weight;
      column_sums[j] += product ? weight * value : weight;
    }
  }
  for (int j = 0; j < columns; ++j) to_b[j] = column_sums[j];
  *loss = sum;
}

/// b is one column: its gradient is a sum over each row.
template <bool product>
void column_gradient(const float* w, const float* x, const float* b, float* loss, float* to_x, float* to_b,
                     long count) {
  float sum = 0;
  for (long row = 0; row < count / columns; ++row) {
    const long first = row * columns;
    float row_sum = 0;
#pragma GCC ivdep
    for (int j = 0; j < columns; ++j) {
      const float weight = w[first + j], value = x[first + j];
      sum += weight * (product ? value * b[row] : value + b[row]);
      to_x[first + j] = product ? weight * b[row] : weight;
      row_sum += product ? weight * value : weight;
    }
    to_b[row] = row_sum;
  }
  *loss = sum;
}

}  // namespace

WORK(row_sum_gradient) { row_gradient<false>(in[0], in[1], in[2], out[0], out[1], out[2], count); }
WORK(row_product_gradient) { row_gradient<true>(in[0], in[1], in[2], out[0], out[1], out[2], count); }
WORK(column_sum_gradient) { column_gradient<false>(in[0], in[1], in[2], out[0], out[1], out[2], count); }
WORK(column_product_gradient) { column_gradient<true>(in[0], in[1], in[2], out[0], out[1], out[2], count); }

// Rows of three by index, and their sums back into the table ------------------------------------------------

WORK(gather_gradient) {
  const float *table = in[1], *cotangent = in[2];
  const auto* indices = reinterpret_cast<const int*>(in[0]);
  float *gathered = out[0], *to_table = out[1];
  constexpr int rows = 10000, channels = 3;
  for (long i = 0; i < count; ++i) {
    for (int c = 0; c < channels; ++c) gathered[channels * i + c] = table[channels * indices[i] + c];
  }
  for (int i = 0; i < rows * channels; ++i) to_table[i] = 0;
  for (long i = 0; i < count; ++i) {
    for (int c = 0; c < channels; ++c) to_table[channels * indices[i] + c] += cotangent[channels * i + c];
  }
}

// A step of Adam on one parameter ---------------------------------------------------------------------------

WORK(adam) {
  const float* gradient = in[0];
  const float rate = in[1][0], correction = in[1][1];  // each step has its own
  float *first = out[0], *second = out[1], *parameter = out[2];
  constexpr float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
#pragma GCC ivdep
  for (long i = 0; i < count; ++i) {
    first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
    parameter[i] -= rate * first[i] / (std::sqrt(correction * second[i]) + epsilon);
  }
}
