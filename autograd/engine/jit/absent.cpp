#include <autograd/engine/jit/jit.h>

// On processors without machine code of ours the interpreter runs.

namespace autograd::engine::jit {

bool available(Target) { return false; }
bool supports(const ir::Program&) { return false; }
std::shared_ptr<const Code> Code::compile(std::span<const ir::Program* const>, Target,
                                          std::span<const std::vector<Part>>) {
  return nullptr;
}
Code::~Code() = default;
Function Code::function(size_t) const { return nullptr; }
JointFunction Code::joint(size_t) const { return nullptr; }
std::span<const std::byte> Code::bytes(size_t) const { return {}; }

}  // namespace autograd::engine::jit
