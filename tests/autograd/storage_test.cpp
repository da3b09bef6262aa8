#include <autograd/autograd.h>
#include <autograd/core/storage.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "tests/catch.h"

// How long the memory of Arrays lives, whoever reads it and whoever drops the last handle.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

constexpr int64_t size = 77777;  // of no other array
constexpr size_t alignment_of_arrays = 64;

bool is_array(size_t bytes) { return bytes >= 4 * size && bytes <= 4 * size + alignment_of_arrays; }

std::array<std::atomic<void*>, 16> arrays;

bool exchange(void* from, void* to) {
  return std::ranges::any_of(arrays, [&](std::atomic<void*>& place) {
    void* expected = from;
    return place.compare_exchange_strong(expected, to);
  });
}

/// Arrays of that size that have memory.
ptrdiff_t alive() {
  return std::ranges::count_if(arrays, [](const std::atomic<void*>& place) { return place.load() != nullptr; });
}

Array ones() { return ag::ones({size}); }
Tensor sum_of_local() {
  const Array local = ones();
  return ag::sum(local);
}

/// Runs what the main thread gives it, one task after another.
class Worker {
 public:
  ~Worker() {
    run({});
    thread_.join();
  }
  void run(std::function<void()> task) {
    task_ = std::move(task);
    given_ = true;
    given_.notify_one();
    given_.wait(true);
  }

 private:
  void work() {
    for (bool more = true; more;) {
      given_.wait(false);
      more = task_ != nullptr;
      if (more) task_();
      task_ = nullptr;
      given_ = false;
      given_.notify_one();
    }
  }
  std::function<void()> task_;
  std::atomic<bool> given_{false};
  std::thread thread_{[this] { work(); }};
};

}  // namespace

void* operator new(size_t bytes, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  void* const memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
  if (memory == nullptr) throw std::bad_alloc();
  if (is_array(bytes)) exchange(nullptr, memory);
  return memory;
}
void operator delete(void* memory, std::align_val_t) noexcept {
  if (memory == nullptr) return;
  exchange(memory, nullptr);
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t alignment) noexcept { operator delete(memory, alignment); }

TEST_CASE("Memory goes with its last handle, or with the Step that reads it") {
  {
    const Array array = ones();
    CHECK(alive() == 1);
  }
  CHECK(alive() == 0);
  {
    const ag::Step outer;
    const Tensor x = sum_of_local();
    CHECK(alive() == 1);
    {
      const ag::Step inner;
      const Tensor y = sum_of_local() + x;
      CHECK(alive() == 2);
      CHECK(y.item() == 2 * size);
    }
    CHECK(alive() == 1);
    CHECK(x.item() == size);
  }
  CHECK(alive() == 0);
}

TEST_CASE("Memory that its maker reads outlives the last handle, which another thread drops") {
  std::optional<Array> array = ones();
  Worker other;
  std::optional<Array> last;
  {
    const ag::Step step;
    const Tensor sum = ag::sum(*array);
    other.run([&] { last = std::move(array); });
    array.reset();
    other.run([&] { last.reset(); });
    CHECK(alive() == 1);
    {
      const ag::Step inner;
      CHECK((sum + 1).item() == size + 1);
    }
    CHECK(alive() == 1);
  }
  CHECK(alive() == 0);
}

TEST_CASE("Memory that another thread than its maker reads outlives the last handle") {
  std::optional<Array> array = ones();
  Worker other;
  std::optional<ag::Step> step;
  double sum = 0;
  Tensor x;
  other.run([&] { step.emplace(), x = ag::sum(*array); });
  CHECK(array->storage()->readers() == 1);
  array.reset();
  CHECK(alive() == 1);
  other.run([&] { sum = x.item(), step.reset(); });
  CHECK(alive() == 0);
  CHECK(sum == size);
}

TEST_CASE("Readers are counted, of whatever thread") {
  const Array array = ones();
  Worker other;
  std::optional<ag::Step> step;
  const auto read = [&] { step.emplace(), Located(array), Located(array); };
  other.run(read);
  CHECK(array.storage()->readers() == 1);
  {
    const ag::Step own;
    CHECK(ag::sum(array).item() == size);
    CHECK(array.storage()->readers() == 2);
    CHECK(array.storage()->references() == 3);
  }
  CHECK(array.storage()->readers() == 1);
  other.run([&] { step.reset(); });
  CHECK(array.storage()->readers() == 0);
  CHECK(array.storage()->references() == 1);
}

TEST_CASE("A Parameter is not assigned while the thread that made it reads it") {
  Worker maker;
  std::optional<ag::Parameter> parameter;
  std::optional<ag::Step> step;
  maker.run([&] { parameter.emplace(Array::of({1.F})), step.emplace(), Located(*parameter); });
  CHECK_THROWS_AS(parameter->assign(Array::of({2.F})), ag::ParameterInUse);
  maker.run([&] { step.reset(); });
  parameter->assign(Array::of({3.F}));
  CHECK(parameter->item() == 3);
  const ag::Step own;
  CHECK((*parameter * 2).item() == 6);
  parameter->assign(Array::of({4.F}));  // its own leaf is no hindrance
  CHECK((*parameter * 2).item() == 8);
}

TEST_CASE("Threads drop handles while the maker's Steps end") {
  for (int round = 0; round < 200; ++round) {
    std::optional<Array> array = ones();
    std::array<std::optional<Array>, 3> copies = {array, array, array};
    std::atomic<int> ready{0};
    std::array<std::thread, 3> threads;
    for (size_t k = 0; k < copies.size(); ++k) {
      threads[k] = std::thread([&, k] {
        ++ready;
        while (ready < 4) std::this_thread::yield();
        copies[k].reset();
      });
    }
    {
      const ag::Step step;
      ag::sum(*array);
      array.reset();
      ++ready;
      while (ready < 4) std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    { const ag::Step next; }  // one that was handed over goes now
    REQUIRE(alive() == 0);
  }
}
