#include <autograd/autograd.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"

// Each misuse throws the right Error, whose text says what was given and what is accepted.

namespace ag = autograd;
using ag::Array;
using ag::DType;
using ag::Tensor;

namespace {

/// The text of the E that `run` throws; empty, with a failed check, for anything else.
template <class E>
std::string thrown(const std::function<void()>& run) {
  try {
    run();
  } catch (const E& error) {
    return error.what();
  }
  FAIL_CHECK("nothing was thrown");
  return {};
}

struct Misuse {
  const char* what;
  std::function<void()> run;
  std::vector<const char*> texts;
};

template <class E>
void check_all(const std::vector<Misuse>& list) {
  for (const Misuse& misuse : list) {
    INFO(misuse.what);
    const std::string text = thrown<E>(misuse.run);
    for (const char* part : misuse.texts) CHECK_THAT(text, ContainsSubstring(part));
  }
}

}  // namespace

TEST_CASE("Shapes that do not fit") {
  const ag::Step step;
  const Tensor x = ag::tensor(ag::zeros({2, 3})), y = ag::tensor(ag::zeros({4}));
  check_all<ag::ShapeError>({
      {"add", [&] { x + y; }, {"add", "[2, 3] and [4]", "equal or 1"}},
      {"less", [&] { static_cast<void>(x < y); }, {"less", "[2, 3] and [4]"}},
      {"where", [&] { ag::where(y > 0, x, 0); }, {"where", "[4]", "[2, 3]"}},
      {"fma", [&] { ag::fma(x, 1, y); }, {"fma", "[2, 3]", "[4]"}},
      {"labels without classes",
       [&] {
         ag::cross_entropy(ag::zeros({2, 0}), Array::of({0, 0}));
       },
       {"cross_entropy", "[2, 0]", "1 class or more"}},
      {"matmul", [&] { ag::matmul(x, x); }, {"matmul: inner dimensions differ: [2, 3] x [2, 3]", "[3, *]"}},
      {"matmul of a vector", [&] { ag::matmul(x, y); }, {"matmul", "[2, 3] x [4]", "[..., k, n]"}},
      {"matmul of batches",
       [&] {
         ag::matmul(ag::zeros({2, 1, 1}), ag::zeros({3, 1, 1}));
       },
       {"matmul", "[2] and [3]"}},
      {"reshape", [&] { ag::reshape(x, {4}); }, {"reshape", "[2, 3] has 6", "[4] has 4"}},
      {"reshape with -1",
       [&] {
         ag::reshape(x, {-1, 4});
       },
       {"reshape", "-1", "[2, 3]"}},
      {"permute", [&] { ag::permute(x, {0}); }, {"permute", "1 axes", "[2, 3]"}},
      {"permute twice",
       [&] {
         ag::permute(x, {1, 1});
       },
       {"permute", "axis 1", "twice"}},
      {"transpose", [&] { ag::transpose(y); }, {"transpose", "[4]"}},
      {"broadcast_to", [&] { ag::broadcast_to(x, {3}); }, {"broadcast_to", "[2, 3]", "[3]"}},
      {"broadcast_to fewer", [&] { ag::broadcast_to(y, {1}); }, {"broadcast_to", "[4]", "[1]"}},
      {"concatenate",
       [&] {
         ag::concatenate({x, ag::zeros({2, 4})}, 0);
       },
       {"concatenate", "[2, 3] and [2, 4]", "axis 0"}},
      {"concatenate nothing", [&] { ag::concatenate(std::span<const Tensor>(), 0); }, {"concatenate", "no tensors"}},
      {"stack",
       [&] {
         ag::stack({x, y}, 0);
       },
       {"stack", "[2, 3] and [4]"}},
      {"gather", [&] { ag::gather(Array::scalar(1.F), Array::of({0})); }, {"gather", "scalar"}},
      {"scatter_add",
       [&] { ag::scatter_add(x, Array::of({0}), 3); },
       {"scatter_add", "[2, 3]", "[1]", "[indices..., ...]"}},
      {"max of nothing",
       [&] {
         ag::max(ag::zeros({2, 0}), 1);
       },
       {"max", "[2, 0]"}},
      {"item", [&] { x.item(); }, {"item", "[2, 3]"}},
  });
}

