#include <autograd/engine/jit/forms.h>

#include <algorithm>

namespace autograd::engine::jit {

Form form(const Op& op, bool wide) {
  switch (op.code) {
    case Opcode::add_float:
    case Opcode::multiply_float:
    case Opcode::and_float:
    case Opcode::xor_float:
    case Opcode::add_int:
    case Opcode::multiply_int:
    case Opcode::minimum_int:
    case Opcode::maximum_int:
    case Opcode::and_int:
    case Opcode::or_int:
    case Opcode::xor_int:
    case Opcode::compare_float: return {.memory = a_bit | b_bit};
    case Opcode::subtract_float:
    case Opcode::subtract_int:
    case Opcode::divide_float:
    case Opcode::minimum_float:
    case Opcode::maximum_float:
    case Opcode::select: return {.memory = b_bit};
    case Opcode::square_root:
    case Opcode::round:
    case Opcode::absolute_int:
    case Opcode::int_to_float:
    case Opcode::float_to_int: return {.memory = a_bit};
    case Opcode::shift_left:
    case Opcode::shift_right:
    case Opcode::shift_right_logical: return {.memory = wide ? a_bit : uint8_t{0}};
    case Opcode::fma: return {.memory = a_bit | b_bit | c_bit, .tied = a_bit | b_bit | c_bit};
    case Opcode::fma_or_zero: return {.memory = b_bit, .tied = a_bit};
    case Opcode::compare_int:
      if (wide || op.detail == equal || op.detail == not_equal) return {.memory = a_bit | b_bit};
      return {.memory = op.detail == less ? a_bit : b_bit};
    case Opcode::mask_and:
    case Opcode::mask_or:
    case Opcode::mask_xor: return {.memory = wide ? uint8_t{0} : uint8_t{a_bit | b_bit}};
    case Opcode::mask_and_not: return {.memory = wide ? uint8_t{0} : b_bit};
    case Opcode::mask_not: return {.memory = wide ? uint8_t{0} : a_bit};
    case Opcode::select_or_zero: return {.memory = wide ? b_bit : uint8_t{a_bit | b_bit}};
    case Opcode::check_row: return wide ? Form{.memory = b_bit} : Form{.memory = a_bit, .early = true};
    case Opcode::scale_row: return {.memory = b_bit | c_bit, .early = !wide};
    case Opcode::load_mask:
    case Opcode::gather_mask: return {.temporaries = wide};
    case Opcode::gather: return {.early = true, .temporaries = !wide};
    case Opcode::rare: return {.tied = c_bit};
    case Opcode::store: return {.temporaries = !wide};
    case Opcode::store_mask: return {.temporaries = 1};
    case Opcode::accumulate: return {.memory = a_bit, .temporaries = wide ? op.detail : uint8_t{2}};
    case Opcode::accumulate_memory: return {.temporaries = 2};
    case Opcode::fill: return {.memory = a_bit};
    case Opcode::fold_halves: return {.early = true, .temporaries = 2};
    case Opcode::store_fold:
    case Opcode::store_folds: return {.temporaries = 3};
    case Opcode::load_row:
    case Opcode::load:
    case Opcode::save: return {};
  }
  return {};
}

namespace {

/// Cycles from arguments to result, and half cycles in which nothing else of its kind can start; as on Intel's and
/// AMD's cores of the last years, roughly.
struct Cost {
  uint32_t latency, halves;
};

Cost cost(Opcode code, bool wide) {
  switch (code) {
    case Opcode::square_root: return wide ? Cost{20, 24} : Cost{12, 12};
    case Opcode::divide_float: return wide ? Cost{17, 20} : Cost{11, 10};
    case Opcode::gather: return wide ? Cost{30, 32} : Cost{25, 16};
    case Opcode::gather_mask: return {100, 100};
    case Opcode::multiply_int:
    case Opcode::scale_row: return {10, 2};
    case Opcode::round: return {8, 2};
    case Opcode::and_float:
    case Opcode::xor_float:
    case Opcode::add_int:
    case Opcode::subtract_int:
    case Opcode::minimum_int:
    case Opcode::maximum_int:
    case Opcode::absolute_int:
    case Opcode::shift_left:
    case Opcode::shift_right:
    case Opcode::shift_right_logical:
    case Opcode::and_int:
    case Opcode::or_int:
    case Opcode::xor_int:
    case Opcode::mask_and:
    case Opcode::mask_or:
    case Opcode::mask_xor:
    case Opcode::mask_and_not:
    case Opcode::mask_not: return {1, 1};
    default: return {4, 1};
  }
}

/// Cycles of the longest chain of dependent ops, and half cycles of work.
struct Times {
  uint32_t chain = 0, work_halves = 1;
};

Times estimate(const std::vector<Op>& ops, size_t values, bool wide) {
  Times times;
  std::vector<uint32_t> ready(values);
  for (const Op& op : ops) {
    const Cost of = cost(op.code, wide);
    uint32_t end = of.latency;
    for (const Id id : op.arguments) {
      if (id != no_value) end = std::max(end, ready[id] + of.latency);
    }
    if (op.result != no_value) ready[op.result] = end;
    times.chain = std::max(times.chain, end);
    times.work_halves += of.halves;
  }
  return times;
}

}  // namespace

uint32_t vectors_a_turn(const Machine& machine, const std::vector<ir::Fold>& folds, Target target) {
  constexpr uint32_t short_turn = 700, longest_turn = 1800;  // ops that the processor keeps decoded
  const bool wide = target == Target::avx512;
  const std::vector<Op>& ops = machine.ops[per_lane];
  const Times times = estimate(ops, machine.values.size(), wide);
  const auto count = static_cast<uint32_t>(ops.size());
  const auto waiting = [&](uint32_t at_once) {
    const uint32_t ops_in_sight = at_once < 4 ? 60 : 100;  // eight vectors had better be worth it: registers run out
    return times.chain * std::min(count, ops_in_sight) / ops_in_sight;
  };
  const bool pairs =
      !wide && std::ranges::any_of(folds, [](const ir::Fold& fold) { return fold.span != ir::Fold::Span::rows; });
  uint32_t vectors = count <= 8 ? 4 : count <= 24 || pairs ? 2 : 1;  // the loop itself costs a little
  const auto room = [&] { return 2 * vectors * count <= (vectors < 4 ? longest_turn : short_turn); };
  while (vectors < 8 && vectors * times.work_halves < 2 * waiting(vectors) && room()) vectors *= 2;
  return vectors;
}

uint32_t rows_a_turn(const Machine& machine) {
  constexpr size_t long_body = 300;  // ops
  return machine.ops[per_lane].size() > long_body ? 1 : 4;
}

}  // namespace autograd::engine::jit
