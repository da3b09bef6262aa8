#include <autograd/core/error.h>
#include <render/fit/dataset.h>

#include <cmath>
#include <cstdio>
#include <string>

#include "tests/catch.h"
#include "tests/render/sample_files.h"

namespace ag = autograd;
namespace fs = std::filesystem;
using render::Camera;
using render::Dataset;
using render::DatasetOptions;
using render::Matrix4;
using render::View;

namespace {

constexpr const char* identity = "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]";

/// A folder with a JSON of one's own and images of 6x4 pixels.
class Example {
 public:
  Example() { fs::create_directories(folder_ / "images"); }

  const fs::path& path() const { return folder_.path(); }
  std::string json_name() const { return (folder_ / "transforms.json").string(); }

  void json(const std::string& text) const { render::write_file(folder_ / "transforms.json", text); }
  /// Frames as given, under these keys at the top.
  void frames(const std::string& list, const std::string& top = "\"fl_x\": 10") const {
    json("{" + top + ", \"frames\": [" + list + "]}");
  }
  /// One frame, images/0.png, with these keys besides.
  void frame(const std::string& keys, const std::string& top = "\"fl_x\": 10") const {
    frames("{\"file_path\": \"images/0\", \"transform_matrix\": " + std::string(identity) +
               (keys.empty() ? "" : ", " + keys) + "}",
           top);
  }
  void matrix(const std::string& text) const {
    frames("{\"file_path\": \"images/0\", \"transform_matrix\": " + text + "}");
  }

  void rgba(const std::string& name, const std::array<unsigned char, 4>& pixel = {200, 100, 50, 180}) const {
    const render::Image8 image = sample::plain(6, 4, pixel);
    render::write_png(folder_ / name, 6, 4, 4, image.rgba);
  }
  void rgb(const std::string& name, const std::array<unsigned char, 3>& pixel = {200, 100, 50}) const {
    std::vector<unsigned char> pixels(size_t{6} * 4 * 3);
    for (size_t at = 0; at < pixels.size(); ++at) pixels[at] = pixel[at % 3];
    render::write_png(folder_ / name, 6, 4, 3, pixels);
  }
  void file(const std::string& name, const std::vector<unsigned char>& bytes) const {
    fs::create_directories((folder_ / name).parent_path());
    render::write_file(folder_ / name, bytes);
  }
  /// A grey mask with one value.
  void mask(const std::string& name, unsigned char value) const {
    fs::create_directories((folder_ / name).parent_path());
    render::write_png(folder_ / name, 6, 4, 1, std::vector<unsigned char>(24, value));
  }

  Dataset read(const DatasetOptions& options = {}) const { return render::read_dataset(path(), options); }
  View only(const DatasetOptions& options = {}) const {
    const Dataset dataset = read(options);
    REQUIRE(dataset.views.size() == 1);
    return dataset.views[0];
  }
  /// The text of the FileError, which must be one line.
  std::string fault(const DatasetOptions& options = {}) const {
    try {
      read(options);
    } catch (const render::FileError& error) {
      const std::string text = error.what();
      CHECK(text.find('\n') == std::string::npos);
      return text;
    }
    return "none";
  }

 private:
  sample::Folder folder_;
};

/// An example with images/0.png, whose alpha is 180.
struct WithImage : Example {
  WithImage() { rgba("images/0.png"); }
};

std::string rows(const Matrix4& matrix) {
  std::string text = "[";
  for (size_t row = 0; row < 4; ++row) {
    text += row == 0 ? "[" : ",[";
    for (size_t column = 0; column < 4; ++column) {
      char number[40];
      std::snprintf(number, sizeof number, "%s%.17g", column == 0 ? "" : ",", matrix[4 * row + column]);
      text += number;
    }
    text += "]";
  }
  return text + "]";
}

}  // namespace

// file_path -------------------------------------------------------------------------------------

