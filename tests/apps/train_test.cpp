#include <autograd/io/safetensors.h>
#include <tests/apps/tool.h>
#include <tests/catch.h>

#include <array>
#include <nlohmann/json.hpp>

namespace {

std::string big_endian(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 255);
  return text;
}

/// Images of 28 x 28 with a bright bar for each label, at a place of its own; noise that depends on the position.
void write_digits(const ScratchFolder& folder, const std::string& prefix, uint32_t count) {
  std::string images = std::string("\0\0\x08\x03", 4) + big_endian(count) + big_endian(28) + big_endian(28);
  std::string labels = std::string("\0\0\x08\x01", 4) + big_endian(count);
  uint32_t noise = 1;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t label = i * 7 % 10;
    labels += static_cast<char>(label);
    for (uint32_t y = 0; y < 28; ++y) {
      for (uint32_t x = 0; x < 28; ++x) {
        noise = noise * 1664525 + 1013904223;
        const bool bar = y / 14 == label / 5 && x / 5 == label % 5;
        images += static_cast<char>((bar ? 160 : 0) + (noise >> 26));
      }
    }
  }
  folder.write(prefix + "-images-idx3-ubyte", images);
  folder.write(prefix + "-labels-idx1-ubyte", labels);
}

nlohmann::json trained(const ScratchFolder& folder, std::vector<std::string> more) {
  std::vector<std::string> arguments{"train", "mnist", folder.path().string(), "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const ToolRun run = run_tool(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return nlohmann::json::parse(run.out);
}

}  // namespace

TEST_CASE("train mnist learns, says how well, and its weights give the same accuracy") {
  const ScratchFolder folder;
  write_digits(folder, "train", 320);
  write_digits(folder, "t10k", 70);
  const std::string weights = (folder / "weights.safetensors").string();
  const nlohmann::json result = trained(folder, {"--epochs", "20", "--out", weights});
  for (const char* key : {"test_accuracy", "epochs", "seconds", "images_per_second", "parameters"}) {
    CHECK(result.contains(key));
  }
  CHECK(result["test_accuracy"].get<double>() > 0.9);
  CHECK(result["epochs"] == 20);
  CHECK(result["parameters"] == 235146);
  CHECK(result["images_per_second"].get<double>() > 0);
  const nlohmann::json again = trained(folder, {"--weights", weights, "--evaluate"});
  CHECK(again["test_accuracy"] == result["test_accuracy"]);
  CHECK(again["epochs"] == 0);
  const autograd::SafeTensors file = autograd::read_safetensors(weights);
  CHECK(file.tensors.size() == 6);
  CHECK(file.tensors.at("0.weight").shape() == autograd::Shape{784, 256});
  CHECK(file.metadata.at("recipe") == "sgd");
}

TEST_CASE("train mnist: the best recipe, the seed, and threads") {
  const ScratchFolder folder;
  write_digits(folder, "train", 200);
  write_digits(folder, "t10k", 50);
  const auto weights_of = [&](const std::string& name, std::vector<std::string> more) {
    const std::string path = (folder / name).string();
    more.insert(more.end(), {"--recipe", "best", "--epochs", "1", "--out", path});
    CHECK(trained(folder, more)["recipe"] == "best");
    return text_of(path);
  };
  const std::string first = weights_of("a", {"--threads", "1"});
  CHECK(first == weights_of("b", {"--threads", "3"}));
  CHECK(first != weights_of("c", {"--seed", "1"}));
  // The recipe is known from the file.
  CHECK(trained(folder, {"--weights", (folder / "a").string(), "--evaluate"})["recipe"] == "best");
}

TEST_CASE("train mnist names what is wrong in one line") {
  const ScratchFolder folder;
  const auto error = [&](std::vector<std::string> more, int code) {
    more.insert(more.begin(), {"train", "mnist", folder.path().string()});
    const ToolRun run = run_tool(more);
    CHECK(run.code == code);
    CHECK(run.out.empty());
    CHECK(run.error_lines() == 1);
    return run.err;
  };
  CHECK_THAT(error({}, 1), ContainsSubstring("neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"));
  write_digits(folder, "train", 20);
  write_digits(folder, "t10k", 20);
  CHECK_THAT(error({"--evaluate"}, 2), ContainsSubstring("--evaluate requires --weights"));
  CHECK_THAT(error({"--recipe", "worst"}, 2), ContainsSubstring("worst"));
  CHECK_THAT(error({"--epochs", "0"}, 2), ContainsSubstring("whole number"));
  // Known before the training: no epoch is told of.
  for (const char* const out : {"absent/weights", "."}) {
    const std::string path = (folder / out).string();
    CHECK(error({"--out", path}, 1).starts_with("backlight: " + path + ": "));
  }
  const std::string absent = (folder / "absent").string();
  CHECK_THAT(error({"--weights", absent, "--evaluate"}, 1), ContainsSubstring(absent));
  folder.write("labels", std::string("\0\0\x08\x01", 4) + big_endian(3) + std::string(3, '\0'));
  std::filesystem::rename(folder / "labels", folder / "t10k-labels-idx1-ubyte");
  CHECK_THAT(error({}, 1), ContainsSubstring("holds [3]; expected a label for each of the 20 images"));
  folder.write("t10k-labels-idx1-ubyte", std::string("\0\0\x08\x01", 4) + big_endian(20) + std::string(20, '\x0b'));
  CHECK_THAT(error({}, 1), ContainsSubstring("a label 11; expected 0 to 9"));
}

TEST_CASE("train xor answers rightly in 5,000 steps, and fails where it cannot have learnt") {
  const ToolRun run = run_tool({"train", "xor", "--json"});
  REQUIRE(run.code == 0);
  const auto result = nlohmann::json::parse(run.out);
  CHECK(result["correct"] == true);
  CHECK(result["steps"] == 5000);
  const std::array<bool, 4> known{false, true, true, false};
  for (size_t i = 0; i < 4; ++i) CHECK((result["outputs"][i].get<double>() > 0.5) == known[i]);
  const ToolRun text = run_tool({"train", "xor"});
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 5);
  CHECK(run_tool({"train", "xor", "--steps", "1"}).code == 1);
  CHECK(run_tool({"train"}).code == 2);
}
