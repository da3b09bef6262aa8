#include <autograd/core/parallel.h>
#include <autograd/ops/record.h>
#include <autograd/ops/reduce.h>

#include <algorithm>
#include <numeric>
#include <type_traits>

namespace autograd {

namespace {

struct CumsumAttributes {
  int axis;
  CumsumOptions options;
};

/// float32 is added in float64, int32 wraps.
template <class T>
using Accumulator = std::conditional_t<std::is_integral_v<T>, uint32_t, double>;

constexpr int64_t columns_at_once = 64;

/// The running sums of `width` neighbouring columns, `step` elements from row to row.
template <class T>
void scan_columns(T* out, const T* in, int64_t rows, int64_t step, int64_t width, const CumsumOptions& options) {
  Accumulator<T> sums[columns_at_once] = {};
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = (options.reverse ? rows - 1 - i : i) * step;
    for (int64_t k = 0; k < width; ++k) {
      const auto before = sums[k];
      sums[k] += static_cast<Accumulator<T>>(in[row + k]);
      out[row + k] = static_cast<T>(options.exclusive ? before : sums[k]);
    }
  }
}

template <class T>
void scan(const Op::Call& call) {
  const auto& [axis, options] = *static_cast<const CumsumAttributes*>(call.attributes);
  const int64_t* extents = call.node->extents;
  const int64_t rows = extents[axis], size = call.node->size();
  if (size == 0) return;
  const int64_t step = std::accumulate(extents + axis + 1, extents + call.node->rank, int64_t{1}, std::multiplies());
  const int64_t parts = (step + columns_at_once - 1) / columns_at_once;
  const int64_t outer = size / (rows * step);
  parallel_for(outer * parts, static_cast<double>(size), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task % parts * columns_at_once;
      const int64_t first = task / parts * rows * step + column;
      scan_columns(static_cast<T*>(call.output) + first, call.input<T>(0) + first, rows, step,
                   std::min(columns_at_once, step - column), options);
    }
  });
}

void run_cumsum(const Op::Call& call) {
  switch (call.node->dtype) {
    case DType::float64: return scan<double>(call);
    case DType::int32: return scan<int32_t>(call);
    default: return scan<float>(call);
  }
}

}  // namespace

// y[i] = sum of x[j], j <= i. vjp: of g[i], i >= j: the sums from the other end.
static const Op cumsum_op{
    "cumsum", Op::Kind::call, nullptr,
    [](const Vjp& v) {
      const auto [axis, options] = v.attributes<CumsumAttributes>();
      return Gradients(cumsum(v.grad, axis, {.reverse = !options.reverse, .exclusive = options.exclusive}));
    },
    run_cumsum};

Tensor cumsum(Located x, int axis, CumsumOptions options) {
  const Tensor input = x.as(DType::float32);
  if (input.dtype() == DType::boolean) throw_dtype(cumsum_op, DType::boolean, "float32, float64 or int32");
  const Shape shape = input.shape();
  const int at = normalize_axis("cumsum", axis, shape.rank());
  return Graph::current().record({cumsum_op, {&input, 1}, shape, input.dtype(), x.where()},
                                 CumsumAttributes{at, options});
}

}  // namespace autograd
