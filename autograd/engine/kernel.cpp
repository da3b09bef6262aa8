#include <autograd/core/evaluate.h>
#include <autograd/engine/kernel.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

namespace autograd::engine {

namespace {

using ir::Code;

double cost_of(Code code) {
  switch (code) {
    case Code::exp:
    case Code::log:
    case Code::sin:
    case Code::cos:
    case Code::tan:
    case Code::asin:
    case Code::acos:
    case Code::atan:
    case Code::tanh:
    case Code::erf: return 8;
    case Code::pow:
    case Code::atan2: return 20;
    case Code::gather: return 0.8;
    case Code::divide:
    case Code::square_root: return 0.4;
    default: return 0.04;
  }
}

bool is_constant(const ir::Program& program, const ir::Inst& inst) {
  if (inst.code == Code::scalar || inst.code == Code::literal) return true;
  return inst.code == Code::load && program.operands[inst.immediate].access == ir::Access::uniform;
}

template <class T>
void append(std::string& bytes, const std::vector<T>& values) {
  const size_t count = values.size();
  bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
  bytes.append(reinterpret_cast<const char*>(values.data()), count * sizeof(T));
}

/// Everything in a program that its machine code depends on.
std::string key_of(const ir::Program& program, Backend backend) {
  static_assert(sizeof(ir::Inst) == 10 && sizeof(ir::Operand) == 6 && sizeof(ir::Store) == 4 && sizeof(ir::Fold) == 4);
  std::string bytes(1, static_cast<char>(backend));
  bytes.push_back(static_cast<char>(program.row_lanes));
  append(bytes, program.body);
  append(bytes, program.stores);
  append(bytes, program.folds);
  append(bytes, program.literals);
  for (const ir::Operand& operand : program.operands) {
    bytes.push_back(static_cast<char>(operand.access));
    bytes.push_back(static_cast<char>(operand.still));
    bytes.push_back(static_cast<char>(operand.ahead));
    bytes.push_back(static_cast<char>(operand.pattern));
    bytes.push_back(static_cast<char>(operand.pattern >> 8));
  }
  return bytes;
}

/// The thread's kernels by program. Those that no plan uses any more go when there are many.
struct KernelCache {
  std::unordered_map<std::string, std::shared_ptr<const Kernel>> kernels;
  std::unordered_map<std::string, std::shared_ptr<const Joint>> joints;
  int64_t compiled = 0;

  static KernelCache& current() {
    thread_local KernelCache cache;
    return cache;
  }
  void trim() {
    if (kernels.size() < 4096) return;
    std::erase_if(kernels, [](const auto& entry) { return entry.second.use_count() == 1; });
    std::erase_if(joints, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
};

}  // namespace

Kernel::Kernel(ir::Program program) : program_(std::move(program)) {
  for (const ir::Inst& inst : program_.body) {
    const double cost = is_constant(program_, inst) ? 0 : cost_of(inst.code);
    cost_ += inst.type == DType::float64 ? 4 * cost : cost;
  }
}

const Interpreter& Kernel::interpreter() const {
  std::call_once(once_, [&] { interpreter_ = std::make_unique<Interpreter>(program_); });
  return *interpreter_;
}

std::span<const std::byte> Kernel::code() const { return code_ ? code_->bytes(index_) : std::span<const std::byte>(); }

void Kernel::attach(std::shared_ptr<const jit::Code> code, size_t index) {
  code_ = std::move(code);
  index_ = index;
  function_ = code_->function(index);
}

KernelRun::KernelRun(const Kernel& kernel, const KernelArguments& arguments, Fault& fault)
    : kernel_(kernel), arguments_(arguments), fault_(fault) {
  if (kernel.function_ != nullptr && arguments.layout.regular)
    machine_.emplace(kernel.function_, kernel.program_, arguments);
}

std::shared_ptr<const Kernel> KernelSet::add(ir::Program program) {
  KernelCache& cache = KernelCache::current();
  cache.trim();
  auto [entry, is_new] = cache.kernels.try_emplace(key_of(program, backend()));
  if (is_new) {
    auto kernel = std::make_shared<Kernel>(std::move(program));
    if (backend() != Backend::interpreter && jit::supports(kernel->program())) fresh_.push_back(kernel);
    entry->second = std::move(kernel);
  }
  return entry->second;
}

std::shared_ptr<const Joint> KernelSet::join(std::span<const Part> parts) {
  if (backend() == Backend::interpreter) return nullptr;
  std::string key;
  for (const Part& part : parts) key += key_of(part.kernel->program(), backend()) + (part.flat ? '1' : '0');
  auto [entry, is_new] = KernelCache::current().joints.try_emplace(std::move(key));
  if (is_new) {
    auto joint = std::make_shared<Joint>();
    fresh_joints_.push_back(joint);
    joint_parts_.emplace_back();
    for (const Part& part : parts) joint_parts_.back().push_back({&part.kernel->program(), part.flat});
    entry->second = std::move(joint);
  }
  return entry->second;
}

void KernelSet::compile() {
  if (fresh_.empty() && fresh_joints_.empty()) return;
  std::vector<const ir::Program*> programs;
  for (const auto& kernel : fresh_) programs.push_back(&kernel->program());
  const jit::Target target = backend() == Backend::avx512 ? jit::Target::avx512 : jit::Target::avx2;
  const std::shared_ptr<const jit::Code> code = jit::Code::compile(programs, target, joint_parts_);
  if (!code) return;  // refused: the interpreter runs, and nothing changes but the time
  for (size_t i = 0; i < fresh_.size(); ++i) fresh_[i]->attach(code, i);
  for (size_t i = 0; i < fresh_joints_.size(); ++i)
    *fresh_joints_[i] = {code, code->joint(i), code->bytes(fresh_.size() + i)};
  KernelCache::current().compiled += static_cast<int64_t>(fresh_.size());
  fresh_.clear();
  fresh_joints_.clear();
  joint_parts_.clear();
}

int64_t compiled_kernels() { return KernelCache::current().compiled; }

}  // namespace autograd::engine
