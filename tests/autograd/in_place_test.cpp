#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Assigned values are computed in the Parameter's own memory where nobody can tell; here is everybody who could.

namespace ag = autograd;
using ag::Parameter;
using ag::Tensor;

namespace {

constexpr int64_t count = 3000;

float start_of(int parameter, int64_t i) { return static_cast<float>(parameter) + static_cast<float>(i % 97) * 0.25f; }

/// Two Parameters, and the same numbers beside them.
struct Pair {
  Parameter a = array(0), b = array(1);
  std::vector<float> x = list(0), y = list(1);

  static std::vector<float> list(int parameter) {
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(start_of(parameter, i));
    return values;
  }
  static ag::Array array(int parameter) { return ag::Array::from(std::span<const float>(list(parameter)), {count}); }

  void check() const {
    CHECK(same_values(a.values<float>(), std::span<const float>(x)));
    CHECK(same_values(b.values<float>(), std::span<const float>(y)));
  }
};

template <class Test>
void on_all_backends(Test&& test) {
  for (const ag::Backend backend : backends()) {
    const WithBackend with(backend);
    INFO(ag::name_of(backend));
    test();
  }
}

}  // namespace

TEST_CASE("All right-hand sides of one evaluation see the old values") {
  on_all_backends([] {
    Pair p;
    for (int step = 0; step < 3; ++step) {
      const ag::Step scope;
      const Tensor next_a = p.b + 1, next_b = p.a * 2;
      const ag::Assignment both[] = {{p.a, next_a}, {p.b, next_b}};
      ag::evaluate({}, both);
      for (size_t i = 0; i < count; ++i) {
        const float x = p.x[i], y = p.y[i];
        p.x[i] = y + 1;
        p.y[i] = x * 2;
      }
      p.check();
    }
  });
}

TEST_CASE("Which Parameter is written is not decided by the structure alone") {
  on_all_backends([] {
    Pair p;
    for (int step = 0; step < 6; ++step) {
      const ag::Step scope;
      const Tensor sum = p.a + p.b;
      const bool first = step % 2 == 0;
      const ag::Assignment one[] = {{first ? p.a : p.b, sum}};
      ag::evaluate({}, one);
      for (size_t i = 0; i < count; ++i) (first ? p.x : p.y)[i] = p.x[i] + p.y[i];
      p.check();
    }
  });
}

TEST_CASE("An assigned Parameter's old value is there for all else that reads it") {
  on_all_backends([] {
    Pair p;
    const ag::Array order = ag::Array::make<int32_t>({count}, [](std::span<int32_t> out) {
      for (size_t i = 0; i < count; ++i) out[i] = static_cast<int32_t>((i * 7) % count);
    });
    for (int step = 0; step < 2; ++step) {
      const ag::Step scope;
      const Tensor old = ag::tensor(p.a);
      const Tensor next = p.a * 0.5 + p.b;
      const Tensor copy = ag::reshape(p.a, {count / 3, 3}), turned = ag::flip(p.a, 0), taken = ag::gather(p.a, order);
      const Tensor total = ag::sum(p.a), beside = p.a - 1;
      const Tensor wanted[] = {old, copy, turned, taken, total, beside, next};
      const ag::Assignment one[] = {{p.a, next}};
      ag::evaluate(wanted, one);
      float plain = 0;
      for (size_t i = 0; i < count; ++i) {
        plain += p.x[i];
        if (old.values<float>()[i] != p.x[i] || copy.values<float>()[i] != p.x[i] ||
            turned.values<float>()[count - 1 - i] != p.x[i] || beside.values<float>()[i] != p.x[i] - 1 ||
            taken.values<float>()[i] != p.x[(i * 7) % count] || next.values<float>()[i] != p.x[i] * 0.5f + p.y[i]) {
          FAIL("element " << i << " of step " << step);
        }
      }
      CHECK(total.item() == Approx(plain).epsilon(1e-5));
      for (size_t i = 0; i < count; ++i) p.x[i] = p.x[i] * 0.5f + p.y[i];
      p.check();
    }
  });
}

TEST_CASE("Values in another order, of a fold, of another Parameter") {
  on_all_backends([] {
    Pair p;
    const ag::Step scope;
    const ag::Assignment turn[] = {{p.a, ag::flip(p.a, 0)}, {p.b, p.b + ag::sum(p.b) + p.a}};
    const float total = static_cast<float>(Tensor(ag::sum(p.b)).item());
    ag::evaluate({}, turn);
    std::vector<float> x = p.x;
    for (size_t i = 0; i < count; ++i) {
      p.y[i] = p.y[i] + total + x[i];
      p.x[i] = x[count - 1 - i];
    }
    p.check();
  });
}

TEST_CASE("Adam keeps no second copy of its state") {
  constexpr int64_t size = 1 << 20;
  for (const bool large_first : {false, true}) {
    ag::Parameter w = ag::full({size}, 0.5), small = ag::zeros({100}), scalar = ag::zeros({});
    ag::Adam optimiser({small, w, scalar});
    for (int i = 0; i < 2; ++i) {
      const ag::Step step;
      Tensor parts[2];
      for (const int part : {0, 1}) parts[part] = ag::sum(ag::square((large_first == (part == 0) ? w : small) - 1));
      optimiser.minimise(parts[0] + parts[1] + ag::square(scalar - 1));
    }
    CHECK(ag::report().peak_bytes < size);  // a quarter of one array
    CHECK(w.values<float>()[size - 1] > 0.5f);
  }
}
