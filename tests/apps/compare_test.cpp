#include <tests/apps/tool.h>
#include <tests/catch.h>

#include <nlohmann/json.hpp>

TEST_CASE("compare --json holds the five measures") {
  const ScratchFolder folder;
  const std::string cube = folder.write("cube.obj", cube_obj).string();
  const ToolRun run = run_tool({"compare", cube, cube, "--json", "--samples", "1000"});
  REQUIRE(run.code == 0);
  CHECK(run.err.empty());
  const auto result = nlohmann::ordered_json::parse(run.out);
  std::vector<std::string> keys;
  for (const auto& [key, value] : result.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"chamfer", "hausdorff95", "normal_consistency", "f_score", "flipped_faces"});
  CHECK(result["chamfer"].get<double>() == Approx(0).margin(1e-12));
  CHECK(result["hausdorff95"].get<double>() == Approx(0).margin(1e-12));
  CHECK(result["normal_consistency"].get<double>() > 0.99);
  CHECK(result["f_score"] == 1);
  CHECK(result["flipped_faces"] == 0);
}

TEST_CASE("compare measures a known distance, and takes samples and seed") {
  const ScratchFolder folder;
  const std::string low = folder.write("low.obj", "v 0 0 0\nv 3 0 0\nv 0 4 0\nf 1 2 3\n").string();
  const std::string high = folder.write("high.obj", "v 0 0 1\nv 3 0 1\nv 0 4 1\nf 1 2 3\n").string();
  const auto chamfer = [&](const std::string& b, std::vector<std::string> more) {
    std::vector<std::string> arguments{"compare", low, b, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(run_tool(arguments).out)["chamfer"].get<double>();
  };
  CHECK(chamfer(high, {}) == Approx(0.2));  // 1 over a diagonal of 5

  const std::string tilted = folder.write("tilted.obj", "v 0 0 0\nv 3 0 1\nv 0 4 0\nf 1 2 3\n").string();
  CHECK(chamfer(tilted, {"--samples", "100"}) == chamfer(tilted, {"--samples", "100"}));
  CHECK(chamfer(tilted, {"--samples", "100"}) != chamfer(tilted, {"--samples", "100", "--seed", "1"}));
  CHECK(chamfer(tilted, {"--samples", "100"}) != chamfer(tilted, {"--samples", "200"}));
}

TEST_CASE("compare prints a line a measure, aligned, with its meaning") {
  const ScratchFolder folder;
  const std::string cube = folder.write("cube.obj", cube_obj).string();
  const ToolRun run = run_tool({"compare", cube, cube, "--samples", "100"});
  CHECK(run.code == 0);
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') == 5);
  CHECK_THAT(run.out, ContainsSubstring("chamfer                 0.000000   mean distance"));
  CHECK_THAT(run.out, ContainsSubstring("flipped_faces                  0   faces of A"));
}

TEST_CASE("compare names the file that is wrong") {
  const ScratchFolder folder;
  const std::string cube = folder.write("cube.obj", cube_obj).string(), absent = (folder / "absent.obj").string();
  for (const auto& [a, b] : {std::pair(cube, absent), std::pair(absent, cube)}) {
    const ToolRun run = run_tool({"compare", a, b});
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    CHECK(run.error_lines() == 1);
    CHECK(run.err.starts_with("backlight: " + absent));
  }
  const std::string flat = folder.write("flat.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n").string();
  const ToolRun run = run_tool({"compare", cube, flat});
  CHECK(run.code == 1);
  CHECK(run.err == "backlight: A " + cube + ", B " + flat + ": compare: mesh B has no area\n");
}
