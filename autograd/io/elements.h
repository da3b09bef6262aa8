#pragma once

#include <autograd/core/array.h>
#include <autograd/io/bytes.h>

#include <bit>

namespace autograd::io {

/// Element types that files hold. Those that the library lacks become the one that holds their values:
/// halves float32, integers int32.
enum class Stored : uint8_t { f16, bf16, f32, f64, i8, u8, i16, u16, i32, u32, i64, u64, boolean };

size_t size_of(Stored type);
DType dtype_of(Stored type);

/// The extents as a Shape, and what that takes in bytes of `type`; FileError for extents that are negative, more than
/// six, or of more than 2^31 - 1 elements in all. Takes no memory.
struct Extents {
  Shape shape;
  uint64_t bytes = 0;
};
Extents checked_extents(const Reader& reader, std::span<const int64_t> extents, Stored type);

/// An array of the elements in `bytes`, which are shape.size() of `type`, row-major. FileError for an integer that
/// int32 does not hold.
Array to_array(const Reader& reader, Bytes bytes, const Shape& shape, Stored type,
               std::endian order = std::endian::little);

/// The elements' bytes, little-endian.
Bytes bytes_of(const Array& array);

}  // namespace autograd::io
