#include <autograd/autograd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/autograd/custom_ops.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// What evaluations keep, and what assignments see.

namespace ag = autograd;
using ag::Array;
using ag::Assignment;
using ag::Located;
using ag::Parameter;
using ag::Tensor;

TEST_CASE("item() then grad() repeats no opaque call") {
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({1.0, 2.0}));
  const Tensor inner = ag::custom(square, {ag::sin(x)});
  const Tensor loss = ag::sum(ag::exp(inner) * inner);
  loss.item();
  CHECK(square->runs == 1);
  ag::grad(loss, x).values<double>();
  CHECK(square->runs == 1);
  (inner + 1).values<double>();
  CHECK(square->runs == 1);
}

TEST_CASE("One evaluation computes what its outputs share once") {
  const auto square = std::make_shared<custom_ops::Square>();
  const ag::Step step;
  const Tensor y = ag::custom(square, {Array::of({3.0})});
  const Tensor a = y + 1, b = y * 2;
  ag::evaluate({a, b, y});
  CHECK(square->runs == 1);
  CHECK((a.item() == 10 && b.item() == 18 && y.item() == 9));
  ag::evaluate({});
  ag::evaluate({a, a});
  CHECK(a.item() == 10);
}

TEST_CASE("All right-hand sides see the old values") {
  Parameter a(Array::of({1.F, 2.F})), b(Array::of({3.F, 4.F}));
  const ag::Step step;
  SECTION("swapped") {
    const Assignment swap[] = {{a, ag::tensor(b)}, {b, ag::tensor(a)}};
    ag::evaluate({}, swap);
    CHECK(a.to_vector<float>() == std::vector<float>{3, 4});
    CHECK(b.to_vector<float>() == std::vector<float>{1, 2});
  }
  SECTION("computed from each other, with outputs") {
    const Tensor sum = a + b;
    const Assignment both[] = {{a, sum * b}, {b, a - b}};
    ag::evaluate(std::span<const Tensor>(&sum, 1), both);
    CHECK(a.to_vector<float>() == std::vector<float>{12, 24});
    CHECK(b.to_vector<float>() == std::vector<float>{-2, -2});
    CHECK(sum.to_vector<float>() == std::vector<float>{4, 6});
  }
  SECTION("views of each other") {
    const Assignment views[] = {{a, ag::flip(b, 0)}, {b, ag::reshape(ag::reshape(a, {2, 1}), {2})}};
    ag::evaluate({}, views);
    CHECK(a.to_vector<float>() == std::vector<float>{4, 3});
    CHECK(b.to_vector<float>() == std::vector<float>{1, 2});
  }
  CHECK((a.version() == 1 && b.version() == 1));
}

