#include <autograd/ops/elimination_order.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace autograd {

namespace {

constexpr int64_t least_work = 50000;  // elements of the factor that are worth parts
constexpr size_t most_parts = 8;
constexpr int64_t granularity = 4;  // no subtree has more of the work than one part in so many

/// Column j's parent is the first row below the diagonal of column j of the factor: the column that waits for it.
class EliminationTree {
 public:
  EliminationTree(std::span<const int32_t> starts, std::span<const int32_t> rows) : size_(starts.size() - 1) {
    find_rows(starts, rows);
    find_parents();
    count_elements();
  }

  size_t size() const { return size_; }
  const std::vector<int32_t>& parents() const { return parents_; }
  /// Elements of the factor in the columns of the subtree below each column.
  std::vector<int64_t> work() const {
    std::vector<int64_t> work = elements_;
    for (size_t j = 0; j < size_; ++j) {
      if (parents_[j] >= 0) work[static_cast<size_t>(parents_[j])] += work[j];
    }
    return work;
  }

 private:
  /// The columns of each row, left of the diagonal.
  void find_rows(std::span<const int32_t> starts, std::span<const int32_t> rows) {
    row_starts_.assign(size_ + 1, 0);
    for (const int32_t row : rows) ++row_starts_[static_cast<size_t>(row) + 1];
    std::partial_sum(row_starts_.begin(), row_starts_.end(), row_starts_.begin());
    columns_.resize(rows.size());
    std::vector<int32_t> next(row_starts_.begin(), row_starts_.end() - 1);
    for (size_t j = 0; j < size_; ++j) {
      for (auto k = static_cast<size_t>(starts[j]); k < static_cast<size_t>(starts[j + 1]); ++k)
        columns_[static_cast<size_t>(next[static_cast<size_t>(rows[k])]++)] = static_cast<int32_t>(j);
    }
  }

  void find_parents() {
    parents_.assign(size_, -1);
    std::vector<int32_t> ancestors(size_, -1);  // shortcuts towards the root
    for_each_in_row([&](int32_t row, int32_t column) {
      for (int32_t j = column; j >= 0 && j < row;) {
        const int32_t next = std::exchange(ancestors[static_cast<size_t>(j)], row);
        if (next < 0) parents_[static_cast<size_t>(j)] = row;
        j = next;
      }
    });
  }

  /// Row i of the factor has the columns on the ways up the tree from those of the matrix to i.
  void count_elements() {
    elements_.assign(size_, 1);
    std::vector<int32_t> last(size_, -1);  // the row that last came by
    for_each_in_row([&](int32_t row, int32_t column) {
      last[static_cast<size_t>(row)] = row;
      for (int32_t j = column; last[static_cast<size_t>(j)] != row; j = parents_[static_cast<size_t>(j)]) {
        ++elements_[static_cast<size_t>(j)];
        last[static_cast<size_t>(j)] = row;
      }
    });
  }

  template <class Use>
  void for_each_in_row(Use&& use) const {
    for (size_t row = 0; row < size_; ++row) {
      for (auto k = static_cast<size_t>(row_starts_[row]); k < static_cast<size_t>(row_starts_[row + 1]); ++k)
        use(static_cast<int32_t>(row), columns_[k]);
    }
  }

  size_t size_;
  std::vector<int32_t> row_starts_, columns_, parents_;
  std::vector<int64_t> elements_;
};

/// Which part each column is in; most_parts: the top.
std::vector<size_t> assign_parts(const EliminationTree& tree) {
  const std::vector<int64_t> work = tree.work();
  std::vector<std::vector<int32_t>> children(tree.size());
  std::vector<int32_t> heap;  // subtrees, the one with most work first
  int64_t total = 0;
  const auto less = [&](int32_t a, int32_t b) {
    const int64_t work_a = work[static_cast<size_t>(a)], work_b = work[static_cast<size_t>(b)];
    return work_a != work_b ? work_a < work_b : a < b;
  };
  const auto add = [&](int32_t root) {
    heap.push_back(root);
    std::ranges::push_heap(heap, less);
  };
  for (size_t j = 0; j < tree.size(); ++j) {
    const int32_t parent = tree.parents()[j];
    if (parent >= 0) {
      children[static_cast<size_t>(parent)].push_back(static_cast<int32_t>(j));
    } else {
      total += work[j];
      add(static_cast<int32_t>(j));
    }
  }
  std::vector<size_t> parts(tree.size(), most_parts);
  if (total < least_work) return parts;
  while (!heap.empty() && work[static_cast<size_t>(heap.front())] > total / granularity) {
    const int32_t root = heap.front();
    std::ranges::pop_heap(heap, less);
    heap.pop_back();
    for (const int32_t child : children[static_cast<size_t>(root)]) add(child);
  }
  // The largest first, each to the part with least work.
  std::ranges::sort(heap, [&](int32_t a, int32_t b) { return less(b, a); });
  int64_t loads[most_parts] = {};
  for (const int32_t root : heap) {
    const auto part = static_cast<size_t>(std::min_element(loads, loads + most_parts) - loads);
    loads[part] += work[static_cast<size_t>(root)];
    parts[static_cast<size_t>(root)] = part;
  }
  for (size_t j = tree.size(); j-- > 0;) {  // parents come after their children
    const int32_t parent = tree.parents()[j];
    if (parent >= 0 && parts[j] == most_parts) parts[j] = parts[static_cast<size_t>(parent)];
  }
  return parts;
}

}  // namespace

EliminationOrder elimination_order(std::span<const int32_t> starts, std::span<const int32_t> rows) {
  const EliminationTree tree(starts, rows);
  const std::vector<size_t> parts = assign_parts(tree);
  EliminationOrder order;
  order.rows.resize(tree.size());
  std::iota(order.rows.begin(), order.rows.end(), 0);
  // Within a part the order stays: a parent behind its children.
  std::ranges::stable_sort(order.rows, {}, [&](int32_t row) { return parts[static_cast<size_t>(row)]; });
  order.parts.push_back(0);
  for (size_t i = 0; i < order.rows.size(); ++i) {
    const size_t part = parts[static_cast<size_t>(order.rows[i])];
    if (i > 0 && part != parts[static_cast<size_t>(order.rows[i - 1])]) order.parts.push_back(static_cast<int32_t>(i));
  }
  if (tree.size() > 0 && parts[static_cast<size_t>(order.rows.back())] != most_parts)  // nothing is in the top
    order.parts.push_back(static_cast<int32_t>(tree.size()));
  return order;
}

}  // namespace autograd
