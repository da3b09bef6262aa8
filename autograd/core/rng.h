#pragma once

#include <autograd/core/export.h>

#include <cstdint>

namespace autograd {

/// Where random numbers come from: a seed and how many draws were made. Whatever is random takes one draw when it
/// is made or recorded, and is a function of that draw and of an element's position alone (Philox4x32-10): the same
/// bits for any number of threads and any backend, and again when it is evaluated again. Not for secrets.
class BACKLIGHT_API Rng {
 public:
  /// One draw: what a random tensor is a function of.
  struct Draw {
    uint64_t seed = 0, number = 0;
    bool operator==(const Draw&) const = default;
  };

  explicit Rng(uint64_t seed = 0) : next_{seed, 0} {}
  /// Goes on from where another stood: `Rng(saved.state())` gives what `saved` would have given.
  explicit Rng(Draw next) : next_(next) {}

  /// The next draw.
  Draw draw() {
    const Draw drawn = next_;
    ++next_.number;
    return drawn;
  }
  /// A generator of its own, with a seed made from one draw of this one.
  Rng split();
  /// The draw that comes next; all that there is to save.
  Draw state() const { return next_; }

 private:
  Draw next_;
};

}  // namespace autograd
