#include <autograd/autograd.h>

#include <cctype>
#include <map>
#include <string>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// einsum against nested loops over all labels.

namespace ag = autograd;
using ag::Array;
using ag::Shape;
using ag::Tensor;
using Inputs = std::span<const Tensor>;

namespace {

/// The sum by its definition; letters only, and a result.
std::vector<double> by_loops(const std::string& expression, const std::vector<Array>& operands) {
  std::vector<std::string> terms(1);
  for (char c : expression) {
    if (std::isalpha(c) != 0) terms.back() += c;
    if (c == ',' || c == '>') terms.emplace_back();
  }
  std::map<char, int64_t> extents, index;
  for (size_t k = 0; k < operands.size(); ++k) {
    for (size_t i = 0; i < terms[k].size(); ++i) extents[terms[k][i]] = operands[k].shape()[static_cast<int>(i)];
  }
  const auto position = [&](const std::string& term) {
    int64_t place = 0;
    for (char label : term) place = place * extents[label] + index[label];
    return static_cast<size_t>(place);
  };
  int64_t all = 1, size = 1;
  for (const auto& [label, extent] : extents) all *= extent;
  for (char label : terms.back()) size *= extents[label];
  std::vector<double> result(static_cast<size_t>(size), 0);
  for (int64_t k = 0; k < all; ++k) {
    int64_t rest = k;
    for (const auto& [label, extent] : extents) {
      index[label] = rest % extent;
      rest /= extent;
    }
    double product = 1;
    for (size_t i = 0; i < operands.size(); ++i) product *= operands[i].values<double>()[position(terms[i])];
    result[position(terms.back())] += product;
  }
  return result;
}

struct Case {
  const char* expression;
  std::vector<Shape> shapes;
  Shape result;
};

const Case cases[] = {
    {"ij->ij", {{2, 3}}, {2, 3}},
    {"ij->ji", {{2, 3}}, {3, 2}},
    {"ij->", {{2, 3}}, {}},
    {"ijk->k", {{2, 3, 4}}, {4}},
    {"ii->i", {{3, 3}}, {3}},
    {"ii->", {{3, 3}}, {}},
    {"iji->ij", {{2, 3, 2}}, {2, 3}},
    {"ijji->", {{2, 3, 3, 2}}, {}},
    {"iii->i", {{3, 3, 3}}, {3}},
    {"ijiji->ji", {{2, 3, 2, 3, 2}}, {3, 2}},
    {"i,i->", {{4}, {4}}, {}},
    {"i,i->i", {{4}, {4}}, {4}},
    {"i,j->ij", {{2}, {3}}, {2, 3}},
    {"i,j->ji", {{2}, {3}}, {3, 2}},
    {"i,j->", {{2}, {3}}, {}},
    {"ij,j->i", {{2, 3}, {3}}, {2}},
    {"i,ij->j", {{2}, {2, 3}}, {3}},
    {"ij,jk->ik", {{2, 3}, {3, 4}}, {2, 4}},
    {"ij,jk->ki", {{2, 3}, {3, 4}}, {4, 2}},
    {"ji,kj->ik", {{3, 2}, {4, 3}}, {2, 4}},
    {"bij,bjk->bik", {{5, 2, 3}, {5, 3, 4}}, {5, 2, 4}},
    {"bij,bjk->ik", {{5, 2, 3}, {5, 3, 4}}, {2, 4}},
    {"bhqd,bhkd->bhqk", {{2, 3, 4, 5}, {2, 3, 6, 5}}, {2, 3, 4, 6}},
    {"bqhd,bkhd->bhqk", {{2, 4, 3, 5}, {2, 6, 3, 5}}, {2, 3, 4, 6}},
    {"bi,bi->b", {{4, 3}, {4, 3}}, {4}},
    {"ijk,kl->lij", {{2, 3, 4}, {4, 5}}, {5, 2, 3}},
    {"ijkl,klij->", {{2, 3, 2, 2}, {2, 2, 2, 3}}, {}},
    {"ijk,jil->kl", {{2, 3, 4}, {3, 2, 5}}, {4, 5}},
    {"abc,cd,db->a", {{2, 3, 4}, {4, 5}, {5, 3}}, {2}},
    {"i,ij,j->", {{2}, {2, 3}, {3}}, {}},
    {"ij,jk,kl,lm->im", {{2, 3}, {3, 2}, {2, 4}, {4, 3}}, {2, 3}},
    {"ii,ij->j", {{3, 3}, {3, 2}}, {2}},
    {" i j , j k -> i k ", {{2, 3}, {3, 4}}, {2, 4}},
    {",i->i", {{}, {3}}, {3}},
    {"ab,ab,ab->ab", {{2, 3}, {2, 3}, {2, 3}}, {2, 3}},
    {"ij,jk->ik", {{2, 0}, {0, 4}}, {2, 4}},
    {"ij,jk->ik", {{0, 3}, {3, 4}}, {0, 4}},
    {"Aa,aB->AB", {{2, 3}, {3, 4}}, {2, 4}},
    {"abcdef->fedcba", {{1, 2, 1, 2, 1, 2}}, {2, 1, 2, 1, 2, 1}},
};

Tensor evaluate_case(const Case& one, Inputs x) { return ag::einsum(one.expression, x); }

}  // namespace

