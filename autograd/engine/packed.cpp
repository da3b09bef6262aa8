#include <autograd/engine/packed.h>

#include <algorithm>
#include <cstring>

namespace autograd::engine {

namespace {

constexpr uint32_t none = UINT32_MAX;

/// Elements of a part that are worth a call of the kernel.
constexpr int64_t least_direct = 128;

/// Of a part, before the processor foresees the rest.
constexpr int64_t fetched_bytes = 512;

std::byte* room(const Packed& packed, const Piece& piece) { return piece.local + packed.local + Packed::address_bytes; }

std::byte*& address_of_elements(const Packed& packed, const Piece& piece) {
  return *reinterpret_cast<std::byte**>(piece.local + packed.local);
}

std::byte* address(const Packed& packed, const std::vector<std::byte*>& values, const Place& origin, int64_t element) {
  return values[origin.base] + origin.bytes + element * packed.element_bytes;
}

Place origin_of(const Packed& packed, const Packed::Part& part) {
  return {part.place.base, part.place.bytes - part.begin * packed.element_bytes};
}

/// Calls copy(memory of a part, local memory, bytes) for all that a piece has of each, from part `part` on.
template <class Copy>
void for_each_part(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t part,
                   Copy&& copy) {
  for (int64_t element = piece.begin; element < piece.end; ++part) {
    const int64_t end = std::min(packed.parts[part + 1].begin, piece.end);
    if (end <= element) continue;
    copy(address(packed, values, origin_of(packed, packed.parts[part]), element),
         room(packed, piece) + (element - piece.begin) * packed.element_bytes,
         static_cast<size_t>((end - element) * packed.element_bytes));
    element = end;
  }
}

/// Leaves where the elements of a piece lie, or shall lie; true: where they belong, not in local memory.
bool expect(const Packed& packed, const std::vector<std::byte*>& values, const Piece& piece, size_t number) {
  const Place& origin = packed.pieces[number].origin;
  const bool in_one = origin.base != none;
  address_of_elements(packed, piece) = in_one ? address(packed, values, origin, piece.begin) : room(packed, piece);
  return in_one;
}

}  // namespace

std::vector<int64_t> borders_of_pieces(const Packed& packed, int64_t block, bool by_parts) {
  std::vector<int64_t> borders{0};
  const auto go_to = [&](int64_t end) {
    while (borders.back() < end) borders.push_back(std::min(borders.back() + block, end));
  };
  for (size_t part = 0; by_parts && part + 1 < packed.parts.size(); ++part) {
    const int64_t begin = packed.parts[part].begin, end = packed.parts[part + 1].begin;
    if (end - begin < least_direct) continue;
    go_to(begin);
    go_to(end);
  }
  go_to(packed.parts.back().begin);
  return borders;
}

void find_pieces(Packed& packed, std::span<const int64_t> borders) {
  uint32_t part = 0;
  for (size_t k = 0; k + 1 < borders.size(); ++k) {
    while (packed.parts[part + 1].begin <= borders[k]) ++part;
    const bool in_one = borders[k + 1] <= packed.parts[part + 1].begin;
    packed.pieces.push_back({in_one ? origin_of(packed, packed.parts[part]) : Place{none, 0}, part});
  }
}

void gather_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, const Piece& piece,
                  size_t number) {
  for (const Packed& packed : packs) {
    if (expect(packed, values, piece, number)) continue;
    for_each_part(packed, values, piece, packed.pieces[number].part,
                  [](const std::byte* from, std::byte* local, size_t bytes) { std::memcpy(local, from, bytes); });
  }
}

void expect_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, const Piece& piece,
                  size_t number) {
  for (const Packed& packed : packs) expect(packed, values, piece, number);
}

void spread_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, const Piece& piece,
                  size_t number) {
  for (const Packed& packed : packs) {
    if (packed.pieces[number].origin.base != none) continue;  // written where they belong
    for_each_part(packed, values, piece, packed.pieces[number].part,
                  [](std::byte* to, const std::byte* local, size_t bytes) { std::memcpy(to, local, bytes); });
  }
}

void fetch_parts(std::span<const Packed> packs, const std::vector<std::byte*>& values, int64_t begin, size_t number) {
  for (const Packed& packed : packs) {
    if (number >= packed.pieces.size() || packed.pieces[number].origin.base == none) continue;
    const std::byte* from = address(packed, values, packed.pieces[number].origin, begin);
    for (int64_t bytes = 0; bytes < fetched_bytes; bytes += 64) __builtin_prefetch(from + bytes);
  }
}

}  // namespace autograd::engine
