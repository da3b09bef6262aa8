#pragma once

#include <autograd/core/array.h>

#include <concepts>
#include <cstdint>
#include <source_location>
#include <span>
#include <vector>

namespace autograd {

/// A lazy, immutable value: a checked 16-byte handle on a node that a Step recorded. Operations
/// on Tensors only record; a value is computed when it is read (item, values, to_vector, keep)
/// or when an optimiser needs it. A handle used after its Step ended throws StaleTensor; from
/// another thread, WrongThread. Copying is free.
class BACKLIGHT_API Tensor {
 public:
  /// Refers to nothing; as a gradient it means exactly zero.
  Tensor() = default;
  bool defined() const { return step_ != 0; }

  Shape shape() const;
  int rank() const { return shape().rank(); }
  int64_t size() const { return shape().size(); }
  DType dtype() const;

  /// The only element, as a double; ShapeError unless there is exactly one.
  double item() const;
  /// The elements, row-major, valid until the Step ends; DTypeError where T is not the tensor's type.
  template <Element T>
  std::span<const T> values() const {
    return {static_cast<const T*>(evaluated(dtype_of<T>())), static_cast<size_t>(size())};
  }
  template <Element T>
  std::vector<T> to_vector() const {
    const std::span<const T> elements = values<T>();
    return {elements.begin(), elements.end()};
  }
  /// A copy that outlives the Step.
  Array keep() const;

 private:
  friend class Graph;
  const void* evaluated(DType type) const;

  Tensor(uint64_t step, uint32_t node, uint16_t slot, uint16_t op)
      : step_(step), place_(node | uint64_t{slot} << 32 | uint64_t{op} << 48) {}
  uint32_t node() const { return static_cast<uint32_t>(place_); }
  uint16_t slot() const { return static_cast<uint16_t>(place_ >> 32); }  ///< in the table of live Steps
  uint16_t op() const { return static_cast<uint16_t>(place_ >> 48); }    ///< for the text of StaleTensor

  // Two words and no smaller members: a handle is passed in two registers.
  uint64_t step_ = 0;  ///< the Step's never-reused number; 0: undefined
  uint64_t place_ = 0;
};
static_assert(sizeof(Tensor) == 16);

/// An arena scope: what is recorded or computed while it is open is freed at its end. Steps nest
/// (a line search inside a training step) and end in the reverse order. With no Step open, the
/// thread's root Step records; it ends with the thread.
class BACKLIGHT_API Step {
 public:
  Step();
  ~Step();
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  /// An evaluation that would take the Step's memory past `bytes` throws OutOfMemory and names the
  /// largest buffers; 0: no limit. ValueError below 0.
  void set_memory_limit(int64_t bytes);

 private:
  uint64_t serial_;
};

/// What operations take: a Tensor, an Array, a Parameter or a number, with the source line of the
/// call. Numbers take the type of the tensor they meet.
class BACKLIGHT_API Located {
 public:
  // Implicit on purpose: it is how every operand is passed.
  Located(const Tensor& tensor, std::source_location where = std::source_location::current())
      : tensor_(tensor), where_(where) {}
  Located(const Array& array, std::source_location where = std::source_location::current())
      : tensor_(read(array, where)), where_(where) {}
  Located(const Parameter& parameter, std::source_location where = std::source_location::current())
      : tensor_(read(parameter, where)), where_(where) {}
  template <class Number>
  requires std::is_arithmetic_v<Number> Located(Number number,
                                                std::source_location where = std::source_location::current())
      : where_(where),
        number_(static_cast<double>(number)),
        kind_(std::floating_point<Number> ? Kind::real : Kind::integer) {}

  enum class Kind : uint8_t { tensor, integer, real };
  Kind kind() const { return kind_; }
  bool is_number() const { return kind_ != Kind::tensor; }
  double number() const { return number_; }
  const std::source_location& where() const { return where_; }
  /// The operand itself; undefined for a number.
  const Tensor& tensor() const { return tensor_; }
  /// The operand as a tensor; a number becomes a scalar of `type`. DTypeError for a fraction as an integer, ValueError
  /// for a number that an int32 cannot hold.
  Tensor as(DType type) const;

 private:
  static Tensor read(const Array& array, std::source_location where);
  static Tensor read(const Parameter& parameter, std::source_location where);

  Tensor tensor_;
  std::source_location where_;
  double number_ = 0;
  Kind kind_ = Kind::tensor;
};

/// An Array or a Parameter as a Tensor of the Step that is open, for what takes Tensors alone, such as a list of them;
/// a number becomes a float32 scalar. Operations take all of these as they are.
BACKLIGHT_API Tensor tensor(Located x);

}  // namespace autograd
