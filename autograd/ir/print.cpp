#include <autograd/ir/print.h>

#include <charconv>

namespace autograd::ir {

namespace {

constexpr const char* names[] = {"load",        "scalar",      "literal",
                                 "row",         "gather",      "negate",
                                 "absolute",    "square_root", "floor",
                                 "ceil",        "round",       "exp",
                                 "log",         "sin",         "cos",
                                 "tan",         "asin",        "acos",
                                 "atan",        "tanh",        "erf",
                                 "logical_not", "convert",     "bitcast",
                                 "shift_left",  "shift_right", "shift_right_logical",
                                 "add",         "subtract",    "multiply",
                                 "divide",      "remainder",   "minimum",
                                 "maximum",     "pow",         "atan2",
                                 "equal",       "not_equal",   "less",
                                 "less_equal",  "logical_and", "logical_or",
                                 "bit_and",     "bit_or",      "bit_xor",
                                 "fma",         "select",      "rare"};
static_assert(std::size(names) == static_cast<size_t>(Code::rare) + 1);

const char* name_of(Access access) {
  switch (access) {
    case Access::linear: return "linear";
    case Access::uniform: return "uniform";
    case Access::row_linear: return "in order in each row";
    case Access::row_uniform: return "one for a row";
    case Access::pattern: return "pattern";
  }
  return "";
}

const char* name_of(Fold::Kind kind) {
  switch (kind) {
    case Fold::Kind::sum: return "sum";
    case Fold::Kind::max: return "max";
    case Fold::Kind::min: return "min";
  }
  return "";
}

const char* name_of(Fold::Span span) {
  switch (span) {
    case Fold::Span::all: return "all";
    case Fold::Span::lanes: return "each row";
    case Fold::Span::rows: return "rows, for each lane";
  }
  return "";
}

std::string shortest(double number) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, number).ptr);
}

std::string value(Value v) { return " v" + std::to_string(v); }

}  // namespace

const char* name_of(Code code) { return names[static_cast<size_t>(code)]; }

std::string to_string(const Program& program) {
  std::string text;
  if (program.row_lanes > 0) text += "  rows of " + std::to_string(program.row_lanes) + '\n';
  for (size_t i = 0; i < program.operands.size(); ++i) {
    text += "  operand " + std::to_string(i) + ": " + name_of(program.operands[i].access);
    if (program.operands[i].access == Access::pattern) text += " " + std::to_string(program.operands[i].pattern);
    if (program.operands[i].still) text += ", the same for all rows";
    if (program.operands[i].ahead) text += ", fetched ahead";
    text += '\n';
  }
  for (size_t i = 0; i < program.body.size(); ++i) {
    const Inst& inst = program.body[i];
    text += " " + value(static_cast<Value>(i)) + ": " + autograd::name_of(inst.type) + " = " + name_of(inst.code);
    const Value arguments[3] = {inst.a, inst.b, inst.c};
    for (int k = 0; k < argument_count(inst.code); ++k) text += value(arguments[k]);
    switch (inst.code) {
      case Code::literal: text += " " + shortest(program.literals[inst.immediate]); break;
      case Code::load:
      case Code::gather: text += " operand " + std::to_string(inst.immediate); break;
      case Code::scalar:
      case Code::row:
      case Code::shift_left:
      case Code::shift_right:
      case Code::shift_right_logical:
      case Code::rare: text += " " + std::to_string(inst.immediate); break;
      default: break;
    }
    text += '\n';
  }
  for (const Store& store : program.stores) {
    text += "  store" + value(store.value) + " to operand " + std::to_string(store.operand) + '\n';
  }
  for (const Fold& fold : program.folds) {
    text += std::string("  ") + name_of(fold.kind) + value(fold.value) + " over " + name_of(fold.span) + '\n';
  }
  return text;
}

}  // namespace autograd::ir
