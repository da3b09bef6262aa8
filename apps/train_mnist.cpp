#include <apps/commands.h>
#include <apps/console.h>
#include <apps/digit_recipes.h>
#include <apps/interrupt.h>
#include <apps/json.h>
#include <apps/mnist.h>
#include <apps/options.h>
#include <apps/out_folder.h>
#include <apps/progress.h>
#include <autograd/io/file.h>
#include <autograd/io/safetensors.h>
#include <autograd/optim/checkpoint.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>

namespace {

namespace ag = autograd;
using ag::Tensor;
using Clock = std::chrono::steady_clock;

struct Options {
  std::filesystem::path folder, out, weights;
  std::string recipe;  ///< empty: that of the weights, else sgd
  int epochs = 0;      ///< 0: the recipe's
  int threads = 0;
  uint64_t seed = 0;
  bool evaluate = false, json = false;
};

constexpr const char* recipe_key = "recipe";

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Pixels from 0 to 1 of some images: float32 [rows, 28, 28].
Tensor pixels(const Digits& digits, const Tensor& rows) {
  return ag::cast(ag::gather(digits.images, rows), ag::DType::float32) / 255;
}

/// Moves each image of a batch by up to `most` pixels down or up and across, with paper where it left.
class RandomShift {
 public:
  RandomShift(const ag::Shape& batch, int64_t most)
      : most_(most),
        height_(batch[1] + 2 * most),
        width_(batch[2] + 2 * most),
        image_(ag::arange(batch[0]).reshape({batch[0], 1, 1})),
        row_(ag::arange(batch[1]).reshape({batch[1], 1})),
        column_(ag::arange(batch[2])) {}

  Tensor operator()(const Tensor& images, ag::Rng& rng) const {
    const Tensor room = ag::pad(images, {{}, {most_, most_}, {most_, most_}});
    const Tensor row = image_ * height_ + (row_ + amount(rng)), column = column_ + amount(rng);
    return ag::gather(ag::flatten(room), row * width_ + column);
  }

 private:
  /// For each image, from 0 to 2 most: int32 [batch, 1, 1].
  Tensor amount(ag::Rng& rng) const {
    return ag::cast(ag::random_uniform(rng, image_.shape(), 0, 2 * most_ + 1), ag::DType::int32);
  }

  int64_t most_, height_, width_;
  ag::Array image_, row_, column_;
};

/// The part of the digits that the model names rightly.
double accuracy(const DigitModel& model, const Digits& digits) {
  const ag::Batches batches(digits.count(), std::min<int64_t>(digits.count(), 500));
  int64_t right = 0, seen = 0;
  const auto count = [&](const Tensor& rows) {
    const Tensor named = ag::argmax(model(pixels(digits, rows)), -1);
    right += static_cast<int64_t>(ag::sum(ag::cast(named == ag::gather(digits.labels, rows), ag::DType::int32)).item());
    seen += rows.size();
  };
  for (int64_t i = 0; i < batches.count(); ++i) {
    const ag::Step step;
    count(batches[i]);
  }
  const ag::Step step;
  if (seen < digits.count()) count(ag::slice(ag::arange(digits.count()), 0, {.start = seen}));
  return static_cast<double>(right) / static_cast<double>(digits.count());
}

struct Outcome {
  double test_accuracy = 0, seconds = 0;
  int epochs = 0;
  int64_t images = 0;  ///< looked at
};

/// Trains under a progress bar, until done or Ctrl-C.
Outcome train(const DigitRecipe& recipe, const DigitModel& model, const Mnist& mnist, ag::Rng& rng, int epochs) {
  const Interrupt interrupt;
  const auto start = Clock::now();
  const std::unique_ptr<ag::Optimiser> optimiser = recipe.optimiser(model.parameters());
  ag::Batches batches(mnist.train.count(), std::min(recipe.batch, mnist.train.count()));
  const int64_t steps = epochs * batches.count();
  const RandomShift shift({batches.size(), 28, 28}, recipe.shift);
  Progress progress("training", steps);
  Outcome outcome;
  std::string note;
  while (outcome.epochs < epochs && !interrupt.requested()) {
    batches.shuffle(rng);
    for (int64_t i = 0; i < batches.count() && !interrupt.requested(); ++i) {
      const ag::Step step;
      const Tensor rows = batches[i];
      const Tensor still = pixels(mnist.train, rows), images = recipe.shift > 0 ? shift(still, rng) : still;
      const Tensor loss = ag::cross_entropy(model(images), ag::gather(mnist.train.labels, rows),
                                            {.label_smoothing = recipe.label_smoothing});
      optimiser->set_learning_rate(recipe.learning_rate(optimiser->steps(), steps));
      optimiser->minimise(loss);
      outcome.images += rows.size();
      progress.update(optimiser->steps(), fmt::format("loss {:.4f}{}", loss.item(), note));
    }
    ++outcome.epochs;
    outcome.test_accuracy = accuracy(model, mnist.test);
    note = fmt::format("  accuracy {:.2f}%", 100 * outcome.test_accuracy);
    progress.say(fmt::format("epoch {:2}: {:.2f}% of {} test images, {:.1f} s", outcome.epochs,
                             100 * outcome.test_accuracy, mnist.test.count(), seconds_since(start)));
  }
  outcome.seconds = seconds_since(start);
  return outcome;
}

Outcome evaluate(const DigitModel& model, const Digits& digits) {
  const auto start = Clock::now();
  const double right = accuracy(model, digits);
  return {.test_accuracy = right, .seconds = seconds_since(start), .epochs = 0, .images = digits.count()};
}

/// As given, or that by which the weights were trained.
const DigitRecipe& chosen_recipe(const Options& options) {
  std::string name = options.recipe;
  if (name.empty() && !options.weights.empty()) {
    const ag::SafeTensors file = ag::read_safetensors(options.weights);
    const auto found = file.metadata.find(recipe_key);
    if (found != file.metadata.end()) name = found->second;
  }
  if (name.empty()) name = "sgd";
  if (const DigitRecipe* const recipe = find_digit_recipe(name)) return *recipe;
  throw ag::FileError(fmt::format("{}: weights of an unknown recipe '{}'", options.weights.string(), name));
}

void print_outcome(const Options& options, const DigitRecipe& recipe, const DigitModel& model, const Outcome& outcome) {
  const double speed = static_cast<double>(outcome.images) / outcome.seconds;
  if (options.json) {
    print(to_text({{"recipe", recipe.name},
                   {"test_accuracy", outcome.test_accuracy},
                   {"epochs", outcome.epochs},
                   {"seconds", outcome.seconds},
                   {"images_per_second", speed},
                   {"parameters", model.parameter_count()}}));
    return;
  }
  print(
      fmt::format("{:.2f}% of the test images are named rightly ({} epochs, {:.1f} s, {:.0f} images a second, {} "
                  "parameters)\n",
                  100 * outcome.test_accuracy, outcome.epochs, outcome.seconds, speed, model.parameter_count()));
}

void run(const Options& options) {
  if (options.threads > 0) ag::set_threads(options.threads);
  const DigitRecipe& recipe = chosen_recipe(options);
  ag::Rng rng(options.seed);
  const std::unique_ptr<DigitModel> model = recipe.model(rng);
  if (!options.weights.empty()) ag::load_parameters(options.weights, model->parameters());
  if (!options.out.empty()) require_writable(options.out);
  const Mnist mnist = read_mnist(options.folder);
  const int epochs = options.epochs > 0 ? options.epochs : recipe.epochs;
  const Outcome outcome = options.evaluate ? evaluate(*model, mnist.test) : train(recipe, *model, mnist, rng, epochs);
  if (!options.out.empty()) ag::save_parameters(options.out, model->parameters(), {{recipe_key, recipe.name}});
  print_outcome(options, recipe, *model, outcome);
}

}  // namespace

