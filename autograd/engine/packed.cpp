#include <autograd/engine/packed.h>

#include <algorithm>
#include <cstring>

namespace autograd::engine {

namespace {

/// The part that holds an element; a wrong guess costs a search.
size_t find_part(const std::vector<Packed::Part>& parts, int64_t element, size_t guess) {
  for (size_t part = guess; part < std::min(guess + 2, parts.size() - 1); ++part) {
    if (parts[part].begin <= element && element < parts[part + 1].begin) return part;
  }
  const auto behind = std::ranges::upper_bound(parts, element, {}, &Packed::Part::begin);
  return static_cast<size_t>(behind - parts.begin()) - 1;
}

/// Calls copy(memory of a part, local memory, bytes) for all that a piece has of each. Returns the last part.
template <class Copy>
size_t for_each_part(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess,
                     Copy&& copy) {
  size_t part = find_part(packed.parts, piece.begin, guess);
  for (int64_t element = piece.begin;; ++part) {
    const Packed::Part& from = packed.parts[part];
    const int64_t end = std::min(packed.parts[part + 1].begin, piece.end);
    copy(values[from.place.base] + from.place.bytes + (element - from.begin) * packed.element_bytes,
         piece.local + packed.local + (element - piece.begin) * packed.element_bytes,
         static_cast<size_t>((end - element) * packed.element_bytes));
    if (end == piece.end) return part;
    element = end;
  }
}

}  // namespace

size_t gather_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess) {
  return for_each_part(packed, values, piece, guess,
                       [](const std::byte* part, std::byte* local, size_t bytes) { std::memcpy(local, part, bytes); });
}

void spread_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess) {
  for_each_part(packed, values, piece, guess,
                [](std::byte* part, const std::byte* local, size_t bytes) { std::memcpy(part, local, bytes); });
}

}  // namespace autograd::engine
