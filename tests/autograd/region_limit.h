#pragma once

#include <autograd/engine/plan.h>

/// Another limit of nodes in a region while it lives.
class RegionLimit {
 public:
  explicit RegionLimit(size_t nodes) : saved_(autograd::engine::region_limit()) {
    autograd::engine::limit_regions(nodes);
  }
  ~RegionLimit() { autograd::engine::limit_regions(saved_); }
  RegionLimit(const RegionLimit&) = delete;
  RegionLimit& operator=(const RegionLimit&) = delete;

 private:
  size_t saved_;
};
