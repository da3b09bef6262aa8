#include <autograd/core/parallel.h>
#include <autograd/engine/gemm/gemm.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

// The matrix product around the register tile of kernel.cpp. Names: D = P Q, P [rows, depth] walked by single elements,
// Q [depth, columns] by vectors; D is C, or C transposed.
//
//                  group of panels
//            Q   [  |  |  ]            packed: a panel (up to three vectors wide) after the other, so that a tile
//                [  |  |  ] depth      reads one stream; where it is needed by few rows only, it is read where it lies
//        depth   ----------
//   P  [      ]  [  |  |  ]
//      [      ]  [  D  |  ] rows       a strip of P and a panel of Q make a tile of D
//
// Of P every element is broadcast alone, so any strides do. Where rows of P lie side by side it is not copied at all;
// where its columns do, a step of the depth would touch a page of memory for eight elements, and P is packed too. If
// both factors lie the wrong way round, or Q does and there are few rows, C^T = B^T A^T is computed: then each lies
// the right way, and only D is transposed, by squares in registers (pack.cpp).
//
// Why blocks, threads and levels cannot change the bits: an element's chain of fused multiply-adds goes through k in
// ascending order, in one lane of one register; between two blocks of the depth it rests in D, which rounds nothing. A
// chunk's chain starts from 0, in memory of its own from the second chunk on, and is added when it is complete. Which
// rows and columns are computed together, by whom and when, no element sees; a * b = b * a, so exchanged factors do not
// matter either.

namespace autograd::engine::gemm {

namespace {

constexpr int64_t chunk = 4096;        // of the depth, by definition of the product
constexpr int64_t unit_rows = 64;      // that a thread may take at once
constexpr int64_t most_rows = 1024;    // for which a group of panels is packed once
constexpr int64_t few_strips = 4;      // so many walks over Q do not pay for packing it
constexpr int64_t touched_pages = 32;  // rows that are packed one panel after the other

/// What is worked on at once.
struct Blocking {
  int64_t depth;        ///< D is read and written again for each such part
  int64_t rows;         ///< of P: such a block stays in the second cache
  int64_t group_bytes;  ///< of a row of the panels of Q beside it
};
/// P is read where it lies: one long walk for a narrow group. Where it has to be packed, that is done seldom.
constexpr Blocking of_rows{1024, 64, 384}, of_scattered{256, 256, 4608};

/// Of a multiplication with an addition, about.
template <class T>
constexpr double nanoseconds_each = sizeof(T) == sizeof(float) ? 0.015 : 0.03;

/// Memory of a thread for packed operands, kept from call to call.
class Workspace {
 public:
  enum Use { packed_p, packed_q, sums };
  static Workspace& current() {
    thread_local Workspace workspace;
    return workspace;
  }
  template <class T>
  T* get(Use use, int64_t count) {
    Buffer& buffer = buffers_[use];
    const auto bytes = static_cast<size_t>(count) * sizeof(T);
    if (buffer.bytes < bytes) {
      buffer.memory.reset();
      buffer.memory.reset(static_cast<std::byte*>(::operator new(bytes, alignment)));
      buffer.bytes = bytes;
    }
    return reinterpret_cast<T*>(buffer.memory.get());
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Delete {
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };
  struct Buffer {
    std::unique_ptr<std::byte, Delete> memory;
    size_t bytes = 0;
  };
  Buffer buffers_[3];
};

template <class T>
Matrix<T> transposed(const Matrix<T>& matrix) {
  return {matrix.data, matrix.column, matrix.row};
}

/// Where the sums D go: C, or C transposed.
template <class T>
struct Target {
  T* data;
  int64_t row, column;
  T* at(int64_t i, int64_t j) const { return data + i * row + j * column; }
};

/// D = P Q, from what was asked for.
template <class T>
struct Task {
  Matrix<T> p, q;
  Target<T> c;
  int64_t rows, depth, columns;
};

template <class T>
class Multiplication {
 public:
  Multiplication(const Product<T>& product, const Kernels<T>& kernels)
      : product_(product), kernels_(kernels), swapped_(swaps()) {
    const int64_t rows = swapped_ ? product.columns : product.rows;
    const int64_t columns = swapped_ ? product.rows : product.columns;
    row_units_ = (rows + unit_rows - 1) / unit_rows;
    panels_ = Strips((columns + kernels.lanes - 1) / kernels.lanes, kernels.panel / kernels.lanes);
    const bool scattered = (swapped_ ? product.b.row : product.a.column) != 1;
    blocking_ = scattered ? of_scattered : of_rows;
    group_ = blocking_.group_bytes / static_cast<int64_t>(sizeof(T)) / kernels.panel;
    column_unit_ = row_units_ == 1 ? 1 : group_;
    column_units_ = (panels_.count + column_unit_ - 1) / column_unit_;
  }

