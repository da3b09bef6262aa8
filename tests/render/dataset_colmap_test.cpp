#include <render/fit/dataset.h>
#include <render/geometry/camera_convention.h>
#include <tests/catch.h>
#include <tests/render/sample_files.h>

#include <string>

using namespace render;
namespace fs = std::filesystem;

namespace {

/// A folder with a COLMAP model of two images of 6x4 pixels.
struct Model : sample::Folder {
  fs::path model = path() / "sparse" / "0";

  Model() {
    fs::create_directories(model);
    fs::create_directories(path() / "images");
    image("images/b.png");
    image("images/a.png", {1, 2, 3, 255});
    cameras("1 PINHOLE 6 4 10 11 3.5 1.75\n2 SIMPLE_PINHOLE 6 4 12 3 2\n");
    images(
        "1 0 1 0 0 0 0 5 1 b.png\n100.5 20.5 -1 33 44 7\n"
        "# a comment between\n\n"
        "7 0.7071067811865476 0 0 0.7071067811865476 1 2 3 2 a.png\r\n\n");
  }
  void cameras(const std::string& text) const { write_file(model / "cameras.txt", "# a camera a line\n" + text); }
  void images(const std::string& text) const { write_file(model / "images.txt", "# two lines an image\n" + text); }
  /// One image, b.png, whose line ends in this.
  void image_line(const std::string& text) const { images("1 " + text + "\n\n"); }
  void image(const std::string& name, const std::array<unsigned char, 4>& rgba = {200, 100, 50, 180}) const {
    fs::create_directories((path() / name).parent_path());
    write_png(path() / name, 6, 4, 4, sample::plain(6, 4, rgba).rgba);
  }
  void image_without_alpha(const std::string& name) const {
    write_png(path() / name, 6, 4, 1, std::vector<unsigned char>(24, 90));
  }
  void mask(const std::string& name, unsigned char value) const {
    fs::create_directories((path() / name).parent_path());
    write_png(path() / name, 6, 4, 1, std::vector<unsigned char>(24, value));
  }
  Dataset read(const DatasetOptions& options = {}) const { return read_dataset(path(), options); }
  std::string fault() const {
    try {
      read();
    } catch (const FileError& error) {
      const std::string text = error.what();
      CHECK(text.find('\n') == std::string::npos);
      return text;
    }
    return "none";
  }
};

}  // namespace

TEST_CASE("a COLMAP text model is a dataset: views by name, poses and pixels as ours") {
  const Model folder;
  // The axes that --convention names are those of transforms.json.
  const Dataset dataset = folder.read({.convention = GENERATE(Convention::opengl, Convention::opencv)});
  REQUIRE(dataset.views.size() == 2);
  const auto& [a, b] = std::tie(dataset.views[0], dataset.views[1]);
  CHECK(a.name == "a.png");
  CHECK(b.name == "b.png");
  CHECK(a.image == sample::plain(6, 4, {1, 2, 3, 255}));
  CHECK((a.camera.fx == 12 && a.camera.fy == 12 && a.camera.cx == 3 && a.camera.cy == 2));
  CHECK((b.camera.fx == 10 && b.camera.fy == 11 && b.camera.cx == 3.5 && b.camera.cy == 1.75));
  CHECK((a.camera.width == 6 && a.camera.height == 4));
  const Matrix4 turned{0, -1, 0, -2, -1, 0, 0, 1, 0, 0, -1, -3, 0, 0, 0, 1},
      front{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 5, 0, 0, 0, 1};
  for (size_t i = 0; i < 16; ++i) {
    CHECK(a.camera.world_from_camera[i] == Approx(turned[i]).margin(1e-12));
    CHECK(b.camera.world_from_camera[i] == Approx(front[i]).margin(1e-12));
  }
  // b looks at the origin from (0, 0, 5): a point right of it and above is seen right of the middle and above.
  const Matrix4 clip = clip_from_world(b.camera, 0.1, 10);
  const double w = 5, x = clip[0] * 1 + clip[3], y = clip[5] * 1 + clip[7];
  CHECK((x / w + 1) * 3 == Approx(3.5 + 10.0 / 5).margin(1e-9));
  CHECK((1 - y / w) * 2 == Approx(1.75 - 11.0 / 5).margin(1e-9));
}