void add_train_mnist(CLI::App& train) {
  auto options = std::make_shared<Options>();
  CLI::App* command = train.add_subcommand("mnist", "Trains a network to read handwritten digits, and tests it.");
  command->add_option("dir", options->folder, "folder with the four MNIST files, gzipped or not")
      ->required()
      ->type_name("DIR")
      ->check(some_path());
  std::vector<std::string> names;
  for (const DigitRecipe& recipe : digit_recipes()) names.push_back(recipe.name);
  command
      ->add_option("--recipe", options->recipe,
                   "sgd: a 784-256-128-10 perceptron by plain gradient descent (the default); best: a small "
                   "convolutional network")
      ->type_name("NAME")
      ->check(CLI::IsMember(names).description(""));
  command
      ->add_option("--epochs", options->epochs,
                   "times that each training image is seen (default: 20 for sgd, 10 for best)")
      ->type_name("N")
      ->check(whole_number(1, 100000));
  command->add_option("--seed", options->seed, "first weights and order; the same seed gives the same network")
      ->type_name("N")
      ->check(seed_number())
      ->capture_default_str();
  command->add_option("-o,--out", options->out, "write the weights here")
      ->type_name("FILE.safetensors")
      ->check(some_path());
  CLI::Option* const weights =
      command
          ->add_option("--weights", options->weights, "start from these weights; their recipe is known from the file")
          ->type_name("FILE.safetensors")
          ->check(some_path());
  command->add_flag("--evaluate", options->evaluate, "only test the weights")->needs(weights);
  command->add_option("--threads", options->threads, "threads to use; the result does not depend on it (default: all)")
      ->type_name("T")
      ->check(whole_number(1, 1024));
  command->add_flag("--json", options->json, "print one JSON object");
  command->footer(
      "The files are train-images-idx3-ubyte, train-labels-idx1-ubyte,\n"
      "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each also as .gz. The\n"
      "accuracy is that of the t10k images, which are never trained on. Ctrl-C ends the\n"
      "training and still writes the weights.\n\n"
      "Examples:\n"
      "  backlight train mnist mnist\n"
      "  backlight train mnist mnist --recipe best --out digits.safetensors\n"
      "  backlight train mnist mnist --weights digits.safetensors --evaluate");
  command->callback([options] { run(*options); });
}
