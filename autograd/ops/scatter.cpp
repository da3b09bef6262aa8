#include <autograd/core/calls.h>
#include <autograd/ops/elementwise.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>
#include <autograd/ops/scatter.h>

#include <algorithm>
#include <string>

namespace autograd {

// scatter_add ---------------------------------------------------------------------------------------

namespace {

// Inputs: values and indices of each list in turn.
Gradients vjp_scatter_add(const Vjp& v) {
  if (v.inputs.size() == 2) return Gradients(gather(v.grad, v.inputs[1]), Tensor());
  const std::span<Tensor> grads = list_of(v.inputs.size());
  for (size_t i = 0; i < grads.size(); i += 2) {
    grads[i] = gather(v.grad, v.inputs[i + 1]);
    grads[i + 1] = Tensor();
  }
  return Gradients(std::span<const Tensor>(grads));
}

}  // namespace

static const Op scatter_add_op{"scatter_add", Op::Kind::call, nullptr, vjp_scatter_add, run_scatter_add};

namespace {

Tensor record_scatter_add(std::span<const Tensor> inputs, int64_t rows, const std::source_location& where) {
  return Graph::current().record(
      {scatter_add_op, inputs, with_rows({rows}, inputs[0].shape(), inputs[1].rank()), inputs[0].dtype(), where});
}

void check_values(const Tensor& values, const Tensor& indices) {
  if (values.dtype() == DType::boolean) throw_dtype(scatter_add_op, DType::boolean, "float32, float64 or int32");
  const Shape shape = values.shape(), index_shape = indices.shape();
  bool fits = shape.rank() >= index_shape.rank();
  for (int axis = 0; fits && axis < index_shape.rank(); ++axis) fits = shape[axis] == index_shape[axis];
  if (fits) return;
  throw ShapeError("scatter_add: values " + shape.to_string() + " for indices " + index_shape.to_string() +
                   "; expected [indices..., ...]");
}

}  // namespace

Tensor scatter_add(Located values, Located indices, int64_t rows) {
  const Tensor inputs[2] = {values.as(DType::float32), index_tensor("scatter_add", indices)};
  check_values(inputs[0], inputs[1]);
  return record_scatter_add(inputs, rows, values.where());
}

Tensor scatter_add(std::span<const Tensor> values, std::span<const Tensor> indices, int64_t rows) {
  if (values.empty() || values.size() != indices.size()) {
    throw ShapeError("scatter_add: " + std::to_string(values.size()) + " lists of values for " +
                     std::to_string(indices.size()) + " of indices");
  }
  if (values.size() > most_scatter_lists) {
    throw ShapeError("scatter_add: " + std::to_string(values.size()) + " lists; expected at most " +
                     std::to_string(most_scatter_lists));
  }
  const std::span<Tensor> inputs = list_of(2 * values.size());
  for (size_t k = 0; k < values.size(); ++k) {
    inputs[2 * k] = values[k];
    inputs[2 * k + 1] = index_tensor("scatter_add", indices[k]);
    check_values(values[k], indices[k]);
    if (values[k].dtype() != values[0].dtype()) {
      throw DTypeError(std::string("scatter_add: ") + name_of(values[0].dtype()) + " and " +
                       name_of(values[k].dtype()) + " values; expected one type");
    }
    if (values[k].shape() == values[0].shape() && indices[k].shape() == indices[0].shape()) continue;
    throw ShapeError("scatter_add: lists of values " + values[0].shape().to_string() + " and " +
                     values[k].shape().to_string() + "; expected one shape");
  }
  return record_scatter_add(inputs, rows, std::source_location());
}

namespace {

/// What scatter_adds are joined of, in the order of their indices' nodes: so sums by the same lists are the same passes
/// over these.
class ScatteredLists {
 public:
  /// False where there are too many.
  bool add(Graph& graph, uint32_t scatter) {
    const size_t inputs = graph.inputs(graph.node(scatter)).size();
    for (size_t i = 0; i < inputs; i += 2) {
      const auto input = [&](size_t k) { return graph.inputs(graph.node(scatter))[i + k]; };  // recording moves nodes
      if (!add({graph.handle(input(0)), input(1)})) return false;
    }
    return true;
  }

  /// The inputs of their scatter_add.
  std::span<const Tensor> inputs(const Graph& graph) const {
    const std::span<Tensor> inputs = list_of(2 * count_);
    for (size_t k = 0; k < count_; ++k) {
      inputs[2 * k] = lists_[k].values;
      inputs[2 * k + 1] = graph.handle(lists_[k].indices);
    }
    return inputs;
  }

 private:
  struct List {
    Tensor values;
    uint32_t indices;
  };

  bool add(const List& list) {
    List* const end = lists_ + count_;
    List* const at = std::lower_bound(lists_, end, list.indices,
                                      [](const List& listed, uint32_t indices) { return listed.indices < indices; });
    if (at != end && at->indices == list.indices) {
      at->values = at->values + list.values;
      return true;
    }
    if (count_ == most_scatter_lists) return false;
    std::copy_backward(at, end, end + 1);
    *at = list;
    ++count_;
    return true;
  }