TEST_CASE("Axes that do not exist") {
  const ag::Step step;
  const Tensor x = ag::tensor(ag::zeros({2, 3}));
  check_all<ag::ShapeError>({
      {"sum", [&] { ag::sum(x, 2); }, {"sum", "axis 2", "-2 to 1"}},
      {"mean", [&] { ag::mean(x, -3); }, {"mean", "axis -3"}},
      {"sum twice",
       [&] {
         ag::sum(x, {0, -2});
       },
       {"sum", "axis 0", "twice"}},
      {"seven axes",
       [&] {
         ag::sum(x, {0, 1, 2, 3, 4, 5, 6});
       },
       {"7", "6"}},
      {"slice", [&] { ag::slice(x, 2, {}); }, {"slice", "axis 2"}},
      {"select", [&] { ag::select(x, 2, 0); }, {"select", "axis 2"}},
      {"flip", [&] { ag::flip(x, 5); }, {"axis 5"}},
      {"of a scalar", [&] { ag::sum(ag::sum(x), 0); }, {"sum", "axis 0", "a scalar has none"}},
      {"expand_dims", [&] { ag::expand_dims(x, 3); }, {"expand_dims", "axis 3", "-3 to 2"}},
      {"concatenate",
       [&] {
         ag::concatenate({x, x}, 2);
       },
       {"concatenate", "axis 2"}},
      {"stack",
       [&] {
         ag::stack({x, x}, 3);
       },
       {"stack", "axis 3"}},
      {"permute",
       [&] {
         ag::permute(x, {0, 2});
       },
       {"permute", "axis 2"}},
  });
}

TEST_CASE("Types that an operation does not take") {
  const ag::Step step;
  const Tensor single = ag::tensor(Array::of({1.F})), real = ag::tensor(Array::of({1.0}));
  const Tensor integer = ag::tensor(Array::of({1})), mask = ag::tensor(Array::of({true}));
  check_all<ag::DTypeError>({
      {"mixed", [&] { single + real; }, {"add", "float32 and float64", "cast()"}},
      {"mixed comparison", [&] { static_cast<void>(single < integer); }, {"less", "float32 and int32"}},
      {"mixed where", [&] { ag::where(mask, single, integer); }, {"where", "float32 and int32"}},
      {"mixed matmul", [&] { ag::matmul(single, real); }, {"matmul", "float32 and float64"}},
      {"bool sum", [&] { mask + mask; }, {"add", "bool", "float32, float64 or int32"}},
      {"exp", [&] { ag::exp(integer); }, {"exp", "int32 given", "float32 or float64"}},
      {"floor", [&] { ag::floor(integer); }, {"floor", "int32"}},
      {"remainder", [&] { single % single; }, {"remainder", "float32 given", "int32"}},
      {"and", [&] { integer&& mask; }, {"logical_and", "int32 and bool"}},
      {"not", [&] { !single; }, {"logical_not", "float32 given", "bool"}},
      {"condition", [&] { ag::where(single, 1, 0); }, {"where", "float32", "bool"}},
      {"fma", [&] { ag::fma(integer, 1, 1); }, {"fma", "int32"}},
      {"reduction", [&] { ag::sum(mask); }, {"sum", "bool given"}},
      {"mean", [&] { ag::mean(integer); }, {"mean", "int32 given", "float32 or float64"}},
      {"norm of integers", [&] { ag::norm(integer); }, {"norm", "int32"}},
      {"indices", [&] { ag::gather(single, real); }, {"gather", "float64 indices", "int32"}},
      {"number as index", [&] { ag::gather(single, 0); }, {"gather", "number", "int32"}},
      {"scatter", [&] { ag::scatter_add(mask, integer, 2); }, {"scatter_add", "bool"}},
      {"scatter indices", [&] { ag::scatter_add(single, single, 2); }, {"scatter_add", "float32 indices"}},
      {"concatenate",
       [&] {
         ag::concatenate({single, real}, 0);
       },
       {"concatenate", "float32 and float64"}},
      {"a fraction among integers", [&] { integer + 0.5; }, {"0.5", "int32"}},
      {"values", [&] { single.values<double>(); }, {"float64", "float32"}},
      {"gradient of an integer", [&] { ag::grad(ag::sum(integer), integer); }, {"grad", "int32", "float32 or float64"}},
      {"cotangent", [&] { ag::grad(single, single, {.cotangent = real}); }, {"float64 cotangent", "float32"}},
  });
}

