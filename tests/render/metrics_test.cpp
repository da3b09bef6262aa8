#include <autograd/core/error.h>
#include <render/image/holes.h>
#include <render/image/metrics.h>

#include <cmath>

#include "tests/catch.h"
#include "tests/render/sample_files.h"

using sample::plain;

namespace {

/// One row of pixels.
render::Image8 row(const std::vector<unsigned char>& rgba) {
  return {static_cast<int>(rgba.size() / 4), 1, true, rgba};
}

}  // namespace

TEST_CASE("iou counts pixels with alpha of at least one half") {
  const render::Image8 a = row({0, 0, 0, 128, 0, 0, 0, 255, 0, 0, 0, 127, 0, 0, 0, 0});
  const render::Image8 b = row({9, 9, 9, 255, 9, 9, 9, 127, 9, 9, 9, 128, 9, 9, 9, 0});
  CHECK(render::iou(a, b) == Approx(1.0 / 3));
  CHECK(render::iou(b, a) == render::iou(a, b));
  CHECK(render::iou(a, a) == 1);
}

TEST_CASE("iou of two empty masks is 1, of an empty and a full one 0") {
  CHECK(render::iou(plain(3, 2, {1, 2, 3, 0}), plain(3, 2, {1, 2, 3, 127})) == 1);
  CHECK(render::iou(plain(3, 2, {1, 2, 3, 0}), plain(3, 2, {1, 2, 3, 255})) == 0);
}

TEST_CASE("psnr of a difference known by hand") {
  // A difference of 5 in one of three channels of every pixel: mean square 25 / 3.
  const render::Psnr result = render::psnr(plain(4, 4, {100, 105, 100, 255}), plain(4, 4, {100, 100, 100, 255}));
  CHECK(result.covered == Approx(10 * std::log10(255.0 * 255.0 * 3 / 25)));
  CHECK(result.image == result.covered);
}

TEST_CASE("psnr counts colour times alpha, over the target's pixels or all") {
  // Target: one covered pixel in four. The image is wrong by 10 there, and by 20 in a pixel outside.
  const render::Image8 target = row({50, 50, 50, 255, 7, 7, 7, 0, 200, 0, 0, 0, 0, 0, 0, 0});
  const render::Image8 image = row({60, 60, 60, 255, 20, 20, 20, 255, 0, 99, 0, 0, 0, 0, 0, 0});
  const render::Psnr result = render::psnr(image, target);
  CHECK(result.covered == Approx(10 * std::log10(255.0 * 255.0 / 100)));
  CHECK(result.image == Approx(10 * std::log10(255.0 * 255.0 * 4 / (100 + 400))));
}

TEST_CASE("psnr premultiplies in sRGB codes") {
  // 200 * 102 / 255 = 80 against 70.
  const render::Psnr result = render::psnr(plain(1, 1, {200, 200, 200, 102}), plain(1, 1, {70, 70, 70, 255}));
  CHECK(result.image == Approx(10 * std::log10(255.0 * 255.0 / 100)));
}

TEST_CASE("psnr of equal images, and over no pixels, is infinite") {
  const render::Image8 image = plain(2, 2, {1, 2, 3, 200});
  CHECK(std::isinf(render::psnr(image, image).covered));
  CHECK(std::isinf(render::psnr(image, image).image));
  CHECK(std::isinf(render::psnr(image, plain(2, 2, {0, 0, 0, 0})).covered));
  CHECK_FALSE(std::isinf(render::psnr(image, plain(2, 2, {0, 0, 0, 0})).image));
}

TEST_CASE("Measures refuse images of unequal sizes") {
  const render::Image8 a = plain(2, 3, {0, 0, 0, 0}), b = plain(3, 2, {0, 0, 0, 0});
  REQUIRE_THROWS_AS(render::iou(a, b), autograd::ValueError);
  REQUIRE_THROWS_WITH(render::psnr(a, b), "psnr: sizes differ: 2x3 and 3x2");
}

TEST_CASE("An image that has not the bytes of its size is refused") {
  const render::Image8 good = plain(2, 2, {1, 2, 3, 255}), bad{2, 2, true, {1, 2, 3, 255}}, negative{-2, -2, true, {}};
  REQUIRE_THROWS_AS(render::iou(good, bad), autograd::ValueError);
  REQUIRE_THROWS_AS(render::psnr(bad, good), autograd::ValueError);
  REQUIRE_THROWS_AS(render::closed_holes(bad, bad), autograd::ValueError);
  REQUIRE_THROWS_AS(render::to_linear(bad), autograd::ValueError);
  REQUIRE_THROWS_AS(render::to_linear(negative), autograd::ValueError);
  REQUIRE_THROWS_WITH(render::shrink(bad, 1), "shrink: an image of 2x2 pixels and 4 bytes; expected four a pixel");
}
