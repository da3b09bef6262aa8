#include <autograd/core/array.h>
#include <autograd/core/error.h>
#include <autograd/core/large_pages.h>
#include <autograd/core/storage.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace autograd {

namespace {

constexpr std::align_val_t alignment{64};

template <class Visit>
void visit_type(DType type, Visit&& visit) {
  switch (type) {
    case DType::float32: return visit(float{});
    case DType::float64: return visit(double{});
    case DType::int32: return visit(int32_t{});
    case DType::boolean: return visit(bool{});
  }
}

template <Element T>
Array copy_of(std::span<const T> values, const Shape& shape) {
  if (static_cast<int64_t>(values.size()) != shape.size()) {
    throw ShapeError("Array::from: " + std::to_string(values.size()) + " values for shape " + shape.to_string() +
                     "; expected " + std::to_string(shape.size()));
  }
  return Array::make<T>(shape, [&](std::span<T> out) { std::copy(values.begin(), values.end(), out.begin()); });
}

}  // namespace

// Storage ---------------------------------------------------------------------------------------

Storage* Storage::create(const Shape& shape, DType dtype) {
  static std::atomic<uint64_t> next_serial{1};
  auto storage = std::make_unique<Storage>();
  storage->serial = next_serial.fetch_add(1, std::memory_order_relaxed);
  storage->maker = this_thread();
  storage->dtype = dtype;
  storage->shape = shape;
  // Kernels may read, not write, a vector past the end of a buffer.
  const int64_t bytes = shape.size() * size_of(dtype) + 64;
  storage->data = static_cast<std::byte*>(::operator new(static_cast<size_t>(bytes), alignment));
  advise_large_pages(storage->data, static_cast<size_t>(bytes));
  return storage.release();
}

void Storage::destroy() {
  ::operator delete(data, alignment);
  delete this;
}

uint16_t Storage::this_thread() {
  static std::atomic<uint64_t> threads{0};
  thread_local const uint64_t number = ++threads;
  return number <= std::numeric_limits<uint16_t>::max() ? static_cast<uint16_t>(number) : no_thread;
}

// Memory that another thread than its maker was the last to have a handle on. The maker has read it when the handle was
// dropped, and does not look whether there are handles when it stops: whoever ends a Step next does.

namespace {

std::mutex handed_over_mutex;
Storage* first_handed_over = nullptr;

}  // namespace

std::atomic<bool> Storage::any_handed_over{false};

void Storage::leave_to_maker() {
  if (this_thread() == maker) {
    left = true;
    return;
  }
  const std::lock_guard lock(handed_over_mutex);
  next_handed_over = std::exchange(first_handed_over, this);
  any_handed_over.store(true, std::memory_order_relaxed);
}

void Storage::look_through_handed_over() {
  const std::lock_guard lock(handed_over_mutex);
  for (Storage** place = &first_handed_over; *place != nullptr;) {
    Storage* const storage = *place;
    if (storage->own() > 0) {
      place = &storage->next_handed_over;
    } else {
      *place = storage->next_handed_over;
      storage->destroy();
    }
  }
  any_handed_over.store(first_handed_over != nullptr, std::memory_order_relaxed);
}

// Array -----------------------------------------------------------------------------------------

Array::Array() : storage_(Storage::create({0}, DType::float32)) {}

Array::Array(const Array& other) : storage_(other.storage_) { storage_->retain(); }

// A moved-from array shares the data: every Array is valid at all times.
Array::Array(Array&& other) noexcept : storage_(other.storage_) { storage_->retain(); }

Array& Array::operator=(Array other) noexcept {
  std::swap(storage_, other.storage_);
  return *this;
}

Array::~Array() { storage_->release(); }

Array Array::allocate(const Shape& shape, DType type) { return Array(Storage::create(shape, type)); }

const Shape& Array::shape() const { return storage_->shape; }
DType Array::dtype() const { return storage_->dtype; }
const void* Array::data() const { return storage_->data; }
void* Array::mutable_data() { return storage_->data; }

