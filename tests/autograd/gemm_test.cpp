#include <autograd/engine/gemm/gemm.h>
#include <autograd/engine/interpreter_kernels.h>

#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// The matrix product, whatever its shape, however its operands lie, on every level of the processor and with any
// number of threads, against a loop over scalars: the same bytes.

namespace autograd::engine::gemm {
namespace baseline {
extern const Level level;
}
#ifdef BACKLIGHT_HAS_V3
namespace v3 {
extern const Level level;
}
#endif
#ifdef BACKLIGHT_HAS_V4
namespace v4 {
extern const Level level;
}
#endif
}  // namespace autograd::engine::gemm

namespace {

namespace gemm = autograd::engine::gemm;
using gemm::Matrix;
using gemm::Product;

struct NamedLevel {
  const char* name;
  const gemm::Level* level;
};

/// Those that were built and that this processor has.
std::vector<NamedLevel> levels() {
  std::vector<NamedLevel> list{{"baseline", &gemm::baseline::level}};
#ifdef BACKLIGHT_HAS_V3
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    list.push_back({"v3", &gemm::v3::level});
  }
#endif
#ifdef BACKLIGHT_HAS_V4
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd")) {
    list.push_back({"v4", &gemm::v4::level});
  }
#endif
  return list;
}

/// How the elements of a matrix lie: rows side by side, columns side by side, neither; or all in one place.
enum class Lie { rows, columns, apart, reversed, repeated };
constexpr Lie all_lies[] = {Lie::rows, Lie::columns, Lie::apart, Lie::reversed, Lie::repeated};
constexpr const char* lie_names[] = {"rows", "columns", "apart", "reversed", "repeated"};

/// Values in memory of their own exact size, so that the sanitizers see a step too far.
template <class T>
struct Operand {
  std::vector<T> memory;
  Matrix<T> matrix;
  int64_t size;  ///< elements that a matrix takes

  Operand(Random& random, int64_t batch, int64_t rows, int64_t columns, Lie lie) {
    const bool reversed = lie == Lie::reversed;
    matrix.column = lie == Lie::repeated ? 0 : lie == Lie::columns ? rows : lie == Lie::apart ? 3 : 1;
    matrix.row = lie == Lie::repeated ? 0 : lie == Lie::columns ? 1 : lie == Lie::apart ? 3 * columns + 2 : columns;
    size = rows * columns == 0 ? 0 : (rows - 1) * matrix.row + (columns - 1) * matrix.column + 1;
    for (int64_t i = 0; i < batch * size; ++i) {
      memory.push_back(static_cast<T>(random.uniform(-1, 1) * std::pow(10, random.uniform(-3, 3))));
    }
    matrix.data = memory.data();
    if (reversed) {
      matrix.data += size > 0 ? size - 1 : 0;
      matrix.row = -matrix.row;
      matrix.column = -matrix.column;
    }
  }
};

/// ops/matmul.h, word for word.
template <class T>
std::vector<T> reference(const Product<T>& product) {
  std::vector<T> c;
  for (int64_t n = 0; n < product.count(); ++n) {
    const T *a = product.a.data + n * product.a_batch[0], *b = product.b.data + n * product.b_batch[0];
    for (int64_t i = 0; i < product.rows; ++i) {
      for (int64_t j = 0; j < product.columns; ++j) {
        T total = 0;
        for (int64_t begin = 0; begin < product.depth; begin += 4096) {
          T sum = 0;
          for (int64_t k = begin; k < std::min(begin + 4096, product.depth); ++k) {
            sum =
                std::fma(a[i * product.a.row + k * product.a.column], b[k * product.b.row + j * product.b.column], sum);
          }
          total = begin == 0 ? sum : total + sum;
        }
        c.push_back(total);
      }
    }
  }
  return c;
}

template <class T>
void check(Product<T> product, const NamedLevel& level, const std::vector<T>& expected, const std::string& name) {
  // Elements behind the product stay as they are.
  std::vector<T> c(expected.size() + 64, T(7));
  product.c = c.data();
  gemm::multiply(product, *level.level);
  INFO(level.name << ", " << name << ": " << product.rows << " x " << product.depth << " x " << product.columns);
  REQUIRE(first_difference(std::vector<T>(c.begin(), c.end() - 64), expected) == -1);
  REQUIRE(std::all_of(c.end() - 64, c.end(), [](T x) { return x == T(7); }));
}

