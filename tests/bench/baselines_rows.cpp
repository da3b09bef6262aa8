#include <cmath>

#include "loop.h"

// Rows of a matrix: several loops over one row, which stays in the cache, then the next row. The length of a row is
// known when this is compiled, as it is to somebody who writes for his own network. g++ calls the scalar expf for what
// no whole vector covers: two elements of a row of ten.

namespace {

// Written without a branch, or g++ does not vectorise it.
inline float larger(float a, float b) { return a > b ? a : b; }

template <int lanes>
inline float largest(const float* x) {
  float most = x[0];
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) most = larger(most, x[j]);
  return most;
}

template <int lanes>
inline float mean(const float* x) {
  float sum = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) sum += x[j];
  return sum / lanes;
}

constexpr float epsilon = 1e-5f;  // of layer_norm

// y = e / sum e, e = exp(x - max x)
template <int lanes>
inline void softmax(const float* x, float* y) {
  const float most = largest<lanes>(x);
  float sum = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) sum += y[j] = std::exp(x[j] - most);
  const float scale = 1 / sum;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) y[j] *= scale;
}

// dx = y (g - sum g y)
template <int lanes>
inline void softmax_gradient(const float* x, const float* g, float* dx) {
  const float most = largest<lanes>(x);
  float sum = 0, product = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) {
    const float e = std::exp(x[j] - most);
    sum += e;
    product += e * g[j];
    dx[j] = e;
  }
  const float scale = 1 / sum, average = product * scale;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) dx[j] *= scale * (g[j] - average);
}

// y = (x - mean x) / sqrt(var x + epsilon)
template <int lanes>
inline void layer_norm(const float* x, float* y) {
  const float centre = mean<lanes>(x);
  float squares = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) squares += (x[j] - centre) * (x[j] - centre);
  const float scale = 1 / std::sqrt(squares / lanes + epsilon);
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) y[j] = (x[j] - centre) * scale;
}

// dx = (g - mean g - y mean(g y)) / sqrt(var x + epsilon)
template <int lanes>
inline void layer_norm_gradient(const float* x, const float* g, float* dx) {
  const float centre = mean<lanes>(x);
  float squares = 0, sum = 0, product = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) {
    const float difference = x[j] - centre;
    squares += difference * difference;
    sum += g[j];
    product += g[j] * difference;
  }
  const float square = 1 / (squares / lanes + epsilon), scale = std::sqrt(square);
  const float average = sum / lanes, slope = product / lanes * square;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) dx[j] = scale * (g[j] - average - slope * (x[j] - centre));
}

// mean (x - mean x)^2
template <int lanes>
inline void variance(const float* x, float* y) {
  const float centre = mean<lanes>(x);
  float squares = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) squares += (x[j] - centre) * (x[j] - centre);
  *y = squares / lanes;
}

// dx = 2 g (x - mean x) / lanes
template <int lanes>
inline void variance_gradient(const float* x, const float* g, float* dx) {
  const float centre = mean<lanes>(x), scale = 2 * *g / lanes;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) dx[j] = scale * (x[j] - centre);
}

// max x + log sum exp(x - max x)
template <int lanes>
inline void logsumexp(const float* x, float* y) {
  const float most = largest<lanes>(x);
  float sum = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) sum += std::exp(x[j] - most);
  *y = most + std::log(sum);
}

// dx = g exp(x - max x) / sum exp(x - max x)
template <int lanes>
inline void logsumexp_gradient(const float* x, const float* g, float* dx) {
  const float most = largest<lanes>(x);
  float sum = 0;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) sum += dx[j] = std::exp(x[j] - most);
  const float scale = *g / sum;
#pragma GCC ivdep
  for (int j = 0; j < lanes; ++j) dx[j] *= scale;
}

}  // namespace

namespace {

template <int count>
struct Length {
  static constexpr int lanes = count;
};

template <int lanes, class Row>
inline void all_rows(long count, Row row) {
  for (long i = 0; i < count / lanes; ++i) row(Length<lanes>(), i);
}

template <class Row>
inline void each_row(long count, long lanes, Row row) {
  switch (lanes) {
    case 3: return all_rows<3>(count, row);
    case 10: return all_rows<10>(count, row);
    case 16: return all_rows<16>(count, row);
    case 256: return all_rows<256>(count, row);
    case 4096: return all_rows<4096>(count, row);
  }
}

}  // namespace

WORK(softmax) {
  each_row(count, lanes, [=](auto n, long i) { softmax<n.lanes>(in[0] + i * n.lanes, out[0] + i * n.lanes); });
}
WORK(layer_norm) {
  each_row(count, lanes, [=](auto n, long i) { layer_norm<n.lanes>(in[0] + i * n.lanes, out[0] + i * n.lanes); });
}
WORK(variance) {
  each_row(count, lanes, [=](auto n, long i) { variance<n.lanes>(in[0] + i * n.lanes, out[0] + i); });
}
WORK(logsumexp) {
  each_row(count, lanes, [=](auto n, long i) { logsumexp<n.lanes>(in[0] + i * n.lanes, out[0] + i); });
}
WORK(softmax_gradient) {
  each_row(count, lanes, [=](auto n, long i) {
    softmax_gradient<n.lanes>(in[0] + i * n.lanes, in[1] + i * n.lanes, out[0] + i * n.lanes);
  });
}
WORK(layer_norm_gradient) {
  each_row(count, lanes, [=](auto n, long i) {
    layer_norm_gradient<n.lanes>(in[0] + i * n.lanes, in[1] + i * n.lanes, out[0] + i * n.lanes);
  });
}
WORK(variance_gradient) {
  each_row(count, lanes,
           [=](auto n, long i) { variance_gradient<n.lanes>(in[0] + i * n.lanes, in[1] + i, out[0] + i * n.lanes); });
}
WORK(logsumexp_gradient) {
  each_row(count, lanes,
           [=](auto n, long i) { logsumexp_gradient<n.lanes>(in[0] + i * n.lanes, in[1] + i, out[0] + i * n.lanes); });
}
