#include <autograd/autograd.h>

#include <vector>

#include "tests/autograd/region_limit.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"

// Row by row, stage after stage: equal to node by node, byte for byte, and without the memory in between.

namespace ag = autograd;
using ag::Array;
using ag::Located;
using ag::Shape;
using ag::Tensor;

namespace {

constexpr ag::ReduceOptions keep{.keep = true};

Tensor row_softmax(const Located& x) {
  const Tensor e = ag::exp(x - ag::max(x, -1, keep));
  return e / ag::sum(e, -1, keep);
}

Tensor log_sum_exp(const Tensor& x) {
  const Tensor m = ag::max(x, -1, keep);
  return m + ag::log(ag::sum(ag::exp(x - m), -1, keep));
}

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias) {
  const Tensor centred = x - ag::mean(x, -1, keep);
  const Tensor variance = ag::mean(ag::square(centred), -1, keep);
  return centred / ag::sqrt(variance + 1e-5) * gain + bias;
}

/// What a test evaluates together.
using Function = std::vector<Tensor> (*)(const Array& x, const Array& lane, const Array& row);

std::vector<Tensor> with_gradients(const Tensor& f, const Array& x, const Array& lane, const Array& row) {
  std::vector<Tensor> results{f};
  const std::vector<Located> variables{x, lane, row};
  for (const Tensor& gradient : ag::grad(f, variables, {.unused = ag::GradOptions::Unused::zeros})) {
    results.push_back(gradient);
  }
  return results;
}

const Function functions[] = {
    [](const Array& x, const Array& lane, const Array& row) {
      return with_gradients(ag::sum(row_softmax(x * lane) * row * ag::cos(x)), x, lane, row);
    },
    [](const Array& x, const Array& lane, const Array& row) {
      return with_gradients(ag::mean(log_sum_exp(x + lane) * row), x, lane, row);
    },
    [](const Array& x, const Array& lane, const Array& row) {
      return with_gradients(ag::sum(ag::tanh(layer_norm(x * row, ag::tensor(lane), ag::sin(lane)))), x, lane, row);
    },
    // a value between stages is asked for too
    [](const Array& x, const Array& lane, const Array& row) {
      const Tensor e = ag::exp(x - ag::max(x, -1, keep));
      const Tensor s = ag::sum(e * lane, -1, keep);
      return std::vector<Tensor>{e / s, e, s, ag::sum(e / s, 0), ag::sum(s * row)};
    },
    // two softmaxes, one of the other; and a fold over all that a stage waits for
    [](const Array& x, const Array& lane, const Array& row) {
      const Tensor p = row_softmax(x);
      const Tensor q = row_softmax(p * lane + row);
      return std::vector<Tensor>{q / ag::sum(p), ag::sum(q, 0) + lane};
    },
    // no fold over all: one function for all stages
    [](const Array& x, const Array& lane, const Array& row) {
      const Tensor y = layer_norm(x * row, ag::tensor(lane), ag::sin(lane));
      const auto gradients = ag::grad(y, {x, lane, row}, {.cotangent = ag::cos(x)});
      return std::vector<Tensor>{y, gradients[0], gradients[1], gradients[2]};
    },
    // a mask between stages; sines that one lane in a few computes out of line
    [](const Array& x, const Array& lane, const Array& row) {
      const Tensor p = row_softmax(x * lane);
      const Tensor many = p > ag::mean(p, -1, keep);
      const Tensor far = ag::sum(ag::where(many, p, x), -1, keep) * 3e4;
      return std::vector<Tensor>{ag::where(many, x, p), ag::sin(far * row) + p, ag::max(ag::where(many, p, lane), -1)};
    },
};

std::vector<float> all_values(Function function, const Array& x, const Array& lane, const Array& row) {
  const ag::Step step;
  const std::vector<Tensor> tensors = function(x, lane, row);
  ag::evaluate(tensors);
  std::vector<float> values;
  for (const Tensor& tensor : tensors) {
    values.insert(values.end(), tensor.values<float>().begin(), tensor.values<float>().end());
  }
  return values;
}

