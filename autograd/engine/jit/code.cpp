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
  if (target == Target::avx512) join_masks(unit.machine);
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

/// Programs to be compiled, and those that are parts of joint functions; each once.
class Assembly {
 public:
  explicit Assembly(Target target) : target_(target) {}

  size_t add(const ir::Program* program) {
    for (size_t k = 0; k < units_.size(); ++k) {
      if (units_[k].program == program) return k;
    }
    units_.push_back(prepare(*program, target_));
    return units_.size() - 1;
  }

  Image image(size_t programs, std::span<const std::vector<Part>> joints) {
    std::vector<std::vector<JointPart>> parts;
    for (const std::vector<Part>& joint : joints) {
      parts.emplace_back();
      for (const Part& part : joint) parts.back().push_back({nullptr, nullptr, part.flat});
      for (size_t k = 0; k < joint.size(); ++k) part_units_.push_back(add(joint[k].program));
    }
    return write(programs, std::move(parts));
  }

 private:
  Image write(size_t programs, std::vector<std::vector<JointPart>> joints) {
    size_t pool = sizeof(Constants), bound = 0;
    for (size_t k = 0; k < units_.size(); ++k) {
      pool += units_[k].machine.literals.size() * literal_bytes(target_);
      if (k < programs) bound += code_bound(units_[k]);
    }
    for (const size_t unit : part_units_) bound += code_bound(units_[unit]);
    pool = round_up(pool, alignment);
    Image image{allocate(pool + bound), {}};
    const auto* constants = new (image.bytes.get()) Constants;
    std::vector<std::byte*> literals{image.bytes.get() + sizeof(Constants)};
    for (const Unit& unit : units_) {
      write_literals(unit.machine.literals, target_, literals.back());
      literals.push_back(literals.back() + unit.machine.literals.size() * literal_bytes(target_));
    }
    Xbyak::CodeGenerator code(bound, image.bytes.get() + pool);
    const auto begin_function = [&] {
      code.align(alignment);
      image.offsets.push_back(pool + code.getSize());
    };
    for (size_t k = 0; k < programs; ++k) {
      begin_function();
      emit(code, units_[k], target_, *constants, literals[k]);
    }
    auto unit = part_units_.begin();
    for (std::vector<JointPart>& joint : joints) {
      for (JointPart& part : joint) {
        part.unit = &units_[*unit];
        part.literals = literals[*unit++];
      }
      begin_function();
      emit_joint(code, joint, target_, *constants);
    }
    image.offsets.push_back(pool + code.getSize());
    return image;
  }

  const Target target_;
  std::vector<Unit> units_;
  std::vector<size_t> part_units_;  ///< of the joint functions' parts, one after another
};

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

std::shared_ptr<const Code> Code::compile(std::span<const ir::Program* const> programs, Target target,
                                          std::span<const std::vector<Part>> joints) {
  Assembly assembly(target);
  for (const ir::Program* program : programs) assembly.add(program);
  Image image = assembly.image(programs.size(), joints);
  const size_t size = round_up(image.offsets.back(), static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  std::shared_ptr<Code> code(new Code);
  code->memory_ = memory;
  code->size_ = size;
  code->programs_ = programs.size();
  std::memcpy(memory, image.bytes.get(), image.offsets.back());
  if (mprotect(memory, size, PROT_READ | PROT_EXEC) != 0) return nullptr;
  code->offsets_ = std::move(image.offsets);
  return code;
}

Code::~Code() { munmap(memory_, size_); }

Function Code::function(size_t program) const {
  return reinterpret_cast<Function>(static_cast<std::byte*>(memory_) + offsets_[program]);
}

JointFunction Code::joint(size_t index) const {
  return reinterpret_cast<JointFunction>(static_cast<std::byte*>(memory_) + offsets_[programs_ + index]);
}

std::span<const std::byte> Code::bytes(size_t function) const {
  return {static_cast<const std::byte*>(memory_) + offsets_[function], offsets_[function + 1] - offsets_[function]};
}

}  // namespace autograd::engine::jit
