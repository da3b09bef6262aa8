#include <autograd/engine/lookup_plan.h>

#include <algorithm>

namespace autograd::engine {

namespace {

constexpr int64_t least_elements = 2048;  // of a domain
constexpr size_t least_tables = 3;        // of a list: fetching fewer is as fast one by one

/// Whether the tables are columns of one array, each next to the one before.
bool are_neighbours(std::span<const Lookups::Table> tables) {
  for (size_t t = 1; t < tables.size(); ++t) {
    const Lookups::Table &before = tables[t - 1], &table = tables[t];
    if (table.place.base != before.place.base || table.place.bytes != before.place.bytes + 4 ||
        table.stride != before.stride)
      return false;
  }
  return true;
}

}  // namespace

bool may_look_up(const Planner& planner, const Draft& draft, const Source& source) {
  if (source.kind != Source::Kind::gathered || source.rows == 0) return false;
  const auto is_number = [&](uint32_t base) { return planner.node(base).op->kind == Op::Kind::number; };
  if (is_number(source.walk.base) || is_number(source.index.base)) return false;
  if (size_of(planner.node(source.walk.base).dtype) != 4) return false;
  return planner.known(source.index.base) || !std::ranges::binary_search(draft.nodes, source.index.base);
}

// Stages and folds of rows cut the domain in ways of their own.
bool runs_in_blocks(const Draft& draft) {
  return !draft.demands.folds_part && draft.stages == none && draft.domain.size() >= least_elements;
}

LookupPlan::LookupPlan(const Planner& planner, const Draft& draft, Region& region)
    : planner_(planner), draft_(draft), block_(draft.demands.folds_all ? fold_block : usual_block) {
  region.local_bytes = draft.local_bytes;
  if (!draft.scatters.empty()) region.block = block_;
  if (!runs_in_blocks(draft)) return;
  collect();
  std::vector<int64_t> row_counts;
  for (const Gather& gather : gathers_) {
    if (std::ranges::find(row_counts, gather.rows) == row_counts.end()) row_counts.push_back(gather.rows);
  }
  for (const int64_t rows : row_counts) {
    Lookups lookups = lookups_of(rows, region.local_bytes);
    if (lookups.lists.empty()) continue;
    region.block = block_;
    region.local_bytes = lookups.column(lookups.lists.size(), 0, block_);
    region.lookups.push_back(std::move(lookups));
  }
}

int64_t LookupPlan::column_of(const Source& source) const {
  if (gathers_.empty()) return -1;
  const Gather* gather = find(gather_of(source));
  return gather == nullptr ? -1 : gather->column;
}

LookupPlan::Gather LookupPlan::gather_of(const Source& source) const {
  const int64_t bytes = source.walk.offset * size_of(planner_.node(source.walk.base).dtype);
  return {source.index, source.rows, {{source.walk.base, bytes}, source.row_stride}, source.node};
}

const LookupPlan::Gather* LookupPlan::find(const Gather& wanted) const {
  const auto found = std::ranges::find_if(gathers_, [&](const Gather& gather) { return gather.is(wanted); });
  return found == gathers_.end() ? nullptr : &*found;
}

/// Of rows that a list names, one for each element of the domain.
bool LookupPlan::is_eligible(const Source& source) const {
  return source.kind == Source::Kind::gathered && source.index.identity &&
         std::ranges::all_of(source.walk.strides, [](int64_t stride) { return stride == 0; }) &&
         may_look_up(planner_, draft_, source);
}

void LookupPlan::collect() {
  for (const uint32_t node : draft_.nodes) {
    for (const Source& source : planner_.sources_of(node)) {
      if (!is_eligible(source)) continue;
      const Gather gather = gather_of(source);
      if (find(gather) != nullptr) continue;
      const auto last_with = std::ranges::find_if(gathers_.rbegin(), gathers_.rend(),
                                                  [&](const Gather& other) { return other.with(gather); });
      gathers_.insert(last_with == gathers_.rend() ? gathers_.end() : last_with.base(), gather);
    }
  }
}

size_t LookupPlan::count_with(const Gather& gather) const {
  return static_cast<size_t>(std::ranges::count_if(gathers_, [&](const Gather& other) { return other.with(gather); }));
}

/// Of tables of so many rows; empty where gathers are as good.
Lookups LookupPlan::lookups_of(int64_t rows, int64_t local) {
  Lookups lookups;
  lookups.rows = rows;
  lookups.local = local;
  struct Use {
    Gather* gather;
    size_t list, table;
  };
  std::vector<Use> uses;
  for (Gather& gather : gathers_) {
    if (gather.rows != rows || count_with(gather) < least_tables) continue;
    const auto table = std::ranges::find(lookups.tables, gather.table);
    const auto t = static_cast<size_t>(table - lookups.tables.begin());
    if (t == Lookups::most_tables) continue;
    if (table == lookups.tables.end()) lookups.tables.push_back(gather.table);
    if (uses.empty() || !uses.back().gather->with(gather)) {
      const int64_t bytes = gather.indices.offset * 4;
      lookups.lists.push_back({{gather.indices.base, bytes}, gather.node});
    }
    uses.push_back({&gather, lookups.lists.size() - 1, t});
  }
  lookups.side_by_side = are_neighbours(lookups.tables);
  // Packing the tables has to pay.
  if (!lookups.side_by_side && static_cast<int64_t>(lookups.lists.size()) * draft_.domain.size() < rows) return {};
  for (const Use& use : uses) use.gather->column = lookups.column(use.list, use.table, block_);
  return lookups;
}

}  // namespace autograd::engine
