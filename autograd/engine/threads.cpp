#include <autograd/core/error.h>
#include <autograd/core/evaluate.h>
#include <autograd/core/float_environment.h>
#include <autograd/core/parallel.h>

#include <algorithm>
#include <atomic>
#include <memory>

#ifdef BACKLIGHT_HAS_TBB
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <mutex>
#endif

namespace autograd {

namespace {
constexpr double wake_nanoseconds = 50000;  // below this, waking threads costs more than it saves
#ifdef BACKLIGHT_HAS_TBB
std::atomic<int> wanted{0};  // 0: what the machine has
#endif

// On every thread alike: other threads do not see what the caller has set.
void run_part(RangeFunction run, int64_t begin, int64_t end) {
  const FloatEnvironment environment;
  run(begin, end);
}
}  // namespace

#ifdef BACKLIGHT_HAS_TBB

void set_threads(int count) {
  if (count < 1) throw ValueError("set_threads: " + std::to_string(count) + " given; expected 1 or more");
  wanted = count;
}

int threads() {
  const int count = wanted;
  return count > 0 ? count : tbb::this_task_arena::max_concurrency();
}

static std::shared_ptr<tbb::task_arena> arena_of(int count) {
  static std::mutex mutex;
  static std::unique_ptr<tbb::global_control> limit;
  static std::shared_ptr<tbb::task_arena> arena;
  static int size = 0;
  const std::lock_guard lock(mutex);
  if (size != count) {
    // oneTBB grants no more threads than the machine has unless it is told to.
    limit.reset();
    if (count > tbb::info::default_concurrency()) {
      limit = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                    static_cast<size_t>(count));
    }
    arena = std::make_shared<tbb::task_arena>(count);
    size = count;
  }
  return arena;
}

void parallel_for(int64_t count, double cost, RangeFunction run) {
  const int available = threads();
  if (available == 1 || cost < wake_nanoseconds || count < 2) {
    if (count > 0) run_part(run, 0, count);
    return;
  }
  const int64_t grain =
      std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(count) * wake_nanoseconds / 2 / cost));
  arena_of(available)->execute([&] {
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(tbb::blocked_range<int64_t>(0, count, static_cast<size_t>(grain)),
                        [&](const tbb::blocked_range<int64_t>& part) { run_part(run, part.begin(), part.end()); });
    });
  });
}

#else

void set_threads(int count) {
  if (count < 1) throw ValueError("set_threads: " + std::to_string(count) + " given; expected 1 or more");
}

int threads() { return 1; }

void parallel_for(int64_t count, double, RangeFunction run) {
  if (count > 0) run_part(run, 0, count);
}

#endif

}  // namespace autograd
