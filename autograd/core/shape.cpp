#include <autograd/core/error.h>
#include <autograd/core/shape.h>

#include <algorithm>
#include <limits>

namespace autograd {

Shape::Shape(std::initializer_list<int64_t> extents)
    : Shape(std::span<const int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const int64_t> extents) {
  if (extents.size() > max_rank) {
    throw SizeError("shape: " + std::to_string(extents.size()) + " axes; at most " + std::to_string(max_rank) +
                    " are supported");
  }
  rank_ = static_cast<int>(extents.size());
  std::copy(extents.begin(), extents.end(), extents_.begin());
  bool empty = false, overflows = false;
  int64_t count = 1;
  for (int64_t extent : extents) {
    if (extent < 0) throw SizeError("shape: negative extent in " + to_string());
    empty |= extent == 0;
    // Also of an empty array no product of some extents, such as a stride, may overflow.
    overflows |= extent > 0 && __builtin_mul_overflow(count, extent, &count);
  }
  if (overflows || (count > std::numeric_limits<int32_t>::max() && !empty))
    throw SizeError("shape: " + to_string() + " has more than 2147483647 elements");
}

bool Shape::operator==(const Shape& other) const { return rank_ == other.rank_ && extents_ == other.extents_; }

std::string Shape::to_string() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string((*this)[axis]);
  }
  return text + "]";
}

int normalize_axis(const char* operation, int axis, int rank) {
  if (rank == 0)
    throw ShapeError(std::string(operation) + ": axis " + std::to_string(axis) + " given; a scalar has none");
  if (axis < -rank || axis >= rank) {
    throw ShapeError(std::string(operation) + ": axis " + std::to_string(axis) + " does not exist in " +
                     std::to_string(rank) + " axes; expected " + std::to_string(-rank) + " to " +
                     std::to_string(rank - 1));
  }
  return axis < 0 ? axis + rank : axis;
}

Shape broadcast_shapes(const char* operation, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, max_rank> extents{};
  for (int axis = 0; axis < rank; ++axis) {
    const int in_a = axis - (rank - a.rank());
    const int in_b = axis - (rank - b.rank());
    const int64_t extent_a = in_a < 0 ? 1 : a[in_a];
    const int64_t extent_b = in_b < 0 ? 1 : b[in_b];
    if (extent_a != extent_b && extent_a != 1 && extent_b != 1) {
      throw ShapeError(std::string(operation) + ": shapes do not broadcast: " + a.to_string() + " and " +
                       b.to_string() + "; extents must be equal or 1, counted from the last axis");
    }
    extents[static_cast<size_t>(axis)] = extent_a == 1 ? extent_b : extent_a;
  }
  return Shape(std::span<const int64_t>(extents.data(), static_cast<size_t>(rank)));
}

}  // namespace autograd