TEST_CASE("Assignments of matrices through reshapes see the old values") {
  Parameter a(ag::arange(6, ag::DType::float32)), b(ag::zeros({3, 2}));
  const ag::Step step;
  const Assignment both[] = {{a, ag::flatten(b)}, {b, ag::reshape(a, {3, 2})}};
  ag::evaluate({}, both);
  CHECK(a.to_vector<float>() == std::vector<float>(6, 0.F));
  CHECK(b.to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("What was read of a Parameter does not change with an assignment") {
  Parameter parameter(ag::arange(6, ag::DType::float32), "weights");
  const std::vector<float> old = parameter.to_vector<float>();
  const ag::Step step;
  const Tensor leaf = ag::tensor(parameter), reshaped = ag::reshape(parameter, {2, 3}), doubled = parameter * 2;
  SECTION("earlier") {
    CHECK(reshaped.to_vector<float>() == old);
    CHECK(doubled.values<float>()[5] == 10);
    parameter.assign(ag::zeros({6}));
    CHECK(reshaped.to_vector<float>() == old);
    CHECK(doubled.values<float>()[5] == 10);
    CHECK((reshaped + 1).values<float>()[5] == 6);
  }
  SECTION("in the evaluation that assigns") {
    const Tensor outputs[] = {leaf, reshaped, doubled};
    const Assignment assignment[] = {{parameter, parameter * 0}};
    ag::evaluate(outputs, assignment);
    CHECK(parameter.to_vector<float>() == std::vector<float>(6, 0.F));
    CHECK(leaf.to_vector<float>() == old);
    CHECK(reshaped.to_vector<float>() == old);
    CHECK((leaf * 3).values<float>()[5] == 15);
    CHECK(ag::sum(parameter).item() == 0);
  }
}

TEST_CASE("A value that needs an overwritten version names both lines") {
  Parameter parameter(Array::of({1.F, 2.F}), "weights");
  const ag::Step step;
  const int read = __LINE__ + 1;
  const Tensor before = ag::tensor(parameter);
  const Tensor product = before * 3;
  const int assigned = __LINE__ + 1;
  parameter.assign(Array::of({5.F, 6.F}));
  CHECK_THROWS_AS(product.values<float>(), ag::OverwrittenParameter);
  const auto line = [](int number) { return "evaluate_test.cpp:" + std::to_string(number); };
  CHECK_THROWS_WITH(product.values<float>(), ContainsSubstring("'weights'") && ContainsSubstring(line(read)) &&
                                                 ContainsSubstring(line(assigned)) &&
                                                 ContainsSubstring("same evaluation"));
  CHECK_THROWS_AS(before.values<float>(), ag::OverwrittenParameter);
  CHECK_THROWS_AS(ag::grad(ag::sum(product * product), before).values<float>(), ag::OverwrittenParameter);
  CHECK((parameter * 3).to_vector<float>() == std::vector<float>{15, 18});
  SECTION("also where a Tensor was assigned") {
    const Tensor again = parameter * 3;
    const int line_of_tensor = __LINE__ + 1;
    parameter.assign(parameter + 1);
    CHECK_THROWS_WITH(again.values<float>(), ContainsSubstring(line(line_of_tensor)));
  }
  SECTION("what does not need the value is free") {
    CHECK(ag::grad(ag::sum(product), before).to_vector<float>() == std::vector<float>{3, 3});
  }
}

TEST_CASE("After a throw no Parameter has changed and the graph can be evaluated again") {
  Parameter first(Array::of({1.0})), second(Array::of({2.0}));
  const auto square = std::make_shared<custom_ops::Square>();
  const auto fragile = std::make_shared<custom_ops::Fragile>();
  const ag::Step step;
  const Tensor early = ag::custom(square, {first + 1}), late = ag::custom(fragile, {early * second});
  const Assignment both[] = {{first, early}, {second, late}};
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_AS(ag::evaluate({}, both), std::runtime_error);
    CHECK_THROWS_AS(ag::sum(late).item(), std::runtime_error);
    CHECK((first.item() == 1 && second.item() == 2));
    CHECK((first.version() == 0 && second.version() == 0));
  }
  fragile->fails = false;
  ag::evaluate({}, both);
  CHECK((first.item() == 4 && second.item() == 8));
}

TEST_CASE("Refused assignments change nothing") {
  Parameter a(Array::of({1.0})), b(Array::of({2.0}));
  const ag::Step step;
  const Assignment wrong_shape[] = {{a, b * 2}, {b, ag::zeros({2}, ag::DType::float64) + 1}};
  CHECK_THROWS_AS(ag::evaluate({}, wrong_shape), ag::ShapeError);
  const Assignment wrong_type[] = {{a, b * 2}, {b, Array::of({1.F}) + 1}};
  CHECK_THROWS_AS(ag::evaluate({}, wrong_type), ag::DTypeError);
  const Assignment wrong_index[] = {{a, b * 2}, {b, ag::gather(b, Array::of({3}))}};
  CHECK_THROWS_AS(ag::evaluate({}, wrong_index), ag::IndexError);
  CHECK((a.item() == 1 && b.item() == 2 && a.version() == 0));
}

TEST_CASE("A training loop sees each new version") {
  Parameter w(Array::of({0.0, 0.0}));
  for (int i = 0; i < 40; ++i) {
    const ag::Step step;
    const Tensor loss = ag::sum(ag::square(w - Array::of({1.0, 2.0})));
    w.assign(w - ag::grad(loss, w) * 0.25);
  }
  CHECK(w.values<double>()[0] == Approx(1));
  CHECK(w.values<double>()[1] == Approx(2));
  CHECK(w.version() == 40);
}

TEST_CASE("Every kind of output can be asked for") {
  const ag::Step step;
  const Tensor number = Located(2.5).as(ag::DType::float32), leaf = ag::tensor(Array::of({1.F, 2.F}));
  const Tensor view = ag::flip(leaf, 0), constant = ag::broadcast_to(number, {2, 2}), sum = ag::sum(number);
  const Tensor gathered = ag::gather(leaf, Array::of({1})), nothing = ag::slice(leaf, 0, {.stop = 0});
  ag::evaluate({number, leaf, view, constant, sum, gathered, nothing, ag::reshape(view, {2, 1}), view});
  CHECK(number.item() == 2.5);
  CHECK(leaf.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(view.to_vector<float>() == std::vector<float>{2, 1});
  CHECK(constant.to_vector<float>() == std::vector<float>(4, 2.5F));
  CHECK(sum.item() == 2.5);
  CHECK(gathered.item() == 2);
  CHECK(nothing.values<float>().empty());
  CHECK(ag::matmul(ag::reshape(number, {1, 1}), ag::expand_dims(view, 0)).to_vector<float>() ==
        std::vector<float>{5, 2.5});
}
