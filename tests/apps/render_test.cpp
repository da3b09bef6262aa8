#include <render/fit/dataset.h>
#include <render/geometry/obj.h>
#include <render/image/metrics.h>
#include <tests/apps/tool.h>
#include <tests/catch.h>

#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;

/// A folder with cube.obj, for `backlight render`.
struct Workplace : ScratchFolder {
  std::string mesh = write("cube.obj", cube_obj).string();

  ToolRun render(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"render", mesh, "--out", (*this / out).string(), "--views", "3", "--size", "24"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(arguments);
  }
};

/// A triangle with UVs and a material whose map is `map`.
std::string textured_obj(const ScratchFolder& folder, const std::string& map) {
  folder.write("leaf.mtl", "newmtl leaf\nKd 0 1 0\nmap_Kd " + map + "\n");
  return folder
      .write("leaf.obj",
             "mtllib leaf.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl leaf\nf 1/1 2/2 3/3\n")
      .string();
}

void check_failure(const ToolRun& run, const std::string& reason) {
  INFO(run.err);
  CHECK(run.code == 1);
  CHECK(run.out.empty());
  CHECK(run.error_lines() == 1);
  CHECK(run.err.starts_with("backlight: "));
  CHECK_THAT(run.err, ContainsSubstring(reason));
}

}  // namespace

TEST_CASE("render writes a dataset that reads back") {
  const Workplace place;
  const ToolRun run = place.render("views");
  REQUIRE(run.code == 0);
  CHECK(run.err.empty());
  CHECK_THAT(run.out, ContainsSubstring("3 views of 24 x 24 pixels"));
  CHECK(files_below(place / "views") == std::vector<std::string>{"images/000.png", "images/001.png", "images/002.png",
                                                                 "transforms.json", "truth.json"});

  const render::Dataset dataset = render::read_dataset(place / "views");
  CHECK(dataset.warnings.empty());
  REQUIRE(dataset.views.size() == 3);
  for (const render::View& view : dataset.views) {
    CHECK(view.image.has_alpha);
    CHECK(view.image.rgba[3] == 0);                         // the corner is empty
    CHECK(view.image.rgba[(12 * 24 + 12) * 4 + 3] == 255);  // the middle is not
  }
}

TEST_CASE("render's truth.json tells how the images were made, and the dataset does not need it") {
  const Workplace place;
  REQUIRE(place.render("views", {"--seed", "7", "--light", "sun", "--samples", "4"}).code == 0);
  const Json truth = Json::parse(text_of(place / "views" / "truth.json"));
  CHECK(truth == Json{{"backlight", version()},
                      {"mesh", place.mesh},
                      {"light", "sun"},
                      {"seed", 7},
                      {"samples", 4},
                      {"views", 3},
                      {"size", 24}});
  CHECK(text_of(place / "views" / "transforms.json").find("sun") == std::string::npos);
}

TEST_CASE("render gives the same bytes for the same arguments, and other cameras for another seed") {
  const Workplace place;
  REQUIRE(place.render("a").code == 0);
  REQUIRE(place.render("b").code == 0);
  REQUIRE(place.render("c", {"--seed", "1"}).code == 0);
  for (const std::string& name : files_below(place / "a"))
    CHECK(text_of(place / "a" / name) == text_of(place / "b" / name));
  CHECK(text_of(place / "a" / "transforms.json") != text_of(place / "c" / "transforms.json"));
}

TEST_CASE("render --json prints one object and nothing else") {
  const Workplace place;
  const ToolRun run = place.render("views", {"--json"});
  REQUIRE(run.code == 0);
  const Json result = Json::parse(run.out);
  CHECK(result["views"] == 3);
  CHECK(result["faces"] == 12);
  CHECK(result["dataset"] == (place / "views" / "transforms.json").string());
}

