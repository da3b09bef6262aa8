#include <autograd/core/calls.h>
#include <autograd/core/parallel.h>
#include <autograd/ops/embed.h>
#include <autograd/ops/layout.h>
#include <autograd/ops/record.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace autograd {

namespace {

constexpr int64_t large_block = 65536;  // bytes, which threads may share
constexpr double nanoseconds_a_byte = 0.1;

void copy_large(std::byte* out, const std::byte* in, int64_t block) {
  parallel_for(block, nanoseconds_a_byte * static_cast<double>(block), [&](int64_t begin, int64_t end) {
    std::memcpy(out + begin, in + begin, static_cast<size_t>(end - begin));
  });
}

/// `count` blocks of contiguous bytes, to places `step` bytes apart.
void copy_blocks(std::byte* out, const std::byte* in, int64_t block, int64_t step, int64_t count) {
  if (block >= large_block) {
    for (int64_t i = 0; i < count; ++i) copy_large(out + i * step, in + i * block, block);
    return;
  }
  const auto copy = [&](auto size) {  // a size that the compiler knows becomes one move
    for (int64_t i = 0; i < count; ++i) std::memcpy(out + i * step, in + i * size, static_cast<size_t>(size));
  };
  if (block == 4) return copy(std::integral_constant<int64_t, 4>());
  if (block == 8) return copy(std::integral_constant<int64_t, 8>());
  copy(block);
}

/// Copies a contiguous array of `extents` into another, element i of an axis going to start + step i.
void place_elements(std::byte* out, const Shape& out_shape, const std::byte* in, const Shape& in_shape,
                    const Placement& placement, int64_t size) {
  const int rank = in_shape.rank();
  if (in_shape.size() == 0) return;
  int64_t strides[max_rank];
  int64_t stride = size;
  int64_t offset = 0;
  for (int axis = rank - 1; axis >= 0; --axis) {
    strides[axis] = stride * placement.step[axis];
    offset += stride * placement.start[axis];
    stride *= out_shape[axis];
  }
  // The innermost axes that stay contiguous move as one block.
  int64_t block = size;
  int outer = rank;
  while (outer > 0 && placement.step[outer - 1] == 1) {
    block *= in_shape[outer - 1];
    --outer;
    if (in_shape[outer] != out_shape[outer]) break;
  }
  const int inner = outer - 1;  // the axis along which blocks are copied, if any is left
  const int64_t count = inner < 0 ? 1 : in_shape[inner], step = inner < 0 ? 0 : strides[inner];
  int64_t index[max_rank] = {};
  for (;;) {
    copy_blocks(out + offset, in, block, step, count);
    in += count * block;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < in_shape[axis]) break;
      offset -= strides[axis] * in_shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace

namespace {

/// `count` copies of an element of `size` bytes.
void fill_elements(void* out, const void* element, int64_t size, int64_t count) {
  const auto fill = [&](auto value) {
    std::memcpy(&value, element, sizeof value);
    std::fill_n(static_cast<decltype(value)*>(out), count, value);
  };
  if (size == 8) return fill(uint64_t());
  if (size == 4) return fill(uint32_t());
  fill(uint8_t());
}

Gradients vjp_embed(const Vjp& v) {
  const Placement placement = v.attributes<Placement>();
  const Shape shape = v.inputs[0].shape();
  StridedView view = plain_view(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    view.start[axis] = placement.start[axis];
    view.step[axis] = placement.step[axis];
  }
  return Gradients(record_view(v.grad, view, shape, {}));
}

void run_embed(const Op::Call& call) {
  const int64_t size = size_of(call.node->dtype);
  if (call.inputs.size() > 1) {
    fill_elements(call.output, call.input<std::byte>(1), size, call.node->size());
  } else {
    std::memset(call.output, 0, static_cast<size_t>(call.node->size() * size));
  }
  place_elements(static_cast<std::byte*>(call.output), call.node->shape(), call.input<std::byte>(0),
                 call.inputs[0]->shape(), *static_cast<const Placement*>(call.attributes), size);
}

}  // namespace

// embed: vjp: the slice back.
static const Op embed_op{"embed", Op::Kind::call, nullptr, vjp_embed, run_embed};

Tensor embed(const Tensor& x, const Placement& placement, const Shape& shape) {
  return Graph::current().record({embed_op, {&x, 1}, shape, x.dtype(), {}}, placement);
}

Tensor embed(const Tensor& x, const Placement& placement, const Shape& shape, const Tensor& fill) {
  const Tensor inputs[2] = {x, fill};
  return Graph::current().record({embed_op, inputs, shape, x.dtype(), {}}, placement);
}

namespace {

/// What an embedding among zeros places along one axis, whole along the others.
struct Band {
  int axis;
  int64_t start, stop;
};

bool find_band(const Graph& graph, const Node& node, Band& band) {
  if (node.op != &embed_op || node.input_count != 1) return false;
  const Placement& placement = graph.attributes<Placement>(node);
  const Node& part = graph.node(node.inputs[0]);
  int shorter = 0;
  for (int axis = 0; axis < node.rank; ++axis) {
    if (placement.step[axis] != 1) return false;
    if (part.extents[axis] == node.extents[axis]) continue;
    ++shorter;
    band = {axis, placement.start[axis], placement.start[axis] + part.extents[axis]};
  }
  return shorter == 1;
}

}  // namespace

Tensor join_embedded(const Tensor& a, const Tensor& b) {
  Graph& graph = Graph::current();
  const uint32_t nodes[2] = {graph.check(a), graph.check(b)};
  Band first, second;
  if (!find_band(graph, graph.node(nodes[0]), first) || !find_band(graph, graph.node(nodes[1]), second)) return {};
  const bool in_order = first.stop == second.start;
  if (first.axis != second.axis || (!in_order && second.stop != first.start)) return {};
  const int axis = first.axis;
  const Shape shape = a.shape();
  // The bands themselves, in order; a band that was joined before is taken apart.
  const uint32_t lower = graph.node(nodes[in_order ? 0 : 1]).inputs[0],
                 upper = graph.node(nodes[in_order ? 1 : 0]).inputs[0];
  const auto parts_of = [&](const uint32_t& band) {
    const Node& node = graph.node(band);
    const bool joined = node.op->run == run_concatenate && graph.attributes<JoinAttributes>(node).axis == axis;
    return joined ? graph.inputs(node) : std::span<const uint32_t>(&band, 1);
  };
  const size_t count = parts_of(lower).size();
  const std::span<Tensor> parts = list_of(count + parts_of(upper).size());
  for (size_t i = 0; i < parts.size(); ++i)
    parts[i] = graph.handle(i < count ? parts_of(lower)[i] : parts_of(upper)[i - count]);
  const Tensor joined = concatenate(parts, axis);
  if (joined.shape() == shape) return joined;
  Placement placement{};
  std::fill_n(placement.step, max_rank, int64_t{1});
  placement.start[axis] = std::min(first.start, second.start);
  return embed(joined, placement, shape);
}

void run_concatenate(const Op::Call& call) {
  const int axis = static_cast<const JoinAttributes*>(call.attributes)->axis;
  Placement placement{};
  std::fill_n(placement.step, max_rank, int64_t{1});
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    place_elements(static_cast<std::byte*>(call.output), call.node->shape(), call.input<std::byte>(i),
                   call.inputs[i]->shape(), placement, size_of(call.node->dtype));
    placement.start[axis] += call.inputs[i]->extents[axis];
  }
}

// concatenate: vjp: each input's slice.
static const Op concatenate_op{"concatenate", Op::Kind::call, nullptr,
                               [](const Vjp& v) {
                                 const int axis = v.attributes<JoinAttributes>().axis;
                                 const std::span<Tensor> grads = list_of(v.inputs.size());
                                 int64_t start = 0;
                                 for (size_t i = 0; i < v.inputs.size(); ++i) {
                                   const int64_t stop = start + v.inputs[i].shape()[axis];
                                   grads[i] = slice(v.grad, axis, {.start = start, .stop = stop});
                                   start = stop;
                                 }
                                 return Gradients(std::span<const Tensor>(grads));
                               },
                               run_concatenate};

Tensor concatenate(std::span<const Tensor> tensors, int axis) {
  if (tensors.empty()) throw ShapeError("concatenate: no tensors given");
  const Shape first = tensors[0].shape();
  const int at = normalize_axis("concatenate", axis, first.rank());
  int64_t extents[max_rank];
  std::copy(first.begin(), first.end(), extents);
  extents[at] = 0;
  for (const Tensor& tensor : tensors) {
    const Shape shape = tensor.shape();
    bool fits = shape.rank() == first.rank();
    for (int a = 0; fits && a < shape.rank(); ++a) fits = a == at || shape[a] == first[a];
    if (!fits) {
      throw ShapeError("concatenate: " + first.to_string() + " and " + shape.to_string() +
                       " differ elsewhere than on axis " + std::to_string(at));
    }
    if (tensor.dtype() != tensors[0].dtype()) {
      throw DTypeError(std::string("concatenate: ") + name_of(tensors[0].dtype()) + " and " + name_of(tensor.dtype()));
    }
    extents[at] += shape[at];
  }
  return Graph::current().record(
      {concatenate_op, tensors, Shape(std::span<const int64_t>(extents, static_cast<size_t>(first.rank()))),
       tensors[0].dtype(), std::source_location()},
      JoinAttributes{at});
}

Tensor concatenate(std::initializer_list<Located> tensors, int axis) { return concatenate(listed(tensors), axis); }

Tensor stack(std::span<const Tensor> tensors, int axis) {
  if (tensors.empty()) throw ShapeError("stack: no tensors given");
  const Shape first = tensors[0].shape();
  const int at = normalize_axis("stack", axis, first.rank() + 1);
  const std::span<Tensor> expanded = list_of(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].shape() != first) {
      throw ShapeError("stack: shapes differ: " + first.to_string() + " and " + tensors[i].shape().to_string());
    }
    expanded[i] = expand_dims(tensors[i], at);
  }
  return concatenate(expanded, at);
}

Tensor stack(std::initializer_list<Located> tensors, int axis) { return stack(listed(tensors), axis); }

Tensor roll(Located x, int64_t shift, int axis) {
  const AtLine line(x);
  const Tensor input = x.as(DType::float32);
  const int at = normalize_axis("roll", axis, input.rank());
  const int64_t extent = input.shape()[at];
  const int64_t places = extent == 0 ? 0 : (shift % extent + extent) % extent;
  if (places == 0) return input;
  return concatenate({slice(input, at, {.start = extent - places}), slice(input, at, {.stop = extent - places})}, at);
}

}  // namespace autograd
