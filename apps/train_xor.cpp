#include <apps/commands.h>
#include <apps/console.h>
#include <apps/json.h>
#include <apps/options.h>
#include <autograd/autograd.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>

namespace {

namespace ag = autograd;
using ag::Tensor;

struct Options {
  int steps = 5000;
  uint64_t seed = 0;
  bool json = false;
};

struct Outcome {
  std::vector<float> outputs;
  double loss = 0, seconds = 0;
  bool correct = true;
};

/// A 2-4-1 network of tanh, by gradient descent with momentum on all four cases at once.
Outcome train(const Options& options, const ag::Array& inputs, const ag::Array& targets) {
  const auto start = std::chrono::steady_clock::now();
  ag::Rng rng(options.seed);
  const ag::Mlp mlp(rng, {2, 4, 1}, ag::tanh, {.initialise = ag::xavier_normal});
  const auto model = [&] { return ag::tanh(mlp(inputs)); };
  ag::Sgd optimiser(mlp.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  Outcome outcome;
  for (int i = 0; i < options.steps; ++i) {
    const ag::Step step;
    const Tensor loss = ag::mse(model(), targets);
    optimiser.minimise(loss);
    outcome.loss = loss.item();
  }
  const ag::Step step;
  outcome.outputs = model().to_vector<float>();
  for (size_t i = 0; i < outcome.outputs.size(); ++i) {
    outcome.correct = outcome.correct && (outcome.outputs[i] > 0.5F) == (targets.values<float>()[i] > 0.5F);
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

void run(const Options& options) {
  const ag::Array inputs = ag::Array::from(std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  const ag::Array targets = ag::Array::from(std::vector<float>{0, 1, 1, 0}, {4, 1});
  const Outcome outcome = train(options, inputs, targets);
  if (options.json) {
    print(to_text({{"correct", outcome.correct},
                   {"outputs", outcome.outputs},
                   {"loss", outcome.loss},
                   {"steps", options.steps},
                   {"seconds", outcome.seconds}}));
  } else {
    for (size_t i = 0; i < 4; ++i) {
      print(fmt::format("{} xor {}: {:7.4f}\n", inputs.values<float>()[2 * i], inputs.values<float>()[2 * i + 1],
                        outcome.outputs[i]));
    }
    print(fmt::format("loss {:.2e} after {} steps, {:.3f} s\n", outcome.loss, options.steps, outcome.seconds));
  }
  if (!outcome.correct)
    throw std::runtime_error("not all four answers are right; more --steps or another --seed may do");
}

}  // namespace

void add_train_xor(CLI::App& train) {
  auto options = std::make_shared<Options>();
  CLI::App* command = train.add_subcommand("xor", "Teaches a network of five neurons the exclusive or.");
  command->add_option("--steps", options->steps, "steps of gradient descent")
      ->type_name("N")
      ->check(whole_number(1, 100000000))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "first weights")
      ->type_name("N")
      ->check(seed_number())
      ->capture_default_str();
  command->add_flag("--json", options->json, "print one JSON object");
  command->footer("Exit code 1 where an answer is wrong.\n\nExample:\n  backlight train xor");
  command->callback([options] { run(*options); });
}
