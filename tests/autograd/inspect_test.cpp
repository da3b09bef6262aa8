#include <autograd/autograd.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/autograd/file_bytes.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// What tells a user what happened: checks for NaN, and the graph as a drawing.

namespace ag = autograd;
using ag::Array;
using ag::Parameter;
using ag::Tensor;

namespace {

class NanChecks {
 public:
  NanChecks() { ag::set_nan_checks(true); }
  ~NanChecks() { ag::set_nan_checks(false); }
};

std::string at_line(int line) { return "inspect_test.cpp:" + std::to_string(line); }

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("A check for NaN names the operation that made it, its line and operands") {
  const NanChecks on;
  const ag::Step step;
  const Tensor x = ag::tensor(Array::from(std::vector<float>{1, 2, 3, -0.5F, 5, 6}, {2, 3}));
  const Tensor shifted = x + Array::of({0.F, 0.F, 1.F});
  const Tensor logarithm = ag::log(shifted);
  const int line = __LINE__ - 1;
  const Tensor later = ag::exp(ag::sum(logarithm, 1) * 2);
  CHECK(error_of([&] { later.to_vector<float>(); }) ==
        "log: made NaN at element 3 of [2, 3] of -0.5 (recorded at " + at_line(line) + ")");
  const Tensor infinite = ag::exp(x * 1000), difference = infinite - ag::reshape(infinite, {2, 3});
  CHECK_THAT(error_of([&] { ag::sum(difference).item(); }),
             ContainsSubstring("subtract: made NaN at element 0 of [2, 3] of inf and inf (recorded at " +
                               at_line(__LINE__ - 3) + ")"));
  CHECK(ag::sum(x).item() == 16.5);
}

TEST_CASE("NaN that a select leaves out is no fault") {
  const NanChecks on;
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({0.F, -1.F, 4.F}));
  CHECK(ag::where(x > 0, ag::log(x), 0).values<float>()[2] > 1);
  CHECK(ag::grad(ag::sum(ag::where(x > 0, ag::sqrt(x), 0)), x).values<float>()[2] == 0.25F);
}

TEST_CASE("NaN that was given is named as such") {
  const NanChecks on;
  const ag::Step step;
  const Parameter weight(Array::of({1.F, not_a_number}), "weight");
  const Tensor twice = weight * 2;
  CHECK(error_of([&] { twice.to_vector<float>(); }) ==
        "evaluate: 'weight' that was given holds NaN at element 1 of [2] (used at " + at_line(__LINE__ - 2) + ")");
}

TEST_CASE("A step that makes NaN changes no parameter while checks are on") {
  Parameter x(Array::of({1.0, 0.0}));
  ag::Sgd optimiser({x}, {.learning_rate = 1});
  const auto minimise = [&] {
    const ag::Step step;
    optimiser.minimise(ag::sum(ag::log(x) * x));  // 0 log 0
  };
  {
    const NanChecks on;
    CHECK_THAT(error_of(minimise), ContainsSubstring("multiply: made NaN at element 1 of [2] of -inf and 0"));
    CHECK(x.to_vector<double>() == std::vector<double>{1, 0});
    CHECK(x.version() == 0);
    CHECK(optimiser.steps() == 0);
  }
  CHECK_FALSE(ag::nan_checks());
  minimise();
  CHECK(x.version() == 1);
}

TEST_CASE("NaN of a gradient points at the operation whose gradient it is") {
  const NanChecks on;
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({2.0, 0.0}));
  const Tensor squared = ag::square(x);
  const int line = __LINE__ - 1;
  const Tensor length = ag::sqrt(squared);  // whose gradient at 0 is infinite
  CHECK_THAT(error_of([&] { ag::grad(ag::sum(length), x).to_vector<double>(); }),
             ContainsSubstring("multiply: made NaN at element 1 of [2] of inf and 0 (recorded at " + at_line(line)));
}

TEST_CASE("The graph as a drawing has each operation once, with shape, type and line") {
  const ag::Step step;
  const Parameter weight(ag::ones({3, 2}), "weight \"w\"");
  const Tensor y = ag::matmul(ag::ones({4, 3}), weight);
  const int line = __LINE__ - 1;
  const Tensor unrelated = ag::exp(y);
  const std::string text = ag::to_dot({y * y + 0.25});
  const auto count = [&](const std::string& what) {
    size_t found = 0;
    for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  CHECK(text.starts_with("digraph {"));
  CHECK(text.ends_with("}\n"));
  CHECK(count("label=\"matmul\\nfloat32 [4, 2]\\n" + at_line(line) + "\"") == 1);
  CHECK(count("label=\"weight \\\"w\\\"\\nfloat32 [3, 2]") == 1);
  CHECK(count("label=\"0.25\"") == 1);
  CHECK(count("multiply") == 1);
  CHECK(count("exp") == 0);
  CHECK(count(" -> ") == 2 + 2 + 2);
  CHECK(unrelated.defined());
}