  int64_t units() const { return product_.count() * column_units_ * row_units_; }

  /// Units are numbered by product, column unit, row unit. Neighbours are done together.
  void run(int64_t begin, int64_t end) const {
    const int64_t each = column_units_ * row_units_;
    while (begin < end) {
      const Task<T> task = task_of(begin / each);
      const int64_t last = std::min(end, begin / each * each + each);
      while (begin < last) {
        const int64_t column = begin % each / row_units_, row = begin % row_units_;
        if (row_units_ == 1) {
          const int64_t count = std::min(last - begin, group_);
          run_part(task, {column, column + count}, {0, task.rows});
          begin += count;
        } else {
          const int64_t count = std::min({last - begin, row_units_ - row, most_rows / unit_rows});
          const int64_t first_panel = column * column_unit_;
          run_part(task, {first_panel, std::min(first_panel + column_unit_, panels_.count)},
                   {row * unit_rows, std::min((row + count) * unit_rows, task.rows)});
          begin += count;
        }
      }
    }
  }

 private:
  struct Range {
    int64_t begin, end;
    int64_t count() const { return end - begin; }
  };

  /// Whether C^T = B^T A^T costs less: the factor whose rows are walked by vectors should lie in that order, or be
  /// small.
  bool swaps() const {
    const bool b_lies_across = product_.b.column != 1 && product_.b.row == 1;
    return b_lies_across && product_.columns > 1 && (product_.a.column != 1 || product_.rows <= kernels_.panel);
  }

  Task<T> task_of(int64_t index) const {
    Matrix<T> a = product_.a, b = product_.b;
    T* c = product_.c + index * product_.rows * product_.columns;
    for (int axis = product_.batch_rank - 1; axis >= 0; --axis) {
      a.data += index % product_.batch[axis] * product_.a_batch[axis];
      b.data += index % product_.batch[axis] * product_.b_batch[axis];
      index /= product_.batch[axis];
    }
    if (swapped_)
      return {transposed(b), transposed(a), {c, 1, product_.columns}, product_.columns, product_.depth, product_.rows};
    return {a, b, {c, product_.columns, 1}, product_.rows, product_.depth, product_.columns};
  }

  int64_t first_column(const Task<T>& task, int64_t panel) const {
    return std::min(panels_.begin(panel) * kernels_.lanes, task.columns);
  }

  void run_part(const Task<T>& task, Range panels, Range rows) const {
    const int64_t from = first_column(task, panels.begin), to = first_column(task, panels.end);
    for (int64_t begin = 0; begin < task.depth; begin += chunk) {
      const Range depth{begin, std::min(begin + chunk, task.depth)};
      const bool in_place = begin == 0 && task.c.column == 1;
      if (in_place) {
        add_chunk(task, panels, rows, depth, {task.c.at(rows.begin, from), task.c.row, 1});
        continue;
      }
      const int64_t width = to - from;
      T* sums = Workspace::current().get<T>(Workspace::sums, rows.count() * width);
      add_chunk(task, panels, rows, depth, {sums, width, 1});
      kernels_.finish({.d = sums,
                       .d_row = width,
                       .c = task.c.at(rows.begin, from),
                       .c_row = task.c.row,
                       .c_column = task.c.column,
                       .rows = rows.count(),
                       .columns = width,
                       .add = begin > 0});
    }
  }

  /// D, whose first element is that of the part, becomes the chunk's sums.
  void add_chunk(const Task<T>& task, Range panels, Range rows, Range depth, const Target<T>& d) const {
    const Strips blocks(depth.count(), blocking_.depth);
    for (int64_t block = 0; block < blocks.count; ++block) {
      const Range part{depth.begin + blocks.begin(block), depth.begin + blocks.begin(block + 1)};
      add_depth(task, panels, rows, part, d, block == 0);
    }
  }

