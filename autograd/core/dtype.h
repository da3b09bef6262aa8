#pragma once

#include <concepts>
#include <cstdint>

namespace autograd {

/// Element types: float32 for speed, float64 for checks and small problems,
/// int32 for indices, boolean (one byte) for masks.
enum class DType : uint8_t { float32, float64, int32, boolean };

template <class T>
concept Element =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int32_t> || std::same_as<T, bool>;

template <Element T>
constexpr DType dtype_of() {
  if constexpr (std::same_as<T, float>) return DType::float32;
  if constexpr (std::same_as<T, double>) return DType::float64;
  if constexpr (std::same_as<T, int32_t>) return DType::int32;
  return DType::boolean;
}

constexpr int64_t size_of(DType type) {
  switch (type) {
    case DType::float32: return 4;
    case DType::float64: return 8;
    case DType::int32: return 4;
    case DType::boolean: return 1;
  }
  return 0;
}

constexpr bool is_floating(DType type) { return type == DType::float32 || type == DType::float64; }

constexpr const char* name_of(DType type) {
  switch (type) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::int32: return "int32";
    case DType::boolean: return "bool";
  }
  return "?";
}

/// Conversion with one result everywhere: float to int truncates, and what an int32
/// cannot hold (NaN included) becomes the smallest int32, as x86 does.
template <Element To, Element From>
constexpr To convert(From value) {
  if constexpr (std::same_as<To, int32_t> && std::floating_point<From>) {
    return value >= From(-2147483648.0) && value < From(2147483648.0) ? static_cast<int32_t>(value) : INT32_MIN;
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace autograd
