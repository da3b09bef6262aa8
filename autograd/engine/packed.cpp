#include <autograd/engine/packed.h>

#include <algorithm>
#include <cstring>

namespace autograd::engine {

namespace {

/// Calls copy(memory of a part, local memory, bytes) for all that a piece has of each.
template <class Copy>
void for_each_part(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, Copy&& copy) {
  const auto behind = [](int64_t element, const Packed::Part& part) { return element < part.begin; };
  auto part = std::upper_bound(packed.parts.begin(), packed.parts.end(), piece.begin, behind) - 1;
  for (int64_t element = piece.begin; element < piece.end; ++part) {
    const int64_t end = std::min((part + 1)->begin, piece.end);
    copy(values[part->place.base] + part->place.bytes + (element - part->begin) * packed.element_bytes,
         piece.local + packed.local + (element - piece.begin) * packed.element_bytes,
         static_cast<size_t>((end - element) * packed.element_bytes));
    element = end;
  }
}

}  // namespace

void gather_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece) {
  for_each_part(packed, values, piece,
                [](const std::byte* part, std::byte* local, size_t bytes) { std::memcpy(local, part, bytes); });
}

void spread_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece) {
  for_each_part(packed, values, piece,
                [](std::byte* part, const std::byte* local, size_t bytes) { std::memcpy(part, local, bytes); });
}

}  // namespace autograd::engine