TEST_CASE("Values out of range") {
  const ag::Step step;
  const Tensor x = ag::tensor(ag::zeros({2, 3}));
  check_all<ag::ValueError>({
      {"slice", [&] { ag::slice(x, 0, {.step = 0}); }, {"slice", "step of 0"}},
      {"set_threads", [&] { ag::set_threads(0); }, {"set_threads", "0 given", "1 or more"}},
      {"integer division",
       [&] {
         (Array::of({1, 2, 3}) / Array::of({1, 1, 0})).values<int32_t>();
       },
       {"divide", "by zero", "element 2", "error_test.cpp:"}},
      {"remainder",
       [&] {
         (Array::of({1, 2}) % Array::scalar(0)).values<int32_t>();
       },
       {"remainder", "by zero", "element 0"}},
      {"undefined", [&] { Tensor() + x; }, {"undefined"}},
      {"undefined shape", [&] { Tensor().shape(); }, {"undefined"}},
      {"undefined gradient", [&] { ag::grad(Tensor(), x); }, {"undefined"}},
      {"gradient to a number", [&] { ag::grad(ag::sum(x), 3); }, {"grad", "number"}},
      {"deviation",
       [&] {
         ag::Rng rng(1);
         ag::normal(rng, {2}, 0, -1);
       },
       {"normal", "-1", "0 or more"}},
      {"one_hot", [&] { ag::one_hot(Array::of({0}), -1); }, {"one_hot", "-1 classes", "0 or more"}},
  });
  check_all<ag::SizeError>({
      {"large broadcast",
       [&] {
         ag::zeros({65536, 1}) + ag::zeros({65536});
       },
       {"[65536, 65536]", "2147483647"}},
      {"rank",
       [&] {
         ag::expand_dims(ag::zeros({1, 1, 1, 1, 1, 1}), 0);
       },
       {"7 axes"}},
      {"padding",
       [&] {
         ag::pad(ag::zeros({3}), {{int64_t{1} << 62, int64_t{1} << 62}});
       },
       {"pad", "axis 0", "2147483647"}},
      {"gather's rank",
       [&] {
         ag::gather(ag::zeros({1, 1, 1, 1}), ag::zeros({1, 1, 1, 1}, DType::int32));
       },
       {"7 axes"}},
      {"negative rows",
       [&] {
         ag::scatter_add(x, Array::of({0, 0}), -1);
       },
       {"negative"}},
      {"two unknown extents",
       [&] {
         ag::reshape(x, {-1, -1});
       },
       {"reshape", "-1", "several"}},
  });
  check_all<ag::IndexError>({
      {"select", [&] { ag::select(x, 1, 3); }, {"select", "index 3", "axis 1", "[2, 3]", "-3 to 2"}},
      {"select of nothing", [&] { ag::select(ag::zeros({0}), 0, 0); }, {"select", "index 0", "[0]", "no elements"}},
  });
}

