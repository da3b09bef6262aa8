#pragma once

#include <autograd/core/export.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace autograd {

inline constexpr int max_rank = 6;

/// Extents of a tensor, outermost first; rank 0 is a scalar. At most six axes
/// and 2^31 - 1 elements, none below 0 (SizeError); an extent of zero is legal everywhere.
class BACKLIGHT_API Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> extents);
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return extents_[static_cast<size_t>(axis)]; }
  /// Product of the extents: 1 for a scalar.
  int64_t size() const {
    int64_t count = 1;
    for (int axis = 0; axis < rank_; ++axis) count *= (*this)[axis];
    return count;
  }
  const int64_t* begin() const { return extents_.data(); }
  const int64_t* end() const { return extents_.data() + rank_; }
  std::span<const int64_t> extents() const { return {begin(), end()}; }
  bool operator==(const Shape& other) const;
  /// As in error texts: "[32, 784]"; a scalar is "[]".
  std::string to_string() const;

 private:
  friend struct Node;  // whose extents have been checked
  Shape(const int64_t (&extents)[max_rank], int rank) : rank_(rank), extents_(std::to_array(extents)) {}

  int rank_ = 0;
  std::array<int64_t, max_rank> extents_{};  ///< 0 past the rank
};

/// Axis counted from the front; negative ones count from the back. Throws
/// ShapeError, naming `operation`, where there is no such axis.
BACKLIGHT_API int normalize_axis(const char* operation, int axis, int rank);

/// The shape that both broadcast to by numpy's rule, or ShapeError.
BACKLIGHT_API Shape broadcast_shapes(const char* operation, const Shape& a, const Shape& b);

}  // namespace autograd
