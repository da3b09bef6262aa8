#pragma once

#include <cstdint>
#include <vector>

// Other libraries' matrix products, of those that this machine has. Nothing here is linked: they are loaded at run
// time.

namespace bench {

/// C = A B in rows; a transposed factor lies as [columns, rows].
struct Gemm {
  int64_t rows, depth, columns;
  bool a_transposed = false, b_transposed = false;
};

struct Blas {
  const char* name;
  void (*multiply)(const Gemm& shape, const float* a, const float* b, float* c);
};

/// On one thread.
const std::vector<Blas>& other_libraries();

}  // namespace bench
