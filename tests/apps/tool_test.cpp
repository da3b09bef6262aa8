#include <apps/help.h>
#include <tests/apps/tool.h>
#include <tests/catch.h>

#include <sstream>

// What holds for every subcommand: how help, version and wrong usage are answered.

TEST_CASE("help and version go to stdout and are no failure") {
  const std::vector<std::string> arguments =
      GENERATE(std::vector<std::string>{"--help"}, std::vector<std::string>{"--version"},
               std::vector<std::string>{"render", "--help"}, std::vector<std::string>{"compare", "--help"},
               std::vector<std::string>{"fit", "--help"});
  INFO(arguments[0]);
  const ToolRun run = run_tool(arguments);
  CHECK(run.code == 0);
  CHECK_FALSE(run.out.empty());
  CHECK(run.err.empty());
}

TEST_CASE("every help fits a terminal of 80 columns") {
  using Words = std::vector<std::string>;
  Words words =
      GENERATE(Words{}, Words{"demo"}, Words{"render"}, Words{"fit"}, Words{"fit", "shape"}, Words{"fit", "texture"},
               Words{"fit", "sdf"}, Words{"compare"}, Words{"train"}, Words{"train", "mnist"}, Words{"train", "xor"});
  words.push_back("--help");
  std::istringstream help(run_tool(words).out);
  bool has_example = false;
  for (std::string line; std::getline(help, line);) {
    INFO(line);
    CHECK(line.size() <= 80);
    const std::string command = "  backlight" + (words.size() > 1 ? " " + words[0] : "");
    has_example = has_example || line.starts_with(command);
  }
  CHECK(has_example);
}

TEST_CASE("a long word stays whole where a text is wrapped") {
  CHECK(wrapped("one two three", 7) == "one two\nthree");
  CHECK(wrapped("one two three", 8) == "one two\nthree");
  CHECK(wrapped("a incomprehensibilities b", 5) == "a\nincomprehensibilities\nb");
  CHECK(wrapped("", 5).empty());
}

TEST_CASE("help that cannot be written is a failure") {
  if (!std::filesystem::exists("/dev/full")) return;
  for (const char* const option : {"--help", "--version"}) {
    const ToolRun run = run_tool({option}, "/dev/full");
    CHECK(run.code == 1);
    CHECK_THAT(run.err, ContainsSubstring("standard output: cannot write"));
  }
}

TEST_CASE("a message is one line, whatever a file is called") {
  const ToolRun run = run_tool({"compare", "a\x1b[2J\r\nb\x7f.obj", "b.obj"});
  CHECK(run.code == 1);
  CHECK(run.err == "backlight: a [2J  b .obj: No such file or directory\n");
}

TEST_CASE("help shows defaults and an example") {
  const std::string help = run_tool({"render", "--help"}).out;
  CHECK_THAT(help, ContainsSubstring("--views N=24"));
  CHECK_THAT(help, ContainsSubstring("--size PIXELS=256"));
  CHECK_THAT(help, ContainsSubstring("backlight render bunny.obj --out"));
}

TEST_CASE("version names the tool") {
  CHECK(run_tool({"--version"}).out == std::string("backlight ") + version() + "\n");
}

TEST_CASE("wrong usage is exit code 2 and one line that says what and where the help is") {
  using Words = std::vector<std::string>;
  const auto [arguments, reason] = GENERATE(table<Words, std::string>({
      {Words{}, "backlight: A subcommand is required; see backlight --help\n"},
      {Words{"frobnicate"}, "backlight: unexpected argument: frobnicate; see backlight --help\n"},
      {Words{"fit", "hat"}, "backlight: unexpected argument: hat; see backlight fit --help\n"},
      {Words{"render"}, "see backlight render --help\n"},
      {Words{"render", "a.obj"}, "--out is required; see backlight render --help\n"},
      {Words{"render", "a.obj", "--out", "b", "--nope"}, "unexpected argument: --nope; see backlight render --help\n"},
      {Words{"render", "a.obj", "--out", "b", "--samples", "5"}, "--samples: 5 is not a square number"},
      {Words{"render", "a.obj", "--out", "b", "--samples", "289"}, "--samples: 289 is not a square number"},
      {Words{"render", "a.obj", "--out", "b", "--views", "0"}, "--views: 0 is not a whole number from 1 to 10000"},
      {Words{"render", "a.obj", "--out", "b", "--size", "1.5"}, "--size: 1.5 is not a whole number"},
      {Words{"render", "a.obj", "--out", "b", "--seed", "-1"}, "--seed: -1 is not a whole number"},
      {Words{"render", "a.obj", "--out", "b", "--light", "moon"}, "--light: moon not in {none,studio,sun}"},
      {Words{"render", "", "--out", "b"}, "mesh: an empty path; see backlight render --help\n"},
      {Words{"render", "a.obj", "--out", ""}, "--out: an empty path; see backlight render --help\n"},
      {Words{"fit", "shape", "a", "--out", ""}, "--out: an empty path"},
      {Words{"fit", "shape", "a", "--out", "b", "--seed", "-1"}, "--seed: -1 is not a whole number"},
      {Words{"fit", "texture", "a", "--out", "b", "--steps", "x"}, "--steps: x is not a whole number"},
      {Words{"fit", "sdf", "--threads", "0"}, "--threads: 0 is not a whole number"},
      {Words{"demo", "--seed", "-1"}, "--seed: -1 is not a whole number"},
      {Words{"compare", "a.obj"}, "b is required; see backlight compare --help\n"},
      {Words{"compare", "a.obj", "b.obj", "--samples", "0"}, "--samples: 0 is not a whole number"},
  }));
  const ToolRun run = run_tool(arguments);
  INFO(run.err);
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(run.error_lines() == 1);
  CHECK(run.err.starts_with("backlight: "));
  CHECK_THAT(run.err, ContainsSubstring(reason));
}
