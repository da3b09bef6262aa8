#include <render/geometry/obj.h>
#include <render/image/image.h>
#include <tests/apps/tool.h>
#include <tests/catch.h>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;

Json fit(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"fit", "sdf"});
  arguments.push_back("--json");
  const ToolRun run = run_tool(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

}  // namespace

TEST_CASE("fit sdf goes microDR's way, and arrives on its own") {
  const Json metrics = fit({"--example", "sphere"});
  // What microDR prints at step 190.
  const Json& recipe = metrics["recipe"];
  CHECK(recipe["steps"] == 200);
  CHECK(recipe["at_step"] == 190);
  CHECK(recipe["loss"].get<double>() == Approx(0.084040).epsilon(0).margin(1e-5));
  CHECK(recipe["center_x"].get<double>() == Approx(0.3718).epsilon(0).margin(1e-4));
  CHECK(recipe["center_y"].get<double>() == Approx(0.2785).epsilon(0).margin(1e-4));
  CHECK(recipe["radius"].get<double>() == Approx(0.3765).epsilon(0).margin(1e-4));
  CHECK(metrics["center_error"].get<double>() < 1e-3);
  CHECK(metrics["radius_error"].get<double>() < 1e-3);
  CHECK(metrics["loss"].get<double>() < 1e-7);
  CHECK(metrics["milliseconds"].get<double>() > recipe["milliseconds"].get<double>());
}

TEST_CASE("fit sdf finds a sphere in four views and writes what it found") {
  const ScratchFolder place;
  const std::string out = (place / "fit").string();
  const Json metrics = fit({"--example", "sphere-views", "--out", out});
  CHECK(metrics["views"] == 4);
  CHECK(metrics["size"] == 256);
  CHECK(metrics["center_error"].get<double>() < 1e-3);
  CHECK(metrics["radius_error"].get<double>() < 1e-3);
  CHECK(metrics["exit_reason"] == "finished");
  CHECK(Json::parse(text_of(place / "fit" / "metrics.json")) == metrics);
  CHECK(files_below(place / "fit").size() == 19);  // mesh, metrics, report, 4 x 4 images
  CHECK(render::read_image(place / "fit" / "images" / "003_fit.png").width == 256);
  CHECK_THAT(text_of(place / "fit" / "report.html"), ContainsSubstring("data:image/png;base64,"));
  const render::Mesh mesh = render::read_obj(place / "fit" / "mesh.obj");
  CHECK(mesh.faces() > 1000);
  CHECK(render::bounds(mesh).upper[0] == Approx(1).margin(0.01));  // centre 0.2, radius 0.8
}

TEST_CASE("fit sdf finds three shapes, every number within 1%") {
  const Json metrics = fit({"--example", "three-shapes", "--size", "128"});
  CHECK(metrics["parameter_error"].get<double>() < 0.01);
  size_t numbers = 0;
  for (const Json& parameter : metrics["parameters"]) numbers += parameter["found"].size();
  CHECK(numbers == 25);
}

TEST_CASE("fit sdf gives the same numbers for any threads") {
  Json first = fit({"--example", "sphere-views", "--size", "32", "--threads", "1"});
  Json second = fit({"--example", "sphere-views", "--size", "32", "--threads", "3"});
  first.erase("milliseconds");
  second.erase("milliseconds");
  CHECK(first == second);
}

TEST_CASE("fit sdf says how it is used") {
  const ToolRun help = run_tool({"fit", "sdf", "--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, ContainsSubstring("backlight fit sdf --example sphere"));
  CHECK(run_tool({"fit", "sdf"}).code == 2);
  CHECK(run_tool({"fit", "sdf", "--example", "cone"}).code == 2);
  for (const char* size : {"0", "20", "2048", "64.0", "many"}) {
    const ToolRun run = run_tool({"fit", "sdf", "--example", "three-shapes", "--size", size});
    CHECK(run.code == 2);
    CHECK(run.error_lines() == 1);
  }
  const ScratchFolder place;
  place.write("file", "");
  const ToolRun blocked = run_tool({"fit", "sdf", "--example", "sphere", "--out", (place / "file" / "x").string()});
  CHECK(blocked.code == 1);
  CHECK(blocked.error_lines() == 1);
}
