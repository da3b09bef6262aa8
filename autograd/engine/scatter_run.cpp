#include <autograd/engine/scatter_run.h>

namespace autograd::engine {

ScatterRun::ScatterRun(const Recording& recording, Region& region, Arena& scratch, const Values& values)
    : recording_(recording), region_(region), scratch_(scratch), values_(values) {
  ScatterStream::Table tables[ScatterStream::most_lists];
  const size_t count = region.scatters.size();
  for (size_t i = 0; i < count; ++i) tables[i] = {entries_of(region.scatters[i]), sums_of(region.scatters[i])};
  stream_ = ScatterStream::make({tables, count});
  use_local_memory();
}

void ScatterRun::add(int64_t part, const Piece& piece) {
  ScatterArrays<const void> values[ScatterStream::most_lists];
  ScatterArrays<const void>* next = values;
  for (size_t i = 0; i < region_.scatters.size(); ++i) {
    if (streams(i)) next = add_values(region_.scatters[i], piece, next);
  }
  stream_->add(part, piece.begin, piece.end, values);
}

void ScatterRun::finish() {
  if (streams()) stream_->finish();
  for (size_t i = 0; i < region_.scatters.size(); ++i) {
    if (streams(i)) continue;
    const Region::Scatters& scatters = region_.scatters[i];
    ScatterArrays<const void> values[most_scatter_lists];
    add_values(scatters, {}, values);
    run_scatters_together(entries_of(scatters), values, sums_of(scatters));
  }
}

ScatterEntries ScatterRun::entries_of(const Region::Scatters& scatters) const {
  ScatterEntries entries{&recording_.node(scatters.sums[0]), {}, 0, region_.arguments.size, &scratch_};
  for (const Place& place : scatters.indices)
    entries.indices[entries.lists++] = reinterpret_cast<const int32_t*>(values_[place.base] + place.bytes);
  return entries;
}

ScatterArrays<void> ScatterRun::sums_of(const Region::Scatters& scatters) const {
  ScatterArrays<void> sums;
  for (const uint32_t sum : scatters.sums) sums.push_back(values_[sum]);
  return sums;
}

ScatterArrays<const void>* ScatterRun::add_values(const Region::Scatters& scatters, const Piece& piece,
                                                  ScatterArrays<const void>* values) const {
  for (size_t i = 0; i < scatters.columns.size(); ++i) {
    if (i > 0 && i % scatters.sums.size() == 0) ++values;
    values->push_back(address(region_.arguments.operands[scatters.columns[i].operand], piece, piece.begin));
  }
  return values + 1;
}

/// For what only scatter_adds read that stream.
void ScatterRun::use_local_memory() {
  const auto for_columns = [&](bool streaming, auto&& use) {
    for (size_t i = 0; i < region_.scatters.size(); ++i) {
      if (streams(i) != streaming) continue;
      for (const Region::Scatters::Column& column : region_.scatters[i].columns) {
        if (column.local >= 0) use(column, region_.arguments.operands[column.operand]);
      }
    }
  };
  for_columns(true, [](const Region::Scatters::Column& column, Operand& operand) { operand.local = column.local; });
  for_columns(false, [&](const Region::Scatters::Column&, Operand& operand) {
    operand.local = -1;
    operand.data = static_cast<std::byte*>(scratch_.allocate(region_.arguments.size * operand.bytes));
  });
}

}  // namespace autograd::engine
