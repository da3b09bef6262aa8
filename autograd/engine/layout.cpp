#include <autograd/engine/kernel.h>

#include <algorithm>
#include <numeric>

// Rows and lanes for machine code. Lanes are neighbours in the domain's order; an operand whose lanes
// are neither in order nor all the same has a pattern, a list of offsets that every row shares:
//
//   [n, 64] with a bias [64]     lanes = the last axis; all operands in order
//   [n, 3] with a weight [n, 1]  lanes = 22 rows of 3 at once; the weight's pattern is 0 0 0 1 1 1 2 2 2 ...
//   [n] = column 0 of an [n, 3]  lanes = 256 elements; the pattern is 0 3 6 9 ...
//
// Machine code takes several rows of 16 lanes or fewer at once where folds or what is one for a row keep them apart:
// then the program names their length.

namespace autograd::engine {

namespace {

using ir::Access;

constexpr int64_t enough_lanes = 64;  // for a row, where axes can be joined to reach it
constexpr int64_t short_axis = 32;    // a shorter last axis is joined with those before it,
constexpr int64_t most_joined = 512;  // up to so many lanes: a pattern lists them all
constexpr int64_t cut_lanes = 256;    // rows of a longer axis that would need a pattern
constexpr int64_t most_short = 16;    // lanes of rows of which machine code takes several at once

bool has_span(const ir::Program& program, ir::Fold::Span span) {
  return std::any_of(program.folds.begin(), program.folds.end(), [&](const ir::Fold& f) { return f.span == span; });
}

bool folds_part(const ir::Program& program) {
  return has_span(program, ir::Fold::Span::lanes) || has_span(program, ir::Fold::Span::rows);
}

bool is_gathered(const ir::Program& program, size_t operand) {
  return std::any_of(program.body.begin(), program.body.end(),
                     [&](const ir::Inst& inst) { return inst.code == ir::Code::gather && inst.immediate == operand; });
}

/// Along the axes `from` on.
bool is_in_order(const KernelArguments& arguments, const Operand& operand, int from) {
  int64_t stride = 1;
  for (int axis = arguments.rank - 1; axis >= from; --axis) {
    const auto a = static_cast<size_t>(axis);
    if (arguments.extents[a] != 1 && operand.strides[a] != stride) return false;
    stride *= arguments.extents[a];
  }
  return true;
}

bool is_constant(const KernelArguments& arguments, const Operand& operand, int from) {
  for (int axis = from; axis < arguments.rank; ++axis) {
    if (operand.strides[static_cast<size_t>(axis)] != 0) return false;
  }
  return true;
}

/// The rows of a domain: `inner` axes from `first` on make a lane group, `groups` of them a row.
struct Rows {
  int first = 0;  ///< axis whose index steps from group to group is first - 1
  int64_t inner = 1;
  int64_t groups = 1;
};

/// Elements from a row to the next.
int64_t row_stride(const Operand& operand, const Rows& rows) {
  return rows.first == 0 ? 0 : rows.groups * operand.strides[static_cast<size_t>(rows.first - 1)];
}

/// Whether the rows of the last axis are kept apart by something, and machine code can take several at once.
bool are_short(const ir::Program& program, const KernelArguments& arguments) {
  const Rows rows{arguments.rank - 1, arguments.lanes(), 1};
  if (arguments.rank < 2 || rows.inner > most_short) return false;
  if (has_span(program, ir::Fold::Span::all) && rows.inner != most_short) return false;
  const auto last = static_cast<size_t>(arguments.rank - 1);
  bool apart = folds_part(program);
  for (const Operand& operand : arguments.operands) {
    if (is_constant(arguments, operand, 0)) continue;
    apart = apart || !is_in_order(arguments, operand, 0);
    const int64_t lane = operand.strides[last], row = row_stride(operand, rows);
    const bool follow = row == 0 || row == (lane == 0 ? 1 : rows.inner);
    if (operand.bytes != 4 || lane > 1 || lane < 0 || !follow) return false;
  }
  return apart && std::none_of(program.body.begin(), program.body.end(), [](const ir::Inst& inst) {
           return inst.code == ir::Code::row || inst.code == ir::Code::gather;
         });
}

Rows choose_rows(const ir::Program& program, const KernelArguments& arguments) {
  Rows rows{arguments.rank - 1, arguments.lanes(), 1};
  if (program.row_lanes > 0) return rows;
  if (folds_part(program)) return rows;
  const auto extent = [&](int axis) { return arguments.extents[static_cast<size_t>(axis)]; };
  const auto last = static_cast<size_t>(arguments.rank - 1);
  const bool strided = std::any_of(arguments.operands.begin(), arguments.operands.end(), [&](const Operand& operand) {
    return operand.strides[last] != 0 && operand.strides[last] != 1;
  });
  if (strided && rows.inner > cut_lanes) return {arguments.rank, 1, cut_lanes};
  if (arguments.rank == 1) return rows;
  while (rows.inner < short_axis && rows.first > 1 && rows.inner * extent(rows.first - 1) <= most_joined) {
    rows.inner *= extent(--rows.first);
  }
  const int64_t unit = has_span(program, ir::Fold::Span::all) ? 16 / std::gcd<int64_t>(rows.inner, 16) : 1;
  if (rows.inner < short_axis || unit > 1) {
    const int64_t wanted = (enough_lanes + rows.inner - 1) / rows.inner;
    rows.groups = (wanted + unit - 1) / unit * unit;
  }
  return rows;
}

/// For each lane, the elements from the row's first.
std::vector<int32_t> offsets_of(const KernelArguments& arguments, const Operand& operand, const Rows& rows,
                                int64_t lanes) {
  std::vector<int32_t> offsets(static_cast<size_t>(lanes));
  int64_t known = 1;  // from lane 0 on; an axis repeats what the inner ones made
  for (int axis = arguments.rank - 1; axis >= std::max(rows.first - 1, 0) && known < lanes; --axis) {
    const auto a = static_cast<size_t>(axis);
    const int64_t end = axis < rows.first ? lanes : std::min(lanes, known * arguments.extents[a]);
    const auto stride = static_cast<int32_t>(operand.strides[a]);
    for (int64_t lane = known; lane < end; ++lane)
      offsets[static_cast<size_t>(lane)] = offsets[static_cast<size_t>(lane - known)] + stride;
    known = end;
  }
  return offsets;
}

uint16_t find_pattern(Layout& layout, std::vector<int32_t> pattern) {
  const auto found = std::find(layout.patterns.begin(), layout.patterns.end(), pattern);
  const auto index = static_cast<uint16_t>(found - layout.patterns.begin());
  if (found == layout.patterns.end()) layout.patterns.push_back(std::move(pattern));
  return index;
}

ir::Operand walk(const KernelArguments& arguments, const Operand& operand, const Rows& rows, Layout& layout) {
  if (is_constant(arguments, operand, 0)) return {Access::uniform, 0};
  if (is_in_order(arguments, operand, 0)) return {Access::linear, 0};
  if (rows.groups == 1 && is_constant(arguments, operand, rows.first)) return {Access::row_uniform, 0};
  if (rows.groups == 1 && is_in_order(arguments, operand, rows.first)) return {Access::row_linear, 0};
  std::vector<int32_t> pattern = offsets_of(arguments, operand, rows, layout.lanes);
  bool in_order = true, same = true;
  for (int32_t lane = 0; lane < layout.lanes; ++lane) {
    in_order = in_order && pattern[static_cast<size_t>(lane)] == lane;
    same = same && pattern[static_cast<size_t>(lane)] == 0;
  }
  if (in_order) return {Access::row_linear, 0};
  if (same) return {Access::row_uniform, 0};
  return {Access::pattern, find_pattern(layout, std::move(pattern))};
}

}  // namespace

void lay_out(ir::Program& program, KernelArguments& arguments, bool whole_rows) {
  Layout& layout = arguments.layout;
  if (arguments.size == 0) return;  // nothing will run
  if ((whole_rows || folds_part(program)) && are_short(program, arguments))
    program.row_lanes = static_cast<uint8_t>(arguments.lanes());
  const Rows rows = choose_rows(program, arguments);
  layout.lanes = rows.inner * rows.groups;
  layout.outer_rank = std::max(rows.first - 1, 0);
  layout.slice = 1;
  for (int axis = layout.outer_rank; axis < arguments.rank; ++axis) {
    layout.slice *= arguments.extents[static_cast<size_t>(axis)];
  }
  layout.lanes = std::min(layout.lanes, layout.slice);
  for (size_t i = 0; i < arguments.operands.size(); ++i) {
    const Operand& operand = arguments.operands[i];
    program.operands[i] = walk(arguments, operand, rows, layout);
    // A linear operand is taken from where it lies, a gathered one never.
    if (program.operands[i].access == Access::linear && is_gathered(program, i)) {
      program.operands[i].access = Access::row_linear;
    }
    layout.row_bytes.push_back(row_stride(operand, rows) * operand.bytes);
    program.operands[i].still = program.row_lanes > 0 && layout.row_bytes.back() == 0;
  }
  for (size_t table = 0; table < arguments.tables.size(); table += 2) {
    if (arguments.tables[table] == 0) layout.regular = false;  // there is not even a row 0
  }
  if (has_span(program, ir::Fold::Span::all)) {
    const bool rows_align = layout.lanes == layout.slice || layout.lanes % 16 == 0;
    const bool slices_align = layout.slice == arguments.size || layout.slice % 16 == 0;
    layout.regular = layout.regular && rows_align && slices_align;
  }
}

}  // namespace autograd::engine