TEST_CASE("a COLMAP model is the same dataset as transforms.json with its poses") {
  const sample::Folder rendered;
  std::vector<View> views;
  for (const Camera& camera : cameras_around({1, 2, 3}, 2, 5, 6, 4, 3)) {
    views.push_back({std::to_string(views.size()), camera, sample::plain(6, 4, {9, 9, 9, 77})});
  }
  write_dataset(rendered.path(), views);
  const Dataset expected = read_dataset(rendered.path());
  std::string cameras, images;
  for (size_t i = 0; i < views.size(); ++i) {
    const auto& [name, camera, image] = expected.views[i];
    const ColmapPose pose = pose_to_colmap(camera.world_from_camera);
    char line[600];
    std::snprintf(line, sizeof line, "%zu PINHOLE 6 4 %.17g %.17g %.17g %.17g\n", i, camera.fx, camera.fy, camera.cx,
                  camera.cy);
    cameras += line;
    const auto& [q, t] = pose;
    std::snprintf(line, sizeof line, "%zu %.17g %.17g %.17g %.17g %.17g %.17g %.17g %zu %03zu.png\n\n", i, q[0], q[1],
                  q[2], q[3], t[0], t[1], t[2], i, i);
    images += line;
  }
  fs::remove(rendered / "transforms.json");
  write_file(rendered / "cameras.txt", cameras);
  write_file(rendered / "images.txt", images);
  const Dataset dataset = read_dataset(rendered.path());
  REQUIRE(dataset.views.size() == views.size());
  for (size_t i = 0; i < views.size(); ++i) {
    const Camera &got = dataset.views[i].camera, &wanted = expected.views[i].camera;
    CHECK((got.fx == wanted.fx && got.cx == wanted.cx));
    for (size_t k = 0; k < 16; ++k)
      CHECK(got.world_from_camera[k] == Approx(wanted.world_from_camera[k]).margin(1e-12));
    CHECK(dataset.views[i].image == expected.views[i].image);
  }
}

TEST_CASE("the model may lie in sparse/0, in sparse or beside the images; transforms.json comes first") {
  const Model folder;
  const auto move_to = [&](const fs::path& place) {
    for (const char* name : {"cameras.txt", "images.txt"}) fs::rename(folder.model / name, place / name);
  };
  SECTION("sparse") {
    move_to(folder / "sparse");
    CHECK(folder.read().views.size() == 2);
  }
  SECTION("the folder itself, images there too") {
    move_to(folder.path());
    fs::rename(folder / "images/a.png", folder / "a.png");
    CHECK(folder.read().views.size() == 2);
  }
  SECTION("transforms.json") {
    write_file(folder / "transforms.json", "{}");
    CHECK_THAT(folder.fault(), ContainsSubstring("transforms.json: no frames"));
  }
}

TEST_CASE("images of a COLMAP model get masks from masks/ or the background") {
  const Model folder;
  folder.image_without_alpha("images/b.png");
  folder.image_line("0 1 0 0 0 0 5 1 b.png");
  CHECK_THAT(folder.fault(), ContainsSubstring("images.txt:2 (b.png): ") &&
                                 ContainsSubstring("has no mask; give it an alpha channel") &&
                                 ContainsSubstring("masks/b.png") && ContainsSubstring("--background R,G,B"));
  const auto alpha = [&](const DatasetOptions& options = {}) {
    return static_cast<int>(folder.read(options).views.at(0).image.rgba[3]);
  };
  CHECK(alpha({.background = Background{{90, 90, 90}}}) == 0);
  CHECK(alpha({.background = Background{{0, 0, 0}}}) == 255);
  folder.mask("masks/b.png", 40);
  CHECK(alpha() == 40);
  folder.mask("masks/b.png.png", 50);  // as COLMAP names them
  CHECK(alpha() == 50);
}

TEST_CASE("names of images may lead through folders, hold spaces and other letters, but not lead out") {
  const Model folder;
  const std::string name = GENERATE("left/one.png", "my photo 1.png", "b\xc3\xa4r.png");
  folder.image("images/" + name);
  folder.image_line("0 1 0 0 0 0 5 1 " + name);
  REQUIRE(folder.read().views.size() == 1);
  CHECK(folder.read().views[0].name == name);
  folder.image_line("0 1 0 0 0 0 5 1 ../" + name);
  CHECK_THAT(folder.fault(), ContainsSubstring("leads out of the dataset's folder"));
}