TEST_CASE("einsum agrees with nested loops, and so do its gradients") {
  for (const Case& one : cases) {
    INFO(one.expression);
    Random random(60);
    std::vector<Array> operands;
    for (const Shape& shape : one.shapes) operands.push_back(random_array<double>(random, shape, -1, 1));
    {
      const ag::Step step;
      std::vector<Tensor> tensors;
      for (const Array& operand : operands) tensors.push_back(ag::tensor(operand));
      const Tensor result = evaluate_case(one, tensors);
      CHECK(result.shape() == one.result);
      const std::vector<double> values = result.to_vector<double>(), expected = by_loops(one.expression, operands);
      REQUIRE(values.size() == expected.size());
      for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(1e-13));
    }
    check_gradients(
        one.expression, [&](Inputs x) { return evaluate_case(one, x); }, operands);
  }
}

TEST_CASE("einsum without a result has the letters that stand once, in order") {
  const ag::Step step;
  Random random(61);
  const Array a = random_array<double>(random, {2, 3}, -1, 1), b = random_array<double>(random, {3, 4}, -1, 1);
  CHECK(ag::einsum("ij,jk", {a, b}).to_vector<double>() == ag::einsum("ij,jk->ik", {a, b}).to_vector<double>());
  CHECK(ag::einsum("ba", {a}).to_vector<double>() == ag::transpose(a).to_vector<double>());
  CHECK(ag::einsum("ii", {ag::matmul(a, ag::transpose(a))}).shape() == Shape{});
  CHECK(ag::einsum("bC,b...->...", {a, a}).shape() == Shape{3});
  CHECK(ag::einsum("bC,bA", {a, a}).shape() == Shape{3, 3});
}

TEST_CASE("einsum broadcasts the axes of ...") {
  const ag::Step step;
  Random random(62);
  const Array a = random_array<double>(random, {5, 1, 2, 3}, -1, 1), b = random_array<double>(random, {4, 3, 2}, -1, 1);
  const Tensor product = ag::einsum("...ij,...jk->...ik", {a, b});
  CHECK(product.shape() == Shape{5, 4, 2, 2});
  const auto values = product.to_vector<double>(), expected = ag::matmul(a, b).to_vector<double>();
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(1e-13));
  CHECK(ag::einsum("...ij,...jk", {a, b}).shape() == Shape{5, 4, 2, 2});
  CHECK(ag::einsum("...i->i...", {a}).shape() == Shape{3, 5, 1, 2});
  CHECK(ag::einsum("i...->...", {a}).to_vector<double>() == ag::sum(a, 0).to_vector<double>());
  CHECK(ag::einsum("...,...", {a, 2.0}).to_vector<double>() == (a * 2).to_vector<double>());
  check_gradients("...", [](Inputs x) { return ag::einsum("...ij,...jk->k...", x); },
                  {random_array<double>(random, {2, 1, 2, 3}, -1, 1), random_array<double>(random, {2, 3, 2}, -1, 1)});
}

TEST_CASE("einsum names what is wrong with an expression") {
  const ag::Step step;
  const Array a = ag::zeros({2, 3}), b = ag::zeros({3, 4});
  CHECK_THROWS_WITH(ag::einsum("ij->ij", {a, b}), ContainsSubstring("'ij->ij' names 1 operands, 2 are given"));
  CHECK_THROWS_AS(ag::einsum("", {}), ag::ValueError);
  CHECK_THROWS_WITH(ag::einsum("ij,jk->iz", {a, b}), ContainsSubstring("has 'z' in the result only"));
  CHECK_THROWS_WITH(ag::einsum("ij,jk->ii", {a, b}), ContainsSubstring("has 'i' twice in the result"));
  CHECK_THROWS_WITH(ag::einsum("i1,jk->ik", {a, b}), ContainsSubstring("has '1'"));
  CHECK_THROWS_AS(ag::einsum("i..j->ij", {a}), ag::ValueError);
  CHECK_THROWS_AS(ag::einsum("...i...->i", {a}), ag::ValueError);
  CHECK_THROWS_WITH(ag::einsum("...i->i", {a}), ContainsSubstring("not in the result"));
  CHECK_THROWS_WITH(ag::einsum("ijk,jk->i", {a, b}), ContainsSubstring("'ijk' for an operand of shape [2, 3]"));
  CHECK_THROWS_AS(ag::einsum("ijk...->i...", {a}), ag::ShapeError);
  CHECK_THROWS_WITH(ag::einsum("ij,ik->jk", {a, b}), ContainsSubstring("axis i has extents 2 and 3"));
  CHECK_THROWS_WITH(ag::einsum("ii->i", {a}), ContainsSubstring("axis i has extents 2 and 3"));
  CHECK_THROWS_AS(ag::einsum("...j,...k->...jk", {a, b}), ag::ShapeError);
  CHECK_THROWS_AS(ag::einsum("i,i->i", {ag::arange(2), ag::arange(2)}), ag::DTypeError);
  CHECK_THROWS_AS(ag::einsum("abcd,efgh->abcdefgh", {ag::zeros({1, 1, 1, 1}), ag::zeros({1, 1, 1, 1})}), ag::SizeError);
}
