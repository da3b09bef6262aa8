#include <autograd/core/graph.h>
#include <autograd/core/storage.h>
#include <autograd/transforms/dot.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace autograd {

namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    result += letter;
  }
  return result + '"';
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string title(const Graph& graph, const Node& node) {
  if (node.op->kind == Op::Kind::number) return number_text(graph.attributes<NumberAttributes>(node).value);
  if (node.op->kind != Op::Kind::leaf) return node.op->name;
  const Storage* const storage = graph.storage_of(node);
  return storage != nullptr && !storage->name.empty() ? storage->name : "array";
}

std::string node_line(const Graph& graph, uint32_t index) {
  const Node& node = graph.node(index);
  const Op::Kind kind = node.op->kind;
  std::string label = quoted(title(graph, node));
  if (kind != Op::Kind::number) {
    label.pop_back();
    label += std::string("\\n") + name_of(node.dtype) + " " + node.shape().to_string() + "\\n";
    label += to_string(node.where) + "\"";
  }
  const char* shape = kind == Op::Kind::leaf ? "ellipse" : kind == Op::Kind::number ? "plaintext" : "box";
  return "  n" + std::to_string(index) + " [shape=" + shape + ", label=" + label + "];\n";
}

}  // namespace

std::string to_dot(std::span<const Tensor> tensors) {
  const Graph& graph = Graph::current();
  uint32_t last = 0;
  for (const Tensor& tensor : tensors) last = std::max(last, graph.check(tensor));
  std::vector<uint8_t> needed(last + 1, 0);
  for (const Tensor& tensor : tensors) needed[graph.check(tensor)] = 1;
  for (uint32_t index = last + 1; index-- > 0;) {
    if (needed[index] == 0) continue;
    for (const uint32_t input : graph.inputs(graph.node(index))) needed[input] = 1;
  }
  std::string text = "digraph {\n  rankdir=BT;\n";
  for (uint32_t index = 0; index <= last; ++index) {
    if (needed[index] == 0) continue;
    text += node_line(graph, index);
    for (const uint32_t input : graph.inputs(graph.node(index)))
      text += "  n" + std::to_string(input) + " -> n" + std::to_string(index) + ";\n";
  }
  return text + "}\n";
}

std::string to_dot(std::initializer_list<Tensor> tensors) {
  return to_dot(std::span<const Tensor>(tensors.begin(), tensors.size()));
}

}  // namespace autograd
