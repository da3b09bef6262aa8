#include <autograd/core/error.h>
#include <render/image/image.h>

#include <array>
#include <cmath>
#include <limits>

#include "tests/catch.h"
#include "tests/render/sample_files.h"

namespace ag = autograd;
using render::Image8;
using sample::Bytes;
using sample::Png;

namespace {

Image8 read(const Bytes& file) {
  const sample::Folder folder;
  render::write_file(folder / "image", file);
  return render::read_image(folder / "image");
}

Image8 read(const Png& png) { return read(sample::encode(png)); }

/// What read_image says of the file, after its name.
std::string fault_of(const Bytes& file) {
  const sample::Folder folder;
  render::write_file(folder / "image", file);
  const std::string name = (folder / "image").string() + ": ";
  try {
    render::read_image(folder / "image");
  } catch (const render::FileError& error) {
    const std::string text = error.what();
    return text.starts_with(name) ? text.substr(name.size()) : "unnamed: " + text;
  }
  return "none";
}

Bytes repeated(const Bytes& pixel, size_t count) {
  Bytes bytes(pixel.size() * count);
  for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = pixel[at % pixel.size()];
  return bytes;
}

constexpr unsigned char grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgb_alpha = 6;

/// All 256 codes in each channel with every alpha: [256, 256].
Image8 all_codes() {
  Image8 image = sample::plain(256, 256, {});
  for (size_t i = 0; i < size_t{256} * 256; ++i) {
    const size_t alpha = i / 256, code = i % 256;
    const std::array values{code, 255 - code, (code * 7) % 256, alpha};
    for (size_t channel = 0; channel < 4; ++channel) {
      image.rgba[4 * i + channel] = static_cast<unsigned char>(values[channel]);
    }
  }
  return image;
}

}  // namespace

// Reading ---------------------------------------------------------------------------------------

TEST_CASE("Grey PNG of every depth") {
  CHECK(read({2, 1, 1, grey, {{0b01000000}}}).rgba == Bytes{0, 0, 0, 255, 255, 255, 255, 255});
  CHECK(read({2, 1, 2, grey, {{0b01100000}}}).rgba == Bytes{85, 85, 85, 255, 170, 170, 170, 255});
  CHECK(read({2, 1, 4, grey, {{0x3c}}}).rgba == Bytes{51, 51, 51, 255, 204, 204, 204, 255});
  CHECK(read({2, 1, 8, grey, {{7, 250}}}).rgba == Bytes{7, 7, 7, 255, 250, 250, 250, 255});
  CHECK_FALSE(read({2, 1, 8, grey, {{7, 250}}}).has_alpha);
}

TEST_CASE("16 bits are rounded to 8, not cut") {
  // 0x01ff / 257 = 1.99, 0x8000 / 257 = 127.502, 0xff7e / 257 = 254.498, 0xff7f / 257 = 254.502.
  const Image8 image = read({4, 1, 16, grey, {{0x01, 0xff, 0x80, 0x00, 0xff, 0x7e, 0xff, 0x7f}}});
  CHECK(image.rgba[0] == 2);
  CHECK(image.rgba[4] == 128);
  CHECK(image.rgba[8] == 254);
  CHECK(image.rgba[12] == 255);
  const Image8 colour = read({1, 1, 16, rgb_alpha, {{0x01, 0xff, 0, 0, 0xff, 0xff, 0x7f, 0xff}}});
  CHECK(colour.rgba == Bytes{2, 0, 255, 127});
}

