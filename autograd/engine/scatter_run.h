#pragma once

#include <autograd/engine/plan.h>
#include <autograd/engine/scatter_stream.h>

namespace autograd::engine {

/// The scatter_adds of a region in one of its runs: chunk by chunk with the kernel where they can, else after it.
class ScatterRun {
 public:
  /// Says where the kernel leaves the values.
  ScatterRun(const Recording& recording, Region& region, Arena& scratch, const Values& values);

  bool streams() const { return stream_ != nullptr; }
  // Where they stream:
  int64_t chunks() const { return stream_->chunks(); }
  int64_t begin_of(int64_t chunk) const { return stream_->begin_of(chunk); }
  void start(int64_t chunk) { stream_->start(chunk); }
  /// After the kernel has run on the piece.
  void add(int64_t chunk, const Piece& piece);

  /// After the last piece; throws IndexError.
  void finish();

 private:
  ScatterEntries entries_of(const Region::Scatters& scatters) const;
  ScatterArrays<void> sums_of(const Region::Scatters& scatters) const;
  /// For each list, and returns where those of another follow.
  ScatterArrays<const void>* add_values(const Region::Scatters& scatters, const Piece& piece,
                                        ScatterArrays<const void>* values) const;
  void use_local_memory(bool local);

  const Recording& recording_;
  Region& region_;
  Arena& scratch_;
  const Values& values_;
  ScatterStream* stream_ = nullptr;
};

}  // namespace autograd::engine
