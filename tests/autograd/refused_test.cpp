#include <autograd/autograd.h>
#include <autograd/engine/kernel.h>
#include <sys/resource.h>

#include <memory>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Where the system gives no memory for code, evaluations go on by the interpreter: the same bytes, no error.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Tensor;

namespace {

/// No new pages for this process while it lives; what the heap has at hand must do.
class NoNewPages {
 public:
  NoNewPages() {
    // Free pieces among some that stay, so that the heap keeps them.
    for (int i = 0; i < 200; ++i) pieces_.push_back(std::make_unique<char[]>(100000));
    for (size_t i = 0; i < 200; ++i) {
      if (i % 50 != 49) pieces_[i].reset();
    }
    REQUIRE(getrlimit(RLIMIT_AS, &before_) == 0);
    const rlimit nothing{0, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_AS, &nothing) == 0);
  }
  ~NoNewPages() { setrlimit(RLIMIT_AS, &before_); }
  NoNewPages(const NoNewPages&) = delete;
  NoNewPages& operator=(const NoNewPages&) = delete;

 private:
  std::vector<std::unique_ptr<char[]>> pieces_;
  rlimit before_{};
};

/// A graph that no other test records, so that nothing of it is compiled.
std::vector<float> results(const Array& x, double structural) {
  const ag::Step step;
  const Tensor rows = ag::tan(x * structural) + ag::erf(ag::cos(x)) / 1.7;
  const Tensor loss = ag::sum(ag::atan(rows) * ag::max(rows, 1, {.keep = true})), slope = ag::grad(loss, Located(x));
  const Tensor columns = ag::mean(rows, 0);
  ag::evaluate({loss, slope, columns});
  std::vector<float> values;
  for (const Tensor& tensor : {loss, slope, columns}) {
    values.insert(values.end(), tensor.values<float>().begin(), tensor.values<float>().end());
  }
  return values;
}

}  // namespace

TEST_CASE("An evaluation whose machine code is refused gives the same bytes") {
  if (sanitized()) {
    WARN("skipped: a sanitizer needs pages of its own");
    return;
  }
  Random random(110);
  const Array x = random_array<float>(random, {37, 21}, -1, 1);
  const Threads one(1);
  double structural = -1;  // a program of its own for each backend and turn
  for (const ag::Backend backend : {ag::Backend::avx2, ag::Backend::avx512}) {
    if (!ag::available(backend)) continue;
    INFO(ag::name_of(backend));
    std::vector<float> expected, refused, again;
    {
      const WithBackend interpreter(ag::Backend::interpreter);
      expected = results(x, structural);
    }
    const WithBackend with(backend);
    results(x, 2);  // what else an evaluation asks for the first time
    const int64_t before = ag::engine::compiled_kernels();
    {
      const NoNewPages nothing;
      refused = results(x, structural);
      again = results(x, structural);
    }
    CHECK(first_difference(refused, expected) == -1);
    CHECK(first_difference(again, expected) == -1);
    CHECK(ag::engine::compiled_kernels() == before);
    CHECK(first_difference(results(x, structural), expected) == -1);  // and it stays with the interpreter
    CHECK(ag::engine::compiled_kernels() == before);
    results(x, 0.3);
    CHECK(ag::engine::compiled_kernels() > before);  // what is new is compiled again
  }
}
