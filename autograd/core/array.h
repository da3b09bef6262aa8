#pragma once

#include <autograd/core/dtype.h>
#include <autograd/core/shape.h>

#include <cstddef>
#include <initializer_list>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace autograd {

struct Storage;
class Tensor;

/// Immutable host data with a shape and an element type: what files, host data,
/// initialisers and Tensor::keep() give. Row-major, contiguous, 64-byte aligned.
/// A cheap handle on shared memory (atomic reference count); any thread may read it.
class BACKLIGHT_API Array {
 public:
  /// No data: shape [0].
  Array();
  Array(const Array& other);
  Array(Array&& other) noexcept;
  Array& operator=(Array other) noexcept;
  ~Array();

  /// Copies `values`, in row-major order. Throws ShapeError if their number is not the shape's.
  template <Element T>
  static Array from(std::span<const T> values, const Shape& shape);
  template <Element T>
  static Array from(const std::vector<T>& values, const Shape& shape);
  /// A rank-1 array, or a scalar, for literals: Array::of({1.f, 2.f}).
  template <Element T>
  static Array of(std::initializer_list<T> values);
  template <Element T>
  static Array scalar(T value);
  /// Memory of `shape` that `fill(std::span<T>)` writes once, before the array is seen by anybody.
  template <Element T, class Fill>
  static Array make(const Shape& shape, Fill&& fill);

  const Shape& shape() const;
  DType dtype() const;
  int64_t size() const { return shape().size(); }
  int64_t bytes() const { return size() * size_of(dtype()); }

  /// The elements, row-major. Throws DTypeError where T is not the array's type.
  template <Element T>
  std::span<const T> values() const;
  template <Element T>
  std::vector<T> to_vector() const;
  /// The only element, as a double. Throws ShapeError unless there is exactly one.
  double item() const;

  /// The same data converted element by element (float to int truncates; out of range and
  /// NaN give the smallest int32).
  Array cast(DType type) const;
  /// A copy under another shape of equal size.
  Array reshape(const Shape& shape) const;

  const void* data() const;
  Storage* storage() const { return storage_; }

 private:
  friend class Parameter;
  explicit Array(Storage* adopted) : storage_(adopted) {}
  static Array allocate(const Shape& shape, DType type);
  void* mutable_data();
  void require(DType type) const;

  Storage* storage_;
};

/// A shared handle on an Array that can be assigned: what is optimised. A Tensor that
/// reads it takes the version current when the read was recorded.
class BACKLIGHT_API Parameter {
 public:
  /// Copies `initial`, so that later assignments are seen by this Parameter only.
  Parameter(const Array& initial, std::string name = "");
  Parameter(const Parameter& other) = default;
  Parameter& operator=(const Parameter& other) = default;

  const Shape& shape() const { return array_.shape(); }
  DType dtype() const { return array_.dtype(); }
  int64_t size() const { return array_.size(); }
  const std::string& name() const;
  /// Counts the assignments.
  uint64_t version() const;

  /// The current elements; they change with the next assignment.
  template <Element T>
  std::span<const T> values() const {
    return array_.values<T>();
  }
  template <Element T>
  std::vector<T> to_vector() const {
    return array_.to_vector<T>();
  }
  double item() const { return array_.item(); }
  /// A copy of the current value.
  Array keep() const;

  /// Overwrites the value in place; shape and type must be the same (ShapeError, DTypeError).
  /// Throws ParameterInUse while another thread's open Step reads it. A Tensor is evaluated at once.
  void assign(const Array& value, std::source_location where = std::source_location::current());
  void assign(const Tensor& value, std::source_location where = std::source_location::current());

  Storage* storage() const { return array_.storage(); }

 private:
  Array array_;
};

/// Arrays of one value. `zeros({3, 4})` is float32.
BACKLIGHT_API Array full(const Shape& shape, double value, DType type = DType::float32);
BACKLIGHT_API Array zeros(const Shape& shape, DType type = DType::float32);
BACKLIGHT_API Array ones(const Shape& shape, DType type = DType::float32);
/// 0, 1, ..., count - 1.
BACKLIGHT_API Array arange(int64_t count, DType type = DType::int32);
/// `count` values from `first` to `last`, evenly spaced; of one the first. ValueError for none; floats (DTypeError).
BACKLIGHT_API Array linspace(double first, double last, int64_t count, DType type = DType::float32);

// ---------------------------------------------------------------------------------------------

template <Element T>
std::span<const T> Array::values() const {
  require(dtype_of<T>());
  return {static_cast<const T*>(data()), static_cast<size_t>(size())};
}

template <Element T>
std::vector<T> Array::to_vector() const {
  const std::span<const T> elements = values<T>();
  return {elements.begin(), elements.end()};
}

template <Element T, class Fill>
Array Array::make(const Shape& shape, Fill&& fill) {
  Array array = allocate(shape, dtype_of<T>());
  std::forward<Fill>(fill)(std::span<T>(static_cast<T*>(array.mutable_data()), static_cast<size_t>(shape.size())));
  return array;
}

template <>
BACKLIGHT_API Array Array::from(std::span<const float> values, const Shape& shape);
template <>
BACKLIGHT_API Array Array::from(std::span<const double> values, const Shape& shape);
template <>
BACKLIGHT_API Array Array::from(std::span<const int32_t> values, const Shape& shape);
template <>
BACKLIGHT_API Array Array::from(std::span<const bool> values, const Shape& shape);

template <Element T>
Array Array::from(const std::vector<T>& values, const Shape& shape) {
  return from(std::span<const T>(values), shape);
}

template <Element T>
Array Array::of(std::initializer_list<T> values) {
  return from(std::span<const T>(values.begin(), values.size()), {static_cast<int64_t>(values.size())});
}

template <Element T>
Array Array::scalar(T value) {
  return from(std::span<const T>(&value, 1), {});
}

}  // namespace autograd
