#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/engine/trace.h>
#include <autograd/ir/print.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace autograd::engine {

namespace {

Trace from_environment() {
  Trace trace;
  const char* variable = std::getenv("BACKLIGHT_TRACE");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    bool& chosen = word == "plan"   ? trace.plan
                   : word == "ir"   ? trace.ir
                   : word == "asm"  ? trace.code
                   : word == "time" ? trace.time
                                    : throw ValueError("BACKLIGHT_TRACE=" + std::string(variable) +
                                                       ": expected plan, ir, asm or time, or several with commas");
    chosen = true;
  }
  return trace;
}

std::string number_of(const Plan& plan) {
  char number[20];
  std::snprintf(number, sizeof number, "%016llx", static_cast<unsigned long long>(plan.hash));
  return std::string("plan ") + std::string(number, 6);
}

std::string title(const Plan& plan, size_t region) { return number_of(plan) + " region " + std::to_string(region); }

std::string domain_of(const KernelArguments& arguments) {
  return Shape(std::span<const int64_t>(arguments.extents.data(), static_cast<size_t>(arguments.rank))).to_string();
}

/// What a region reads and writes in one run, each operand once.
int64_t bytes_of(const Region& region) {
  int64_t bytes = 0;
  for (const Operand& operand : region.arguments.operands) {
    int64_t elements = 1;
    for (int axis = 0; axis < region.arguments.rank; ++axis) {
      if (operand.strides[static_cast<size_t>(axis)] != 0)
        elements *= region.arguments.extents[static_cast<size_t>(axis)];
    }
    bytes += elements * operand.bytes;
  }
  return bytes;
}

/// The stages that a region is one of, if any.
const Stages* stages_of(const Plan& plan, size_t region) {
  for (const Stages& stages : plan.stages) {
    if (region >= stages.first && region < stages.first + stages.count) return &stages;
  }
  return nullptr;
}

std::string executor(const Region& region) {
  if (region.kernel->compiled() && region.arguments.layout.regular) return std::string(name_of(backend()));
  return "interpreter";
}

std::string stage_number(const Plan& plan, size_t region) {
  const Stages* stages = stages_of(plan, region);
  if (stages == nullptr) return "";
  return ", stage " + std::to_string(region - stages->first + 1) + " of " + std::to_string(stages->count) +
         " on blocks of " + std::to_string(stages->block) + " rows";
}

/// The operations of a region, those of one source line together.
std::string operations(const Region& region, const Recording& recording) {
  std::string text, line;
  uint32_t last = none;
  for (uint32_t origin : region.origins) {
    if (origin == last) continue;
    last = origin;
    const Node& node = recording.node(origin);
    const std::string where = to_string(node.where);
    if (where != line) text += (line = where, "\n    " + where + ":");
    text += std::string(" ") + node.op->name;
  }
  for (const Region::Result& fold : region.folds) {
    const Node& node = recording.node(fold.position);
    text += "\n    " + to_string(node.where) + ": " + node.op->name;
  }
  for (const Region::Scatters& scatters : region.scatters) {
    const Node& node = recording.node(scatters.sums[0]);
    text += "\n    " + to_string(node.where) + ": " + node.op->name + " x " + std::to_string(scatters.sums.size());
  }
  return text;
}

void write_code(const std::string& name, std::span<const std::byte> code) {
  std::string file = "backlight " + name + ".bin";
  for (char& letter : file) {
    if (letter == ' ') letter = '-';
  }
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(code.data()), static_cast<std::streamsize>(code.size()));
  log_line("  code: objdump -D -b binary -m i386:x86-64 -M intel " + file);
  // Lines "address size name", which perf looks up for code without a file. It knows no other place than this.
  char line[160];
  std::snprintf(line, sizeof line, "%llx %zx %s\n",
                static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(code.data())), code.size(), name.c_str());
  std::ofstream("/tmp/perf-" + std::to_string(getpid()) + ".map", std::ios::app) << line;
}

}  // namespace

const Trace& trace() {
  static const Trace trace = from_environment();
  return trace;
}

void trace_new_plan(const Plan& plan, const Recording& recording) {
  for (size_t i = 0; i < plan.regions.size(); ++i) {
    const Region& region = plan.regions[i];
    if (region.call) {
      std::string text = title(plan, i) + ": call " + region.name;
      for (const uint32_t position : region.positions) {
        const Node& node = recording.node(position);
        text += " " + node.shape().to_string() + stage_number(plan, i) + "\n    " + to_string(node.where);
      }
      log_line(text);
      continue;
    }
    log_line(title(plan, i) + ": " + domain_of(region.arguments) + ", " +
             std::to_string(region.kernel->program().body.size()) + " instructions, " +
             std::to_string(bytes_of(region)) + " bytes, " + executor(region) + stage_number(plan, i) +
             operations(region, recording));
    if (trace().ir) log_line(ir::to_string(region.kernel->program()));
    if (trace().code && region.kernel->compiled()) write_code(title(plan, i), region.kernel->code());
  }
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const Stages& stages = plan.stages[i];
    if (!stages.joint || stages.joint->function == nullptr) continue;
    const std::string name = number_of(plan) + " stages " + std::to_string(i);
    log_line(name + ": from stage to stage with " + std::to_string(stages.group) + " rows of " +
             std::to_string(stages.block));
    if (trace().code) write_code(name, stages.joint->bytes);
  }
  log_line("  " + std::to_string(plan.temporary_bytes) + " bytes temporary, " + std::to_string(plan.kept_bytes) +
           " kept");
}

void trace_times(const Plan& plan) {
  for (size_t i = 0; i < plan.regions.size(); ++i) {
    const Region& region = plan.regions[i];
    if (const Stages* stages = stages_of(plan, i); stages != nullptr && stages->first != i) {
      if (plan.regions[stages->first].runs > 0) {
        log_line(title(plan, i) + ": a stage, timed with the first");
      }
      continue;
    }
    if (region.runs == 0) continue;
    const double each = region.seconds / static_cast<double>(region.runs);
    char text[160];
    std::snprintf(text, sizeof text, ": %lld runs, %.3f ms, %.2f us each", static_cast<long long>(region.runs),
                  region.seconds * 1e3, each * 1e6);
    std::string line = title(plan, i) + text;
    if (region.call) {
      line += std::string(", ") + region.name;
      if (region.positions.size() > 1) line += " x " + std::to_string(region.positions.size());
    } else if (region.arguments.size > 0) {
      std::snprintf(text, sizeof text, ", %.3f ns an element, %.2f GB/s, ",
                    each * 1e9 / static_cast<double>(region.arguments.size),
                    static_cast<double>(bytes_of(region)) / std::max(each, 1e-12) * 1e-9);
      line += text + domain_of(region.arguments);
    }
    log_line(line);
  }
}

}  // namespace autograd::engine
