#include <autograd/core/calls.h>
#include <autograd/engine/plan.h>

#include <algorithm>

// What is done to a matrix product element by element (a bias, an activation, the mask of a way back) is done while its
// rows are in the inner caches: the product and the region behind it become stages, which take turns on a block of
// rows. If only that region reads the product, it is never left in memory.
//
//     y = a b, z = relu(y + bias)     for each block of rows:   y = a's rows times b,   z = relu(y + bias)
//
// It pays for long narrow products, whose blocks are worth packing b for again.

namespace autograd::engine {

namespace {

constexpr int64_t block_bytes = 256 << 10;  // of the product's rows
constexpr int64_t least_rows = 512;         // of a block

bool is_product(const Planner& planner, const Draft& draft) {
  if (!draft.call || draft.nodes.size() != 1 || draft.stages != none) return false;
  const Node& node = planner.node(draft.nodes[0]);
  return node.op->run == run_matmul && node.rank == 2 && node.extents[0] > 1 && node.extents[1] > 1;
}

/// Whether all that the region reads of the product is its own rows, element for element, and all that it folds is
/// rows. What it assigns had better be written in place (in_place.cpp), which stages do not.
bool suits(const Planner& planner, const Draft& region, uint32_t product) {
  for (const uint32_t node : region.nodes) {
    if (planner.states[node].stored && planner.states[node].last_use == none) return false;
    if (planner.node(node).op->kind == Op::Kind::reduce && reduced(planner, node).border != 1) return false;
    bool row_by_row = true;
    for_each_walk(planner, node, [&](const Walk& walk, const Source& source) {
      if (walk.base == product) row_by_row = row_by_row && source.kind == Source::Kind::memory && walk.identity;
    });
    if (!row_by_row) return false;
  }
  return true;
}

bool follows(const Planner& planner, const Draft& region, uint32_t product) {
  return !region.call && region.stages == none && region.scatters.empty() && !region.demands.folds_all &&
         region.domain == planner.node(product).shape() && suits(planner, region, product);
}

}  // namespace

void stage_products(Planner& planner) {
  for (uint32_t i = 0; i + 1 < planner.drafts.size(); ++i) {
    Draft &draft = planner.drafts[i], &region = planner.drafts[i + 1];
    if (!is_product(planner, draft) || !follows(planner, region, draft.nodes[0])) continue;
    const Node& product = planner.node(draft.nodes[0]);
    const int64_t rows = product.extents[0], lanes = product.extents[1];
    const int64_t block = block_bytes / (lanes * size_of(product.dtype));
    if (block < least_rows || rows < 2 * block) continue;
    const auto at = std::find_if(planner.stages.begin(), planner.stages.end(),
                                 [&](const StageDraft& stages) { return stages.first > i; });
    planner.stages.insert(at, {.first = i,
                               .count = 2,
                               .domain = region.domain,
                               .border = 1,
                               .rows = rows,
                               .lanes = lanes,
                               .block = block,
                               .folds_rows = region.demands.folds_part});
    draft.domain = region.domain;
    for (size_t k = 0; k < planner.stages.size(); ++k) {
      const StageDraft& stages = planner.stages[k];
      for (uint32_t member = 0; member < stages.count; ++member)
        planner.drafts[stages.first + member].stages = static_cast<uint32_t>(k);
    }
  }
}

}  // namespace autograd::engine
