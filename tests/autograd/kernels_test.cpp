#include <autograd/engine/interpreter_kernels.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// The interpreter's loops, compiled for several instruction sets, give the same bytes.

namespace autograd::engine {
namespace baseline {
extern const KernelTable table;
}
#ifdef BACKLIGHT_HAS_V3
namespace v3 {
extern const KernelTable table;
}
#endif
#ifdef BACKLIGHT_HAS_V4
namespace v4 {
extern const KernelTable table;
}
#endif
}  // namespace autograd::engine

namespace {

using autograd::DType;
using autograd::engine::KernelTable;
using autograd::ir::Code;
using autograd::ir::Fold;

constexpr DType all_types[] = {DType::float32, DType::float64, DType::int32, DType::boolean};

struct Variant {
  const char* name;
  const KernelTable* table;
};

/// Those besides the baseline that were built and that this processor has.
std::vector<Variant> variants() {
  std::vector<Variant> list;
#ifdef BACKLIGHT_HAS_V3
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    list.push_back({"v3", &autograd::engine::v3::table});
  }
#endif
#ifdef BACKLIGHT_HAS_V4
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd")) {
    list.push_back({"v4", &autograd::engine::v4::table});
  }
#endif
  if (list.empty()) WARN("skipped: this processor or build has the baseline kernels only");
  return list;
}

template <class Visit>
void visit_type(DType type, Visit&& visit) {
  switch (type) {
    case DType::float32: return visit(float{});
    case DType::float64: return visit(double{});
    case DType::int32: return visit(int32_t{});
    case DType::boolean: return visit(bool{});
  }
}

using Bytes = std::vector<std::byte>;

/// Special values in all pairs, and random ones, for argument `position`.
Bytes argument(DType type, size_t position, size_t count) {
  Bytes bytes(count * static_cast<size_t>(autograd::size_of(type)));
  visit_type(type, [&]<class T>(T) {
    const std::vector<T> specials = special_values<T>();
    Random random(80 + position);
    size_t stride = 1;
    for (size_t i = 0; i < position; ++i) stride *= specials.size();
    for (size_t i = 0; i < count; ++i) {
      T value = specials[i / stride % specials.size()];
      if (i >= count / 2) value = static_cast<T>(random.uniform(-1, 1) * std::pow(10, random.uniform(-3, 6)));
      std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  });
  return bytes;
}

/// Position of the first element that differs, NaN being equal to NaN; or -1.
int64_t difference(DType type, const Bytes& a, const Bytes& b) {
  int64_t position = -1;
  visit_type(type, [&]<class T>(T) {
    std::vector<T> left(a.size() / sizeof(T)), right(left.size());
    if constexpr (!std::is_same_v<T, bool>) {
      std::memcpy(left.data(), a.data(), a.size());
      std::memcpy(right.data(), b.data(), b.size());
      position = first_difference(left, right);
    } else {
      position = a == b ? -1 : 0;
    }
  });
  return position;
}

constexpr size_t counts[] = {1, 7, 16, 33, 1200};

}  // namespace

TEST_CASE("Every instruction gives the same bytes in every variant") {
  const KernelTable& baseline = autograd::engine::baseline::table;
  for (const Variant& variant : variants()) {
    int compared = 0;
    for (int number = static_cast<int>(Code::negate); number <= static_cast<int>(Code::select); ++number) {
      const auto code = static_cast<Code>(number);
      for (DType type : all_types) {
        for (DType result : all_types) {
          const auto expected = baseline.find(code, type, result), function = variant.table->find(code, type, result);
          REQUIRE((expected == nullptr) == (function == nullptr));
          if (expected == nullptr) continue;
          const bool comparison = code >= Code::equal && code <= Code::less_equal;
          if (code != Code::convert && result != (comparison ? DType::boolean : type)) continue;
          const DType condition = code == Code::select ? DType::boolean : type;
          for (size_t count : counts) {
            const Bytes a = argument(condition, 0, count), b = argument(type, code == Code::select ? 0 : 1, count),
                        c = argument(type, code == Code::select ? 1 : 2, count);
            Bytes one(count * static_cast<size_t>(autograd::size_of(result))), other(one);
            expected(one.data(), a.data(), b.data(), c.data(), static_cast<int64_t>(count));
            function(other.data(), a.data(), b.data(), c.data(), static_cast<int64_t>(count));
            INFO(variant.name << ", code " << number << ", " << autograd::name_of(type) << " to "
                              << autograd::name_of(result) << ", " << count << " elements");
            REQUIRE(difference(result, one, other) == -1);
            ++compared;
          }
        }
      }
    }
    CHECK(compared >= 450);
  }
}

