#pragma once

#include <autograd/core/graph.h>

#include <span>

namespace autograd::engine {

inline constexpr size_t most_scatters_together = 8;

/// Whether several scatter_adds such as this one are worth one pass, where they share indices, rows and type:
/// each element goes to one row.
bool scatters_together(const Node& node);
/// Two to most_scatters_together of them; throws as each would.
void run_scatters_together(std::span<const Op::Call> calls);

}  // namespace autograd::engine
