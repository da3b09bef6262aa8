#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace render {

/// Views in a random order that visits each once an epoch; the same for a seed on every machine.
class ViewOrder {
 public:
  ViewOrder(size_t count, uint64_t seed) : order_(count), state_(seed), next_(count) {
    std::iota(order_.begin(), order_.end(), size_t{0});
  }

  size_t next() {
    if (next_ == order_.size()) shuffle();
    return order_[next_++];
  }

 private:
  // Fisher and Yates, with SplitMix64 (Steele, Lea, Flood 2014); the modulo's bias is below 2^-50.
  void shuffle() {
    for (size_t i = order_.size(); i > 1; --i) {
      uint64_t z = state_ += 0x9e3779b97f4a7c15u;
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
      z = (z ^ z >> 27) * 0x94d049bb133111ebu;
      std::swap(order_[i - 1], order_[(z ^ z >> 31) % i]);
    }
    next_ = 0;
  }

  std::vector<size_t> order_;
  uint64_t state_;
  size_t next_;
};

}  // namespace render
