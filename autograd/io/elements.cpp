#include <autograd/io/elements.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

static_assert(std::endian::native == std::endian::little, "files are written in the memory's order of bytes");

namespace autograd::io {

namespace {

/// The bits of an element, whatever its order of bytes.
template <class Word>
Word word_at(const unsigned char* bytes, std::endian order) {
  Word word = 0;
  for (size_t i = 0; i < sizeof(Word); ++i) {
    const size_t shift = 8 * (order == std::endian::little ? i : sizeof(Word) - 1 - i);
    word = static_cast<Word>(word | static_cast<Word>(Word{bytes[i]} << shift));
  }
  return word;
}

/// IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction.
float from_half(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31)
    return fraction == 0 ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction | 1024), exponent - 25);
}

template <class Word, Element To, class Convert>
Array converted(Bytes bytes, const Shape& shape, std::endian order, Convert convert) {
  return Array::make<To>(shape, [&](std::span<To> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = convert(word_at<Word>(bytes.data() + i * sizeof(Word), order), i);
  });
}

/// Elements that are the library's own: copied as they lie where the order of bytes is the memory's.
template <class Word, Element To>
Array copied(Bytes bytes, const Shape& shape, std::endian order) {
  if (order != std::endian::native)
    return converted<Word, To>(bytes, shape, order, [](Word word, size_t) { return std::bit_cast<To>(word); });
  return Array::make<To>(shape, [&](std::span<To> out) {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  });
}

template <class Integer>
Array integers(const Reader& reader, Bytes bytes, const Shape& shape, std::endian order) {
  using Word = std::make_unsigned_t<Integer>;
  return converted<Word, int32_t>(bytes, shape, order, [&](Word word, size_t i) {
    const auto value = static_cast<Integer>(word);
    if (!std::in_range<int32_t>(value))
      reader.fail("element " + std::to_string(i) + " is " + std::to_string(value) + ", which int32 does not hold");
    return static_cast<int32_t>(value);
  });
}

}  // namespace

size_t size_of(Stored type) {
  switch (type) {
    case Stored::boolean:
    case Stored::i8:
    case Stored::u8: return 1;
    case Stored::f16:
    case Stored::bf16:
    case Stored::i16:
    case Stored::u16: return 2;
    case Stored::f32:
    case Stored::i32:
    case Stored::u32: return 4;
    case Stored::f64:
    case Stored::i64:
    case Stored::u64: return 8;
  }
  return 0;
}

DType dtype_of(Stored type) {
  switch (type) {
    case Stored::f16:
    case Stored::bf16:
    case Stored::f32: return DType::float32;
    case Stored::f64: return DType::float64;
    case Stored::boolean: return DType::boolean;
    default: return DType::int32;
  }
}

Extents checked_extents(const Reader& reader, std::span<const int64_t> extents, Stored type) {
  if (extents.size() > max_rank)
    reader.fail(std::to_string(extents.size()) + " axes; at most " + std::to_string(max_rank) + " are accepted");
  for (const int64_t extent : extents) {
    if (extent < 0) reader.fail("an axis of extent " + std::to_string(extent));
  }
  try {
    const Shape shape(extents);
    return {shape, static_cast<uint64_t>(shape.size()) * size_of(type)};
  } catch (const SizeError& error) {
    reader.fail(error.what());
  }
}

Array to_array(const Reader& reader, Bytes bytes, const Shape& shape, Stored type, std::endian order) {
  switch (type) {
    case Stored::f32: return copied<uint32_t, float>(bytes, shape, order);
    case Stored::f64: return copied<uint64_t, double>(bytes, shape, order);
    case Stored::i32: return copied<uint32_t, int32_t>(bytes, shape, order);
    case Stored::f16:
      return converted<uint16_t, float>(bytes, shape, order, [](uint16_t word, size_t) { return from_half(word); });
    case Stored::bf16:
      return converted<uint16_t, float>(
          bytes, shape, order, [](uint16_t word, size_t) { return std::bit_cast<float>(uint32_t{word} << 16); });
    case Stored::boolean:
      return converted<uint8_t, bool>(bytes, shape, order, [](uint8_t word, size_t) { return word != 0; });
    case Stored::i8: return integers<int8_t>(reader, bytes, shape, order);
    case Stored::u8: return integers<uint8_t>(reader, bytes, shape, order);
    case Stored::i16: return integers<int16_t>(reader, bytes, shape, order);
    case Stored::u16: return integers<uint16_t>(reader, bytes, shape, order);
    case Stored::u32: return integers<uint32_t>(reader, bytes, shape, order);
    case Stored::i64: return integers<int64_t>(reader, bytes, shape, order);
    case Stored::u64: return integers<uint64_t>(reader, bytes, shape, order);
  }
  return {};
}

Bytes bytes_of(const Array& array) {
  return {static_cast<const unsigned char*>(array.data()), static_cast<size_t>(array.bytes())};
}

}  // namespace autograd::io
