#include <autograd/engine/gemm/level.h>
#include <autograd/engine/interpreter_kernels.h>

#include <cmath>
#include <type_traits>

#ifndef BACKLIGHT_KERNEL_VARIANT
#define BACKLIGHT_KERNEL_VARIANT baseline
#endif

namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT {

namespace {

using ir::Code;

// Elementwise ------------------------------------------------------------------------------------

template <class Result, class Argument, auto function>
void apply1(void* out, const void* a, const void*, const void*, int64_t count) {
  auto* __restrict result = static_cast<Result*>(out);
  const auto* x = static_cast<const Argument*>(a);
  for (int64_t i = 0; i < count; ++i) result[i] = function(x[i]);
}

template <class Result, class Argument, auto function>
void apply2(void* out, const void* a, const void* b, const void*, int64_t count) {
  auto* __restrict result = static_cast<Result*>(out);
  const auto* x = static_cast<const Argument*>(a);
  const auto* y = static_cast<const Argument*>(b);
  for (int64_t i = 0; i < count; ++i) result[i] = function(x[i], y[i]);
}

template <class T>
void apply_select(void* out, const void* a, const void* b, const void* c, int64_t count) {
  auto* __restrict result = static_cast<T*>(out);
  const auto* condition = static_cast<const bool*>(a);
  const auto* x = static_cast<const T*>(b);
  const auto* y = static_cast<const T*>(c);
  for (int64_t i = 0; i < count; ++i) {
    const T yes = x[i], no = y[i];
    result[i] = condition[i] ? yes : no;
  }
}

template <class T>
void apply_fma(void* out, const void* a, const void* b, const void* c, int64_t count) {
  auto* __restrict result = static_cast<T*>(out);
  const auto* x = static_cast<const T*>(a);
  const auto* y = static_cast<const T*>(b);
  const auto* z = static_cast<const T*>(c);
  for (int64_t i = 0; i < count; ++i) result[i] = std::fma(x[i], y[i], z[i]);
}

// Integers wrap: arithmetic is done unsigned.
template <class T, auto function>
constexpr auto wrapping = [](T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(function(static_cast<uint32_t>(x), static_cast<uint32_t>(y)));
  } else {
    return function(x, y);
  }
};

constexpr auto plus = [](auto x, auto y) { return x + y; };
constexpr auto minus = [](auto x, auto y) { return x - y; };
constexpr auto times = [](auto x, auto y) { return x * y; };

// A zero divisor is reported by the interpreter; here it only must not trap.
template <class T>
constexpr auto quotient = [](T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return y == 0 ? 0 : y == -1 ? static_cast<T>(-static_cast<uint32_t>(x)) : static_cast<T>(x / y);
  } else {
    return x / y;
  }
};
template <class T>
constexpr auto remainder = [](T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return y == 0 || y == -1 ? 0 : x % y;
  } else {
    return std::fmod(x, y);
  }
};

/// The library's functions, of float64: those of float32 are lowered to arithmetic (ir/maths.h).
TileFunction find_library(Code code) {
#define LIBRARY(name) &apply1<double, double, [](double x) { return std::name(x); }>
  switch (code) {
    case Code::exp: return LIBRARY(exp);
    case Code::log: return LIBRARY(log);
    case Code::sin: return LIBRARY(sin);
    case Code::cos: return LIBRARY(cos);
    case Code::tan: return LIBRARY(tan);
    case Code::asin: return LIBRARY(asin);
    case Code::acos: return LIBRARY(acos);
    case Code::atan: return LIBRARY(atan);
    case Code::tanh: return LIBRARY(tanh);
    case Code::erf: return LIBRARY(erf);
    case Code::pow: return &apply2<double, double, [](double x, double y) { return std::pow(x, y); }>;
    case Code::atan2: return &apply2<double, double, [](double x, double y) { return std::atan2(x, y); }>;
    default: return nullptr;
  }
#undef LIBRARY
}