TEST_CASE("Alpha, in whatever way a PNG stores it") {
  const Image8 two = read({1, 1, 8, grey_alpha, {{90, 30}}});
  CHECK(two.has_alpha);
  CHECK(two.rgba == Bytes{90, 90, 90, 30});
  const Image8 four = read({1, 2, 8, rgb_alpha, {{1, 2, 3, 4}, {5, 6, 7, 8}}});
  CHECK(four.has_alpha);
  CHECK(four.rgba == Bytes{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK((four.width == 1 && four.height == 2));
  CHECK_FALSE(read({1, 1, 8, rgb, {{1, 2, 3}}}).has_alpha);

  SECTION("one transparent grey") {
    const Image8 image = read({2, 1, 8, grey, {{9, 8}}, {}, {0, 9}});
    CHECK(image.has_alpha);
    CHECK(image.rgba == Bytes{9, 9, 9, 0, 8, 8, 8, 255});
  }
  SECTION("one transparent colour") {
    const Image8 image = read({2, 1, 8, rgb, {{1, 2, 3, 1, 2, 4}}, {}, {0, 1, 0, 2, 0, 3}});
    CHECK(image.has_alpha);
    CHECK(image.rgba == Bytes{1, 2, 3, 0, 1, 2, 4, 255});
  }
  SECTION("a transparent colour of 16 bits is compared in 16 bits") {
    const Image8 image = read({2, 1, 16, grey, {{0x10, 0x01, 0x10, 0x02}}, {}, {0x10, 0x01}});
    CHECK(image.rgba == Bytes{16, 16, 16, 0, 16, 16, 16, 255});
  }
  SECTION("a palette with alpha for its first entries") {
    const Image8 image = read({2, 1, 8, palette, {{0, 1}}, {10, 20, 30, 40, 50, 60}, {77}});
    CHECK(image.has_alpha);
    CHECK(image.rgba == Bytes{10, 20, 30, 77, 40, 50, 60, 255});
  }
}

TEST_CASE("Pixels that name a palette entry the file does not list are opaque black") {
  const Image8 image = read({3, 1, 8, palette, {{0, 1, 200}}, {10, 20, 30}});
  CHECK(image.rgba == Bytes{10, 20, 30, 255, 0, 0, 0, 255, 0, 0, 0, 255});
  CHECK_FALSE(image.has_alpha);
}

TEST_CASE("JPEG") {
  const Image8 image = read(sample::jpeg());
  CHECK((image.width == 6 && image.height == 4));
  CHECK_FALSE(image.has_alpha);
  REQUIRE(image.rgba.size() == 6 * 4 * 4);
  for (size_t at = 0; at < image.rgba.size(); at += 4) {
    CHECK(std::abs(image.rgba[at] - 200) <= 1);
    CHECK(std::abs(image.rgba[at + 1] - 100) <= 1);
    CHECK(std::abs(image.rgba[at + 2] - 50) <= 1);
    CHECK(image.rgba[at + 3] == 255);
  }
}

TEST_CASE("What stands behind the end of an image does no harm") {
  Bytes file = GENERATE(sample::jpeg(), sample::encode({1, 1, 8, grey, {{9}}}));
  sample::append(file, Bytes{1, 2, 3});
  CHECK(fault_of(file) == "none");
}

TEST_CASE("The size alone") {
  const sample::Folder folder;
  render::write_file(folder / "a.png", sample::encode({3, 2, 8, grey, {{1, 2, 3}, {4, 5, 6}}}));
  render::write_file(folder / "a.jpg", sample::jpeg());
  CHECK(render::image_size(folder / "a.png") == std::array{3, 2});
  CHECK(render::image_size(folder / "a.jpg") == std::array{6, 4});
  REQUIRE_THROWS_AS(render::image_size(folder / "a.gif"), render::FileError);
}

// Faults ----------------------------------------------------------------------------------------

TEST_CASE("An image cut short anywhere is an error") {
  const Bytes file = GENERATE(sample::jpeg(), sample::encode({2, 2, 8, palette, {{0, 1}, {1, 0}}, {1, 2, 3, 4, 5, 6}}));
  for (size_t length = 0; length < file.size(); ++length) {
    INFO("the first " << length << " of " << file.size() << " bytes");
    CHECK(fault_of({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)}) != "none");
  }
}

TEST_CASE("A flipped bit anywhere in a PNG is an error") {
  const Bytes file = sample::encode({2, 1, 8, rgb_alpha, {{1, 2, 3, 4, 5, 6, 7, 8}}});
  for (size_t at = 0; at < file.size(); ++at) {
    INFO("byte " << at);
    Bytes changed = file;
    changed[at] ^= 0x10;
    CHECK(fault_of(changed) != "none");
  }
}

TEST_CASE("Compressed data for fewer rows than announced is an error") {
  CHECK_THAT(fault_of(sample::encode({2, 3, 8, grey, {{1, 2}, {3, 4}}})), ContainsSubstring("corrupt"));
}

TEST_CASE("An image that announces more than 2^26 pixels is refused") {
  CHECK_THAT(fault_of(sample::encode({60000, 60000, 8, rgb, {}})), ContainsSubstring("60000x60000 pixels; at most"));
  CHECK_THAT(fault_of(sample::encode({8193, 8192, 1, grey, {}})), ContainsSubstring("8193x8192 pixels; at most"));
  CHECK_THAT(fault_of(sample::encode({0xffffffff, 0xffffffff, 1, grey, {}})), ContainsSubstring("at most"));
  // The limit itself passes; what then fails is the missing data.
  CHECK_THAT(fault_of(sample::encode({8192, 8192, 1, grey, {}})), ContainsSubstring("corrupt"));
  Bytes large = sample::jpeg();
  for (size_t at = 2; at + 8 < large.size(); ++at) {
    if (large[at] != 0xff || large[at + 1] != 0xc0) continue;
    for (size_t i = 5; i < 9; ++i) large[at + i] = 0xff;
  }
  CHECK_THAT(fault_of(large), ContainsSubstring("65535x65535 pixels; at most"));
}

TEST_CASE("Files that are no image say so") {
  CHECK(fault_of({}) == "the file is empty");
  CHECK(fault_of({'G', 'I', 'F', '8', '9', 'a', 0, 0, 0}) == "neither a PNG nor a JPEG image");
  CHECK_THAT(fault_of(sample::encode({0, 5, 8, grey, {}})), ContainsSubstring("no pixels"));
  CHECK_THAT(fault_of(sample::encode({1, 1, 8, palette, {{0}}, {1, 2, 3, 4}})), ContainsSubstring("palette"));
  CHECK_THAT(fault_of(sample::encode({1, 1, 8, palette, {{0}}})), ContainsSubstring("no PLTE"));
  CHECK_THAT(fault_of({0xff, 0xd8, 0xff, 0xd9}), ContainsSubstring("no JPEG frame"));
}

TEST_CASE("A Huffman table of more codes than there are values is an error") {
  // The decoder behind read_image once wrote beyond its table here.
  Bytes file{0xff, 0xd8, 0xff, 0xc4, 0x04, 0x00};
  const size_t table = file.size();
  file.resize(table + 0x400 - 2);
  file[table + 15] = 255;
  file[table + 16] = 2;
  sample::append(file, Bytes{0xff, 0xd9});
  CHECK(fault_of(file) == "corrupt: a Huffman table of more than 256 codes");
}

TEST_CASE("PngSuite: every valid file loads, no corrupt one does") {
  const auto data = sample::data_folder();
  if (!data) {
    WARN("skipped: no test data (BACKLIGHT_DATA)");
    return;
  }
  const auto suite = *data / "images" / "pngsuite";
  for (const std::string& name : sample::names_in(suite / "valid")) {
    INFO(name);
    const Image8 image = render::read_image(suite / "valid" / name);
    CHECK(render::image_size(suite / "valid" / name) == std::array{image.width, image.height});
    CHECK(image.rgba.size() == static_cast<size_t>(4 * image.width * image.height));
    // The names tell: colour types 4 and 6, and t for transparent ("tp0" is the one that is not).
    CHECK(image.has_alpha == (name[3] == 'a' || name[5] == 'a' || name.starts_with("tb") || name.starts_with("tm") ||
                              name[4] == '4' || name[4] == '6'));
  }
  for (const std::string& name : sample::names_in(suite / "corrupt")) {
    INFO(name);
    REQUIRE_THROWS_AS(render::read_image(suite / "corrupt" / name), render::FileError);
  }
  const auto pixels = [&](const char* name) { return render::read_image(suite / "valid" / name).rgba; };
  CHECK(pixels("basi2c08.png") == pixels("basn2c08.png"));  // interlaced
  CHECK(pixels("oi9n2c16.png") == pixels("basn2c16.png"));  // one chunk a byte
  CHECK(pixels("z09n2c08.png") == pixels("basn2c16.png"));  // the same picture stored rounded to 8 bits
  CHECK(pixels("basn6a08.png") != pixels("basn2c08.png"));
}

// Writing ---------------------------------------------------------------------------------------

TEST_CASE("A PNG is read back as it was written") {
  const sample::Folder folder;
  const auto read_back = [&](int channels, const Bytes& pixels) {
    render::write_png(folder / "a.png", 3, 2, channels, pixels);
    return render::read_image(folder / "a.png");
  };
  const Image8 four = read_back(4, repeated({1, 2, 3, 4}, 6));
  CHECK(four == sample::plain(3, 2, {1, 2, 3, 4}));
  const Image8 three = read_back(3, repeated({9, 8, 7}, 6));
  CHECK_FALSE(three.has_alpha);
  CHECK(three.rgba == repeated({9, 8, 7, 255}, 6));
  CHECK(read_back(1, {10, 20, 30, 40, 50, 60}).rgba ==
        Bytes{10, 10, 10, 255, 20, 20, 20, 255, 30, 30, 30, 255, 40, 40, 40, 255, 50, 50, 50, 255, 60, 60, 60, 255});
  CHECK(sample::names_in(folder.path()) == std::vector<std::string>{"a.png"});

  const Image8 codes = all_codes();
  render::write_png(folder / "codes.png", 256, 256, 4, codes.rgba);
  CHECK(render::read_image(folder / "codes.png") == codes);
  CHECK(render::read_file(folder / "codes.png") == render::encode_png(256, 256, 4, codes.rgba));
}

TEST_CASE("write_png refuses sizes that do not fit together") {
  const Bytes pixels(12);
  REQUIRE_THROWS_AS(render::encode_png(2, 2, 2, pixels), ag::ValueError);
  REQUIRE_THROWS_AS(render::encode_png(2, 3, 3, pixels), ag::ValueError);
  REQUIRE_THROWS_AS(render::encode_png(0, 2, 3, {}), ag::ValueError);
  REQUIRE_THROWS_AS(render::encode_png(-2, -2, 3, pixels), ag::ValueError);
  const sample::Folder folder;
  REQUIRE_THROWS_AS(render::write_png(folder / "absent" / "a.png", 2, 2, 3, pixels), render::FileError);
}

// Colour ----------------------------------------------------------------------------------------

TEST_CASE("The sRGB transfer functions") {
  CHECK(render::srgb_to_linear(0) == 0);
  CHECK(render::srgb_to_linear(1) == 1);
  CHECK(render::srgb_to_linear(0.5f) == Approx(0.21404114));
  CHECK(render::srgb_to_linear(0.04f) == Approx(0.04 / 12.92));
  CHECK(render::linear_to_srgb(0.0031308f) == Approx(0.04045).epsilon(1e-4));
  CHECK(render::linear_to_srgb(0.5f) == Approx(0.73535698));
  for (int i = 0; i <= 1000; ++i) {
    const float encoded = static_cast<float>(i) / 1000;
    CHECK(render::linear_to_srgb(render::srgb_to_linear(encoded)) == Approx(encoded).margin(2e-6));
  }
}

TEST_CASE("Linear pixels are premultiplied, with an alpha that is not gamma-coded") {
  const ag::Array linear = render::to_linear({1, 1, true, {255, 188, 0, 51}});
  CHECK(linear.shape() == ag::Shape{1, 1, 4});
  const auto values = linear.values<float>();
  CHECK(values[0] == Approx(0.2));
  CHECK(values[1] == Approx(0.2 * 0.50288647));
  CHECK(values[2] == 0);
  CHECK(values[3] == Approx(0.2));
}

TEST_CASE("Shapes are [height, width, 4]") {
  const ag::Array linear = render::to_linear(sample::plain(3, 2, {0, 0, 0, 0}));
  CHECK(linear.shape() == ag::Shape{2, 3, 4});
  const Image8 image = render::to_srgb(linear);
  CHECK((image.width == 3 && image.height == 2));
  REQUIRE_THROWS_AS(render::to_srgb(ag::zeros({2, 3, 3})), ag::ShapeError);
  REQUIRE_THROWS_AS(render::to_srgb(ag::zeros({2, 3, 4}, ag::DType::float64)), ag::DTypeError);
}

TEST_CASE("To linear and back changes no code at any alpha but 0") {
  Image8 expected = all_codes();
  const Image8 result = render::to_srgb(render::to_linear(expected));
  for (size_t at = 0; at < 4 * 256; ++at) expected.rgba[at] = 0;  // the row of alpha 0
  CHECK(result == expected);
}

TEST_CASE("to_srgb clamps, and rounds to the nearest code") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const auto code = [](float linear, float alpha) {
    return render::to_srgb(ag::Array::of({linear, linear, linear, alpha}).reshape({1, 1, 4})).rgba;
  };
  CHECK(code(1.5f, 2.0f) == Bytes{255, 255, 255, 255});
  CHECK(code(-0.5f, 1.0f) == Bytes{0, 0, 0, 255});
  CHECK(code(nan, 1.0f) == Bytes{0, 0, 0, 255});
  CHECK(code(0.5f, nan) == Bytes{0, 0, 0, 0});
  CHECK(code(0.9f, 0.5f) == Bytes{255, 255, 255, 128});  // brighter than its alpha allows
  for (int i = 0; i <= 2000; ++i) {
    const float linear = static_cast<float>(i) / 2000;
    const double nearest = std::floor(255.0 * static_cast<double>(render::linear_to_srgb(linear)) + 0.5);
    CHECK(code(linear, 1.0f)[0] == static_cast<int>(nearest));
  }
}

