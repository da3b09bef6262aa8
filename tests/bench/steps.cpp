#include <fmt/format.h>
#include <tests/bench/heap.h>
#include <tests/bench/rows.h>

// What a small training step costs beyond its arithmetic.

namespace bench {

namespace {

/// h = h w + b - x, a hundred times on 256 elements; Adam minimises the sum. After the first steps all are alike.
class Training {
 public:
  void step() {
    const ag::Step step;
    ag::Tensor h = ag::tensor(x_);
    for (int round = 0; round < 100; ++round) h = h * w_ + b_ - x_;
    const ag::Tensor loss = ag::sum(h);
    optimiser_.minimise(loss);
    nodes_ = ag::report().nodes;
    loss.item();
  }
  /// Forward, backward and update.
  int64_t nodes() const { return nodes_; }

 private:
  ag::Array x_ = uniform({256}, -1, 1, 1);
  ag::Parameter w_ = uniform({256}, 0.5f, 0.9f, 2), b_ = uniform({256}, -1, 1, 3);
  ag::Adam optimiser_{{w_, b_}};
  int64_t nodes_ = 0;
};

constexpr int steps_until_steady = 20;

}  // namespace

Result record_ns() {
  constexpr int operations = 1000;
  const ag::Array x = uniform({64}, -1, 1, 1), y = uniform({16, 64}, -1, 1, 2);
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) {
    const ag::Step step;
    ag::Tensor product = ag::tensor(y);
    const ag::Tensor row = ag::tensor(x);
    times.push_back(seconds([&] {
      for (int pair = 0; pair < operations / 2; ++pair) {
        product = row * product;
        product = product * row;
      }
    }));
  }
  return {median(times) * 1e9 / operations};
}

Result replay_ns_per_node() {
  Training training;
  for (int i = 0; i < steps_until_steady; ++i) training.step();
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) times.push_back(seconds([&] { training.step(); }));
  const double step_seconds = median(times);
  return {step_seconds * 1e9 / static_cast<double>(training.nodes()),
          fmt::format("{} nodes, {:.1f} us a step", training.nodes(), step_seconds * 1e6)};
}

Result allocations_per_step() {
  constexpr int steps = 100;
  Training training;
  for (int i = 0; i < steps_until_steady; ++i) training.step();
  const int64_t before = heap_requests();
  for (int i = 0; i < steps; ++i) training.step();
  return {static_cast<double>(heap_requests() - before) / steps};
}

}  // namespace bench
