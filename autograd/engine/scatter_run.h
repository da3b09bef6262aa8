#pragma once

#include <autograd/engine/plan.h>
#include <autograd/engine/scatter_stream.h>

namespace autograd::engine {

/// The scatter_adds of a region in one of its runs: block by block with the kernel those that can, the others after it.
class ScatterRun {
 public:
  /// Says where the kernel leaves the values.
  ScatterRun(const Recording& recording, Region& region, Arena& scratch, const Values& values);

  bool streams() const { return stream_ != nullptr; }
  // Where some do:
  ScatterStream& stream() { return *stream_; }
  /// After the kernel has run on the piece.
  void add(int64_t part, const Piece& piece);

  /// After the last piece; throws IndexError.
  void finish();

 private:
  ScatterEntries entries_of(const Region::Scatters& scatters) const;
  ScatterArrays<void> sums_of(const Region::Scatters& scatters) const;
  /// For each list, and returns where those of another follow.
  ScatterArrays<const void>* add_values(const Region::Scatters& scatters, const Piece& piece,
                                        ScatterArrays<const void>* values) const;
  bool streams(size_t scatters) const { return stream_ != nullptr && stream_->takes(scatters); }
  void use_local_memory();

  const Recording& recording_;
  Region& region_;
  Arena& scratch_;
  const Values& values_;
  ScatterStream* stream_ = nullptr;
};

}  // namespace autograd::engine
