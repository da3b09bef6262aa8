#include <render/image/image.h>
#include <tests/apps/tool.h>

#include <cstdio>

// The examples end with the number and the picture that they promise.

namespace {

/// What `EXAMPLE ARGUMENTS OUT.png` prints, and its picture.
struct Shown {
  std::string out;
  render::Image8 picture;
};

Shown show(const std::string& example, const std::vector<std::string>& arguments) {
  const sample::Folder folder;
  const std::string png = (folder / "picture.png").string(), program = std::string(BACKLIGHT_EXAMPLES) + "/" + example;
  std::vector<const char*> words{program.c_str()};
  for (const std::string& argument : arguments) words.push_back(argument == "PNG" ? png.c_str() : argument.c_str());
  const std::string command =
      shell_command(static_cast<int>(words.size()), words.data()) + " >" + (folder / "out").string();
  REQUIRE(std::system(command.c_str()) == 0);
  return {text_of(folder / "out"), render::read_image(png)};
}

double number_after(const std::string& text, const std::string& words) {
  const size_t at = text.find(words);
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + words.size()));
}

}  // namespace

TEST_CASE("the example of one triangle covers its exact area") {
  const Shown shown = show("triangle", {"PNG"});
  CHECK(number_after(shown.out, "area ") == Approx(number_after(shown.out, "pixels, exactly ")).epsilon(1e-3));
  CHECK(number_after(shown.out, "adds ") == Approx(1.6 / 2 * 256 / 2).epsilon(0.01));
  CHECK(shown.picture.width == 256);
}

TEST_CASE("the example of a cube finds its corners in pictures of 16 pixels") {
  const Shown shown = show("cube", {"PNG"});
  CHECK(number_after(shown.out, "mean vertex error ") < 1e-3);
  CHECK(shown.picture.width == 512);
}

TEST_CASE("the example of a triangle soup comes near to a picture") {
  const sample::Folder folder;
  // Half white, half red.
  std::vector<unsigned char> photo;
  for (int i = 0; i < 32 * 32; ++i)
    photo.insert(photo.end(), {255, static_cast<unsigned char>(i % 32 < 16 ? 255 : 0), 60});
  render::write_png(folder / "photo.png", 32, 32, 3, photo);
  const Shown shown = show("soup", {(folder / "photo.png").string(), "PNG", "30", "150"});
  CHECK(number_after(shown.out, "PSNR ") > 20);
  CHECK(shown.picture.height == 32);
}

TEST_CASE("the example of a planet's map is better with mipmaps than without") {
  const Shown shown = show("earth", {"PNG", "48"});
  const double with = number_after(shown.out, "PSNR "), without = number_after(shown.out, "with mipmaps\nPSNR ");
  CHECK(with > 20);
  CHECK(with > without + 3);
  CHECK(shown.picture.height == 3 * 128);
}

TEST_CASE("the example of a cube finds the photograph that it wears") {
  const sample::Folder folder;
  const render::Image8 photo = sample::plain(5, 3, {200, 100, 50, 255});
  render::write_png(folder / "photo.png", 5, 3, 4, photo.rgba);
  const std::string path = (folder / "photo.png").string();
  const Shown shown = show("photo_cube", {"PNG", path});
  CHECK(number_after(shown.out, "PSNR ") > 35);
  CHECK(shown.picture.width == 3 * shown.picture.height);
}