  void add_depth(const Task<T>& task, Range panels, Range rows, Range depth, const Target<T>& d, bool fresh) const {
    const int64_t origin = panels_.begin(panels.begin);
    const int64_t width = (panels_.begin(panels.end) - origin) * kernels_.lanes;
    const bool lies_well = task.q.column == 1, packs_q = !lies_well || rows.count() > few_strips * kernels_.tile_rows;
    T* const packed = packs_q ? Workspace::current().get<T>(Workspace::packed_q, width * depth.count()) : nullptr;
    if (!lies_well) pack_q(task, panels, depth, packed);
    for (int64_t begin = rows.begin; begin < rows.end; begin += blocking_.rows) {
      const Range block{begin, std::min(begin + blocking_.rows, rows.end)};
      const bool packs_p = task.p.column != 1 && panels.count() > 2 && depth.count() > touched_pages;
      const T* p =
          packs_p ? pack_p(task, block, depth) : task.p.data + block.begin * task.p.row + depth.begin * task.p.column;
      for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
        const int64_t column = first_column(task, panel), columns = first_column(task, panel + 1) - column;
        const int64_t first_vector = panels_.begin(panel), vectors = panels_.begin(panel + 1) - first_vector;
        T* const panel_of_q = packs_q ? packed + (first_vector - origin) * kernels_.lanes * depth.count() : nullptr;
        const bool far = lies_well && (!packs_q || begin == rows.begin);
        kernels_.multiply({.p = p,
                           .p_row = task.p.row,
                           .p_depth = task.p.column,
                           .packed = packs_p,
                           .q = far ? task.q.data + depth.begin * task.q.row + column : panel_of_q,
                           .q_depth = far ? task.q.row : vectors * kernels_.lanes,
                           .far = far,
                           .keep = panel_of_q,
                           .d = d.at(block.begin - rows.begin, column - first_column(task, panels.begin)),
                           .d_row = d.row,
                           .rows = block.count(),
                           .columns = columns,
                           .depth = depth.count(),
                           .fresh = fresh});
      }
    }
  }

  /// Panels one after the other, each of whole vectors.
  void pack_q(const Task<T>& task, Range panels, Range depth, T* packed) const {
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
      const int64_t column = first_column(task, panel);
      const int64_t width = (panels_.begin(panel + 1) - panels_.begin(panel)) * kernels_.lanes;
      kernels_.pack({.from = task.q.data + depth.begin * task.q.row + column * task.q.column,
                     .along = task.q.column,
                     .depth_stride = task.q.row,
                     .count = first_column(task, panel + 1) - column,
                     .depth = depth.count(),
                     .width = width},
                    packed);
      packed += width * depth.count();
    }
  }

  const T* pack_p(const Task<T>& task, Range rows, Range depth) const {
    T* packed = Workspace::current().get<T>(Workspace::packed_p, rows.count() * depth.count());
    const Strips strips(rows.count(), kernels_.tile_rows);
    const int64_t step = task.p.row == 1 ? touched_pages : depth.count();
    for (int64_t k = depth.begin; k < depth.end; k += step) {
      for (int64_t strip = 0; strip < strips.count; ++strip) {
        const int64_t row = strips.begin(strip), count = strips.begin(strip + 1) - row;
        kernels_.pack({.from = task.p.data + (rows.begin + row) * task.p.row + k * task.p.column,
                       .along = task.p.row,
                       .depth_stride = task.p.column,
                       .count = count,
                       .depth = std::min(step, depth.end - k),
                       .width = count},
                      packed + row * depth.count() + (k - depth.begin) * count);
      }
    }
    return packed;
  }

  const Product<T>& product_;
  const Kernels<T>& kernels_;
  bool swapped_;
  Blocking blocking_ = of_rows;
  Strips panels_{0, 1};  ///< of vectors
  int64_t group_ = 1;    ///< panels that are packed together
  int64_t row_units_ = 1, column_unit_ = 1, column_units_ = 1;
};

}  // namespace

namespace {

/// use(work) where there is anything to multiply.
template <class T, class Use>
void multiply_by(const Product<T>& product, const Level& level, Use&& use) {
  const Multiplication<T> work(product, level.of<T>());
  const int64_t size = product.count() * product.rows * product.columns;
  if (product.depth == 0) std::fill_n(product.c, size, T(0));
  if (size > 0 && product.depth > 0) use(work);
}

}  // namespace

template <class T>
double cost(const Product<T>& product) {
  const double size = static_cast<double>(product.count() * product.rows * product.columns);
  return size * static_cast<double>(product.depth) * nanoseconds_each<T>;
}

template <class T>
void multiply(const Product<T>& product, const Level& level) {
  multiply_by(product, level, [&](const Multiplication<T>& work) {
    parallel_for(work.units(), cost(product), [&](int64_t begin, int64_t end) { work.run(begin, end); });
  });
}

template <class T>
void multiply_here(const Product<T>& product, const Level& level) {
  multiply_by(product, level, [](const Multiplication<T>& work) { work.run(0, work.units()); });
}

template double cost(const Product<float>& product);
template double cost(const Product<double>& product);
template void multiply(const Product<float>& product, const Level& level);
template void multiply(const Product<double>& product, const Level& level);
template void multiply_here(const Product<float>& product, const Level& level);
template void multiply_here(const Product<double>& product, const Level& level);

}  // namespace autograd::engine::gemm