// Shrinking -------------------------------------------------------------------------------------

TEST_CASE("shrink leaves small images alone") {
  const Image8 image = all_codes();
  CHECK(render::shrink(image, 256) == image);
  CHECK(render::shrink(image, 1000) == image);
  REQUIRE_THROWS_AS(render::shrink(image, 0), ag::ValueError);
}

TEST_CASE("shrink keeps the aspect and at least one pixel") {
  const auto size = [](int width, int height, int max_size) {
    const Image8 image = render::shrink(sample::plain(width, height, {9, 9, 9, 255}), max_size);
    CHECK(image.rgba.size() == static_cast<size_t>(4 * image.width * image.height));
    return std::array{image.width, image.height};
  };
  CHECK(size(100, 50, 20) == std::array{20, 10});
  CHECK(size(50, 100, 20) == std::array{10, 20});
  CHECK(size(101, 67, 50) == std::array{50, 33});
  CHECK(size(200, 1, 20) == std::array{20, 1});
}

TEST_CASE("shrink keeps a plain colour at every factor") {
  const int max_size = GENERATE(1, 2, 3, 7, 12, 16);
  const Image8 image = render::shrink(sample::plain(17, 17, {200, 100, 1, 254}), max_size);
  CHECK(image == sample::plain(max_size, max_size, {200, 100, 1, 254}));
}

TEST_CASE("shrink averages in linear light") {
  // Half black, half white: 0.5 in linear light is code 188, where an average of codes would be 128.
  Image8 image{2, 1, true, {0, 0, 0, 255, 255, 255, 255, 255}};
  CHECK(render::shrink(image, 1).rgba == Bytes{188, 188, 188, 255});
}

TEST_CASE("shrink weights colour by alpha") {
  // The transparent pixel's colour counts for nothing.
  Image8 image{2, 1, true, {200, 100, 50, 255, 0, 255, 0, 0}};
  CHECK(render::shrink(image, 1).rgba == Bytes{200, 100, 50, 128});
}

TEST_CASE("shrink by a fraction weights pixels by the area covered") {
  // Three pixels to two: each takes one and a half. Alpha (255 + 0 / 2) / 1.5 and (0 / 2 + 90) / 1.5.
  const Bytes row{7, 7, 7, 255, 7, 7, 7, 0, 7, 7, 7, 90};
  CHECK(render::shrink({3, 1, true, row}, 2).rgba == Bytes{7, 7, 7, 170, 7, 7, 7, 60});
  CHECK(render::shrink({1, 3, true, row}, 2).rgba == Bytes{7, 7, 7, 170, 7, 7, 7, 60});
}