TEST_CASE("file_path is relative to the JSON; without an extension .png, then .jpg is added") {
  const Example example;
  example.frame("");
  SECTION("neither") {
    const std::string fault = example.fault();
    CHECK_THAT(fault, ContainsSubstring(example.json_name() + ": frame 0 (images/0): file_path"));
    CHECK_THAT(fault, ContainsSubstring("no such image"));
  }
  SECTION("only .jpg") {
    example.file("images/0.jpg", sample::jpeg());
    example.mask("masks/0.png", 90);
    CHECK(example.only().image.rgba[3] == 90);
  }
  SECTION(".png comes first") {
    example.file("images/0.jpg", sample::jpeg());
    example.rgba("images/0.png", {1, 2, 3, 4});
    CHECK(example.only().image == sample::plain(6, 4, {1, 2, 3, 4}));
  }
  SECTION("the name as it stands comes before both") {
    example.rgba("images/0.png", {1, 2, 3, 4});
    example.rgba("images/0", {5, 6, 7, 8});
    CHECK(example.only().image.rgba[0] == 5);
  }
}

TEST_CASE("file_path may have an extension, a leading ./ and dots within") {
  const Example example;
  const auto [given, file] = GENERATE(
      std::pair<std::string, std::string>{"images/0.png", "images/0.png"}, std::pair{"./images/0", "images/0.png"},
      std::pair{"images/../images/r.001", "images/r.001.png"}, std::pair{"0.png", "0.png"});
  example.rgba(file);
  example.frames("{\"file_path\": \"" + given + "\", \"transform_matrix\": " + identity + "}");
  CHECK(example.only().name == given);
}

TEST_CASE("A file_path may have the slashes of Windows, but not lead out of the folder by them") {
  const WithImage example;
  example.frames(std::string("{\"file_path\": \"images\\\\0.png\", \"transform_matrix\": ") + identity + "}");
  CHECK(example.only().name == "images\\0.png");
  example.frames(std::string("{\"file_path\": \"..\\\\0.png\", \"transform_matrix\": ") + identity + "}");
  CHECK_THAT(example.fault(), ContainsSubstring("leads out"));
}

TEST_CASE("A file_path that leads out of the folder is an error") {
  const WithImage example;
  const std::string given = GENERATE("../0.png", "images/../../0.png", "/etc/passwd", "..");
  example.frames("{\"file_path\": \"" + given + "\", \"transform_matrix\": " + identity + "}");
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0 (" + given + "): file_path " + given + " leads out"));
}

TEST_CASE("A file_path that is none is an error") {
  const WithImage example;
  const std::string given = GENERATE("\"\"", "7", "[]", "\"a\\nb\"", "\"images/0.png\\u0000\"");
  example.frames("{\"file_path\": " + given + ", \"transform_matrix\": " + identity + "}");
  CHECK_THAT(example.fault(), ContainsSubstring("expected the path of an image"));
  example.frames("{\"transform_matrix\": " + std::string(identity) + "}");
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0: no file_path"));
}

TEST_CASE("An image that cannot be read is named, and its frame") {
  const Example example;
  example.frame("");
  example.file("images/0.png", {'n', 'o'});
  const std::string fault = example.fault();
  CHECK_THAT(fault, ContainsSubstring((example.path() / "images" / "0.png").string() + ": neither a PNG nor a JPEG"));
  CHECK_THAT(fault, ContainsSubstring("(frame 0 of " + example.json_name() + ")"));
}

// The JSON --------------------------------------------------------------------------------------