  List lists_[most_scatter_lists];
  size_t count_ = 0;
};

bool differ_in_lists_alone(const Graph& graph, const Node& a, const Node& b) {
  const auto same_input = [&](size_t i) {
    return same_shape(graph.node(graph.inputs(a)[i]), graph.node(graph.inputs(b)[i]));
  };
  return a.op == &scatter_add_op && b.op == &scatter_add_op && same_shape(a, b) && a.dtype == b.dtype &&
         same_input(0) && same_input(1);
}

Tensor join(Graph& graph, uint32_t a, uint32_t b) {
  if (!differ_in_lists_alone(graph, graph.node(a), graph.node(b))) return {};
  ScatteredLists lists;
  if (!lists.add(graph, a) || !lists.add(graph, b)) return {};
  return record_scatter_add(lists.inputs(graph), graph.node(a).extents[0], graph.node(a).where);
}

}  // namespace

Tensor join_scattered(const Tensor& a, const Tensor& b) {
  Graph& graph = Graph::current();
  const uint32_t sum = graph.check(a), part = graph.check(b);
  const Tensor joined = join(graph, sum, part);
  if (joined.defined() || !is_addition(graph.node(sum))) return joined;
  const uint32_t addends[2] = {graph.node(sum).inputs[0], graph.node(sum).inputs[1]};
  for (size_t i = 0; i < 2; ++i) {
    const Tensor with_part = join(graph, addends[i], part);
    if (with_part.defined()) return graph.handle(addends[1 - i]) + with_part;
  }
  return {};
}

// scatter_add_weighted ------------------------------------------------------------------------------

namespace {

/// Inputs of scatter_add_weighted: lists of indices, as many of weights, then columns.
struct WeightedInputs {
  explicit WeightedInputs(const Vjp& v)
      : inputs(v.inputs), lists(static_cast<size_t>(v.attributes<WeightedAttributes>().lists)) {}

  const Tensor& index(size_t k) const { return inputs[k]; }
  const Tensor& weight(size_t k) const { return inputs[lists + k]; }
  const Tensor& column(size_t c) const { return inputs[2 * lists + c]; }
  size_t columns() const { return inputs.size() - 2 * lists; }

  std::span<const Tensor> inputs;
  size_t lists;
};

Tensor sum_of(const Tensor& sum, const Tensor& part) { return sum.defined() ? sum + part : part; }

Gradients vjp_scatter_add_weighted(const Vjp& v) {
  const WeightedInputs in(v);
  const std::span<Tensor> grads = list_of(v.inputs.size());
  std::fill(grads.begin(), grads.end(), Tensor());
  for (size_t k = 0; k < in.lists; ++k) {
    const Tensor rows = gather(v.grad, in.index(k));
    for (size_t c = 0; c < in.columns(); ++c) {
      const Tensor element = select(rows, -1, static_cast<int64_t>(c));
      Tensor &to_weight = grads[in.lists + k], &to_column = grads[2 * in.lists + c];
      to_weight = sum_of(to_weight, element * in.column(c));
      to_column = sum_of(to_column, element * in.weight(k));
    }
  }
  return Gradients(std::span<const Tensor>(grads));
}

}  // namespace

static const Op scatter_add_weighted_op{"scatter_add_weighted", Op::Kind::call, nullptr, vjp_scatter_add_weighted,
                                        run_scatter_add_weighted};

Tensor scatter_add_weighted(std::span<const Tensor> columns, std::span<const Tensor> weights,
                            std::span<const Tensor> indices, int64_t rows) {
  const char* const name = "scatter_add_weighted";
  if (columns.empty() || indices.empty()) throw ShapeError(std::string(name) + ": no columns or no indices given");
  if (weights.size() != indices.size()) {
    throw ShapeError(std::string(name) + ": " + std::to_string(weights.size()) + " lists of weights for " +
                     std::to_string(indices.size()) + " of indices");
  }
  const Shape shape = columns[0].shape();
  const DType type = columns[0].dtype();
  if (!is_floating(type)) throw_dtype(scatter_add_weighted_op, type, "float32 or float64");
  const std::span<Tensor> inputs = list_of(2 * indices.size() + columns.size());
  size_t next = 0;
  const auto add = [&](const Tensor& input, DType expected) {
    if (input.dtype() != expected)
      throw DTypeError(std::string(name) + ": " + name_of(input.dtype()) + "; expected " + name_of(expected));
    if (input.shape() != shape) {
      throw ShapeError(std::string(name) + ": " + input.shape().to_string() + " and " + shape.to_string() +
                       "; expected one shape");
    }
    inputs[next++] = input;
  };
  for (const Tensor& index : indices) add(index, DType::int32);
  for (const Tensor& weight : weights) add(weight, type);
  for (const Tensor& column : columns) add(column, type);
  return Graph::current().record(
      {scatter_add_weighted_op, inputs, {rows, static_cast<int64_t>(columns.size())}, type, std::source_location()},
      WeightedAttributes{static_cast<int64_t>(indices.size())});
}

}  // namespace autograd
