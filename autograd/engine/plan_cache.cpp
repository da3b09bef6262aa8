#include <autograd/engine/plan.h>
#include <autograd/engine/trace.h>

#include <algorithm>
#include <list>
#include <unordered_map>

namespace autograd::engine {

namespace {

constexpr size_t most_plans = 256;
// Of all plans of a thread. Sizes that change at every step make many plans that are never used again; kept for
// long, their small pieces break up the heap between the caller's large arrays.
constexpr size_t most_bytes = size_t{4} << 20;

template <class T>
size_t bytes_of(const std::vector<T>& list) {
  return list.capacity() * sizeof(T);
}

/// Memory that a plan keeps, without the kernels, which plans share.
size_t bytes_of(const Plan& plan) {
  size_t bytes = sizeof plan + bytes_of(plan.key) + bytes_of(plan.regions) + bytes_of(plan.buffers) +
                 bytes_of(plan.in_place) + bytes_of(plan.unpacked) + bytes_of(plan.hosted) + bytes_of(plan.leaves) +
                 bytes_of(plan.output_bases);
  for (const Region& region : plan.regions) {
    const KernelArguments& arguments = region.arguments;
    bytes += bytes_of(region.operands) + bytes_of(region.scalars) + bytes_of(region.folds) + bytes_of(region.origins) +
             bytes_of(region.positions) + bytes_of(region.inputs) + bytes_of(arguments.operands) +
             bytes_of(arguments.layout.row_bytes) + bytes_of(arguments.layout.patterns);
    for (const std::vector<int32_t>& pattern : arguments.layout.patterns) bytes += bytes_of(pattern);
    bytes += bytes_of(region.row_lookups);
    bytes += bytes_of(region.borders);
    for (const auto* list : {&region.packs, &region.unpacks}) {
      for (const Packed& packed : *list) bytes += sizeof packed + bytes_of(packed.parts) + bytes_of(packed.pieces);
    }
    for (const Region::Scatters& scatters : region.scatters) {
      bytes += sizeof scatters + bytes_of(scatters.indices) + bytes_of(scatters.sums) + bytes_of(scatters.columns);
    }
    for (const Lookups& lookups : region.lookups) bytes += bytes_of(lookups.tables) + bytes_of(lookups.lists);
  }
  return bytes;
}

/// The thread's plans, the least recently used last.
class PlanCache {
 public:
  static PlanCache& current() {
    thread_local PlanCache cache;
    return cache;
  }

  ~PlanCache() {
    if (!times_) return;
    for (const std::shared_ptr<Plan>& plan : plans_) trace_times(*plan);
  }

  std::shared_ptr<Plan> find(uint64_t hash, std::span<const uint64_t> key) {
    const auto found = by_hash_.find(hash);
    if (found == by_hash_.end() || !std::ranges::equal((*found->second)->key, key)) {
      return nullptr;
    }
    plans_.splice(plans_.begin(), plans_, found->second);
    return plans_.front();
  }

  void insert(const std::shared_ptr<Plan>& plan) {
    if (const auto found = by_hash_.find(plan->hash); found != by_hash_.end()) {  // another key of the same hash
      bytes_ -= bytes_of(**found->second);
      plans_.erase(found->second);
      by_hash_.erase(found);
    }
    plans_.push_front(plan);
    by_hash_.emplace(plan->hash, plans_.begin());
    bytes_ += bytes_of(*plan);
    while (plans_.size() > 1 && (plans_.size() > most_plans || bytes_ > most_bytes)) drop_last();
  }

 private:
  void drop_last() {
    if (times_) trace_times(*plans_.back());
    bytes_ -= bytes_of(*plans_.back());
    by_hash_.erase(plans_.back()->hash);
    plans_.pop_back();
  }

  const bool times_ = trace().time;  // first: it throws where BACKLIGHT_TRACE is wrong
  std::list<std::shared_ptr<Plan>> plans_;
  size_t bytes_ = 0;
  std::unordered_map<uint64_t, std::list<std::shared_ptr<Plan>>::iterator> by_hash_;
};

/// Known positions that regions read.
void collect_leaves(Planner& planner) {
  std::vector<uint32_t>& leaves = planner.plan.leaves;
  std::vector<bool> read(planner.recording.size());
  const auto add = [&](uint32_t position) {
    if (planner.known(position) && !read[position]) leaves.push_back(position);
    read[position] = true;
  };
  const auto add_parts = [&](const Packed& packed) {
    for (size_t i = 0; i + 1 < packed.parts.size(); ++i) add(packed.parts[i].place.base);
  };
  for (const Region& region : planner.plan.regions) {
    for (const Place& operand : region.operands) {
      if (operand.base != none) add(operand.base);
    }
    for (const Lookups& lookups : region.lookups) {
      for (const Lookups::Table& table : lookups.tables) add(table.place.base);
      for (const Lookups::List& list : lookups.lists) add(list.indices.base);
    }
    for (const RowLookup& rows : region.row_lookups) {
      add(rows.table.place.base);
      add(rows.list.indices.base);
    }
    for (const Region::Scatters& scatters : region.scatters) {
      for (const Place& indices : scatters.indices) add(indices.base);
    }
    for (const Region::Input& input : region.inputs) add(input.place.base);
    for (const Packed& packed : region.packs) add_parts(packed);
    for (const Packed& packed : region.unpacks) add_parts(packed);
  }
  for (uint32_t base : planner.plan.output_bases) add(base);
}

std::shared_ptr<Plan> make_plan(const Recording& recording, const Keep& keep) {
  auto plan = std::make_shared<Plan>();
  plan->key.assign(recording.key().begin(), recording.key().end());
  thread_local PlannerMemory memory;
  Planner planner(recording, *plan, memory);
  resolve(planner);
  fuse(planner);
  mark_kept(planner, keep);
  stage_products(planner);
  place_local(planner);
  lower(planner);
  assign_in_place(planner, keep);
  cut_packs(planner);
  place(planner);
  for (uint32_t output : recording.outputs()) plan->output_bases.push_back(contiguous_base(planner, output));
  collect_leaves(planner);
  return plan;
}

}  // namespace

std::shared_ptr<Plan> find_plan(const Recording& recording, const Keep& keep) {
  const uint64_t hash = recording.hash();
  if (auto plan = PlanCache::current().find(hash, recording.key())) return plan;
  auto plan = make_plan(recording, keep);
  plan->hash = hash;
  PlanCache::current().insert(plan);
  if (trace().any_new_plan()) trace_new_plan(*plan, recording);
  return plan;
}

}  // namespace autograd::engine