TEST_CASE("render's light and texture are seen in the images") {
  const ScratchFolder folder;
  const render::Image8 blue = sample::plain(2, 2, {0, 0, 255, 255});
  render::write_png(folder / "blue.png", 2, 2, 4, blue.rgba);
  const auto middle = [&](const std::string& mesh, std::vector<std::string> more) {
    std::vector<std::string> arguments{"render",  mesh, "--out",  (folder / "out").string(),
                                       "--views", "1",  "--size", "32"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ToolRun run = run_tool(arguments);
    INFO(run.err);
    REQUIRE(run.code == 0);
    const render::Image8 image = render::read_image(folder / "out" / "images" / "000.png");
    for (size_t pixel = 0; pixel < image.rgba.size(); pixel += 4) {
      if (image.rgba[pixel + 3] == 255)
        return std::vector(image.rgba.begin() + static_cast<std::ptrdiff_t>(pixel),
                           image.rgba.begin() + static_cast<std::ptrdiff_t>(pixel + 3));
    }
    return std::vector<unsigned char>();
  };
  using Rgb = std::vector<unsigned char>;
  CHECK(middle(textured_obj(folder, "blue.png"), {"--light", "none"}) == Rgb{0, 0, 255});
  CHECK(middle(folder.write("cube.obj", cube_obj).string(), {"--light", "none"}) == Rgb{231, 231, 231});
  const Rgb lit = middle((folder / "cube.obj").string(), {});
  CHECK(lit[0] < 231);
  CHECK(middle(textured_obj(folder, "absent.png"), {"--light", "none", "--texture", (folder / "blue.png").string()}) ==
        Rgb{0, 0, 255});
}

TEST_CASE("render goes on with Kd, and says so, where a map cannot be read") {
  const ScratchFolder folder;
  folder.write("broken.png", "no png");
  const std::string map = GENERATE("absent.png", "broken.png");
  const ToolRun run = run_tool(
      {"render", textured_obj(folder, map), "--out", (folder / "out").string(), "--views", "1", "--size", "8"});
  CHECK(run.code == 0);
  CHECK(run.error_lines() == 1);
  CHECK(run.err.starts_with("backlight: warning: "));
  CHECK_THAT(run.err, ContainsSubstring(map) && ContainsSubstring("Kd (or vertex colours) stands in"));
  const render::Image8 image = render::read_image(folder / "out" / "images" / "000.png");
  for (size_t at = 0; at < image.rgba.size(); at += 4) {
    if (image.rgba[at + 3] == 255) CHECK((image.rgba[at] == 0 && image.rgba[at + 1] > 0 && image.rgba[at + 2] == 0));
  }
}

TEST_CASE("render tells how many faces a texture has no place on") {
  const ScratchFolder folder;
  const render::Image8 odd = sample::plain(3, 5, {0, 0, 255, 255});
  render::write_png(folder / "odd.png", 3, 5, 4, odd.rgba);
  const std::string mesh = textured_obj(folder, "odd.png");
  folder.write("leaf.obj", text_of(mesh) + "v 0 0 1\nf 1 2 4\n");
  const ToolRun run = run_tool({"render", mesh, "--out", (folder / "out").string(), "--views", "1", "--size", "8"});
  CHECK(run.code == 0);
  CHECK(run.err ==
        "backlight: warning: 1 of 2 faces have no texture coordinates; they are drawn without the texture\n");
}

TEST_CASE("render fails with one line, and leaves nothing behind") {
  const Workplace place;
  SECTION("no such mesh") {
    const std::string absent = (place / "absent.obj").string();
    check_failure(run_tool({"render", absent, "--out", (place / "out").string()}), absent);
    CHECK(files_below(place.path()) == std::vector<std::string>{"cube.obj"});
    CHECK_FALSE(std::filesystem::exists(place / "out"));
  }
  SECTION("not a mesh") {
    const std::string text = place.write("text.obj", "hello\n").string();
    check_failure(run_tool({"render", text, "--out", (place / "out").string()}), text);
    CHECK_FALSE(std::filesystem::exists(place / "out"));
  }
  SECTION("a texture that is missing") {
    check_failure(place.render("out", {"--texture", (place / "absent.png").string()}), "absent.png");
    CHECK_FALSE(std::filesystem::exists(place / "out"));
  }
  SECTION("a texture for a mesh without UVs") {
    const render::Image8 white = sample::plain(1, 1, {255, 255, 255, 255});
    render::write_png(place / "white.png", 1, 1, 4, white.rgba);
    check_failure(place.render("out", {"--texture", (place / "white.png").string()}), "the mesh has no UVs");
    CHECK_FALSE(std::filesystem::exists(place / "out"));
  }
  SECTION("an output folder below a file") {
    check_failure(place.render("cube.obj/out"), "cube.obj");
    CHECK(text_of(place / "cube.obj") == cube_obj);
    CHECK(files_below(place.path()) == std::vector<std::string>{"cube.obj"});
  }
  SECTION("an output folder that is a file") {
    check_failure(place.render("cube.obj"), "cube.obj");
    CHECK(text_of(place / "cube.obj") == cube_obj);
  }
  SECTION("a mesh without extent") {
    const std::string point = place.write("point.obj", "v 1 2 3\nv 1 2 3\nv 1 2 3\nf 1 2 3\n").string();
    check_failure(run_tool({"render", point, "--out", (place / "out").string()}), "no extent");
    CHECK_FALSE(std::filesystem::exists(place / "out"));
  }
  SECTION("more samples than can be held") {
    check_failure(
        run_tool({"render", place.mesh, "--out", (place / "out").string(), "--size", "4096", "--samples", "256"}),
        "expected 1 to 1024 a side");
    CHECK_FALSE(std::filesystem::exists(place / "out"));
  }
}

TEST_CASE("a full standard output is a failure") {
  if (!std::filesystem::exists("/dev/full")) return;
  const Workplace place;
  const ToolRun run = run_tool({"compare", place.mesh, place.mesh, "--samples", "10"}, "/dev/full");
  CHECK(run.code == 1);
  CHECK(run.err.starts_with("backlight: standard output: "));
}