template <class T>
void check_everywhere(const Product<T>& product, const std::string& name) {
  const std::vector<T> expected = reference(product);
  for (const NamedLevel& level : levels()) check(product, level, expected, name);
}

template <class T>
Product<T> single(const Operand<T>& a, const Operand<T>& b, int64_t rows, int64_t depth, int64_t columns) {
  return {.a = a.matrix, .b = b.matrix, .c = nullptr, .rows = rows, .depth = depth, .columns = columns};
}

}  // namespace

TEMPLATE_TEST_CASE("A product is the loop's, to the bit, for every small shape", "", float, double) {
  Random random(310);
  for (int64_t rows : {0, 1, 2, 5, 8, 9, 17}) {
    for (int64_t depth : {0, 1, 7, 33}) {
      for (int64_t columns : {0, 1, 3, 8, 16, 17, 47, 49, 100}) {
        for (Lie lie : {Lie::rows, Lie::columns}) {
          const Operand<TestType> a(random, 1, rows, depth, lie), b(random, 1, depth, columns, Lie::rows),
              c(random, 1, depth, columns, Lie::columns);
          check_everywhere(single(a, b, rows, depth, columns), "B by rows");
          check_everywhere(single(a, c, rows, depth, columns), "B by columns");
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("A product is the loop's however its operands lie", "", float, double) {
  Random random(311);
  struct Case {
    int64_t rows, depth, columns;
  };
  for (const Case& size : {Case{3, 40, 70}, {40, 35, 3}, {70, 39, 110}}) {
    for (Lie left : all_lies) {
      for (Lie right : all_lies) {
        const Operand<TestType> a(random, 1, size.rows, size.depth, left),
            b(random, 1, size.depth, size.columns, right);
        check_everywhere(single(a, b, size.rows, size.depth, size.columns),
                         std::string(lie_names[static_cast<int>(left)]) + " and " + lie_names[static_cast<int>(right)]);
      }
    }
  }
}

TEMPLATE_TEST_CASE("The chunks of a long depth are added in order", "", float, double) {
  Random random(312);
  for (int64_t depth : {4096, 4097, 8200}) {
    for (Lie left : {Lie::rows, Lie::columns}) {
      for (Lie right : {Lie::rows, Lie::columns}) {
        const Operand<TestType> a(random, 1, 9, depth, left), b(random, 1, depth, 5, right);
        check_everywhere(single(a, b, 9, depth, 5), "long");
      }
    }
  }
}

TEMPLATE_TEST_CASE("Threads and blocks do not change a product", "", float, double) {
  Random random(313);
  struct Case {
    int64_t rows, depth, columns;
  };
  // Larger than the blocks of rows, of columns and of the depth, and cut for threads both ways.
  for (const Case& size : {Case{1100, 40, 20}, {20, 50, 1300}, {70, 1030, 60}, {130, 70, 450}}) {
    for (Lie left : {Lie::rows, Lie::columns}) {
      for (Lie right : {Lie::rows, Lie::columns}) {
        const Operand<TestType> a(random, 1, size.rows, size.depth, left),
            b(random, 1, size.depth, size.columns, right);
        const Product<TestType> product = single(a, b, size.rows, size.depth, size.columns);
        const std::vector<TestType> expected = reference(product);
        for (int threads : {1, 2, 7}) {
          const Threads scope(threads);
          check(product, {"the best", autograd::engine::kernel_table().gemm}, expected,
                std::to_string(threads) + " threads");
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("Batches multiply one by one, broadcast or not", "", float, double) {
  Random random(314);
  struct Case {
    int64_t batch, rows, depth, columns;
  };
  for (const Case& size : {Case{5, 3, 4, 4}, {100, 4, 4, 1}, {3, 65, 20, 70}, {2, 9, 4100, 5}}) {
    const Operand<TestType> a(random, size.batch, size.rows, size.depth, Lie::rows),
        b(random, size.batch, size.depth, size.columns, Lie::columns);
    for (bool repeat_a : {false, true}) {
      for (bool repeat_b : {false, true}) {
        Product<TestType> product = single(a, b, size.rows, size.depth, size.columns);
        product.batch_rank = 1;
        product.batch[0] = size.batch;
        product.a_batch[0] = repeat_a ? 0 : a.size;
        product.b_batch[0] = repeat_b ? 0 : b.size;
        const std::vector<TestType> expected = reference(product);
        for (int threads : {1, 7}) {
          const Threads scope(threads);
          for (const NamedLevel& level : levels()) check(product, level, expected, "batch");
        }
      }
    }
  }
}