template <class T>
TileFunction find_float(Code code) {
  switch (code) {
    case Code::square_root: return &apply1<T, T, [](T x) { return std::sqrt(x); }>;
    case Code::floor: return &apply1<T, T, [](T x) { return std::floor(x); }>;
    case Code::ceil: return &apply1<T, T, [](T x) { return std::ceil(x); }>;
    case Code::round: return &apply1<T, T, [](T x) { return std::nearbyint(x); }>;
    case Code::fma: return &apply_fma<T>;
    default: return std::is_same_v<T, double> ? find_library(code) : nullptr;
  }
}

template <class T>
TileFunction find_bits(Code code) {
  switch (code) {
    case Code::bit_and: return &apply2<T, T, [](T x, T y) { return x & y; }>;
    case Code::bit_or: return &apply2<T, T, [](T x, T y) { return x | y; }>;
    case Code::bit_xor: return &apply2<T, T, [](T x, T y) { return x ^ y; }>;
    default: return nullptr;
  }
}

template <class T>
TileFunction find_number(Code code) {
  switch (code) {
    case Code::negate:
      return &apply1<T, T, [](T x) {
        if constexpr (std::is_integral_v<T>)
          return static_cast<T>(-static_cast<uint32_t>(x));
        else
          return -x;
      }>;
    case Code::absolute:
      return &apply1<T, T, [](T x) {
        if constexpr (std::is_integral_v<T>)
          return x < 0 ? static_cast<T>(-static_cast<uint32_t>(x)) : x;
        else
          return std::fabs(x);
      }>;
    case Code::add: return &apply2<T, T, wrapping<T, plus>>;
    case Code::subtract: return &apply2<T, T, wrapping<T, minus>>;
    case Code::multiply: return &apply2<T, T, wrapping<T, times>>;
    case Code::divide: return &apply2<T, T, quotient<T>>;
    case Code::remainder: return &apply2<T, T, remainder<T>>;
    case Code::minimum: return &apply2<T, T, [](T x, T y) { return x < y ? x : y; }>;
    case Code::maximum: return &apply2<T, T, [](T x, T y) { return y < x ? x : y; }>;
    default:
      if constexpr (std::is_floating_point_v<T>) return find_float<T>(code);
      if constexpr (std::is_integral_v<T>) return find_bits<T>(code);
      return nullptr;
  }
}

template <class T>
TileFunction find_comparison(Code code) {
  switch (code) {
    case Code::equal: return &apply2<bool, T, [](T x, T y) { return x == y; }>;
    case Code::not_equal: return &apply2<bool, T, [](T x, T y) { return x != y; }>;
    case Code::less: return &apply2<bool, T, [](T x, T y) { return x < y; }>;
    case Code::less_equal: return &apply2<bool, T, [](T x, T y) { return x <= y; }>;
    default: return nullptr;
  }
}

template <class T>
TileFunction find_any(Code code) {
  return code == Code::select ? &apply_select<T> : find_comparison<T>(code);
}

TileFunction find_logical(Code code) {
  switch (code) {
    case Code::logical_not: return &apply1<bool, bool, [](bool x) { return !x; }>;
    case Code::logical_and: return &apply2<bool, bool, [](bool x, bool y) { return x && y; }>;
    case Code::logical_or: return &apply2<bool, bool, [](bool x, bool y) { return x || y; }>;
    default: return nullptr;
  }
}

template <class From>
TileFunction find_conversion(DType to) {
  switch (to) {
    case DType::float32: return &apply1<float, From, [](From x) { return convert<float>(x); }>;
    case DType::float64: return &apply1<double, From, [](From x) { return convert<double>(x); }>;
    case DType::int32: return &apply1<int32_t, From, [](From x) { return convert<int32_t>(x); }>;
    case DType::boolean: return &apply1<bool, From, [](From x) { return convert<bool>(x); }>;
  }
  return nullptr;
}

