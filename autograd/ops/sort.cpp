#include <autograd/core/parallel.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/index.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/sort.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

// Elements become unsigned keys of the same order (Herf 2001, "Radix Tricks": the sign bit of a positive number is
// set, all bits of a negative one are inverted). A key and its position together are never equal to another's, so
// any sorting algorithm gives the one stable result.

namespace autograd {

namespace {

constexpr int64_t radix_from = 512;  // elements; below, std::sort is faster

template <class Key>
struct Entry {
  Key key;
  uint32_t position;
  bool operator<(const Entry& other) const {
    return key < other.key || (key == other.key && position < other.position);
  }
};

uint32_t key_of(int32_t x) { return static_cast<uint32_t>(x) ^ 0x80000000u; }

template <std::floating_point T>
auto key_of(T x) {
  using Key = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr Key sign = Key{1} << (8 * sizeof(T) - 1);
  if (x != x) return static_cast<Key>(~Key{0});
  const Key bits = std::bit_cast<Key>(x == 0 ? T(0) : x);
  return static_cast<Key>((bits & sign) != 0 ? ~bits : bits | sign);
}

template <class T>
using EntryOf = Entry<decltype(key_of(T()))>;

/// By bytes of the key, the lowest first; each pass keeps the order of equals. The result stands in `entries`.
template <class Key>
void radix_sort(Entry<Key>* entries, Entry<Key>* spare, int64_t count) {
  Entry<Key>*from = entries, *to = spare;
  for (size_t shift = 0; shift < 8 * sizeof(Key); shift += 8) {
    const auto digit = [&](const Entry<Key>& entry) { return static_cast<size_t>(entry.key >> shift & 0xff); };
    std::array<int64_t, 256> start{};
    for (int64_t i = 0; i < count; ++i) ++start[digit(from[i])];
    if (start[digit(from[0])] == count) continue;  // all alike
    int64_t sum = 0;
    for (int64_t& place : start) sum += std::exchange(place, sum);
    for (int64_t i = 0; i < count; ++i) to[start[digit(from[i])]++] = from[i];
    std::swap(from, to);
  }
  if (from != entries) std::copy(from, from + count, entries);
}

struct ArgsortAttributes {
  bool descending;
};

/// Positions of the first `taken` of a row's `count` elements in order.
template <class T>
void sort_row(int32_t* out, const T* row, int64_t count, int64_t taken, bool descending, EntryOf<T>* entries) {
  using Key = decltype(EntryOf<T>::key);
  for (int64_t i = 0; i < count; ++i) {
    const Key key = key_of(row[i]);
    entries[i] = {descending ? static_cast<Key>(~key) : key, static_cast<uint32_t>(i)};
  }
  if (taken < count) {
    std::nth_element(entries, entries + taken, entries + count);
    std::sort(entries, entries + taken);
  } else if (count < radix_from) {
    std::sort(entries, entries + count);
  } else {
    radix_sort(entries, entries + count, count);
  }
  for (int64_t i = 0; i < taken; ++i) out[i] = static_cast<int32_t>(entries[i].position);
}

/// Rows of the last axis; the output's is as long as the wanted part.
template <class T>
void sort_rows(const Op::Call& call) {
  const int last = call.node->rank - 1;
  const int64_t count = call.inputs[0]->extents[last], taken = call.node->extents[last];
  if (call.node->size() == 0) return;
  const int64_t rows = call.node->size() / taken;
  const bool descending = static_cast<const ArgsortAttributes*>(call.attributes)->descending;
  const int64_t most_tasks = std::clamp<int64_t>((int64_t{1} << 22) / count, 4, 64);  // each has room of its own
  const int64_t tasks = std::min(rows, most_tasks);
  auto* entries = call.scratch->array<EntryOf<T>>(tasks * 2 * count);
  const double cost = static_cast<double>(rows * count) * (5 + 3 * std::log2(static_cast<double>(taken)));
  parallel_for(tasks, cost, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      for (int64_t row = task * rows / tasks; row < (task + 1) * rows / tasks; ++row) {
        sort_row(static_cast<int32_t*>(call.output) + row * taken, call.input<T>(0) + row * count, count, taken,
                 descending, entries + task * 2 * count);
      }
    }
  });
}

void run_argsort(const Op::Call& call) {
  switch (call.inputs[0]->dtype) {
    case DType::float64: return sort_rows<double>(call);
    case DType::int32: return sort_rows<int32_t>(call);
    default: return sort_rows<float>(call);
  }
}

}  // namespace

