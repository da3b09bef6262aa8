#include <autograd/engine/lookup_plan.h>

#include <algorithm>

namespace autograd::engine {

namespace {

constexpr int64_t row_block =
    2048;  // elements, where there are no columns beside: few arrays, and kernels that do little

}  // namespace

RowLookupPlan::RowLookupPlan(const Planner& planner, const Draft& draft, Region& region)
    : planner_(planner), draft_(draft), region_(region) {
  if (!runs_in_blocks(draft)) return;
  for (const uint32_t node : draft.nodes) {
    for (const Source& source : planner.sources_of(node)) {
      RowLookup lookup;
      if (!make(source, lookup) || find(lookup) != nullptr) continue;
      if (region.block == 0) region.block = draft.demands.folds_all ? fold_block : row_block;
      lookup.local = region.local_bytes;
      region.local_bytes += Lookups::column_stride(region.block) * 4;
      region.row_lookups.push_back(lookup);
    }
  }
}

int64_t RowLookupPlan::column_of(const Source& source) const {
  RowLookup lookup;
  if (region_.row_lookups.empty() || !make(source, lookup)) return -1;
  const RowLookup* found = find(lookup);
  return found == nullptr ? -1 : found->local;
}

/// The domain's first axes choose the row, its last ones are the row's elements in order.
bool RowLookupPlan::make(const Source& source, RowLookup& lookup) const {
  if (!may_look_up(planner_, draft_, source)) return false;
  const Shape& domain = draft_.domain;
  int border = domain.rank();
  while (border > 0 && source.index.strides[static_cast<size_t>(border - 1)] == 0) --border;
  if (border == 0 || border == domain.rank() || source.index.identity) return false;
  int64_t width = 1, count = 1;
  for (int axis = domain.rank() - 1; axis >= 0; --axis) {
    const auto a = static_cast<size_t>(axis);
    int64_t& extent = axis >= border ? width : count;
    if (source.walk.strides[a] != (axis >= border ? extent : 0)) return false;
    if (axis < border && source.index.strides[a] != extent) return false;
    extent *= domain[axis];
  }
  lookup.table = {{source.walk.base, source.walk.offset * 4}, source.row_stride};
  lookup.rows = source.rows;
  lookup.width = width;
  lookup.list = {{source.index.base, source.index.offset * 4}, source.node};
  return true;
}

const RowLookup* RowLookupPlan::find(const RowLookup& wanted) const {
  const auto found = std::ranges::find_if(region_.row_lookups, [&](const RowLookup& lookup) {
    return lookup.table == wanted.table && lookup.list.indices == wanted.list.indices && lookup.width == wanted.width;
  });
  return found == region_.row_lookups.end() ? nullptr : &*found;
}

}  // namespace autograd::engine
