#include <fcntl.h>
#include <render/geometry/obj.h>
#include <signal.h>
#include <tests/apps/cube_pictures.h>
#include <tests/catch.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

struct Pictures : CubePictures {
  ToolRun fit(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"fit", "shape", path("views"), "--out", path(out)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(arguments);
  }
};

void check_failure(const ToolRun& run, const std::string& reason) {
  INFO(run.err);
  CHECK(run.code == 1);
  CHECK(run.out.empty());
  CHECK(run.error_lines() == 1);
  CHECK_THAT(run.err, ContainsSubstring(reason));
}

/// Starts the tool, waits until `ready` exists, sends SIGINT, and returns its exit code.
int interrupt_tool(const std::vector<std::string>& arguments, const fs::path& ready) {
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    for (int stream = 0; stream < 3; ++stream) dup2(null, stream);
    std::vector<char*> words{const_cast<char*>(BACKLIGHT_TOOL)};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    execv(BACKLIGHT_TOOL, words.data());
    _exit(127);
  }
  int status = 0;
  while (!fs::exists(ready)) {
    if (waitpid(child, &status, WNOHANG) == child) return -1;  // ended before it was asked to
    usleep(20000);
  }
  kill(child, SIGINT);
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("fit shape writes a mesh, pictures, metrics and a report") {
  const Pictures place;
  const ToolRun run = place.fit("fit", {"--steps", "30", "--json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json metrics = Json::parse(run.out);
  for (const char* key : {"iou_heldout", "iou_heldout_min", "psnr_heldout", "psnr_heldout_image", "loss", "steps",
                          "seconds", "peak_memory_mb", "threads", "vertices", "faces", "exit_reason"}) {
    INFO(key);
    CHECK(metrics.contains(key));
  }
  CHECK(metrics["exit_reason"] == "finished");
  CHECK(metrics["vertices"] == 10242);
  CHECK(metrics["iou_heldout"].get<double>() > 0.8);
  CHECK(Json::parse(text_of(place / "fit" / "metrics.json")) == metrics);
  CHECK(files_below(place / "fit").size() == 16);  // mesh, metrics, preview, report, 4 x 3 images
  CHECK(render::read_obj(place / "fit" / "mesh.obj").has_colors());
  CHECK_THAT(text_of(place / "fit" / "report.html"), ContainsSubstring("data:image/png;base64,"));
}

TEST_CASE("fit shape gives the same bytes for a seed: any threads, without truth.json, with unknown keys") {
  const Pictures place;
  const std::vector<std::string> options{"--steps", "12", "--seed", "5", "--albedo", "vertex"};
  const auto mesh_of = [&](const std::string& out, const std::string& threads) {
    std::vector<std::string> arguments = options;
    arguments.insert(arguments.end(), {"--threads", threads});
    REQUIRE(place.fit(out, arguments).code == 0);
    return text_of(place / out / "mesh.obj");
  };
  const std::string first = mesh_of("a", "1");
  CHECK(mesh_of("b", "2") == first);
  fs::remove(place / "views" / "truth.json");
  Json json = Json::parse(text_of(place / "views" / "transforms.json"));
  json["scanner"] = "none";
  json["frames"][0]["sharpness"] = 31.5;
  place.write("views/transforms.json", json.dump());
  CHECK(mesh_of("c", "2") == first);
  std::vector<std::string> other = options;
  other[3] = "6";
  REQUIRE(place.fit("d", other).code == 0);
  CHECK(text_of(place / "d" / "mesh.obj") != first);
}

TEST_CASE("Ctrl-C ends a fit early and still writes the mesh") {
  const Pictures place;
  const int code =
      interrupt_tool({"fit", "shape", place.path("views"), "--out", place.path("fit"), "--steps", "100000"},
                     place / "fit" / "preview.png");
  CHECK(code == 0);
  const Json metrics = Json::parse(text_of(place / "fit" / "metrics.json"));
  CHECK(metrics["exit_reason"] == "interrupted");
  CHECK(metrics["steps"].get<int>() > 0);
  CHECK(render::read_obj(place / "fit" / "mesh.obj").vertices() == 10242);
}

TEST_CASE("fit shape keeps the faces and UVs of --init") {
  const Pictures place;
  place.write("start.obj",
              "v -1 -1 -1\nv 1 -1 -1\nv 0 1 -1\nv 0 0 1\nvt 0 0\nvt 1 0\nvt 0 1\n"
              "f 1/1 3/2 2/3\nf 1/1 2/2 4/3\nf 2/1 3/2 4/3\nf 3/1 1/2 4/3\n");
  REQUIRE(place.fit("fit", {"--steps", "3", "--init", place.path("start.obj")}).code == 0);
  const render::Mesh start = render::read_obj(place / "start.obj"),
                     fitted = render::read_obj(place / "fit" / "mesh.obj");
  CHECK(fitted.triangles.to_vector<int32_t>() == start.triangles.to_vector<int32_t>());
  CHECK(fitted.uvs.to_vector<float>() == start.uvs.to_vector<float>());
  CHECK(fitted.uv_triangles.to_vector<int32_t>() == start.uv_triangles.to_vector<int32_t>());
}

TEST_CASE("fit shape refuses bad input in one line and leaves nothing") {
  const Pictures place;
  check_failure(run_tool({"fit", "shape", place.path("nowhere"), "--out", place.path("fit")}),
                "nowhere/transforms.json");
  check_failure(place.fit("cube.obj/fit"), "cube.obj/fit");
  check_failure(place.fit("fit", {"--init", place.path("none.obj")}), "none.obj");
  place.write("far.obj", "v 100 0 0\nv 101 0 0\nv 100 1 0\nf 1 2 3\n");
  check_failure(place.fit("fit", {"--init", place.path("far.obj")}),
                place.path("views") + ": fit: no training view shows the mesh to start from");
  check_failure(place.fit("fit", {"--holdout", "1"}), place.path("views") + ": fit: no views to learn from");
  fs::resize_file(place / "views" / "images" / "002.png", 100);
  check_failure(place.fit("fit"), "images/002.png: the file is cut short");
  CHECK(!fs::exists(place / "fit" / "mesh.obj"));
}

TEST_CASE("fit shape says how it is used") {
  const ToolRun help = run_tool({"fit", "shape", "--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, ContainsSubstring("backlight fit shape views --out fitted"));
  CHECK(run_tool({"fit", "shape"}).code == 2);
  CHECK(run_tool({"fit", "shape", "x", "--out", "y", "--background", "1,2"}).code == 2);
  CHECK(run_tool({"fit", "shape", "x", "--out", "y", "--steps", "0"}).code == 2);
}

TEST_CASE("demo fits its creature and says where to look") {
  const ScratchFolder place;
  const ToolRun run = run_tool({"demo", "--steps", "20", "--out", (place / "demo").string()});
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK_THAT(run.out, ContainsSubstring("report.html"));
  const Json metrics = Json::parse(text_of(place / "demo" / "metrics.json"));
  CHECK(metrics["chamfer"].get<double>() < 0.1);
  CHECK(fs::exists(place / "demo" / "target.obj"));
}
