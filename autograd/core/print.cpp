#include <autograd/core/print.h>

#include <charconv>
#include <ostream>
#include <string>

namespace autograd {

namespace {

constexpr int64_t most_elements = 100;  // of an array that is printed whole
constexpr int64_t edge_elements = 3;    // of a longer one, at either end of an axis

template <Element T>
std::string number_text(T value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else {
    if (value != value) return "nan";  // its sign is nobody's, and differs between backends
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }
}

template <Element T>
std::string elements_text(const Shape& shape, const T* values, int axis, bool whole) {
  if (axis == shape.rank()) return number_text(*values);
  int64_t stride = 1;
  for (int inner = axis + 1; inner < shape.rank(); ++inner) stride *= shape[inner];
  std::string text = "[";
  for (int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) text += ", ";
    if (!whole && i == edge_elements && shape[axis] > 2 * edge_elements) {
      text += "..., ";
      i = shape[axis] - edge_elements;
    }
    text += elements_text(shape, values + i * stride, axis + 1, whole);
  }
  return text + "]";
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Array& array) {
  const auto text = [&]<class T>(T) {
    return elements_text(array.shape(), array.values<T>().data(), 0, array.size() <= most_elements);
  };
  stream << name_of(array.dtype()) << ' ' << array.shape().to_string() << ' ';
  switch (array.dtype()) {
    case DType::float32: return stream << text(float{});
    case DType::float64: return stream << text(double{});
    case DType::int32: return stream << text(int32_t{});
    case DType::boolean: return stream << text(bool{});
  }
  return stream;
}

std::ostream& operator<<(std::ostream& stream, const Parameter& parameter) { return stream << parameter.keep(); }
std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) { return stream << tensor.keep(); }

}  // namespace autograd