template <class T>
TileFunction find_of(Code code, DType result) {
  if (code == Code::convert) return find_conversion<T>(result);
  if (code == Code::bitcast) {
    const bool four_bytes = sizeof(T) == 4 && size_of(result) == 4;
    return four_bytes ? &apply1<uint32_t, uint32_t, [](uint32_t x) { return x; }> : nullptr;
  }
  if (const TileFunction function = find_any<T>(code)) return function;
  if constexpr (std::is_same_v<T, bool>)
    return find_logical(code);
  else
    return find_number<T>(code);
}

TileFunction find(Code code, DType argument, DType result) {
  switch (argument) {
    case DType::float32: return find_of<float>(code, result);
    case DType::float64: return find_of<double>(code, result);
    case DType::int32: return find_of<int32_t>(code, result);
    case DType::boolean: return find_of<bool>(code, result);
  }
  return nullptr;
}

// Folds ------------------------------------------------------------------------------------------

template <class T, auto combine>
void fold_tile(void* lanes_, const void* values_, int64_t count) {
  auto* lanes = static_cast<T*>(lanes_);
  const auto* values = static_cast<const T*>(values_);
  T local[16];
  for (int lane = 0; lane < 16; ++lane) local[lane] = lanes[lane];
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int lane = 0; lane < 16; ++lane) local[lane] = combine(local[lane], values[i + lane]);
  }
  for (int lane = 0; i < count; ++i, ++lane) local[lane] = combine(local[lane], values[i]);
  for (int lane = 0; lane < 16; ++lane) lanes[lane] = local[lane];
}

template <class T>
FoldFunction find_fold(ir::Fold::Kind kind) {
  switch (kind) {
    case ir::Fold::Kind::sum: return &fold_tile<T, wrapping<T, plus>>;
    case ir::Fold::Kind::max: return &fold_tile<T, [](T x, T y) { return y < x || x != x ? x : y; }>;
    case ir::Fold::Kind::min: return &fold_tile<T, [](T x, T y) { return x < y || x != x ? x : y; }>;
  }
  return nullptr;
}

FoldFunction fold(ir::Fold::Kind kind, DType type) {
  switch (type) {
    case DType::float32: return find_fold<float>(kind);
    case DType::float64: return find_fold<double>(kind);
    case DType::int32: return find_fold<int32_t>(kind);
    case DType::boolean: return nullptr;
  }
  return nullptr;
}

// Memory -----------------------------------------------------------------------------------------

template <class T>
void gather_tile(void* out_, const void* base_, const int32_t* row, const int64_t* offset, int64_t count) {
  auto* __restrict out = static_cast<T*>(out_);
  const auto* base = static_cast<const T*>(base_);
  if (offset == nullptr) {
    for (int64_t i = 0; i < count; ++i) out[i] = base[row[i]];
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = base[row[i] + offset[i]];
  }
}

GatherFunction gather(DType type) {
  switch (size_of(type)) {
    case 1: return &gather_tile<uint8_t>;
    case 4: return &gather_tile<uint32_t>;
    default: return &gather_tile<uint64_t>;
  }
}

template <class T>
void strided_tile(void* out_, const void* base_, int64_t stride, int64_t count) {
  auto* __restrict out = static_cast<T*>(out_);
  const auto* base = static_cast<const T*>(base_);
  for (int64_t i = 0; i < count; ++i) out[i] = base[i * stride];
}

StrideFunction strided(DType type) {
  switch (size_of(type)) {
    case 1: return &strided_tile<uint8_t>;
    case 4: return &strided_tile<uint32_t>;
    default: return &strided_tile<uint64_t>;
  }
}

}  // namespace

extern const KernelTable table;
extern const TriangularKernels triangular;  // triangular_kernel.cpp
extern const ColumnKernels columns;         // columns_kernel.cpp
const KernelTable table{
    &find, &fold, &gather, &strided, &gemm::BACKLIGHT_KERNEL_VARIANT::level, &triangular, &columns,
};

}  // namespace autograd::engine::BACKLIGHT_KERNEL_VARIANT
