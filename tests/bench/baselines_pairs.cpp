#include <cmath>

#include "loop.h"

// Sums over all pairs of two sets of points, with memory for a few rows of them only:
//
//   s_i = sum_j e_ij w_j,  e_ij = exp(-|x_i - y_j|^2)
//
// A few points x go past all y at once, so that what is read and added for a y is read and added once for all of them.

namespace {

constexpr int points = 8192, together = 4;
constexpr int tile = 1024;  // points y that stay in the nearest cache while all x go past

struct Points {
  const float *x, *y, *z;
};

struct Sums {
  float *x, *y, *z;
};

inline void clear(float* out) {
  for (int j = 0; j < points; ++j) out[j] = 0;
}

/// to_s += sum_j e_ij w_j
void add_sums(Points a, Points b, const float* w, float* to_s) {
  for (int first = 0; first < points; first += tile) {
    for (int i = 0; i < points; i += together) {
      float sum[together] = {};
#pragma GCC ivdep
      for (int j = first; j < first + tile; ++j) {
#pragma GCC unroll 4
        for (int k = 0; k < together; ++k) {
          const float x = a.x[i + k] - b.x[j], y = a.y[i + k] - b.y[j], z = a.z[i + k] - b.z[j];
          sum[k] += std::exp(-(x * x + y * y + z * z)) * w[j];
        }
      }
      for (int k = 0; k < together; ++k) to_s[i + k] += sum[k];
    }
  }
}

/// Of one pass: s_i, and of sum_i s_i the gradients. With c = e_ij w_j,
///   dx_i = -2 sum_j c (x_i - y_j),  dy_j = 2 sum_i c (x_i - y_j),  dw_j = sum_i e_ij
void add_gradients(Points a, Points b, const float* w, float* to_s, Sums to_a, Sums to_b, float* to_w) {
  for (int first = 0; first < points; first += tile) {
    for (int i = 0; i < points; i += together) {
      float sum[together] = {}, dx[together] = {}, dy[together] = {}, dz[together] = {};
#pragma GCC ivdep
      for (int j = first; j < first + tile; ++j) {
        float bx = 0, by = 0, bz = 0, bw = 0;
#pragma GCC unroll 4
        for (int k = 0; k < together; ++k) {
          const float x = a.x[i + k] - b.x[j], y = a.y[i + k] - b.y[j], z = a.z[i + k] - b.z[j];
          const float e = std::exp(-(x * x + y * y + z * z)), c = e * w[j];
          sum[k] += c;
          bw += e;
          dx[k] += c * x, dy[k] += c * y, dz[k] += c * z;
          bx += c * x, by += c * y, bz += c * z;
        }
        to_b.x[j] += 2 * bx, to_b.y[j] += 2 * by, to_b.z[j] += 2 * bz;
        to_w[j] += bw;
      }
      for (int k = 0; k < together; ++k) {
        to_s[i + k] += sum[k];
        to_a.x[i + k] -= 2 * dx[k], to_a.y[i + k] -= 2 * dy[k], to_a.z[i + k] -= 2 * dz[k];
      }
    }
  }
}

// Where the gradient needs s_i first: both in turn for a few rows, whose e_ij stay in the cache.

constexpr int stride = points + 272;  // of rows; a power of two would put them on the same lines of the cache

/// e_ij and s_i of the first rows of a
void exponentials(Points a, Points b, const float* w, float* e, float* s) {
  float sum[together] = {};
#pragma GCC ivdep
  for (int j = 0; j < points; ++j) {
#pragma GCC unroll 4
    for (int k = 0; k < together; ++k) {
      const float x = a.x[k] - b.x[j], y = a.y[k] - b.y[j], z = a.z[k] - b.z[j];
      const float value = std::exp(-(x * x + y * y + z * z));
      e[k * stride + j] = value;
      sum[k] += value * w[j];
    }
  }
  for (int k = 0; k < together; ++k) s[k] = sum[k];
}

/// As add_gradients for these rows, where g is the gradient to s_i: c = g_i e_ij w_j. Not inline: there g++ 12 moves
/// a load to the loop's end, and then does not vectorise it.
[[gnu::noinline]] void add_row_gradients(Points a, Points b, const float* w, const float* e, const float* g, Sums to_a,
                                         Sums to_b, float* to_w) {
  float dx[together] = {}, dy[together] = {}, dz[together] = {};
#pragma GCC ivdep
  for (int j = 0; j < points; ++j) {
    float bx = 0, by = 0, bz = 0, bw = 0;
#pragma GCC unroll 4
    for (int k = 0; k < together; ++k) {
      const float x = a.x[k] - b.x[j], y = a.y[k] - b.y[j], z = a.z[k] - b.z[j];
      const float to_e = g[k] * e[k * stride + j], c = to_e * w[j];
      bw += to_e;
      dx[k] += c * x, dy[k] += c * y, dz[k] += c * z;
      bx += c * x, by += c * y, bz += c * z;
    }
    to_b.x[j] += 2 * bx, to_b.y[j] += 2 * by, to_b.z[j] += 2 * bz;
    to_w[j] += bw;
  }
  for (int k = 0; k < together; ++k) to_a.x[k] = -2 * dx[k], to_a.y[k] = -2 * dy[k], to_a.z[k] = -2 * dz[k];
}

Points points_at(const float* const* in, int i = 0) { return {in[0] + i, in[1] + i, in[2] + i}; }
Sums sums_at(float* const* out, int i = 0) { return {out[0] + i, out[1] + i, out[2] + i}; }

}  // namespace

WORK(pairwise) {
  float s[points] = {};
  add_sums(points_at(in), points_at(in + 3), in[6], s);
  float total = 0;
  for (int i = 0; i < points; ++i) total += s[i];
  *out[0] = total;
}

WORK(pairwise_gradient) {
  float s[points] = {};
  for (int k = 1; k <= 7; ++k) clear(out[k]);
  add_gradients(points_at(in), points_at(in + 3), in[6], s, sums_at(out + 1), sums_at(out + 4), out[7]);
  float total = 0;
  for (int i = 0; i < points; ++i) total += s[i];
  *out[0] = total;
}

WORK(pairwise_log_gradient) {
  float e[together * stride], total = 0;
  for (int k = 4; k <= 7; ++k) clear(out[k]);
  for (int i = 0; i < points; i += together) {
    float s[together], g[together];
    exponentials(points_at(in, i), points_at(in + 3), in[6], e, s);
    for (int k = 0; k < together; ++k) total += std::log(s[k]), g[k] = 1 / s[k];
    add_row_gradients(points_at(in, i), points_at(in + 3), in[6], e, g, sums_at(out + 1, i), sums_at(out + 4), out[7]);
  }
  *out[0] = total;
}