void Array::require(DType type) const {
  if (type == dtype()) return;
  throw DTypeError(std::string("values: asked for ") + name_of(type) + " of a " + name_of(dtype()) +
                   " array of shape " + shape().to_string());
}

double Array::item() const {
  if (size() != 1) throw ShapeError("item: shape " + shape().to_string() + " has not exactly one element");
  double value = 0;
  visit_type(dtype(), [&]<class T>(T) { value = static_cast<double>(values<T>()[0]); });
  return value;
}

Array Array::cast(DType type) const {
  if (type == dtype()) return *this;
  Array result = allocate(shape(), type);
  visit_type(dtype(), [&]<class From>(From) {
    visit_type(type, [&]<class To>(To) {
      const std::span<const From> from = values<From>();
      To* to = static_cast<To*>(result.mutable_data());
      for (size_t i = 0; i < from.size(); ++i) to[i] = convert<To>(from[i]);
    });
  });
  return result;
}

Array Array::reshape(const Shape& shape) const {
  if (shape.size() != size()) {
    throw ShapeError("reshape: " + this->shape().to_string() + " has " + std::to_string(size()) + " elements, " +
                     shape.to_string() + " has " + std::to_string(shape.size()));
  }
  Array result = allocate(shape, dtype());
  std::memcpy(result.mutable_data(), data(), static_cast<size_t>(bytes()));
  return result;
}

template <>
Array Array::from(std::span<const float> values, const Shape& shape) {
  return copy_of(values, shape);
}
template <>
Array Array::from(std::span<const double> values, const Shape& shape) {
  return copy_of(values, shape);
}
template <>
Array Array::from(std::span<const int32_t> values, const Shape& shape) {
  return copy_of(values, shape);
}
template <>
Array Array::from(std::span<const bool> values, const Shape& shape) {
  return copy_of(values, shape);
}

Array full(const Shape& shape, double value, DType type) {
  Array result;
  visit_type(type, [&]<class T>(T) {
    result = Array::make<T>(shape, [&](std::span<T> out) { std::fill(out.begin(), out.end(), static_cast<T>(value)); });
  });
  return result;
}

Array zeros(const Shape& shape, DType type) { return full(shape, 0, type); }
Array ones(const Shape& shape, DType type) { return full(shape, 1, type); }

Array arange(int64_t count, DType type) {
  Array result;
  visit_type(type, [&]<class T>(T) {
    result = Array::make<T>({count}, [](std::span<T> out) {
      for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(i);
    });
  });
  return result;
}

Array linspace(double first, double last, int64_t count, DType type) {
  if (count < 1) throw ValueError("linspace: " + std::to_string(count) + " values asked for; expected at least 1");
  if (!is_floating(type))
    throw DTypeError(std::string("linspace: ") + name_of(type) + " asked for; expected float32 or float64");
  const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0;
  const Array result = Array::make<double>({count}, [&](std::span<double> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = first + step * static_cast<double>(i);
    if (count > 1) out.back() = last;
  });
  return result.cast(type);
}

// Parameter -------------------------------------------------------------------------------------
// assign() stands with the evaluator's other doors: it must know who reads.

Parameter::Parameter(const Array& initial, std::string name)
    : array_(Array::allocate(initial.shape(), initial.dtype())) {
  std::memcpy(array_.mutable_data(), initial.data(), static_cast<size_t>(initial.bytes()));
  array_.storage()->name = std::move(name);
}

const std::string& Parameter::name() const { return array_.storage()->name; }
uint64_t Parameter::version() const { return array_.storage()->version.load(std::memory_order_relaxed); }

Array Parameter::keep() const {
  Array copy = Array::allocate(shape(), dtype());
  std::memcpy(copy.mutable_data(), array_.data(), static_cast<size_t>(array_.bytes()));
  return copy;
}

}  // namespace autograd
