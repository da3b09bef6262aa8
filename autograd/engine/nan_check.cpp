#include <autograd/core/error.h>
#include <autograd/core/graph.h>
#include <autograd/core/storage.h>
#include <autograd/engine/nan_check.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

// Results are evaluated as ever; only where one holds NaN are the operations behind it looked at one by one. NaN that
// a select leaves out (the other side of a where) is no fault: so the search goes from the results upstream, along
// operations whose values hold NaN, to those that made it of numbers.

namespace autograd {

namespace {

bool from_environment() {
  const char* wanted = std::getenv("BACKLIGHT_NAN_CHECKS");
  if (wanted == nullptr || *wanted == '\0' || std::string_view(wanted) == "0") return false;
  if (std::string_view(wanted) == "1") return true;
  throw ValueError(std::string("BACKLIGHT_NAN_CHECKS=") + wanted + ": expected 0 or 1");
}

std::atomic<int> chosen{-1};

/// Set inside a check, which evaluates.
thread_local bool checking = false;

class Checking {
 public:
  Checking() { checking = true; }
  ~Checking() { checking = false; }
  Checking(const Checking&) = delete;
  Checking& operator=(const Checking&) = delete;
};

template <class T>
std::optional<int64_t> first_nan(const Node& node) {
  const T* const begin = static_cast<const T*>(node.value);
  const T* const end = begin + node.size();
  const T* const found = std::find_if(begin, end, [](T x) { return std::isnan(x); });
  if (found == end) return std::nullopt;
  return found - begin;
}

/// Position of the first NaN of a node whose value is known.
std::optional<int64_t> first_nan(const Node& node) {
  if (node.dtype == DType::float32) return first_nan<float>(node);
  if (node.dtype == DType::float64) return first_nan<double>(node);
  return std::nullopt;
}

/// Evaluates the nodes behind one that holds NaN, and finds those that do too.
class Search {
 public:
  explicit Search(Graph& graph, uint32_t from) : graph_(graph), from_(from), holds_nan_(from + 1, 0) {
    std::vector<uint8_t> behind(from + 1, 0);
    behind[from] = 1;
    for (uint32_t index = from + 1; index-- > 0;) {
      if (behind[index] == 0) continue;
      for (const uint32_t input : graph.inputs(graph.node(index))) behind[input] = 1;
    }
    for (uint32_t index = 0; index <= from; ++index) {
      if (behind[index] == 0 || !is_floating(graph.node(index).dtype)) continue;
      evaluate({graph.handle(index)});
      holds_nan_[index] = first_nan(graph.node(index)).has_value();
    }
  }

  /// The first recorded node that holds NaN though no input does, upstream of the result along NaN.
  uint32_t origin() const {
    std::vector<uint8_t> reached(from_ + 1, 0);
    reached[from_] = 1;
    uint32_t first = from_;
    for (uint32_t index = from_ + 1; index-- > 0;) {
      if (reached[index] == 0) continue;
      bool inherited = false;
      for (const uint32_t input : graph_.inputs(graph_.node(index))) {
        if (holds_nan_[input] == 0) continue;
        inherited = true;
        reached[input] = 1;
      }
      if (!inherited) first = index;
    }
    return first;
  }

 private:
  const Graph& graph_;
  uint32_t from_;
  std::vector<uint8_t> holds_nan_;
};

/// The element of `node` that broadcasts to element `position` of `shape`.
int64_t broadcast_position(const Node& node, const Shape& shape, int64_t position) {
  int64_t result = 0, stride = 1;
  for (int axis = shape.rank() - 1; axis >= shape.rank() - node.rank; --axis) {
    const int64_t extent = node.extents[axis - shape.rank() + node.rank];
    if (extent != 1) result += position % shape[axis] * stride;
    stride *= extent;
    position /= shape[axis];
  }
  return result;
}

std::string element_text(const Node& node, int64_t i) {
  char text[32];
  const auto write = [&](double value) { std::snprintf(text, sizeof text, "%.9g", value); };
  switch (node.dtype) {
    case DType::float32: write(static_cast<double>(static_cast<const float*>(node.value)[i])); break;
    case DType::float64: write(static_cast<const double*>(node.value)[i]); break;
    case DType::int32: write(static_cast<const int32_t*>(node.value)[i]); break;
    case DType::boolean: return static_cast<const bool*>(node.value)[i] ? "true" : "false";
  }
  return text;
}

/// " of 1 and -0.5": what an elementwise operation made the element of.
std::string operands_text(Graph& graph, uint32_t index, int64_t position) {
  const Node& node = graph.node(index);
  if (node.op->kind != Op::Kind::map) return "";
  std::string text;
  for (const uint32_t input : graph.inputs(node)) {
    evaluate({graph.handle(input)});
    text += text.empty() ? " of " : " and ";
    text += element_text(graph.node(input), broadcast_position(graph.node(input), node.shape(), position));
  }
  return text;
}

[[noreturn]] void throw_nan(Graph& graph, uint32_t index) {
  const Node& node = graph.node(index);
  const int64_t position = first_nan(node).value_or(0);
  const std::string place = " at element " + std::to_string(position) + " of " + node.shape().to_string();
  if (node.op->kind == Op::Kind::leaf) {
    const Storage* const storage = graph.storage_of(node);
    const std::string name = storage != nullptr && !storage->name.empty() ? "'" + storage->name + "'" : "a value";
    throw NotANumber("evaluate: " + name + " that was given holds NaN" + place + " (used at " + to_string(node.where) +
                     ")");
  }
  throw NotANumber(std::string(node.op->name) + ": made NaN" + place + operands_text(graph, index, position) +
                   " (recorded at " + to_string(node.where) + ")");
}

}  // namespace

void set_nan_checks(bool on) { chosen = on ? 1 : 0; }

bool nan_checks() {
  const int setting = chosen.load(std::memory_order_relaxed);
  if (setting >= 0) return setting == 1;
  static const bool initial = from_environment();
  return initial;
}

void engine::refuse_nan(std::span<const Tensor> tensors, std::span<const Assignment> assignments,
                        std::span<const PackedAssignment> packed) {
  if (checking) return;
  const Checking guard;
  std::vector<Tensor> results(tensors.begin(), tensors.end());
  for (const Assignment& assignment : assignments) results.push_back(assignment.value);
  for (const PackedAssignment& assignment : packed) results.push_back(assignment.value);
  evaluate(results);
  Graph& graph = Graph::current();
  for (const Tensor& result : results) {
    const uint32_t index = graph.check(result);
    if (first_nan(graph.node(index))) throw_nan(graph, Search(graph, index).origin());
  }
}

}  // namespace autograd
