#include <apps/fit_job.h>
#include <render/fit/dataset.h>
#include <render/geometry/obj.h>
#include <render/image/image.h>
#include <signal.h>
#include <tests/apps/colmap_model.h>
#include <tests/apps/cube_pictures.h>
#include <tests/catch.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

namespace {

namespace fs = std::filesystem;

struct Pictures : CubePictures {
  ToolRun fit(const std::string& mesh, const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"fit",   "texture", path("views"), "--mesh", path(mesh),
                                       "--out", path(out), "--size",      "64"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(arguments);
  }
};

}  // namespace

TEST_CASE("fit texture writes a texture, a mesh that wears it, metrics and a report") {
  const Pictures place;
  const ToolRun run = place.fit("cube.obj", "fit", {"--steps", "5", "--json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json metrics = Json::parse(run.out);
  for (const char* key : {"psnr_heldout", "psnr_heldout_image", "coverage", "seconds", "peak_memory_mb"}) {
    INFO(key);
    CHECK(metrics[key].is_number());
  }
  CHECK(metrics["psnr_heldout"].get<double>() > 30);
  CHECK(metrics["coverage"].get<double>() > 0.9);
  CHECK(Json::parse(text_of(place / "fit" / "metrics.json")) == metrics);
  const std::vector<std::string> files = files_below(place / "fit");
  for (const char* name : {"mesh.mtl", "mesh.obj", "metrics.json", "preview.png", "report.html", "texture.png"}) {
    CHECK(std::ranges::count(files, name) == 1);
  }
  CHECK(render::image_size(place / "fit" / "texture.png") == std::array{64, 64});
  std::vector<std::string> warnings;
  const render::Mesh mesh = render::read_obj(place / "fit" / "mesh.obj", &warnings);
  CHECK(warnings.empty());
  CHECK(mesh.has_uvs());
  REQUIRE(mesh.materials.size() == 1);
  CHECK(fs::equivalent(mesh.materials[0].diffuse_map, place / "fit" / "texture.png"));
  CHECK_THAT(text_of(place / "fit" / "report.html"), ContainsSubstring("class=\"turntable\""));
}

TEST_CASE("fit texture gives the same bytes for any number of threads") {
  const Pictures place;
  REQUIRE(place.fit("cube.obj", "a", {"--steps", "3", "--threads", "1"}).code == 0);
  REQUIRE(place.fit("cube.obj", "b", {"--steps", "3", "--threads", "3"}).code == 0);
  CHECK(text_of(place / "a" / "texture.png") == text_of(place / "b" / "texture.png"));
  CHECK(text_of(place / "a" / "mesh.obj") == text_of(place / "b" / "mesh.obj"));
}

TEST_CASE("a mesh with coordinates on some faces only gets a new atlas, and the user is told") {
  const Pictures place;
  place.write("some.obj", std::string(cube_obj) + "vt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n");
  const ToolRun run = place.fit("some.obj", "fit", {"--steps", "1"});
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK_THAT(run.err, ContainsSubstring("some faces have no texture coordinates"));
}

TEST_CASE("coordinates that span no area get a new atlas; those far outside [0, 1] repeat the texture") {
  const Pictures place;
  const auto with_uvs = [&](const std::string& name, const std::string& uvs, const char* corners) {
    std::string text = uvs;
    for (const std::string_view face : {"4 3 2 1", "5 6 7 8", "1 2 6 5", "2 3 7 6", "3 4 8 7", "4 1 5 8"}) {
      text += "f";
      for (size_t i = 0; i < 4; ++i) text += " " + std::string(1, face[2 * i]) + "/" + corners[i];
      text += "\n";
    }
    const std::string cube(cube_obj);
    place.write(name, cube.substr(0, cube.find("f 4")) + text);
  };
  with_uvs("flat.obj", "vt 0.5 0.5\n", "1111");
  const ToolRun flat = place.fit("flat.obj", "flat", {"--steps", "1", "--json"});
  INFO(flat.err);
  CHECK(flat.code == 0);
  CHECK_THAT(flat.err, ContainsSubstring("the texture coordinates span no area: the mesh gets a new atlas"));
  CHECK(Json::parse(flat.out)["coverage"].get<double>() > 0.9);

  with_uvs("far.obj", "vt 40 -7\nvt 41 -7\nvt 41 -6\nvt 40 -6\n", "1234");
  const ToolRun far = place.fit("far.obj", "far", {"--steps", "1", "--json"});
  CHECK(far.code == 0);
  CHECK_THAT(far.err, ContainsSubstring("share texels (500% more area than texels)"));
  CHECK(Json::parse(far.out)["psnr_heldout"].is_number());

  with_uvs("farther.obj", "vt 1e8 0\nvt 1e8 1\nvt 1e8 .5\nvt 1e8 .2\n", "1234");
  const ToolRun farther = place.fit("farther.obj", "farther", {"--steps", "1", "--json"});
  CHECK(farther.code == 0);
  CHECK_THAT(farther.err, ContainsSubstring("the texture coordinates reach too far: the mesh gets a new atlas"));
  CHECK(Json::parse(farther.out)["coverage"].get<double>() > 0.9);

  with_uvs("nan.obj", "vt nan 0\n", "1111");
  const ToolRun nan = place.fit("nan.obj", "nan");
  CHECK(nan.code == 1);
  CHECK_THAT(nan.err, ContainsSubstring("nan.obj:9: 'nan' is not finite"));
}

TEST_CASE("a COLMAP text model is as good a dataset as transforms.json") {
  const Pictures place;
  const render::Dataset dataset = render::read_dataset(place / "views");
  fs::remove(place / "views" / "transforms.json");
  write_colmap_model(place / "views", dataset.views);
  const ToolRun run = place.fit("cube.obj", "fit", {"--steps", "5", "--json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(Json::parse(run.out)["psnr_heldout"].get<double>() > 30);
}

TEST_CASE("a mesh whose own texture cannot be read is painted anew") {
  const Pictures place;
  place.write("old.mtl", "newmtl old\nKd 0 1 0\nmap_Kd absent.png\n");
  place.write("old.obj", "mtllib old.mtl\nusemtl old\n" + std::string(cube_obj));
  const ToolRun run = place.fit("old.obj", "fit", {"--steps", "1"});
  INFO(run.err);
  CHECK(run.code == 0);
  CHECK_THAT(text_of(place / "fit" / "mesh.mtl"), ContainsSubstring("texture.png") && !ContainsSubstring("absent"));
}

TEST_CASE("fit texture refuses bad input in one line") {
  const Pictures place;
  const auto fails = [](const ToolRun& run, const std::string& reason) {
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK(run.error_lines() == 1);
    CHECK_THAT(run.err, ContainsSubstring(reason));
  };
  fails(place.fit("none.obj", "fit"), "none.obj");
  place.write("far.obj", "v 100 0 0\nv 101 0 0\nv 100 1 0\nf 1 2 3\n");
  fails(place.fit("far.obj", "fit"), "no training view shows the mesh");
  CHECK(run_tool({"fit", "texture", place.path("views"), "--out", place.path("fit")}).code == 2);
  CHECK(place.fit("cube.obj", "fit", {"--light", "lamp"}).code == 2);
  CHECK(place.fit("cube.obj", "fit", {"--tv", "-1"}).code == 2);
  CHECK(place.fit("cube.obj", "fit", {"--tv", "nan"}).code == 2);
  // A folder is left where it was found, and only there.
  const auto small = [&](const std::string& out) {
    return run_tool({"fit", "texture", place.path("views"), "--mesh", place.path("cube.obj"), "--out", place.path(out),
                     "--size", "16"});
  };
  fails(small("new/fit"), "has no room; expected a larger size");
  CHECK_FALSE(fs::exists(place / "new"));
  fs::create_directory(place / "mine");
  fails(small("mine/fit"), "has no room");
  CHECK(fs::is_empty(place / "mine"));
  CHECK(run_tool({"fit", "texture", "--help"}).code == 0);
}

TEST_CASE("fit shape --texture gives the shape an atlas and a texture") {
  const Pictures place;
  const ToolRun run = run_tool({"fit", "shape", place.path("views"), "--out", place.path("fit"), "--steps", "20",
                                "--texture", "--texture-size", "128", "--json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json metrics = Json::parse(run.out);
  CHECK(metrics["coverage"].get<double>() > 0.5);
  CHECK(metrics["steps"] >= 20);  // more where one colour does not do
  CHECK(metrics["texture_size"] == 128);
  CHECK(render::read_obj(place / "fit" / "mesh.obj").has_uvs());
  CHECK(fs::exists(place / "fit" / "texture.png"));
}

TEST_CASE("Ctrl-C while the texture is painted ends the job, and the metrics say so") {
  const Pictures place;
  const FitJob job{.dataset = render::read_dataset(place / "views"), .out = place / ""};
  std::thread user([&] {  // a preview is there once painting has gone on for seconds
    while (!fs::exists(place / "preview.png")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    kill(getpid(), SIGINT);
  });
  const FitOutcome outcome =
      fit_shape(job, {.steps = 1, .albedo = render::Albedo::vertex}, {{.size = 128, .steps = 100'000'000}});
  user.join();
  CHECK(outcome.metrics["exit_reason"] == "interrupted");
  CHECK(outcome.metrics["steps"] == 1);
  CHECK(Json::parse(text_of(place / "metrics.json"))["exit_reason"] == "interrupted");
}