static const Op argsort_op{"argsort", Op::Kind::call, nullptr, nullptr, run_argsort};

namespace {

/// The sorted positions' first `taken` (all: the extent) along an axis.
Tensor sorted_positions(const char* operation, const Tensor& x, int axis, bool descending, std::optional<int64_t> k) {
  if (x.dtype() == DType::boolean)
    throw DTypeError(std::string(operation) + ": bool given; expected float32, float64 or int32");
  const int at = normalize_axis(operation, axis, x.rank());
  const Tensor rows = swap_axes(x, at, -1);
  const Shape shape = rows.shape();
  const int64_t extent = shape[shape.rank() - 1];
  if (k && (*k < 0 || *k > extent)) {
    throw ValueError(std::string(operation) + ": k is " + std::to_string(*k) + "; expected 0 to " +
                     std::to_string(extent) + ", the extent of axis " + std::to_string(at));
  }
  int64_t extents[max_rank];
  std::copy(shape.begin(), shape.end(), extents);
  extents[shape.rank() - 1] = k.value_or(extent);
  const Shape positions(std::span<const int64_t>(extents, static_cast<size_t>(shape.rank())));
  return swap_axes(
      Graph::current().record({argsort_op, {&rows, 1}, positions, DType::int32, {}}, ArgsortAttributes{descending}), at,
      -1);
}

}  // namespace

Tensor argsort(Located x, int axis, SortOptions options) {
  const AtLine line(x);
  return sorted_positions("argsort", x.as(DType::float32), axis, options.descending, std::nullopt);
}

Tensor sort(Located x, int axis, SortOptions options) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  return take_along_axis(input, sorted_positions("sort", input, axis, options.descending, std::nullopt), axis);
}

TopK topk(Located x, int64_t k, int axis, TopKOptions options) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  const Tensor indices = sorted_positions("topk", input, axis, options.largest, k);
  return {take_along_axis(input, indices, axis), indices};
}

// Searching -----------------------------------------------------------------------------------------------------

namespace {

struct SearchAttributes {
  SearchOptions options;
};

template <class T>
void search(const Op::Call& call) {
  const Node& edges = *call.inputs[0];
  const int64_t count = edges.extents[edges.rank - 1], size = call.node->size();
  const int64_t rows = edges.rank == 1 ? 1 : edges.size() / std::max<int64_t>(count, 1);
  const int64_t row_values = size / std::max<int64_t>(rows, 1);
  const bool right = static_cast<const SearchAttributes*>(call.attributes)->options.right;
  const auto* values = call.input<T>(1);
  auto* out = static_cast<int32_t*>(call.output);
  const double cost = static_cast<double>(size) * (5 + 4 * std::log2(static_cast<double>(count + 1)));
  parallel_for(size, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* row = call.input<T>(0) + (edges.rank == 1 ? 0 : i / row_values * count);
      const auto less = [](T a, T b) { return key_of(a) < key_of(b); };
      const T* found = right ? std::upper_bound(row, row + count, values[i], less)
                             : std::lower_bound(row, row + count, values[i], less);
      out[i] = static_cast<int32_t>(found - row);
    }
  });
}

void run_searchsorted(const Op::Call& call) {
  switch (call.inputs[0]->dtype) {
    case DType::float64: return search<double>(call);
    case DType::int32: return search<int32_t>(call);
    default: return search<float>(call);
  }
}

}  // namespace

static const Op searchsorted_op{"searchsorted", Op::Kind::call, nullptr, nullptr, run_searchsorted};

Tensor searchsorted(Located edges, Located values, SearchOptions options) {
  Graph& graph = Graph::current();
  uint32_t nodes[2];
  const DType type = unify(searchsorted_op, {&edges, &values}, nodes);
  if (type == DType::boolean) throw_dtype(searchsorted_op, type, "float32, float64 or int32");
  const Tensor inputs[2] = {graph.handle(nodes[0]), graph.handle(nodes[1])};
  const Shape from = inputs[0].shape(), shape = inputs[1].shape();
  bool fits = from.rank() == 1 || (from.rank() > 1 && from.rank() == shape.rank());
  for (int axis = 0; fits && axis + 1 < from.rank(); ++axis) fits = from[axis] == shape[axis];
  if (!fits) {
    throw ShapeError("searchsorted: edges " + from.to_string() + " for values " + shape.to_string() +
                     "; expected edges [n], or [..., n] for values [..., m]");
  }
  return graph.record({searchsorted_op, inputs, shape, DType::int32, edges.where()}, SearchAttributes{options});
}

}  // namespace autograd
