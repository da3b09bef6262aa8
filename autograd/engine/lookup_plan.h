#pragma once

#include <autograd/engine/plan.h>

namespace autograd::engine {

/// Elements of four bytes, by a list of indices that lies in memory before the region runs.
bool may_look_up(const Planner& planner, const Draft& draft, const Source& source);
/// Whether the region's elements are in blocks for lookups.
bool runs_in_blocks(const Draft& draft);

/// Which gathers of a region become lookups.
class LookupPlan {
 public:
  /// Adds the lookups to the region, and says in which blocks it runs.
  LookupPlan(const Planner& planner, const Draft& draft, Region& region);

  /// The column that holds what the source gathers, in bytes into local memory; -1: it is gathered.
  int64_t column_of(const Source& source) const;

 private:
  struct Gather {
    Walk indices;
    int64_t rows;
    Lookups::Table table;
    uint32_t node;
    int64_t column = -1;

    bool is(const Gather& other) const { return with(other) && table == other.table; }
    bool with(const Gather& other) const { return indices == other.indices && rows == other.rows; }
  };

  Gather gather_of(const Source& source) const;
  const Gather* find(const Gather& wanted) const;
  bool is_eligible(const Source& source) const;
  void collect();
  size_t count_with(const Gather& gather) const;
  Lookups lookups_of(int64_t rows, int64_t local);

  const Planner& planner_;
  const Draft& draft_;
  std::vector<Gather> gathers_;  ///< each once, those of one list of indices one after another
  int64_t block_;
};

/// Which gathers of rows become row lookups.
class RowLookupPlan {
 public:
  /// Adds them to the region.
  RowLookupPlan(const Planner& planner, const Draft& draft, Region& region);

  /// As LookupPlan's.
  int64_t column_of(const Source& source) const;

 private:
  bool make(const Source& source, RowLookup& lookup) const;
  const RowLookup* find(const RowLookup& wanted) const;

  const Planner& planner_;
  const Draft& draft_;
  const Region& region_;
};

}  // namespace autograd::engine
