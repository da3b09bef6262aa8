#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

namespace ag = autograd;
using ag::Array;
using ag::Parameter;

TEST_CASE("A Parameter has a value of its own") {
  const Array initial = Array::of({1.F, 2.F});
  Parameter first(initial, "first");
  Parameter second(initial);
  first.assign(Array::of({5.F, 6.F}));
  CHECK(first.to_vector<float>() == std::vector<float>{5, 6});
  CHECK(second.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(initial.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(first.name() == "first");
  CHECK(second.name().empty());
}

TEST_CASE("Copies of a Parameter are the same Parameter") {
  Parameter parameter(Array::scalar(1.F));
  Parameter same = parameter;
  same.assign(Array::scalar(3.F));
  CHECK(parameter.item() == 3);
  CHECK(parameter.version() == 1);
}

TEST_CASE("Assignments are counted and copied") {
  Parameter parameter(Array::of({1.F, 2.F}));
  CHECK(parameter.version() == 0);
  const Array kept = parameter.keep();
  parameter.assign(Array::of({3.F, 4.F}));
  parameter.assign(Array::of({5.F, 6.F}));
  CHECK(parameter.version() == 2);
  CHECK(kept.to_vector<float>() == std::vector<float>{1, 2});
}

TEST_CASE("A Tensor that is assigned is evaluated at once") {
  Parameter parameter(Array::of({1.F, 2.F}), "w");
  const ag::Step step;
  parameter.assign(parameter * 10);
  CHECK(parameter.to_vector<float>() == std::vector<float>{10, 20});
  CHECK(parameter.version() == 1);
  SECTION("a view of itself sees the old values") {
    parameter.assign(ag::flip(parameter, 0));
    CHECK(parameter.to_vector<float>() == std::vector<float>{20, 10});
  }
  SECTION("itself is legal") {
    parameter.assign(ag::tensor(parameter));
    CHECK(parameter.to_vector<float>() == std::vector<float>{10, 20});
  }
}

TEST_CASE("Shape and type of a Parameter never change") {
  Parameter parameter(Array::of({1.F, 2.F}));
  CHECK_THROWS_AS(parameter.assign(Array::of({1.F})), ag::ShapeError);
  CHECK_THROWS_WITH(parameter.assign(Array::of({1.F})), ContainsSubstring("[1]") && ContainsSubstring("[2]"));
  CHECK_THROWS_AS(parameter.assign(Array::of({1.0, 2.0})), ag::DTypeError);
  CHECK_THROWS_WITH(parameter.assign(Array::of({1, 2})), ContainsSubstring("int32") && ContainsSubstring("float32"));
  const ag::Step step;
  CHECK_THROWS_AS(parameter.assign(ag::sum(parameter)), ag::ShapeError);
  CHECK_THROWS_AS(parameter.assign(ag::cast(parameter, ag::DType::float64)), ag::DTypeError);
  CHECK(parameter.version() == 0);
  CHECK(parameter.to_vector<float>() == std::vector<float>{1, 2});
}

TEST_CASE("A read takes the version that is current when it is recorded") {
  Parameter parameter(Array::scalar(2.F));
  const ag::Step step;
  const ag::Tensor before = parameter * 1.5;
  CHECK(before.item() == 3);
  parameter.assign(Array::scalar(4.F));
  const ag::Tensor after = parameter * 1.5;
  CHECK(after.item() == 6);
  CHECK(before.item() == 3);  // computed before the assignment, so it is kept
}

TEST_CASE("Parameters of every type can be assigned") {
  Parameter indices(Array::of({1, 2}));
  Parameter mask(Array::of({true, false}));
  Parameter empty(ag::zeros({0}));
  const ag::Step step;
  indices.assign(indices + 1);
  mask.assign(!mask);
  empty.assign(empty + 1);
  CHECK(indices.to_vector<int32_t>() == std::vector<int32_t>{2, 3});
  CHECK(mask.to_vector<bool>() == std::vector<bool>{false, true});
  CHECK(empty.version() == 1);
}
