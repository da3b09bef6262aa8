#include <autograd/core/error.h>
#include <render/fit/dataset.h>

#include <locale>
#include <string>

#include "tests/catch.h"
#include "tests/render/sample_files.h"

namespace ag = autograd;
namespace fs = std::filesystem;
using render::Camera;
using render::Dataset;
using render::View;

namespace {

std::vector<View> some_views() {
  std::vector<View> views;
  for (const Camera& camera : render::cameras_around({1, 2, 3}, 0.7, 3, 6, 4, 11)) {
    views.push_back({"", camera, sample::plain(6, 4, {10, 20, 30, static_cast<unsigned char>(140 + views.size())})});
  }
  return views;
}

}  // namespace

TEST_CASE("A dataset is read back bit for bit") {
  const sample::Folder folder;
  std::vector<View> views = some_views();
  SECTION("with intrinsics in common") {}
  SECTION("with intrinsics of each frame's own") {
    views[1].camera.fx = 1.0 / 3;
    views[1].camera.cy = 0.1 + 0.2;
    views[2].camera.width = 3;
    views[2].image = sample::plain(3, 4, {1, 2, 3, 204});
  }
  render::write_dataset(folder / "set", views);
  const Dataset dataset = render::read_dataset(folder / "set");
  CHECK(dataset.warnings.empty());
  REQUIRE(dataset.views.size() == views.size());
  for (size_t i = 0; i < views.size(); ++i) {
    CHECK(dataset.views[i].camera == views[i].camera);
    CHECK(dataset.views[i].image == views[i].image);
    CHECK(dataset.views[i].name == "images/00" + std::to_string(i) + ".png");
  }
  CHECK(sample::names_in(folder / "set") == std::vector<std::string>{"images", "transforms.json"});
  CHECK(sample::names_in(folder / "set" / "images") == std::vector<std::string>{"000.png", "001.png", "002.png"});
}

TEST_CASE("transforms.json has both the angle and the pixels") {
  const sample::Folder folder;
  View view = some_views()[0];
  view.camera.fx = 3;
  render::write_dataset(folder.path(), {view});
  const std::vector<unsigned char> bytes = render::read_file(folder / "transforms.json");
  const std::string text(bytes.begin(), bytes.end());
  for (const char* key : {"\"camera_angle_x\": 1.5707963267948966", "\"fl_x\": 3.0", "\"fl_y\": 5.6", "\"cx\": 3.0",
                          "\"cy\": 2.0", "\"w\": 6", "\"h\": 4", "\"file_path\": \"images/000.png\""}) {
    CHECK_THAT(text, ContainsSubstring(key));
  }
  CHECK(text.find("camera_angle_x") < text.find("frames"));
}

TEST_CASE("Writing twice gives the same bytes, and replaces an older dataset") {
  const sample::Folder folder;
  const std::vector<View> views = some_views();
  render::write_dataset(folder / "a", {views[2], views[1]});
  render::write_dataset(folder / "a", views);
  render::write_dataset(folder / "b", views);
  for (const char* name : {"transforms.json", "images/000.png", "images/002.png"}) {
    CHECK(render::read_file(folder / "a" / name) == render::read_file(folder / "b" / name));
  }
}

TEST_CASE("A dataset that cannot be written completely has no transforms.json") {
  const sample::Folder folder;
  render::write_dataset(folder.path(), some_views());
  fs::remove(folder / "images" / "001.png");
  fs::create_directory(folder / "images" / "001.png");
  REQUIRE_THROWS_WITH(render::write_dataset(folder.path(), some_views()), ContainsSubstring("001.png: Is a directory"));
  CHECK_FALSE(fs::exists(folder / "transforms.json"));
}

TEST_CASE("write_dataset refuses views that make no dataset") {
  const sample::Folder folder;
  REQUIRE_THROWS_AS(render::write_dataset(folder / "set", {}), ag::ValueError);
  View view = some_views()[0];
  view.camera.width = 7;
  REQUIRE_THROWS_WITH(render::write_dataset(folder / "set", {view}),
                      ContainsSubstring("view 0 has a camera of 7x4 and an image of 6x4"));
  CHECK(sample::names_in(folder.path()).empty());
  render::write_file(folder / "file", std::string_view("x"));
  REQUIRE_THROWS_AS(render::write_dataset(folder / "file", some_views()), render::FileError);
}

TEST_CASE("Numbers do not follow the locale") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\1"; }
  };
  const sample::Folder folder;
  const std::vector<View> views = some_views();
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  render::write_dataset(folder.path(), views);
  const Dataset dataset = render::read_dataset(folder.path());
  std::locale::global(before);
  CHECK(dataset.views[1].camera == views[1].camera);
}
