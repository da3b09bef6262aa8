#include <autograd/engine/jit/emit.h>
#include <autograd/engine/jit/forms.h>
#include <autograd/engine/jit/jit.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xbyak/xbyak.h>

#include <cstring>
#include <new>

namespace autograd::engine::jit {

namespace {

constexpr size_t alignment = 64;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

struct Release {
  void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t(alignment)); }
};
using Buffer = std::unique_ptr<std::byte[], Release>;

Buffer allocate(size_t size) {
  return Buffer(static_cast<std::byte*>(::operator new[](size, std::align_val_t(alignment))));
}

Unit prepare(const ir::Program& program, Target target) {
  Unit unit{&program, lower(program), {}};
  if (target == Target::avx512) join_comparisons(unit.machine);
  if (program.row_lanes > 0) {
    interleave_rows(unit.machine, program, rows_a_turn(unit.machine), target);
  } else {
    interleave(unit.machine, vectors_a_turn(unit.machine, program.folds, target), target);
  }
  unit.assignment = assign(unit.machine, program.folds, target);
  return unit;
}

void write_literals(const std::vector<uint32_t>& literals, Target target, std::byte* out) {
  const size_t bytes = literal_bytes(target);
  for (const uint32_t& literal : literals) {
    for (size_t k = 0; k < bytes; k += sizeof literal) std::memcpy(out + k, &literal, sizeof literal);
    out += bytes;
  }
}

/// The programs' code behind all that it reads, and where each begins, and the end.
struct Image {
  Buffer bytes;
  std::vector<size_t> offsets;
};

Image assemble(std::span<const ir::Program* const> programs, Target target) {
  std::vector<Unit> units;
  units.reserve(programs.size());
  size_t pool = sizeof(Constants), bound = 0;
  for (const ir::Program* program : programs) {
    const Unit& unit = units.emplace_back(prepare(*program, target));
    pool += unit.machine.literals.size() * literal_bytes(target);
    bound += code_bound(unit);
  }
  pool = round_up(pool, alignment);
  Image image{allocate(pool + bound), {}};
  const auto* constants = new (image.bytes.get()) Constants;
  std::byte* literals = image.bytes.get() + sizeof(Constants);
  Xbyak::CodeGenerator code(bound, image.bytes.get() + pool);
  for (const Unit& unit : units) {
    code.align(alignment);
    image.offsets.push_back(pool + code.getSize());
    write_literals(unit.machine.literals, target, literals);
    emit(code, unit, target, *constants, literals);
    literals += unit.machine.literals.size() * literal_bytes(target);
  }
  image.offsets.push_back(pool + code.getSize());
  return image;
}

bool supports(const ir::Program& program, const ir::Inst& inst) {
  using C = ir::Code;
  if (inst.type == DType::float64) return false;
  if (inst.code == C::divide) return inst.type == DType::float32;
  if (inst.code == C::remainder || inst.code == C::pow || inst.code == C::atan2) return false;
  if (inst.code >= C::exp && inst.code <= C::erf) return false;
  return ir::argument_count(inst.code) == 0 || program.body[inst.a].type != DType::float64;
}

}  // namespace

bool available(Target target) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2");
  if (target == Target::avx2) return avx2;
  return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool supports(const ir::Program& program) {
  for (const ir::Inst& inst : program.body) {
    if (!supports(program, inst)) return false;
  }
  return true;
}

std::shared_ptr<const Code> Code::compile(std::span<const ir::Program* const> programs, Target target) {
  Image image = assemble(programs, target);
  const size_t size = round_up(image.offsets.back(), static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  std::shared_ptr<Code> code(new Code);
  code->memory_ = memory;
  code->size_ = size;
  std::memcpy(memory, image.bytes.get(), image.offsets.back());
  if (mprotect(memory, size, PROT_READ | PROT_EXEC) != 0) return nullptr;
  code->offsets_ = std::move(image.offsets);
  return code;
}

Code::~Code() { munmap(memory_, size_); }

Function Code::function(size_t program) const {
  return reinterpret_cast<Function>(static_cast<std::byte*>(memory_) + offsets_[program]);
}

std::span<const std::byte> Code::bytes(size_t program) const {
  return {static_cast<const std::byte*>(memory_) + offsets_[program], offsets_[program + 1] - offsets_[program]};
}

}  // namespace autograd::engine::jit
