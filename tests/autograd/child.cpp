#include <autograd/autograd.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "tests/autograd/training.h"
#ifdef BACKLIGHT_HAS_HEAP_HOOK
#include "tests/bench/heap.h"
#endif
#ifdef __linux__
#include <sys/prctl.h>
#endif

// A program of its own, for what a process decides once: child_test.cpp runs it and reads what it prints.
//
//   child train STEPS      a digest of a training's bytes, and the backend
//   child refused STEPS    the same, in a process that may not make memory executable
//   child allocations      heap requests of 100 steady steps
//   child sizes STEPS      a training of a new size each step

namespace ag = autograd;

namespace {

uint64_t digest(const std::vector<float>& values) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const float value : values) {
    unsigned char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  }
  return hash;
}

void train(int steps) {
  const Training::Data data(1000);
  std::printf("digest %016llx\n", static_cast<unsigned long long>(digest(trained(data, steps))));
  std::printf("backend %s\nprocess %d\n", ag::name_of(ag::backend()), static_cast<int>(getpid()));
}

/// From here on no page becomes executable that was not mapped so.
bool refuse_code() {
#if defined(__linux__)
  constexpr int set_mdwe = 65;  // PR_SET_MDWE, since Linux 6.3
  constexpr unsigned long refuse_exec_gain = 1;
  return prctl(set_mdwe, refuse_exec_gain, 0UL, 0UL, 0UL) == 0;
#else
  return false;
#endif
}

#ifdef BACKLIGHT_HAS_HEAP_HOOK

/// Heap requests of 100 steady calls.
template <class Run>
int64_t requests_of(Run&& run) {
  for (int i = 0; i < 20; ++i) run(i);
  const int64_t before = bench::heap_requests();
  for (int i = 0; i < 100; ++i) run(i);
  return bench::heap_requests() - before;
}

