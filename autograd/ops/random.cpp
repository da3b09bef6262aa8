#include <autograd/core/parallel.h>
#include <autograd/core/philox.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/random.h>
#include <autograd/ops/record.h>

#include <algorithm>
#include <numbers>
#include <numeric>

// A draw's number and seed fill Philox's key and half of its counter; the other half is the block and the stream,
// of which one draw has several: a normal number takes a uniform one from each of two.

namespace autograd {

namespace {

struct Stream {
  Rng::Draw draw;
  uint32_t number;

  Philox::Counter block(uint32_t index) const {
    return Philox::block({index, number, low(draw.number), high(draw.number)}, {low(draw.seed), high(draw.seed)});
  }

 private:
  static uint32_t low(uint64_t x) { return static_cast<uint32_t>(x); }
  static uint32_t high(uint64_t x) { return static_cast<uint32_t>(x >> 32); }
};

/// Elements of a block of four words.
template <class T>
constexpr int64_t per_block = std::is_same_v<T, float> ? 4 : 2;

/// Number i of a block, in [0, 1): the top 24 bits of a word, or 53 of two.
template <class T>
T unit(const Philox::Counter& words, int64_t i) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(words[static_cast<size_t>(i)] >> 8) * 0x1p-24F;
  } else {
    const uint64_t both = uint64_t{words[static_cast<size_t>(2 * i)]} << 32 | words[static_cast<size_t>(2 * i + 1)];
    return static_cast<double>(both >> 11) * 0x1p-53;
  }
}

template <class T>
void fill_units(const Stream& stream, T* out, int64_t count) {
  constexpr int64_t width = per_block<T>;
  constexpr double cost_of_block = 12;  // ns
  const int64_t blocks = (count + width - 1) / width;
  parallel_for(blocks, cost_of_block * static_cast<double>(blocks), [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const Philox::Counter words = stream.block(static_cast<uint32_t>(block));
      const int64_t first = block * width, here = std::min(width, count - first);
      for (int64_t i = 0; i < here; ++i) out[first + i] = unit<T>(words, i);
    }
  });
}

void run_units(const Op::Call& call) {
  const Stream& stream = *static_cast<const Stream*>(call.attributes);
  if (call.node->dtype == DType::float64) {
    fill_units(stream, static_cast<double*>(call.output), call.node->size());
  } else {
    fill_units(stream, static_cast<float*>(call.output), call.node->size());
  }
}

}  // namespace

static const Op random_op{"random", Op::Kind::call, nullptr, nullptr, run_units};

namespace {

/// Uniform in [0, 1).
Tensor units(const char* operation, const Stream& stream, const Shape& shape, DType type) {
  if (!is_floating(type))
    throw DTypeError(std::string(operation) + ": " + name_of(type) + " asked for; expected float32 or float64");
  return Graph::current().record({random_op, {}, shape, type, {}}, stream);
}

/// A parameter of a distribution has the shape, or broadcasts to it.
Tensor fitting(const char* operation, const Tensor& result, const Shape& shape) {
  if (result.shape() == shape) return result;
  throw ShapeError(std::string(operation) + ": the parameters broadcast to " + result.shape().to_string() +
                   "; expected what broadcasts to " + shape.to_string());
}

}  // namespace

Tensor random_uniform(Rng& rng, const Shape& shape, Located low, Located high, DType type, std::source_location where) {
  const Located here(0, where);
  const AtLine line(here);
  const Tensor u = units("uniform", {rng.draw(), 0}, shape, type);
  const Tensor first = low.as(type);
  return fitting("uniform", fma(u, high.as(type) - first, first), shape);
}

// z = sqrt(-2 log(1 - u)) cos(2 pi v)
Tensor random_normal(Rng& rng, const Shape& shape, Located mean, Located deviation, DType type,
                     std::source_location where) {
  const Located here(0, where);
  const AtLine line(here);
  const Rng::Draw draw = rng.draw();
  const Tensor u = units("normal", {draw, 0}, shape, type), v = units("normal", {draw, 1}, shape, type);
  const Tensor z = sqrt(-2 * log(1 - u)) * cos(v * (2 * std::numbers::pi));
  return fitting("normal", fma(z, deviation.as(type), mean.as(type)), shape);
}

Array uniform(Rng& rng, const Shape& shape, double low, double high, DType type) {
  const Step step;
  return random_uniform(rng, shape, low, high, type).keep();
}

Array normal(Rng& rng, const Shape& shape, double mean, double deviation, DType type) {
  if (!(deviation >= 0))
    throw ValueError("normal: a standard deviation of " + std::to_string(deviation) + "; expected 0 or more");
  const Step step;
  return random_normal(rng, shape, mean, deviation, type).keep();
}

Array permutation(Rng& rng, int64_t count) {
  const Stream stream{rng.draw(), 0};
  return Array::make<int32_t>({count}, [&](std::span<int32_t> out) {
    std::iota(out.begin(), out.end(), 0);
    for (size_t last = out.size(); last > 1; --last) {
      // floor(r last / 2^64) for r of 64 bits: no order is likelier than another by more than last / 2^64.
      const Philox::Counter words = stream.block(static_cast<uint32_t>(last));
      const uint64_t carried = (uint64_t{words[0]} * last) >> 32;
      const uint64_t chosen = (uint64_t{words[1]} * last + carried) >> 32;
      std::swap(out[last - 1], out[chosen]);
    }
  });
}

Rng Rng::split() {
  const Philox::Counter words = Stream{draw(), 2}.block(0);
  return Rng(uint64_t{words[0]} << 32 | words[1]);
}

}  // namespace autograd
