#include <autograd/engine/fold.h>
#include <autograd/engine/joint_run.h>

#include <algorithm>

namespace autograd::engine {

namespace {

using ir::Access;
using Span = ir::Fold::Span;

// Fewer, and a part takes longer to begin than to compute; more, and the processor sees one part only.
constexpr int64_t group_elements = 512;
constexpr int64_t rows_together = 4;  // of short rows, in machine code

/// Whether a region has no rows of its own: any number of a stage's rows is one.
bool is_flat(const Region& region) { return region.arguments.rank == 1; }

bool can_be_part(const Region& region, const Stages& stages) {
  const KernelArguments& arguments = region.arguments;
  const ir::Program& program = region.kernel->program();
  const bool plain = region.lookups.empty() && region.row_lookups.empty() && region.scatters.empty() &&
                     region.packs.empty() && region.unpacks.empty();
  if (region.call || !plain || arguments.size == 0 || !arguments.layout.regular || !jit::supports(program))
    return false;
  for (const ir::Inst& inst : program.body) {
    if (inst.code == ir::Code::row || inst.code == ir::Code::gather) return false;
  }
  if (is_flat(region)) {
    const auto in_order = [](const ir::Operand& operand) {
      return operand.access == Access::linear || operand.access == Access::uniform;
    };
    return program.folds.empty() && std::ranges::all_of(program.operands, in_order);
  }
  const bool folds_all =
      std::ranges::any_of(program.folds, [](const ir::Fold& fold) { return fold.span == Span::all; });
  return !folds_all && arguments.lane_blocks == 1 && arguments.layout.slice == arguments.size &&
         arguments.layout.lanes * stages.rows == arguments.size;
}

}  // namespace

void join_stages(const Plan& plan, Stages& stages, KernelSet& kernels) {
  const std::span<const Region> regions(&plan.regions[stages.first], stages.count);
  size_t operands = 0, folds = 0, patterns = 0;
  int64_t elements = 1;  // of a row
  std::vector<KernelSet::Part> parts;
  for (const Region& region : regions.subspan(regions[0].call)) {
    if (!can_be_part(region, stages)) return;
    operands += region.operands.size();
    folds += region.folds.size();
    patterns += region.arguments.layout.patterns.size();
    elements = std::max(elements, region.arguments.size / stages.rows);
    parts.push_back({region.kernel, is_flat(region)});
  }
  if (parts.size() < 2 || std::max({operands, folds, patterns}) > most_joint_places) return;
  const int64_t rows = std::max<int64_t>(group_elements / elements, 1);
  stages.group = rows < rows_together ? rows : rows / rows_together * rows_together;
  stages.joint = kernels.join(parts);
}

JointRun::JointRun(const Plan& plan, const Stages& stages) : stages_(stages) {
  size_t operands = 0, folds = 0, patterns = 0;
  for (uint32_t k = 0; k < stages.count; ++k) {
    const Region& region = plan.regions[stages.first + k];
    if (region.call) continue;
    const KernelArguments& arguments = region.arguments;
    const ir::Program& program = region.kernel->program();
    const int64_t row_elements = arguments.size / stages.rows;
    parts_[count_] = {&arguments, &program, operands, folds};
    jit::Call& call = calls_[count_++];
    call = {0,
            row_elements,
            data_ + operands,
            row_bytes_ + operands,
            patterns_ + patterns,
            arguments.scalar_bits.data(),
            arguments.tables.data(),
            folds_ + folds,
            fold_bytes_ + folds};
    for (size_t i = 0; i < program.operands.size(); ++i) {
      const bool moves = program.operands[i].access != Access::uniform;
      row_bytes_[operands++] = !is_flat(region) ? arguments.layout.row_bytes[i]
                               : moves          ? row_elements * arguments.operands[i].bytes
                                                : 0;
    }
    for (size_t f = 0; f < program.folds.size(); ++f) fold_bytes_[folds++] = 4;
    for (const std::vector<int32_t>& pattern : arguments.layout.patterns) patterns_[patterns++] = pattern.data();
  }
}

void JointRun::run(int64_t first, int64_t last, std::byte* local) {
  for (size_t k = 0; k < count_; ++k) place(parts_[k], first, local);
  const jit::JointCall call{last - first, stages_.group, calls_};
  stages_.joint->function(&call);
}

void JointRun::place(const Part& part, int64_t row, std::byte* local) {
  const KernelArguments& arguments = *part.arguments;
  for (size_t i = 0; i < arguments.operands.size(); ++i) {
    const Operand& operand = arguments.operands[i];
    data_[part.operands + i] =
        operand.local < 0 ? operand.data + row * row_bytes_[part.operands + i] : local + operand.local;
  }
  for (size_t f = 0; f < part.program->folds.size(); ++f) {
    const bool lanes = part.program->folds[f].span == Span::lanes;
    const int64_t element = lanes ? row : row / arguments.row_block * arguments.layout.lanes;
    folds_[part.folds + f] = arguments.folds[f] + 4 * element;
  }
}

}  // namespace autograd::engine