void count_of_graphs() {
  const Training::Data data(300);
  Training training(data);
  const int64_t of_training = requests_of([&](int i) {
    training.optimiser.set_learning_rate(0.01 / (2 + i));
    training.step(0.3 + 0.001 * i);
  });
  std::printf("training: %lld\n", static_cast<long long>(of_training));

  using Graph = ag::Tensor (*)(const ag::Parameter&);
  struct Named {
    const char* name;
    Graph graph;
  };
  // Of a [33, 7]; each is reduced to a loss, whose gradient is taken.
  const Named graphs[] = {
      {"map", [](const ag::Parameter& x) { return ag::where(x > 0.1, ag::exp(x) * 2, ag::minimum(x, 0.3)); }},
      {"reshape",
       [](const ag::Parameter& x) {
         return ag::reshape(x * 2, {11, 21}) * 0.3;
       }},
      {"flatten", [](const ag::Parameter& x) { return ag::flatten(x * 2) * 0.3; }},
      {"permute",
       [](const ag::Parameter& x) {
         return ag::permute(x * 2, {1, 0}) * 0.3;
       }},
      {"slice", [](const ag::Parameter& x) { return ag::slice(x * 2, 0, {.start = 3, .stop = 20, .step = 2}) * 0.3; }},
      {"select", [](const ag::Parameter& x) { return ag::select(x * 2, 1, 3) * 0.3; }},
      {"flip", [](const ag::Parameter& x) { return ag::flip(x * 2, 1) * 0.3; }},
      {"expand_dims", [](const ag::Parameter& x) { return ag::expand_dims(x * 2, 1) * 0.3; }},
      {"broadcast_to",
       [](const ag::Parameter& x) {
         return ag::broadcast_to(x * 2, {5, 33, 7}) * 0.3;
       }},
      {"concatenate",
       [](const ag::Parameter& x) {
         return ag::concatenate({x * 2, x * 3}, 0) * 0.3;
       }},
      {"stack",
       [](const ag::Parameter& x) {
         return ag::stack({x * 2, x * 3, x * 4, x * 5}, 1) * 0.3;
       }},
      {"sum of rows", [](const ag::Parameter& x) { return ag::sum(ag::sin(x), 0) * 0.3; }},
      {"sum of lanes", [](const ag::Parameter& x) { return ag::sum(ag::sin(x), 1) * 0.3; }},
      {"max", [](const ag::Parameter& x) { return ag::max(ag::sin(x), 1) * 0.3; }},
      {"norm", [](const ag::Parameter& x) { return ag::norm(ag::sin(x), 1) * 0.3; }},
      {"sum of outer axes",
       [](const ag::Parameter& x) {
         return ag::sum(ag::expand_dims(x, 1) * ag::expand_dims(x, 0), {0, 2}) * 0.3;
       }},
      {"matmul", [](const ag::Parameter& x) { return ag::matmul(x, ag::transpose(x)) * 0.3; }},
      {"var", [](const ag::Parameter& x) { return ag::var(ag::sin(x), 1) * 0.3; }},
      {"logsumexp", [](const ag::Parameter& x) { return ag::logsumexp(ag::sin(x), 1) * 0.3; }},
      {"prod", [](const ag::Parameter& x) { return ag::prod(ag::sin(x), 1) * 0.3; }},
      {"cumsum", [](const ag::Parameter& x) { return ag::cumsum(ag::sin(x), 0) * 0.3; }},
      {"pad",
       [](const ag::Parameter& x) {
         return ag::pad(ag::pad(x * 2, {{1, 1}, {}}), {{}, {2, 0}}, {.mode = ag::PadMode::wrap}) * 0.3;
       }},
      {"split",
       [](const ag::Parameter& x) {
         const std::span<const ag::Tensor> parts = ag::split(x * 2, 3, 0);
         return parts[0] * parts[2];
       }},
      {"sort", [](const ag::Parameter& x) { return ag::sort(x * 2, 0) * ag::topk(x, 1).values; }},
      {"einsum",
       [](const ag::Parameter& x) {
         return ag::einsum("ni,mi,nj->jm", {x, x, x}) * 0.3;
       }},
      {"small solve",
       [](const ag::Parameter& x) {
         const ag::Tensor a = ag::reshape(ag::slice(x, 0, {.stop = 18}), {14, 3, 3});
         return ag::solve(a, ag::slice(a, -1, {.stop = 1})) * ag::expand_dims(ag::expand_dims(ag::det(a), -1), -1);
       }},
  };
  for (const Named& named : graphs) {
    ag::Parameter x(data.table, "x");
    const int64_t count = requests_of([&](int) {
      const ag::Step step;
      x.assign(x - ag::grad(ag::mean(named.graph(x)), x) * 0.01);
    });
    std::printf("%s: %lld\n", named.name, static_cast<long long>(count));
  }
}

/// Repeated steps of `minimise(loss(rng))`, printed as NAME: REQUESTS.
template <class Loss>
void count_training(const char* name, ag::Optimiser& optimiser, Loss&& loss) {
  ag::Rng rng(3);
  const int64_t count = requests_of([&](int i) {
    const ag::Step step;
    optimiser.set_learning_rate(0.01 / (2 + i));
    optimiser.minimise(loss(rng));
  });
  std::printf("%s: %lld\n", name, static_cast<long long>(count));
}