std::shared_ptr<ag::engine::Plan> plan_of(const std::vector<Tensor>& tensors) {
  ag::Graph& graph = ag::Graph::current();
  ag::engine::Recording recording;
  std::vector<uint32_t> outputs;
  for (const Tensor& tensor : tensors) outputs.push_back(graph.check(tensor));
  recording.trace(graph, outputs);
  return ag::engine::find_plan(recording, {outputs.size(), false});
}

size_t stages_of(const std::vector<Tensor>& tensors) {
  size_t count = 0;
  for (const ag::engine::Stages& stages : plan_of(tensors)->stages) count += stages.count;
  return count;
}

}  // namespace

TEST_CASE("Stages give the bits of single operations, on any backend, for any number of threads") {
  const std::vector<Shape> shapes{{40, 16},  {70, 300}, {3, 5000},     {5, 7, 33}, {2, 20000}, {0, 16},   {1, 64},
                                  {1300, 3}, {600, 64}, {150, 1, 128}, {1031, 16}, {9, 3, 16}, {2000, 10}};
  Random random(40);
  for (const Shape& shape : shapes) {
    Shape row_shape = shape;
    row_shape = shape.rank() == 2 ? Shape{shape[0], 1} : Shape{shape[0], shape[1], 1};
    const Array x = random_array<float>(random, shape, -3, 3);
    const Array lane = random_array<float>(random, {shape[shape.rank() - 1]}, 0.5, 1.5);
    const Array row = random_array<float>(random, row_shape, 0.5, 1.5);
    for (const Function& function : functions) {
      std::vector<float> expected;
      {
        const WithBackend with(ag::Backend::interpreter);
        const RegionLimit limit(1);
        const Threads one(1);
        expected = all_values(function, x, lane, row);
      }
      for (const ag::Backend backend : backends()) {
        for (int threads : {1, 2, 7}) {
          const WithBackend with(backend);
          const Threads scope(threads);
          INFO(shape.to_string() << " function " << &function - functions << " " << ag::name_of(backend) << " "
                                 << threads << " threads");
          CHECK(same_values(all_values(function, x, lane, row), expected));
        }
      }
    }
  }
}

TEST_CASE("Stages are one function of machine code where none folds over all, and no row is longer than its block") {
  Random random(44);
  const Array x = random_array<float>(random, {300, 256}, -1, 1), far = random_array<float>(random, {3, 5000}, -1, 1);
  const ag::Step step;
  const auto is_one = [](const Tensor& tensor) {
    const auto plan = plan_of({tensor});
    REQUIRE(plan->stages.size() == 1);
    return plan->stages[0].joint != nullptr;
  };
  CHECK(is_one(row_softmax(x)) == (ag::backend() != ag::Backend::interpreter));
  CHECK_FALSE(is_one(ag::sum(row_softmax(x) * Located(x))));
  CHECK_FALSE(is_one(row_softmax(far)));
}

TEST_CASE("Softmax, its gradient and a loss of it run as stages") {
  Random random(41);
  const Array x = random_array<float>(random, {300, 200}, -1, 1);
  const Array labels = random_array<float>(random, {300, 200}, 0, 1);
  const ag::Step step;
  const Tensor p = row_softmax(x);
  CHECK(stages_of({p}) == 3);
  const Tensor loss = -ag::mean(ag::log(p) * labels);
  CHECK(stages_of({loss, ag::grad(loss, Located(x))}) >= 4);
  CHECK(stages_of({ag::sum(x, 1), ag::exp(Located(x))}) == 0);   // nothing waits for a row
  CHECK(stages_of({Located(x) / ag::sum(x, 0)}) == 0);           // a column needs all rows
  CHECK(stages_of({Located(x) - ag::sum(ag::sum(x, 1))}) == 0);  // and so does a fold of the rows' folds
}

TEST_CASE("What stages read in between stands in the memory of a result, until that takes its place") {
  Random random(43);
  const Array x = random_array<float>(random, {300, 200}, -1, 1);
  const ag::Step step;
  const Tensor p = row_softmax(x);
  const auto plan = plan_of({p});
  CHECK(plan->hosted.size() == 1);
  CHECK(plan->stages.at(0).local_bytes == 0);
  // Where another result of the last stage would read what is overwritten, or there is no result, it does not.
  const Tensor e = ag::exp(Located(x) - ag::max(x, -1, keep));
  const Tensor s = ag::sum(e, -1, keep);
  CHECK(plan_of({e / s, e - s})->hosted.empty());
  CHECK(plan_of({ag::sum(e / s * Located(x))})->hosted.empty());
}

