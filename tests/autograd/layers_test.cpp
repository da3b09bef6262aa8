#include <autograd/autograd.h>

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/autograd/check_gradients.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Layers and batches.

namespace ag = autograd;
using ag::Array;
using ag::Parameter;
using ag::Shape;
using ag::Tensor;

namespace {

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name());
  return names;
}

}  // namespace

TEST_CASE("Linear is x W + b on the last axis") {
  ag::Rng rng(1);
  ag::Linear layer(rng, 2, 3, {.name = "first"});
  layer.weight.assign(Array::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}));
  layer.bias->assign(Array::of({0.5F, 0.F, -1.F}));
  const ag::Step step;
  CHECK(layer(Array::of({1.F, -1.F})).to_vector<float>() == std::vector<float>{-2.5, -3, -4});
  const Tensor cube = layer(ag::ones({4, 5, 2}));
  CHECK(cube.shape() == Shape{4, 5, 3});
  CHECK(cube.values<float>()[57] == 5.5F);
  CHECK(layer(ag::zeros({0, 2})).shape() == Shape{0, 3});
  CHECK(names_of(layer.parameters()) == std::vector<std::string>{"first.weight", "first.bias"});
  CHECK(names_of(ag::Linear(rng, 2, 3, {.bias = false}).parameters()) == std::vector<std::string>{"weight"});
  CHECK_THROWS_WITH(layer(ag::zeros({4, 3})), "Linear: an input of shape [4, 3]; expected [..., 2]");
}

TEST_CASE("Mlp is its layers with activations between them") {
  ag::Rng rng(2);
  const ag::Mlp model(rng, {3, 8, 5, 2}, ag::tanh, {.name = "body", .initialise = ag::xavier_normal});
  const ag::Step step;
  const Array x = ag::normal(rng, {7, 3});
  const Tensor by_hand = model.layers[2](ag::tanh(model.layers[1](ag::tanh(model.layers[0](x)))));
  CHECK(same_values(model(x).to_vector<float>(), by_hand.to_vector<float>()));
  CHECK(names_of(model.parameters()) == std::vector<std::string>{"body.0.weight", "body.0.bias", "body.1.weight",
                                                                 "body.1.bias", "body.2.weight", "body.2.bias"});
  CHECK_THROWS_AS(ag::Mlp(rng, {3}, ag::relu), ag::ValueError);
  // The same generator makes the same model.
  ag::Rng again(2);
  CHECK(same_values(ag::Mlp(again, {3, 8, 5, 2}, ag::tanh, {.initialise = ag::xavier_normal})(x).to_vector<float>(),
                    by_hand.to_vector<float>()));
}

TEST_CASE("Conv2d, LayerNorm and Embedding are their functions with weights") {
  ag::Rng rng(3);
  const ag::Conv2d conv(rng, 3, 2, 4, {.stride = 2, .padding = 1}, {.name = "conv"});
  conv.bias->values<float>();
  const ag::LayerNorm norm(4, "norm");
  const ag::Embedding embedding(rng, 10, 4, "words");
  Parameter shift = *conv.bias;
  shift.assign(Array::of({1.F, 2.F, 3.F, 4.F}));
  const ag::Step step;
  const Array image = ag::normal(rng, {2, 5, 6, 2});
  CHECK(same_values(conv(image).to_vector<float>(),
                    (ag::conv2d(image, conv.weight, {2, 1}) + Array::of({1.F, 2.F, 3.F, 4.F})).to_vector<float>()));
  const Array rows = ag::normal(rng, {3, 4});
  CHECK(same_values(norm(rows).to_vector<float>(), (ag::layer_norm(rows) * 1.0 + 0.0).to_vector<float>()));
  const Tensor found = embedding(Array::from(std::vector<int32_t>{7, 0, 7, 3}, {2, 2}));
  CHECK(found.shape() == Shape{2, 2, 4});
  CHECK(found.values<float>()[9] == embedding.weight.values<float>()[7 * 4 + 1]);
  const Tensor gradient = ag::grad(ag::sum(found), embedding.weight);
  CHECK(gradient.values<float>()[7 * 4] == 2);
  CHECK(gradient.values<float>()[4] == 0);
  CHECK(names_of(ag::join(conv.parameters(), norm.parameters(), embedding.parameters())) ==
        std::vector<std::string>{"conv.weight", "conv.bias", "norm.weight", "norm.bias", "words.weight"});
  CHECK_THROWS_AS(embedding(Array::of({10})).to_vector<float>(), ag::IndexError);
}

TEST_CASE("Batches hold every example once an epoch, in an order of their own") {
  ag::Rng rng(4);
  ag::Batches batches(103, 10);
  REQUIRE(batches.count() == 10);
  const auto epoch = [&] {
    std::vector<int32_t> rows;
    for (int64_t i = 0; i < batches.count(); ++i) {
      const ag::Step step;
      const std::vector<int32_t> batch = batches[i].to_vector<int32_t>();
      REQUIRE(batch.size() == 10);
      rows.insert(rows.end(), batch.begin(), batch.end());
    }
    return rows;
  };
  std::vector<int32_t> in_order(100);
  std::iota(in_order.begin(), in_order.end(), 0);
  CHECK(epoch() == in_order);
  batches.shuffle(rng);
  const std::vector<int32_t> first = epoch();
  batches.shuffle(rng);
  const std::vector<int32_t> second = epoch();
  CHECK(first != second);
  CHECK(std::set<int32_t>(first.begin(), first.end()).size() == 100);
  CHECK(*std::ranges::max_element(first) < 103);
  const ag::Step step;
  CHECK_THROWS_WITH(batches[10], "Batches: batch 10; expected 0 to 9");
  CHECK_THROWS_AS(batches[-1], ag::IndexError);
  CHECK_THROWS_WITH(ag::Batches(5, 6), "Batches: batches of 6 from 5 examples; expected 1 to 5");
  CHECK_THROWS_AS(ag::Batches(5, 0), ag::ValueError);
}

TEST_CASE("A network learns what a line cannot tell apart") {
  ag::Rng rng(5);
  const Array x = Array::from(std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1}, {4, 2}), y = Array::of({0, 1, 1, 0});
  const ag::Mlp model(rng, {2, 8, 2}, ag::tanh);
  ag::Adam optimiser(model.parameters(), {.learning_rate = 0.05});
  double loss = 0;
  for (int i = 0; i < 200; ++i) {
    const ag::Step step;
    const Tensor value = ag::cross_entropy(model(x), y);
    optimiser.minimise(value);
    loss = value.item();
  }
  CHECK(loss < 0.05);
}
