#include <autograd/engine/scatter_run.h>

namespace autograd::engine {

ScatterRun::ScatterRun(const Recording& recording, Region& region, Arena& scratch, const Values& values)
    : recording_(recording), region_(region), scratch_(scratch), values_(values) {
  ScatterStream::List lists[ScatterStream::most_lists];
  const size_t count = region.scatters.size();
  for (size_t i = 0; i < count; ++i) lists[i] = {entries_of(region.scatters[i]), sums_of(region.scatters[i])};
  stream_ = ScatterStream::make({lists, count});
  use_local_memory(streams());
}

void ScatterRun::add(int64_t chunk, const Piece& piece) {
  ScatterArrays<const void> values[ScatterStream::most_lists];
  for (size_t i = 0; i < region_.scatters.size(); ++i) values[i] = values_of(region_.scatters[i], piece);
  stream_->add(chunk, piece.begin, piece.end, values);
}

void ScatterRun::finish() {
  if (streams()) return stream_->finish();
  for (const Region::Scatters& scatters : region_.scatters)
    run_scatters_together(entries_of(scatters), values_of(scatters, {}), sums_of(scatters));
}

ScatterEntries ScatterRun::entries_of(const Region::Scatters& scatters) const {
  const auto* indices = reinterpret_cast<const int32_t*>(values_[scatters.indices.base] + scatters.indices.bytes);
  return {&recording_.node(scatters.columns[0].sum), indices, region_.arguments.size, &scratch_};
}

ScatterArrays<void> ScatterRun::sums_of(const Region::Scatters& scatters) const {
  ScatterArrays<void> sums;
  for (const Region::Scatters::Column& column : scatters.columns) sums.push_back(values_[column.sum]);
  return sums;
}

ScatterArrays<const void> ScatterRun::values_of(const Region::Scatters& scatters, const Piece& piece) const {
  ScatterArrays<const void> values;
  for (const Region::Scatters::Column& column : scatters.columns)
    values.push_back(address(region_.arguments.operands[column.operand], piece, piece.begin));
  return values;
}

void ScatterRun::use_local_memory(bool local) {
  for (const Region::Scatters& scatters : region_.scatters) {
    for (const Region::Scatters::Column& column : scatters.columns) {
      if (column.local < 0) continue;
      Operand& operand = region_.arguments.operands[column.operand];
      operand.local = local ? column.local : -1;
      if (!local) operand.data = static_cast<std::byte*>(scratch_.allocate(region_.arguments.size * operand.bytes));
    }
  }
}

}  // namespace autograd::engine