TEST_CASE("Folds give the same bytes in every variant") {
  for (const Variant& variant : variants()) {
    for (Fold::Kind kind : {Fold::Kind::sum, Fold::Kind::max, Fold::Kind::min}) {
      for (DType type : {DType::float32, DType::float64, DType::int32}) {
        for (size_t count : counts) {
          for (size_t position = 0; position < 2; ++position) {
            const Bytes values = argument(type, position, count);
            Bytes one = argument(type, 1, 16), other = one;
            autograd::engine::baseline::table.fold(kind, type)(one.data(), values.data(), static_cast<int64_t>(count));
            variant.table->fold(kind, type)(other.data(), values.data(), static_cast<int64_t>(count));
            INFO(variant.name << ", fold " << static_cast<int>(kind) << ", " << autograd::name_of(type) << ", "
                              << count);
            REQUIRE(difference(type, one, other) == -1);
          }
        }
      }
    }
  }
}

TEST_CASE("Gathers and strided loads give the same bytes in every variant") {
  Random random(81);
  std::vector<int32_t> index(1200);
  std::vector<int64_t> offsets(1200);
  for (size_t i = 0; i < index.size(); ++i) {
    index[i] = static_cast<int32_t>(random.below(100));
    offsets[i] = random.below(3);
  }
  for (const Variant& variant : variants()) {
    for (DType type : all_types) {
      const Bytes base = argument(type, 1, 3600);
      for (const int64_t* offset :
           {static_cast<const int64_t*>(nullptr), static_cast<const int64_t*>(offsets.data())}) {
        Bytes one(1200 * static_cast<size_t>(autograd::size_of(type))), other(one);
        autograd::engine::baseline::table.gather(type)(one.data(), base.data(), index.data(), offset, 1200);
        variant.table->gather(type)(other.data(), base.data(), index.data(), offset, 1200);
        REQUIRE(difference(type, one, other) == -1);
      }
      for (int64_t stride : {0, 1, 2, 3}) {
        Bytes one(1200 * static_cast<size_t>(autograd::size_of(type))), other(one);
        autograd::engine::baseline::table.strided(type)(one.data(), base.data(), stride, 1200);
        variant.table->strided(type)(other.data(), base.data(), stride, 1200);
        REQUIRE(difference(type, one, other) == -1);
      }
    }
  }
}

TEST_CASE("Places of indices between two bounds are found in every variant") {
  using autograd::engine::IndexSearch;
  Random random(8);
  std::vector<Variant> list = variants();
  list.push_back({"baseline", &autograd::engine::baseline::table});
  for (const int32_t count : {0, 1, 7, 8, 15, 16, 17, 100, 1024}) {
    std::vector<int32_t> indices(static_cast<size_t>(count));
    for (int32_t& index : indices) index = static_cast<int32_t>(random.below(100)) - 50;
    if (count > 2) indices[0] = INT32_MAX, indices[1] = INT32_MIN;
    for (const auto& [first, rows] : {std::pair(-10, 20), std::pair(0, INT32_MAX), std::pair(7, 1), std::pair(60, 5)}) {
      std::vector<int32_t> expected;
      for (int32_t i = 0; i < count; ++i) {
        const auto index = int64_t{indices[static_cast<size_t>(i)]};
        if (index >= first && index < int64_t{first} + rows) expected.push_back(i);
      }
      for (const Variant& variant : list) {
        std::vector<int32_t> places(static_cast<size_t>(count) + IndexSearch::most_behind, -1);
        const size_t found = variant.table->columns->find({indices.data(), count, first, rows, places.data()});
        places.resize(found);
        INFO(variant.name << ", " << count << " indices, " << rows << " from " << first << " on");
        CHECK(places == expected);
      }
    }
  }
}