TEST_CASE("Malformed JSON is named with its line") {
  const WithImage example;
  example.json("{\n\"fl_x\": 10,\n\"frames\": [ {,} ]\n}");
  CHECK_THAT(example.fault(), ContainsSubstring(example.json_name() + ":3: syntax error"));
  example.json("{\n\"frames\": [\n");
  CHECK_THAT(example.fault(), ContainsSubstring(example.json_name() + ":3: syntax error"));
  example.json("");
  CHECK_THAT(example.fault(), ContainsSubstring(example.json_name() + ":1: "));
  example.json("{\n\"frames\": 1e999}");
  CHECK(example.fault() == example.json_name() + ":2: 1e999 is not a finite number");
  for (const std::string word : {"NaN", "Infinity", "-Infinity", "nan", "inf"}) {
    example.json("{\n\"fl_x\":\n " + word + "}");
    INFO(word);
    CHECK(example.fault() ==
          example.json_name() + ":3: " + word.substr(word.front() == '-' ? 1 : 0) + " is not a finite number");
  }
  example.json("{\"a\": \"\xff\"}");
  CHECK_THAT(example.fault(), ContainsSubstring(example.json_name() + ":1: "));
  example.json(std::string(100'000, '['));
  CHECK_THAT(example.fault(), ContainsSubstring(example.json_name() + ":1: "));
}

TEST_CASE("A dataset without frames is an error") {
  const Example example;
  const std::string text =
      GENERATE("{}", "[]", "7", "null", "{\"frames\": []}", "{\"frames\": {}}", "{\"frames\": null}");
  example.json(text);
  CHECK_THAT(example.fault(), ContainsSubstring(example.json_name() + ": no frames"));
  example.json("{\"frames\": [7]}");
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0: expected an object"));
}

TEST_CASE("A folder without transforms.json says what a dataset is") {
  const sample::Folder folder;
  REQUIRE_THROWS_WITH(render::read_dataset(folder.path()),
                      ContainsSubstring((folder / "transforms.json").string() + ": no such file; a dataset is"));
  REQUIRE_THROWS_AS(render::read_dataset(folder / "absent"), render::FileError);
}

TEST_CASE("The JSON itself may be named, whatever it is called") {
  const WithImage example;
  example.frame("");
  fs::rename(example.path() / "transforms.json", example.path() / "transforms_train.json");
  CHECK(render::read_dataset(example.path() / "transforms_train.json").views.size() == 1);
}

TEST_CASE("Unknown keys change nothing") {
  const WithImage example;
  example.frame("");
  const View plain = example.only();
  example.frame(
      "\"sharpness\": 3, \"colmap_im_id\": null, \"transform\": []",
      "\"aabb_scale\": 4, \"camera_model\": \"OPENCV\", \"camera_angle_y\": 9, \"fl_x\": 10, \"x\": {\"k1\": 5}");
  const View view = example.only();
  CHECK(view.camera == plain.camera);
  CHECK(view.image == plain.image);
}

TEST_CASE("Frames keep the file's order, and an image belongs to one frame only") {
  const Example example;
  const std::string pose = "\", \"transform_matrix\": " + std::string(identity) + "}";
  for (const char* name : {"images/0.png", "images/1.png", "images/2.png"}) example.rgba(name);
  example.frames("{\"file_path\": \"images/2" + pose + ",{\"file_path\": \"images/0" + pose +
                 ",{\"file_path\": \"images/1" + pose);
  const Dataset dataset = example.read();
  REQUIRE(dataset.views.size() == 3);
  CHECK(dataset.views[0].name == "images/2");
  CHECK(dataset.views[1].name == "images/0");
  CHECK(dataset.views[2].name == "images/1");
  CHECK(dataset.warnings.empty());

  example.frames("{\"file_path\": \"images/2" + pose + ",{\"file_path\": \"images/0" + pose +
                 ",{\"file_path\": \"./images/2.png" + pose);
  CHECK_THAT(example.fault(), ContainsSubstring("frame 2 (./images/2.png): the same image as frame 0"));
}

// Intrinsics ------------------------------------------------------------------------------------

TEST_CASE("Intrinsics stand at the top or in the frame, and the frame's win") {
  const WithImage example;
  const auto camera = [&](const std::string& top, const std::string& frame) {
    example.frame(frame, top);
    return example.only().camera;
  };
  const Camera all = camera("\"fl_x\": 11, \"fl_y\": 12, \"cx\": 2.5, \"cy\": 1.25, \"w\": 6, \"h\": 4", "");
  CHECK(all == Camera{6, 4, 11, 12, 2.5, 1.25});
  CHECK(camera("\"x\": 0", "\"fl_x\": 11, \"fl_y\": 12, \"cx\": 2.5, \"cy\": 1.25, \"w\": 6, \"h\": 4") == all);
  CHECK(camera("\"fl_x\": 1, \"fl_y\": 2, \"cx\": 3, \"cy\": 4, \"w\": 5, \"h\": 6",
               "\"fl_x\": 11, \"fl_y\": 12, \"cx\": 2.5, \"cy\": 1.25, \"w\": 6, \"h\": 4") == all);
  // fl_y defaults to fl_x, the principal point to the middle.
  CHECK(camera("\"fl_x\": 11", "") == Camera{6, 4, 11, 11, 3, 2});
  CHECK(camera("\"fl_x\": 1, \"fl_y\": 2", "\"fl_x\": 11") == Camera{6, 4, 11, 11, 3, 2});
  CHECK(camera("\"fl_x\": 11", "\"fl_y\": 12") == Camera{6, 4, 11, 12, 3, 2});
}

TEST_CASE("camera_angle_x is the angle across the width, where there is no fl_x") {
  const WithImage example;
  example.frame("", "\"camera_angle_x\": 1.5707963267948966");
  CHECK(example.only().camera.fx == Approx(3));
  CHECK(example.only().camera.fy == example.only().camera.fx);
  CHECK(example.only().camera.cx == 3);
  example.frame("", "\"camera_angle_x\": 1.5707963267948966, \"fl_x\": 50");
  CHECK(example.only().camera.fx == 50);
  example.frame("\"camera_angle_x\": 1.5707963267948966", "\"fl_x\": 50");
  CHECK(example.only().camera.fx == Approx(3));
}

TEST_CASE("Intrinsics that cannot be are errors") {
  const WithImage example;
  const auto fault = [&](const std::string& top) {
    example.frame("", top);
    return example.fault();
  };
  CHECK_THAT(fault("\"x\": 0"), ContainsSubstring("frame 0 (images/0): no focal length; expected fl_x"));
  CHECK_THAT(fault("\"fl_x\": 0"), ContainsSubstring("fl_x and fl_y are 0 and 0; expected positive pixels"));
  CHECK_THAT(fault("\"fl_x\": 5, \"fl_y\": -5"), ContainsSubstring("expected positive pixels"));
  CHECK_THAT(fault("\"fl_x\": \"5\""), ContainsSubstring("fl_x is \"5\"; expected a number"));
  CHECK_THAT(fault("\"camera_angle_x\": 40"), ContainsSubstring("camera_angle_x is 40; expected radians"));
  CHECK_THAT(fault("\"camera_angle_x\": 0"), ContainsSubstring("expected radians"));
  CHECK_THAT(fault("\"fl_x\": 5, \"cx\": []"), ContainsSubstring("cx is []; expected a number"));
}

TEST_CASE("An image of another size than its frame's w and h is an error") {
  const WithImage example;
  example.frame("", "\"fl_x\": 10, \"w\": 800, \"h\": 4");
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0 (images/0): "));
  CHECK_THAT(example.fault(), ContainsSubstring("0.png is 6x4 pixels, but w and h say 800x4"));
  example.frame("\"h\": 5");
  CHECK_THAT(example.fault(), ContainsSubstring("but w and h say 6x5"));
}

TEST_CASE("Distortion is an error unless it is zero") {
  const WithImage example;
  const std::string key = GENERATE("k1", "k2", "k3", "k4", "p1", "p2");
  example.frame("", "\"fl_x\": 10, \"" + key + "\": 0.0");
  CHECK(example.fault() == "none");
  example.frame("", "\"fl_x\": 10, \"" + key + "\": -0.01");
  CHECK_THAT(example.fault(), ContainsSubstring("lens distortion is not supported: " + key + " is -0.01; undistort"));
  example.frame("\"" + key + "\": 1e-9");
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0 (images/0): lens distortion"));
}

TEST_CASE("max_size shrinks the image and scales all intrinsics") {
  const WithImage example;
  example.frame("", "\"fl_x\": 12, \"fl_y\": 16, \"cx\": 2.4, \"cy\": 1.2, \"w\": 6, \"h\": 4");
  const View view = example.only({.max_size = 3});
  CHECK(view.camera == Camera{3, 2, 6, 8, 1.2, 0.6});
  CHECK((view.image.width == 3 && view.image.height == 2));
  CHECK(view.image == sample::plain(3, 2, {200, 100, 50, 180}));
  // 6x4 to 4x3: the height is rounded, so the two axes scale differently.
  const Camera camera = example.only({.max_size = 4}).camera;
  CHECK((camera.width == 4 && camera.height == 3));
  CHECK(camera.fx == Approx(8));
  CHECK(camera.cx == Approx(1.6));
  CHECK(camera.fy == Approx(12));
  CHECK(camera.cy == Approx(0.9));
}

TEST_CASE("camera_angle_x is of the image as its file has it") {
  const WithImage example;
  example.frame("", "\"camera_angle_x\": 1.5707963267948966");
  CHECK(example.only({.max_size = 3}).camera.fx == Approx(1.5));
}

TEST_CASE("Options out of range are errors") {
  const WithImage example;
  example.frame("");
  REQUIRE_THROWS_AS(example.read({.max_size = 0}), ag::ValueError);
  REQUIRE_THROWS_AS(example.read({.background = render::Background{{0, 0, 256}}}), ag::ValueError);
  REQUIRE_THROWS_AS(example.read({.background = render::Background{{0, 0, 0}, -1}}), ag::ValueError);
}

// transform_matrix ------------------------------------------------------------------------------

TEST_CASE("transform_matrix is row-major, camera to world, in OpenGL's axes unless said otherwise") {
  const WithImage example;
  const Matrix4 matrix = render::look_at({3, 2, 5}, {0, 0, 0}, {0, 1, 0}, 6, 4, 10).world_from_camera;
  example.matrix(rows(matrix));
  CHECK(example.only().camera.world_from_camera == matrix);
  example.matrix(rows(render::swap_opengl_opencv(matrix)));
  CHECK(example.only({.convention = render::Convention::opencv}).camera.world_from_camera == matrix);
}

TEST_CASE("A transform_matrix of another form is an error") {
  const WithImage example;
  const std::string text =
      GENERATE("7", "null", "[]", "[[1,0,0,0],[0,1,0,0],[0,0,1,0]]", "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0]]",
               "[[1,0,0,0],[0,1,0,0],[0,0,1,0],7]", "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,\"1\"]]",
               "[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]");
  example.matrix(text);
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0 (images/0): expected transform_matrix: 4 rows of 4 numbers"));
}

TEST_CASE("A transform_matrix that is no pose is an error that names the frame") {
  const WithImage example;
  const auto fault = [&](const std::string& text) {
    example.matrix(text);
    return example.fault();
  };
  const std::string frame = "frame 0 (images/0): transform_matrix ";
  CHECK_THAT(fault("[[1,0,0,0],[0,1,0,0],[0,0,-1,0],[0,0,0,1]]"), ContainsSubstring(frame + "is mirrored"));
  CHECK_THAT(fault("[[1,0,0,0],[0,1,0,0],[1,1,0,0],[0,0,0,1]]"), ContainsSubstring(frame + "is singular"));
  CHECK_THAT(fault("[[0,0,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,1]]"), ContainsSubstring(frame + "is singular"));
  CHECK_THAT(fault("[[1,0.01,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]"), ContainsSubstring(frame + "is not a rotation"));
  CHECK_THAT(fault("[[1,0,0,0],[0,2,0,0],[0,0,1,0],[0,0,0,1]]"), ContainsSubstring(frame + "is not a rotation"));
  CHECK_THAT(fault("[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,2]]"),
             ContainsSubstring(frame + "has the last row 0 0 0 2; expected 0 0 0 1"));
  // World to camera written by columns: the position stands in the last row.
  CHECK_THAT(fault("[[1,0,0,0],[0,1,0,0],[0,0,1,0],[3,2,5,1]]"), ContainsSubstring(frame + "has the last row 3 2 5 1"));
}

TEST_CASE("A uniform scale is divided out with one warning, the position stays") {
  const Example example;
  example.rgba("images/0.png");
  example.rgba("images/1.png");
  const std::string scaled = "[[0,-2.5,0,7],[2.5,0,0,8],[0,0,2.5,9],[0,0,0,1]]";
  example.frames("{\"file_path\": \"images/0\", \"transform_matrix\": " + scaled + "}, " +
                 "{\"file_path\": \"images/1\", \"transform_matrix\": " + scaled + "}");
  const Dataset dataset = example.read();
  CHECK(dataset.views[1].camera.world_from_camera == Matrix4{0, -1, 0, 7, 1, 0, 0, 8, 0, 0, 1, 9, 0, 0, 0, 1});
  REQUIRE(dataset.warnings.size() == 1);
  CHECK_THAT(dataset.warnings[0], ContainsSubstring("2 of 2 frames have a transform_matrix with a scale"));
  CHECK_THAT(dataset.warnings[0], ContainsSubstring("(first: images/0, 2.5)"));
}

// Masks -----------------------------------------------------------------------------------------

TEST_CASE("The mask is the alpha, else mask_path, else masks/<stem>.png, else the background's colour") {
  const Example example;
  example.rgb("images/0.png", {200, 100, 50});
  DatasetOptions options;
  const auto alpha = [&] {
    const render::Image8 image = example.only(options).image;
    CHECK(image.has_alpha);
    CHECK(image == sample::plain(6, 4, {200, 100, 50, image.rgba[3]}));
    return static_cast<int>(image.rgba[3]);
  };
  example.frame("");
  const std::string fault = example.fault();
  for (const char* way :
       {"frame 0 (images/0)", "has no mask", "an alpha channel", "mask_path", "masks/0.png", "--background R,G,B"}) {
    CHECK_THAT(fault, ContainsSubstring(way));
  }
  options.background = render::Background{{200, 100, 50}};
  CHECK(alpha() == 0);
  options.background = render::Background{{0, 0, 0}};
  CHECK(alpha() == 255);
  example.mask("masks/0.png", 77);
  CHECK(alpha() == 77);
  example.mask("other/mask.png", 88);
  example.frame("\"mask_path\": \"other/mask.png\"");
  CHECK(alpha() == 88);
  example.rgba("images/0.png", {200, 100, 50, 99});
  CHECK(alpha() == 99);
}

TEST_CASE("The background's tolerance holds for each channel") {
  const Example example;
  example.rgb("images/0.png", {200, 100, 50});
  example.frame("");
  const auto alpha = [&](std::array<int, 3> colour, int tolerance) {
    return example.only({.background = render::Background{colour, tolerance}}).image.rgba[3];
  };
  CHECK(alpha({200, 100, 50}, 0) == 0);
  CHECK(alpha({208, 92, 58}, 8) == 0);
  CHECK(alpha({209, 100, 50}, 8) == 255);
  CHECK(alpha({200, 91, 50}, 8) == 255);
  CHECK(alpha({200, 100, 59}, 8) == 255);
  CHECK(alpha({200, 100, 41}, 9) == 0);
}

TEST_CASE("A JPEG takes a mask from a file; a coloured mask counts by its mean") {
  const Example example;
  example.file("images/0.jpg", sample::jpeg());
  example.frame("");
  example.mask("masks/0.png", 255);
  CHECK(example.only().image.rgba[3] == 255);
  CHECK(std::abs(example.only().image.rgba[0] - 200) <= 1);
  example.rgb("masks/0.png", {10, 20, 31});
  CHECK(example.only().image.rgba[3] == 20);
  example.rgb("masks/0.png", {10, 20, 32});
  CHECK(example.only().image.rgba[3] == 21);
}

TEST_CASE("A mask that is missing, of another size, or elsewhere is an error") {
  const Example example;
  example.rgb("images/0.png");
  example.frame("\"mask_path\": \"masks/absent.png\"");
  CHECK_THAT(example.fault(), ContainsSubstring("frame 0 (images/0): mask_path"));
  CHECK_THAT(example.fault(), ContainsSubstring("absent.png: no such image"));
  example.frame("\"mask_path\": \"../mask.png\"");
  CHECK_THAT(example.fault(), ContainsSubstring("mask_path ../mask.png leads out"));
  fs::create_directories(example.path() / "masks");
  render::write_png(example.path() / "masks" / "0.png", 2, 3, 1, std::vector<unsigned char>(6));
  example.frame("");
  CHECK_THAT(example.fault(), ContainsSubstring("0.png is 2x3, its image 6x4 pixels; expected equal sizes"));
}

TEST_CASE("Masks that are empty or cover everything earn a warning") {
  const Example example;
  example.frame("");
  example.rgba("images/0.png", {1, 2, 3, 0});
  CHECK(example.read().warnings == std::vector<std::string>{"1 of 1 frames have an empty mask (first: images/0)"});
  example.rgba("images/0.png", {1, 2, 3, 255});
  CHECK(example.read().warnings ==
        std::vector<std::string>{"1 of 1 frames have a mask that covers the whole image (first: images/0)"});
  example.rgba("images/0.png", {1, 2, 3, 1});  // as masks of 0 and 1 are
  CHECK(
      example.read().warnings ==
      std::vector<std::string>{
          "1 of 1 frames have a mask of which no pixel is half covered; expected values up to 255 (first: images/0)"});
}

// Held out ---------------------------------------------------------------------------------------

TEST_CASE("held_out takes the last of every `holdout` views") {
  CHECK_FALSE(render::held_out(0, 8));
  CHECK(render::held_out(7, 8));
  CHECK_FALSE(render::held_out(8, 8));
  CHECK(render::held_out(15, 8));
  CHECK_FALSE(render::held_out(7, 0));
  CHECK(render::held_out(0, 1));
}