void count_of_optimisers() {
  const ag::Array target = ag::arange(33, ag::DType::float32);
  const auto count = [&](const char* name, auto&& make, const ag::Clipping& clipping = {}) {
    const ag::Parameter x(ag::zeros({33}), "x"), y(ag::zeros({}), "y");
    auto optimiser = make(std::vector<ag::Parameter>{x, y});
    optimiser.set_clipping(clipping);
    count_training(name, optimiser, [&](ag::Rng&) { return ag::mse(x + y, target); });
  };
  using Parameters = std::vector<ag::Parameter>;
  const auto sgd = [](const ag::SgdOptions& options) {
    return [options](Parameters p) { return ag::Sgd(p, options); };
  };
  count("sgd", sgd({}));
  count("sgd, momentum", sgd({.momentum = 0.9}));
  count("sgd, nesterov", sgd({.momentum = 0.9, .nesterov = true, .weight_decay = 1e-3}));
  count("adam", [](Parameters p) { return ag::Adam(p); });
  count("adamw", [](Parameters p) { return ag::AdamW(p); });
  count("uniform adam", [](Parameters p) { return ag::UniformAdam(p); });
  count("clipped by value", sgd({}), {.value = 0.5});
  count("clipped by norm", sgd({}), {.norm = 0.5});

  const ag::Parameter x(ag::zeros({33}), "x");
  ag::Adam optimiser({x});
  const int64_t of_parts = requests_of([&](int) {
    for (int part = 0; part < 2; ++part) {
      const ag::Step step;
      optimiser.accumulate(ag::mse(x, target));
    }
    optimiser.apply();
  });
  std::printf("accumulated: %lld\n", static_cast<long long>(of_parts));
}

void count_of_layers() {
  ag::Rng rng(2);
  const ag::Array images = ag::normal(rng, {4, 8, 8, 3}, 0, 1), rows = ag::normal(rng, {16, 12}, 0, 1);
  const ag::Array labels = ag::Array::of({0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0});
  const auto count = [](const char* name, const std::vector<ag::Parameter>& parameters, auto&& loss) {
    ag::Sgd optimiser(parameters);
    count_training(name, optimiser, loss);
  };
  const ag::Mlp mlp(rng, {12, 9, 5}, ag::gelu);
  count("mlp", mlp.parameters(), [&](ag::Rng&) { return ag::cross_entropy(mlp(rows), labels); });
  count("dropout", mlp.parameters(),
        [&](ag::Rng& draws) { return ag::cross_entropy(mlp(ag::dropout(rows, draws, 0.3)), labels); });
  const ag::Conv2d convolution(rng, 3, 3, 5, {.stride = 1, .padding = 1});
  count("conv2d", convolution.parameters(), [&](ag::Rng&) { return ag::mean(ag::square(convolution(images))); });
  count("max_pool2d", convolution.parameters(), [&](ag::Rng&) {
    return ag::mean(ag::max_pool2d(ag::tanh(convolution(images)), {2, 2, 2}));
  });
  count("avg_pool2d", convolution.parameters(), [&](ag::Rng&) {
    return ag::mean(ag::square(ag::avg_pool2d(convolution(images), {3, 3, 2, 1})));
  });
  const ag::LayerNorm norm(12);
  count("layer norm", norm.parameters(), [&](ag::Rng&) { return ag::mean(ag::exp(norm(rows))); });
  const ag::Embedding embedding(rng, 7, 4);
  count("embedding", embedding.parameters(), [&](ag::Rng&) { return ag::mean(ag::square(embedding(labels))); });
}

void count_allocations() {
  ag::set_threads(1);
  count_of_graphs();
  count_of_optimisers();
  count_of_layers();
}

#else

void count_allocations() { std::printf("no hook\n"); }

#endif

void change_sizes(int steps) {
  for (int i = 0; i < steps; ++i) {
    const Training::Data data(1000 + i);
    Training(data).step();
  }
}

}  // namespace

int main(int count, char** arguments) try {
  const std::string what = count > 1 ? arguments[1] : "";
  const int steps = count > 2 ? std::stoi(arguments[2]) : 3;
  if (what == "refused" && !refuse_code()) {
    std::printf("cannot refuse\n");
    return 0;
  }
  if (what == "train" || what == "refused") train(steps);
  if (what == "allocations") count_allocations();
  if (what == "sizes") change_sizes(steps);
  return 0;
} catch (const ag::ValueError& error) {
  std::printf("ValueError: %s\n", error.what());
  return 3;
} catch (const std::exception& error) {
  std::printf("exception: %s\n", error.what());
  return 4;
}
