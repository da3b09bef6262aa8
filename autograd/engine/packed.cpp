#include <autograd/engine/packed.h>

#include <algorithm>
#include <cstring>

namespace autograd::engine {

namespace {

/// Elements of a part that are worth a call of the kernel.
constexpr int64_t least_direct = 128;

/// Of a part, before the processor foresees the rest.
constexpr int64_t fetched_bytes = 512;

/// The part that holds an element; a wrong guess costs a search.
size_t find_part(const std::vector<Packed::Part>& parts, int64_t element, size_t guess) {
  for (size_t part = guess; part < std::min(guess + 2, parts.size() - 1); ++part) {
    if (parts[part].begin <= element && element < parts[part + 1].begin) return part;
  }
  const auto behind = std::ranges::upper_bound(parts, element, {}, &Packed::Part::begin);
  return static_cast<size_t>(behind - parts.begin()) - 1;
}

std::byte* room(const Packed& packed, const Piece& piece) { return piece.local + packed.local + Packed::address_bytes; }

std::byte*& address_of_elements(const Packed& packed, const Piece& piece) {
  return *reinterpret_cast<std::byte**>(piece.local + packed.local);
}

/// Of an element of a part.
std::byte* address(const Packed& packed, const std::vector<std::byte*>& values, size_t part, int64_t element) {
  const Packed::Part& from = packed.parts[part];
  return values[from.place.base] + from.place.bytes + (element - from.begin) * packed.element_bytes;
}

/// Calls copy(memory of a part, local memory, bytes) for all that a piece has of each. Returns the last part.
template <class Copy>
size_t for_each_part(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t part,
                     Copy&& copy) {
  for (int64_t element = piece.begin;; ++part) {
    const int64_t end = std::min(packed.parts[part + 1].begin, piece.end);
    copy(address(packed, values, part, element), room(packed, piece) + (element - piece.begin) * packed.element_bytes,
         static_cast<size_t>((end - element) * packed.element_bytes));
    if (end == piece.end) return part;
    element = end;
  }
}

}  // namespace

int64_t end_of_piece(const Packed& packed, int64_t begin, int64_t limit, size_t guess) {
  const std::vector<Packed::Part>& parts = packed.parts;
  for (size_t part = find_part(parts, begin, guess);; ++part) {
    const int64_t first = std::max(parts[part].begin, begin), end = std::min(parts[part + 1].begin, limit);
    if (end - first >= least_direct) return first > begin ? first : end;
    if (end == limit) return limit;
  }
}

size_t gather_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess) {
  const size_t part = find_part(packed.parts, piece.begin, guess);
  if (piece.end <= packed.parts[part + 1].begin) {
    address_of_elements(packed, piece) = address(packed, values, part, piece.begin);
    return part;
  }
  address_of_elements(packed, piece) = room(packed, piece);
  return for_each_part(packed, values, piece, part,
                       [](const std::byte* from, std::byte* local, size_t bytes) { std::memcpy(local, from, bytes); });
}

void fetch_part(const Packed& packed, const std::vector<std::byte*>& values, size_t part) {
  if (part + 1 >= packed.parts.size()) return;
  const std::byte* from = values[packed.parts[part].place.base] + packed.parts[part].place.bytes;
  for (int64_t bytes = 0; bytes < fetched_bytes; bytes += 64) __builtin_prefetch(from + bytes);
}

void expect_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess) {
  const size_t part = find_part(packed.parts, piece.begin, guess);
  const bool in_one = piece.end <= packed.parts[part + 1].begin;
  address_of_elements(packed, piece) = in_one ? address(packed, values, part, piece.begin) : room(packed, piece);
}

void spread_parts(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t guess) {
  if (address_of_elements(packed, piece) != room(packed, piece)) return;  // written where they belong
  for_each_part(packed, values, piece, find_part(packed.parts, piece.begin, guess),
                [](std::byte* to, const std::byte* local, size_t bytes) { std::memcpy(to, local, bytes); });
}

}  // namespace autograd::engine
