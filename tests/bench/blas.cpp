#include <dlfcn.h>
#include <tests/bench/blas.h>

#include <cstdlib>

namespace bench {

namespace {

// cblas.h, with 32-bit integers as Debian's libopenblas.so.0 has them.
using CblasSgemm = void (*)(int order, int a, int b, int m, int n, int k, float alpha, const float* left, int left_row,
                            const float* right, int right_row, float beta, float* out, int out_row);
constexpr int cblas_rows = 101, cblas_plain = 111, cblas_transposed = 112;
// dnnl.h
using DnnlSgemm = int (*)(char a, char b, int64_t m, int64_t n, int64_t k, float alpha, const float* left,
                          int64_t left_row, const float* right, int64_t right_row, float beta, float* out,
                          int64_t out_row);

CblasSgemm cblas_sgemm = nullptr;
DnnlSgemm dnnl_sgemm = nullptr;

template <class Function>
Function find(std::initializer_list<const char*> libraries, const char* name) {
  for (const char* library : libraries) {
    if (void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL)) {
      return reinterpret_cast<Function>(dlsym(handle, name));
    }
  }
  return nullptr;
}

void multiply_openblas(const Gemm& shape, const float* a, const float* b, float* c) {
  const int m = static_cast<int>(shape.rows), k = static_cast<int>(shape.depth), n = static_cast<int>(shape.columns);
  cblas_sgemm(cblas_rows, shape.a_transposed ? cblas_transposed : cblas_plain,
              shape.b_transposed ? cblas_transposed : cblas_plain, m, n, k, 1, a, shape.a_transposed ? m : k, b,
              shape.b_transposed ? k : n, 0, c, n);
}

void multiply_onednn(const Gemm& shape, const float* a, const float* b, float* c) {
  dnnl_sgemm(shape.a_transposed ? 'T' : 'N', shape.b_transposed ? 'T' : 'N', shape.rows, shape.columns, shape.depth, 1,
             a, shape.a_transposed ? shape.rows : shape.depth, b, shape.b_transposed ? shape.depth : shape.columns, 0,
             c, shape.columns);
}

std::vector<Blas> load() {
  // Read when the libraries are loaded.
  for (const char* variable : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}) setenv(variable, "1", 1);
  std::vector<Blas> found;
  cblas_sgemm = find<CblasSgemm>({"libopenblas.so.0"}, "cblas_sgemm");
  if (cblas_sgemm != nullptr) found.push_back({"OpenBLAS", multiply_openblas});
  dnnl_sgemm = find<DnnlSgemm>({"libdnnl.so.3", "libdnnl.so.2"}, "dnnl_sgemm");
  if (dnnl_sgemm != nullptr) found.push_back({"oneDNN", multiply_onednn});
  return found;
}

}  // namespace

const std::vector<Blas>& other_libraries() {
  static const std::vector<Blas> found = load();
  return found;
}

}  // namespace bench