TEST_CASE("What only stages read takes no memory") {
  Random random(42);
  const int64_t m = 700, n = 3000;
  const Array x = random_array<float>(random, {m, 1}, 0, 1), y = random_array<float>(random, {n}, 0, 1);
  const Array w = random_array<float>(random, {n}, 0, 1);
  const ag::Step step;
  const Tensor kernel = ag::exp(-ag::square(Located(x) - y)) * w;
  const Tensor f = ag::sum(ag::log(ag::sum(kernel, 1)));
  const std::vector<Located> variables{x, y, w};
  std::vector<Tensor> outputs{f};
  for (const Tensor& gradient : ag::grad(f, variables)) outputs.push_back(gradient);
  ag::evaluate(outputs);
  CHECK(ag::report().peak_bytes < 64 * (m + n));
  double plain = 0;
  for (int64_t i = 0; i < m; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      const double d =
          static_cast<double>(x.values<float>()[static_cast<size_t>(i)] - y.values<float>()[static_cast<size_t>(j)]);
      sum += std::exp(-d * d) * static_cast<double>(w.values<float>()[static_cast<size_t>(j)]);
    }
    plain += std::log(sum);
  }
  CHECK(outputs[0].item() == Approx(plain).epsilon(1e-5));
}

TEST_CASE("What follows a long product runs block by block of its rows, with the same bits") {
  constexpr int64_t rows = 5003, depth = 24;
  for (const int64_t lanes : {1, 3, 40, 128}) {
    Random random(83);
    const Array a = random_array<float>(random, {rows, depth}, -1, 1),
                w = random_array<float>(random, {lanes, depth}, -1, 1),
                bias = random_array<float>(random, {lanes}, -1, 1),
                seen = random_array<float>(random, {rows, lanes}, -1, 1);
    const auto results = [&](size_t nodes, int threads) {
      const RegionLimit limit(nodes);
      const Threads scope(threads);
      const ag::Step step;
      const Tensor product = ag::matmul(a, ag::transpose(w));
      const Tensor y = ag::relu(product + bias) * seen;
      const std::vector<Tensor> wanted{y, ag::sum(y, 0), ag::grad(ag::sum(ag::tanh(product) * seen), w),
                                       // Reads the product otherwise than row by row.
                                       ag::matmul(a, ag::transpose(ag::sin(w))) + ag::slice(product, 0, {.step = -1})};
      ag::evaluate(wanted);
      std::vector<std::vector<float>> values;
      for (const Tensor& each : wanted) values.push_back(each.to_vector<float>());
      return values;
    };
    const auto expected = results(1, 1);
    for (const ag::Backend backend : backends()) {
      const WithBackend with(backend);
      for (const int threads : {1, 2, 7}) {
        INFO(ag::name_of(backend) << ", " << threads << " threads, " << lanes << " lanes");
        CHECK((results(2000, threads) == expected));  // not to be printed
      }
    }
  }
}

TEST_CASE("A long product that only its activation reads takes no memory") {
  constexpr int64_t rows = 20000, width = 64;
  const Array a = ag::zeros({rows, width}), w = ag::zeros({width, width});
  const ag::Parameter out(ag::zeros({rows, 2}));
  const auto arrays = [&](auto&& activation) {
    const ag::Step step;
    const Tensor hidden = activation(ag::matmul(a, w));
    ag::evaluate({}, std::vector<ag::Assignment>{{out, ag::matmul(hidden, ag::zeros({width, 2}))}});
    return static_cast<double>(ag::report().peak_bytes) / (rows * width * 4.0);
  };
  CHECK(arrays([](const Tensor& y) { return ag::relu(y + 1); }) < 1.1);
  CHECK(arrays([](const Tensor& y) { return ag::relu(y) + ag::slice(y, 0, {.step = -1}); }) > 1.9);
}