TEST_CASE("lenses with distortion are refused with what to do") {
  const Model folder;
  const std::string model = GENERATE("SIMPLE_RADIAL", "RADIAL", "OPENCV", "OPENCV_FISHEYE", "FOV", "nonsense");
  folder.cameras("1 " + model + " 6 4 10 3 2 0.01\n");
  CHECK_THAT(folder.fault(), ContainsSubstring("cameras.txt:2: camera 1 is " + model) &&
                                 ContainsSubstring("expected PINHOLE or SIMPLE_PINHOLE") &&
                                 ContainsSubstring("colmap image_undistorter"));
}

TEST_CASE("a binary model is refused with what to do") {
  const Model folder;
  fs::remove(folder.model / "cameras.txt");
  write_file(folder.model / "cameras.bin", "x");
  CHECK_THAT(folder.fault(), ContainsSubstring("cameras.bin: a binary COLMAP model") &&
                                 ContainsSubstring("colmap model_converter") && ContainsSubstring("--output_type TXT"));
}

TEST_CASE("what is wrong in cameras.txt is named with its line") {
  const Model folder;
  const auto fault = [&](const std::string& text) {
    folder.cameras(text);
    return folder.fault();
  };
  CHECK_THAT(fault("x PINHOLE 6 4 10 11 3 2"),
             ContainsSubstring("cameras.txt:2: CAMERA_ID is 'x'; expected a finite number"));
  CHECK_THAT(fault("1"), ContainsSubstring("cameras.txt:2: MODEL is missing"));
  CHECK_THAT(fault("1 PINHOLE 6 4 10 11 3"), ContainsSubstring("the principal point's row is missing"));
  CHECK_THAT(fault("1 PINHOLE 6 4.5 10 11 3 2"), ContainsSubstring("HEIGHT is '4.5'"));
  CHECK_THAT(fault("1 PINHOLE 6 4 nan 11 3 2"), ContainsSubstring("the focal length is 'nan'"));
  CHECK_THAT(fault("1 SIMPLE_PINHOLE 6 4 10 3 2 0"),
             ContainsSubstring("camera 1 has more numbers than its model SIMPLE_PINHOLE"));
  CHECK_THAT(fault("1 SIMPLE_PINHOLE 6 0 10 3 2"), ContainsSubstring("6x0 pixels"));
  CHECK_THAT(fault("1 SIMPLE_PINHOLE 6 4 -1 3 2"), ContainsSubstring("expected positive numbers"));
  CHECK_THAT(fault("1 SIMPLE_PINHOLE 6 4 9 3 2\n1 SIMPLE_PINHOLE 6 4 9 3 2"),
             ContainsSubstring("cameras.txt:3: camera 1 for the second time"));
  CHECK_THAT(fault("5 SIMPLE_PINHOLE 6 4 9 3 2"),
             ContainsSubstring("images.txt:2 (b.png): camera 1 is not in cameras.txt"));
}

TEST_CASE("what is wrong in images.txt is named with its line") {
  const Model folder;
  const auto fault = [&](const std::string& line) {
    folder.image_line(line);
    return folder.fault();
  };
  CHECK_THAT(fault("0 1 0 0 0 0 5 1"), ContainsSubstring("images.txt:2: NAME is ''"));
  CHECK_THAT(fault("0 1 0 0 0 0 5 1 a\tb.png"), ContainsSubstring("NAME is 'a?b.png'"));
  CHECK_THAT(fault("0 1 0 0 0 0 five 1 b.png"), ContainsSubstring("TZ is 'five'"));
  CHECK_THAT(fault("0 0 0 0 0 0 5 1 b.png"), ContainsSubstring("(b.png): QW QX QY QZ is of length 0"));
  CHECK_THAT(fault("0 1 0 0 0 0 5 1 absent.png"), ContainsSubstring("(absent.png): no such image in "));
  folder.images("1 0 1 0 0 0 0 5 1 b.png\n\n2 0 1 0 0 0 0 5 1 b.png\n\n");
  CHECK_THAT(folder.fault(),
             ContainsSubstring("images.txt:4 (b.png): the same image as at ") && ContainsSubstring("images.txt:2"));
  folder.images("");
  CHECK_THAT(folder.fault(), ContainsSubstring("images.txt: no images"));
  folder.image_line("0 1 0 0 0 0 5 1 b.png");
  folder.cameras("1 SIMPLE_PINHOLE 600 400 900 300 200");
  CHECK_THAT(folder.fault(), ContainsSubstring("b.png is 6x4 pixels, but camera 1 in cameras.txt says 600x400"));
  write_file(folder / "images/b.png", "no png");
  CHECK_THAT(folder.fault(), ContainsSubstring("neither a PNG nor a JPEG") && ContainsSubstring("images.txt:2)"));
}