TEST_CASE("An index out of range is found when evaluated") {
  const ag::Step step;
  const Tensor table = ag::tensor(ag::zeros({4, 2}));
  const Tensor high = ag::gather(table, Array::of({0, 3, 4, 9})), low = ag::gather(table, Array::of({-1}));
  const Tensor scattered = ag::scatter_add(Array::of({1.F, 2.F}), Array::of({1, 7}), 3);
  check_all<ag::IndexError>({
      {"gather", [&] { high.values<float>(); }, {"gather", "index 4", "error_test.cpp:", "0 to 3"}},
      {"gather, fused", [&] { ag::sum(high * 2).item(); }, {"gather", "index 4"}},
      {"negative", [&] { low.values<float>(); }, {"index -1"}},
      {"computed",
       [&] { ag::gather(table, ag::cast(Array::of({1e9F}), DType::int32)).values<float>(); },
       {"index 1000000000"}},
      {"empty table", [&] { ag::gather(ag::zeros({0}), Array::of({0})).values<float>(); }, {"index 0", "no rows"}},
      {"scatter_add", [&] { scattered.values<float>(); }, {"scatter_add", "index 7 at element 1", "0 to 2"}},
      {"among labels, not in the domain of the loss",
       [&] {
         ag::cross_entropy(ag::zeros({3, 5}), Array::of({0, 7, 1})).item();
       },
       {"index 7 at element 1 ", "0 to 4"}},
      {"negative scatter",
       [&] { ag::scatter_add(Array::of({1.F}), Array::of({-2}), 3).values<float>(); },
       {"index -2"}},
  });
  SECTION("the first one, for any number of threads") {
    std::vector<int32_t> index(200000, 1);
    for (int i : {70001, 90000, 199999}) index[static_cast<size_t>(i)] = 1000 + i;
    const Array indices = Array::from(index, {200000});
    for (int threads : {1, 2, 7}) {
      const Threads scope(threads);
      check_all<ag::IndexError>({{"gather",
                                  [&] { ag::exp(ag::gather(ag::zeros({2}), indices)).values<float>(); },
                                  {"index 71001 at element 70001"}},
                                 {"scatter",
                                  [&] { ag::scatter_add(ag::zeros({200000}), indices, 2).values<float>(); },
                                  {"index 71001 at element 70001"}}});
    }
  }
}

TEST_CASE("Gradients that were probably not meant") {
  const ag::Step step;
  const Tensor x = ag::tensor(Array::of({1.0, 2.0})), y = ag::tensor(Array::of({3.0, 4.0}));
  const Tensor f = ag::sum(x * 2);
  check_all<ag::ShapeError>({
      {"not a scalar", [&] { ag::grad(x * 2, x); }, {"grad", "[2]", "scalar", "cotangent"}},
      {"one element", [&] { ag::grad(ag::sum(x, 0, {.keep = true}), x); }, {"grad", "[1]"}},
      {"cotangent", [&] { ag::grad(x, x, {.cotangent = f}); }, {"cotangent []", "[2]"}},
  });
  check_all<ag::UnreachedGradient>({
      {"another variable", [&] { ag::grad(f, y); }, {"grad", "variable 0", "[2]", "error_test.cpp:", "unused = zeros"}},
      {"one of two",
       [&] {
         ag::grad(f, {x, y});
       },
       {"variable 1"}},
      {"recorded later", [&] { ag::grad(f, x + 1); }, {"add"}},
      {"an index", [&] { ag::grad(ag::sum(ag::gather(x, ag::cast(y, DType::int32) - 3)), y); }, {"variable 0"}},
      {"cut off", [&] { ag::grad(ag::sum(ag::stop_gradient(x)), x); }, {"variable 0"}},
  });
  const auto [dx, dy] = ag::grad(f, {x, y}, {.unused = ag::GradOptions::Unused::zeros});
  CHECK(dx.to_vector<double>() == std::vector<double>{2, 2});
  CHECK(dy.to_vector<double>() == std::vector<double>{0, 0});
  CHECK(ag::grad(ag::sum(ag::floor(x)), x).to_vector<double>() == std::vector<double>{0, 0});
}
