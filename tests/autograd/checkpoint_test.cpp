#include <autograd/autograd.h>
#include <autograd/io/safetensors.h>
#include <autograd/optim/checkpoint.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/autograd/file_bytes.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace ag = autograd;
using ag::Array;
using ag::Parameter;
using ag::Tensor;

namespace {

/// A small regression with noise on its inputs, so that the generator matters.
struct Job {
  explicit Job(bool adam) {
    if (adam) {
      optimiser = std::make_unique<ag::AdamW>(parameters, ag::AdamOptions{.learning_rate = 0.01, .weight_decay = 0.1});
    } else {
      optimiser = std::make_unique<ag::Sgd>(parameters, ag::SgdOptions{.learning_rate = 0.01, .momentum = 0.9});
    }
  }

  void step() {
    const ag::Step scope;
    const Tensor x = ag::random_normal(rng, {20, 5});
    const Tensor y = ag::tanh(ag::matmul(x, weight) + bias);
    optimiser->minimise(ag::mean(ag::square(y - ag::random_uniform(rng, {20, 3}))));
  }

  std::vector<float> values() const {
    std::vector<float> all = weight.to_vector<float>();
    all.insert(all.end(), bias.values<float>().begin(), bias.values<float>().end());
    return all;
  }

  ag::TrainingState state() { return {parameters, optimiser.get(), &rng}; }

  ag::Rng rng{3};
  Parameter weight{ag::he_normal(rng, {5, 3}), "weight"}, bias{ag::zeros({3}), "bias"};
  std::vector<Parameter> parameters{weight, bias};
  std::unique_ptr<ag::Optimiser> optimiser;
};

}  // namespace

TEST_CASE("A training goes on from a checkpoint with the same bits") {
  const sample::Folder folder;
  for (const bool adam : {false, true}) {
    Job whole(adam);
    for (int i = 0; i < 7; ++i) whole.step();
    ag::save_checkpoint(folder / "state", whole.state(), {{"epoch", "7"}});
    for (int i = 0; i < 9; ++i) whole.step();

    Job resumed(adam);
    resumed.step();
    const auto notes = ag::load_checkpoint(folder / "state", resumed.state());
    CHECK(notes == std::map<std::string, std::string>{{"epoch", "7"}});
    CHECK(resumed.optimiser->steps() == 7);
    for (int i = 0; i < 9; ++i) resumed.step();
    CHECK(same_values(resumed.values(), whole.values()));
    CHECK(resumed.rng.state() == whole.rng.state());
    const std::vector<Parameter> a = whole.optimiser->state(), b = resumed.optimiser->state();
    for (size_t i = 0; i < a.size(); ++i) CHECK(same_values(a[i].to_vector<float>(), b[i].to_vector<float>()));
  }
}

TEST_CASE("Parameters alone are saved by their names, and what else a file holds is left") {
  const sample::Folder folder;
  Job job(true), other(true);
  for (int i = 0; i < 3; ++i) job.step();
  ag::save_parameters(folder / "weights", job.parameters, {{"recipe", "none"}});
  CHECK(ag::read_safetensors(folder / "weights").tensors.size() == 2);
  CHECK(ag::load_parameters(folder / "weights", other.parameters).at("recipe") == "none");
  CHECK(same_values(job.values(), other.values()));
  ag::save_checkpoint(folder / "all", job.state());
  Job third(true);
  ag::load_parameters(folder / "all", third.parameters);
  CHECK(same_values(job.values(), third.values()));
}

TEST_CASE("A checkpoint that does not fit changes nothing") {
  const sample::Folder folder;
  Job job(true);
  const std::string path = (folder / "state").string();
  const auto refused = [&](const ag::SafeTensors& contents) {
    ag::write_safetensors(path, contents);
    Job fresh(true);
    const std::vector<float> before = fresh.values();
    const std::string error = error_of([&] { ag::load_checkpoint(path, fresh.state()); });
    CHECK(same_values(fresh.values(), before));
    CHECK(fresh.optimiser->steps() == 0);
    return error;
  };
  ag::save_checkpoint(path, job.state());
  const ag::SafeTensors good = ag::read_safetensors(path);
  CHECK(refused(good) == "");
  ag::SafeTensors contents = good;
  contents.tensors.erase("bias");
  CHECK(refused(contents) == path + ": no tensor 'bias'");
  contents.tensors.emplace("bias", ag::zeros({4}));
  CHECK(refused(contents) == path + ": tensor 'bias' is float32 [4]; expected float32 [3]");
  contents = good;
  contents.tensors.erase("optimiser.second_moment.bias");
  CHECK(refused(contents) == path + ": no tensor 'optimiser.second_moment.bias'");
  contents = good;
  contents.metadata["backlight.rng.seed"] = "3x";
  CHECK(refused(contents) == path + ": backlight.rng.seed is '3x'; expected a whole number");
  contents.metadata.erase("backlight.steps");
  CHECK(refused(contents) == path + ": not a checkpoint: no backlight.steps");
  std::ofstream(path) << "not at all";
  CHECK_THAT(error_of([&] { ag::load_checkpoint(path, job.state()); }), ContainsSubstring(path));
}

TEST_CASE("Parameters to be saved have names of their own") {
  const sample::Folder folder;
  const Parameter a(ag::zeros({2}), "a"), again(ag::zeros({3}), "a"), nameless(ag::zeros({4}));
  CHECK(error_of([&] {
          ag::save_parameters(folder / "x", {a, again});
        }) == "checkpoint: two parameters are called 'a'");
  CHECK(error_of([&] { ag::save_parameters(folder / "x", {nameless}); }) ==
        "checkpoint: a parameter of shape [4] has no name");
  CHECK_FALSE(std::filesystem::exists(folder / "x"));
}
