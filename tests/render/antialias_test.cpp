#include <render/raster/silhouettes.h>
#include <tests/autograd/support.h>
#include <tests/catch.h>
#include <tests/render/scene_arrays.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

using namespace render;

// A half-plane before an image of 32 x 12 pixels: its area is known, and so is how the area changes as it moves.

namespace {

constexpr int64_t width = 32, height = 12;
constexpr Frame frame{1, height, width};

/// The covered side of a straight line through `point`, in pixels (rows grow downward).
struct HalfPlane {
  std::array<double, 2> point, direction, inward;
  std::array<double, 2> depths{1, 1};  ///< w of the line's ends
};

/// One triangle: the line far beyond the image, and a corner far inside.
/// offset [2]: by how much it moves, in pixels
Vec4 clip_of(const HalfPlane& plane, const Tensor& offset) {
  const ag::DType type = offset.dtype();
  std::array<double, 3> columns, rows;
  for (size_t i = 0; i < 3; ++i) {
    const double along = i == 0 ? -300 : i == 1 ? 300 : 0, into = i == 2 ? 600 : 0;
    columns[i] = plane.point[0] + along * plane.direction[0] + into * plane.inward[0];
    rows[i] = plane.point[1] + along * plane.direction[1] + into * plane.inward[1];
  }
  const auto list = [&](double a, double b, double c) {
    return ag::Array::of<double>({a, b, c}).reshape({1, 3}).cast(type);
  };
  const Tensor w = ag::tensor(list(plane.depths[0], plane.depths[1], 1));
  const Tensor column = ag::select(offset, 0, 0) + list(columns[0], columns[1], columns[2]);
  const Tensor row = ag::select(offset, 0, 1) + list(rows[0], rows[1], rows[2]);
  return {(column * (2.0 / width) - 1) * w, (1 - row * (2.0 / height)) * w, ag::cast(ag::zeros({1, 3}), type), w};
}

const ag::Array& triangle() {
  static const ag::Array array = ag::arange(3).reshape({1, 3});
  return array;
}

Topology topology() {
  return make_topology(ag::Array::of<double>({0, 0, 0, 1, 0, 0, 0, 1, 0}).reshape({3, 3}), triangle());
}

struct Drawn {
  Vec4 clip;
  VisiblePixels pixels;
  Crossings crossings;
};

Drawn draw(const Vec4& clip) {
  const Tensor ids = visibility(clip, triangle(), frame);
  return {clip, visible_pixels(ids), silhouettes(clip, triangle(), topology(), ids)};
}

/// [1, height, width, channels]: `inside` where the half-plane is seen, `outside` elsewhere.
Tensor plain(const Drawn& drawn, const ag::Array& inside, const ag::Array& outside) {
  const Tensor one = ag::broadcast_to(ag::Located(1).as(inside.dtype()), {drawn.pixels.pixel.size(), 1});
  const Tensor mask = to_image(one, drawn.pixels);
  return outside + mask * (inside - outside);
}

Tensor coverage(const Drawn& drawn) {
  const ag::DType type = drawn.clip.x.dtype();
  return antialias(plain(drawn, ag::ones({1}, type), ag::zeros({1}, type)), drawn.clip, drawn.crossings);
}

struct Total {
  double area;
  std::vector<double> slope;  ///< by the offset's column and row
};

Total total(const HalfPlane& plane, ag::DType type = ag::DType::float64) {
  const ag::Step step;
  const ag::Array offset = ag::zeros({2}, type);
  const Tensor sum = ag::sum(coverage(draw(clip_of(plane, ag::tensor(offset)))));
  return {sum.item(), ag::cast(ag::grad(sum, offset), ag::DType::float64).to_vector<double>()};
}

}  // namespace

TEST_CASE("an upright edge covers its exact area at every offset between pixels") {
  const auto [side, name] = GENERATE(std::pair{1.0, "right"}, std::pair{-1.0, "left"});
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  INFO(name);
  for (int i = 0; i <= 64; ++i) {
    const double at = 13.4 + 2.2 * i / 64;  // crosses two centres and two borders
    const HalfPlane plane{{at, 5}, {0, 1}, {side, 0}};
    const Total drawn = total(plane, type);
    const double left_of_it = at * height;
    INFO(at);
    CHECK(std::fabs(drawn.area - (side > 0 ? width * height - left_of_it : left_of_it)) < 1e-5 * width * height);
    CHECK(drawn.slope[0] == Approx(-side * height).epsilon(1e-5));
    CHECK(drawn.slope[1] == Approx(0).margin(1e-5));
  }
}

TEST_CASE("a level edge covers its exact area at every offset between pixels") {
  const double side = GENERATE(1.0, -1.0);  // below, above
  for (int i = 0; i <= 64; ++i) {
    const double at = 4.3 + 2.2 * i / 64;
    const Total drawn = total({{7, at}, {1, 0}, {0, side}});
    INFO(at);
    CHECK(std::fabs(drawn.area - (side > 0 ? (height - at) * width : at * width)) < 1e-9);
    CHECK(drawn.slope[0] == Approx(0).margin(1e-9));
    CHECK(drawn.slope[1] == Approx(-side * width));
  }
}

TEST_CASE("a slanted edge that leaves the image above and below covers its exact area") {
  // Column 16 at the middle row; 45 degrees, and the steeper of two slopes that both go row by row.
  const double slope = GENERATE(1.0, -1.0, 0.37, -0.9);
  const double side = GENERATE(1.0, -1.0);
  for (int i = 0; i <= 32; ++i) {
    const double at = 15.1 + 1.5 * i / 32;
    const double length = std::hypot(slope, 1);
    const Total drawn =
        total({{at, height / 2.0}, {slope / length, 1 / length}, {side / length, -side * slope / length}});
    INFO(at);
    CHECK(std::fabs(drawn.area - (side > 0 ? (width - at) * height : at * height)) < 1e-9);
    CHECK(drawn.slope[0] == Approx(-side * height));
    CHECK(drawn.slope[1] == Approx(side * height * slope).margin(1e-9));
  }
}

TEST_CASE("coverage changes continuously as an edge passes a pixel's centre") {
  const ag::Step step;
  std::vector<double> before;
  for (int i = -8; i <= 8; ++i) {
    const ag::Array none = ag::zeros({2}, ag::DType::float64);
    const std::vector<double> now =
        coverage(draw(clip_of({{14.5 + i * 1e-3, 5}, {0, 1}, {1, 0}}, ag::tensor(none)))).to_vector<double>();
    for (size_t p = 0; p < before.size(); ++p) CHECK(std::fabs(now[p] - before[p]) < 1.1e-3);
    before = now;
  }
}

TEST_CASE("each pixel along an upright edge shows its own share") {
  const ag::Step step;
  const ag::Array none = ag::zeros({2}, ag::DType::float64);
  const double at = GENERATE(14.1, 14.45, 14.55, 14.9);
  const std::vector<double> seen =
      coverage(draw(clip_of({{at, 5}, {0, 1}, {1, 0}}, ag::tensor(none)))).to_vector<double>();
  for (size_t row = 0; row < height; ++row) {
    for (size_t column = 0; column < width; ++column) {
      const double share = column < 14 ? 0.0 : column > 14 ? 1.0 : 15 - at;
      CHECK(seen[row * width + column] == Approx(share).margin(1e-12));
    }
  }
}

TEST_CASE("an edge's depth does not move it, even where it starts behind the camera") {
  const ag::Step step;
  const auto of = [](std::array<double, 2> depths) {
    HalfPlane plane{{14.3, 6}, {0.3, 1}, {1, -0.3}};
    plane.depths = depths;
    const ag::Array none = ag::zeros({2}, ag::DType::float64);
    return coverage(draw(clip_of(plane, ag::tensor(none))));
  };
  const std::vector<double> level = of({1, 1}).to_vector<double>(), tilted = of({0.5, 7}).to_vector<double>();
  for (size_t i = 0; i < level.size(); ++i) CHECK(tilted[i] == Approx(level[i]).margin(1e-9));

  // The same upright line from row 30 downward, through infinity, to a point behind the camera that
  // projects to row 40: it passes the image from above.
  const auto upright = [&](double first_row, double first_w, double second_row, double second_w) {
    const auto list = [](double a, double b, double c) { return ag::Array::of<double>({a, b, c}).reshape({1, 3}); };
    const Tensor w = ag::tensor(list(first_w, second_w, 1));
    const Tensor column = ag::tensor(list(14.3, 14.3, 600));
    const Tensor row = ag::tensor(list(first_row, second_row, 5));
    return draw({(column * (2.0 / width) - 1) * w, (1 - row * (2.0 / height)) * w, w * 0.5, w});
  };
  const std::vector<double> plain_line = coverage(upright(-300, 1, 300, 1)).to_vector<double>();
  const Drawn through = upright(40, -1, 30, 1);
  REQUIRE(through.crossings.inner.size() == height);
  const std::vector<double> seen = coverage(through).to_vector<double>();
  for (size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == Approx(plain_line[i]).margin(1e-9));
}

TEST_CASE("an edge shorter than the rounding of positions throws no pixel far off") {
  // Corners in pixels: the first two are an edge of 1.4 / 256 pixel, whose ends are rounded to different
  // sides of a row of centres; its line meets that row many pixels away.
  constexpr double unit = 1.0 / 256, gap = 2e-5;
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const ag::Step step;
  const auto on_screen = [&](double size, double sign, std::initializer_list<double> pixels) {
    return ag::Array::make<double>({1, 4},
                                   [&](std::span<double> out) {
                                     std::ranges::transform(pixels, out.begin(),
                                                            [&](double at) { return sign * (2 * at / size - 1); });
                                   })
        .cast(type);
  };
  const ag::Array x = on_screen(width, 1, {14.3, 14.3 + 1.4 * unit, 40, 40});
  const ag::Array y = on_screen(height, -1, {5.5 + (0.5 - gap) * unit, 5.5 + (0.5 + gap) * unit, 9, -9});
  const Tensor one = ag::tensor(ag::ones({1, 4}, type));
  const Vec4 clip{ag::tensor(x), ag::tensor(y), one * 0, one};
  const ag::Array faces = ag::Array::of<int32_t>({0, 1, 2, 0, 2, 3}).reshape({2, 3});
  const ag::Array numbers = ag::Array::of<double>({0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0}).reshape({4, 3});
  const Tensor ids = visibility(clip, faces, frame);
  const Drawn drawn{clip, visible_pixels(ids), silhouettes(clip, faces, make_topology(numbers, faces), ids)};
  const std::vector<int32_t> a = drawn.crossings.a.to_vector<int32_t>(), b = drawn.crossings.b.to_vector<int32_t>();
  size_t short_edges = 0;
  for (size_t i = 0; i < a.size(); ++i) short_edges += a[i] + b[i] == 1;
  REQUIRE(short_edges == 1);
  const Tensor seen = coverage(drawn);
  const std::vector<double> values = ag::cast(seen, ag::DType::float64).to_vector<double>();
  for (double value : values) CHECK(std::fabs(value) < 1.5);
  const std::vector<double> slope = ag::cast(ag::grad(ag::sum(seen), x), ag::DType::float64).to_vector<double>();
  for (double value : slope) CHECK(std::fabs(value) <= width / 2.0 * height);
}

TEST_CASE("all channels are blended alike, over any background") {
  const ag::Step step;
  const ag::Array none = ag::zeros({2}, ag::DType::float64);
  const Drawn drawn = draw(clip_of({{14.2, 6}, {0.6, 0.8}, {0.8, -0.6}}, ag::tensor(none)));
  const std::vector<double> share = coverage(drawn).to_vector<double>();
  const std::vector<double> inside{0.2, 0.7, 0.1, 1}, outside{0.9, 0.3, 0.5, 0};
  const Tensor image =
      antialias(plain(drawn, ag::Array::from(inside, {4}), ag::Array::from(outside, {4})), drawn.clip, drawn.crossings);
  REQUIRE(image.shape() == ag::Shape{1, height, width, 4});
  const std::span<const double> values = image.values<double>();
  size_t partial = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double covered = share[i / 4];
    partial += covered > 0.01 && covered < 0.99;
    CHECK(values[i] == Approx(outside[i % 4] + covered * (inside[i % 4] - outside[i % 4])).margin(1e-12));
  }
  CHECK(partial > 20);
}

TEST_CASE("without crossings the image stays as it is, bit for bit") {
  const ag::Step step;
  const ag::DType type = GENERATE(ag::DType::float32, ag::DType::float64);
  const double place = GENERATE(-40.0, 80.0);  // all covered; nothing covered
  const ag::Array none = ag::zeros({2}, type);
  const Drawn drawn = draw(clip_of({{place, 5}, {0, 1}, {1, 0}}, ag::tensor(none)));
  REQUIRE(drawn.crossings.inner.size() == 0);
  REQUIRE(drawn.pixels.pixel.size() == (place < 0 ? width * height : 0));
  Random random(21);
  const ag::Array image = (type == ag::DType::float32 ? random_array<float>(random, {1, height, width, 3}, -1, 2)
                                                      : random_array<double>(random, {1, height, width, 3}, -1, 2));
  const Tensor smooth = antialias(ag::tensor(image), drawn.clip, drawn.crossings);
  const ag::Array kept = smooth.keep();
  REQUIRE(kept.bytes() == image.bytes());
  CHECK(std::memcmp(kept.data(), image.data(), static_cast<size_t>(image.bytes())) == 0);
  const ag::Array slope = ag::cast(ag::grad(ag::sum(smooth), image), ag::DType::float64).keep();
  for (double value : slope.values<double>()) CHECK(value == 1);
}

TEST_CASE("an edge between two equal colours changes nothing") {
  const ag::Step step;
  const ag::Array none = ag::zeros({2}, ag::DType::float64);
  const Drawn drawn = draw(clip_of({{14.2, 6}, {0, 1}, {1, 0}}, ag::tensor(none)));
  REQUIRE(drawn.crossings.inner.size() == height);
  const ag::Array grey = ag::full({1}, 0.3, ag::DType::float64);
  const Tensor image = antialias(plain(drawn, grey, grey), drawn.clip, drawn.crossings);
  for (double value : image.values<double>()) CHECK(value == 0.3);
}

TEST_CASE("lists and images that do not fit are refused") {
  const ag::Step step;
  const ag::Array none = ag::zeros({2});
  const Vec4 clip = clip_of({{14.2, 6}, {0, 1}, {1, 0}}, ag::tensor(none));
  const Tensor ids = visibility(clip, triangle(), frame);
  const Crossings crossings = silhouettes(clip, triangle(), topology(), ids);
  const auto tensor = [](const ag::Array& array) { return ag::tensor(array); };
  REQUIRE_THROWS_AS(antialias(tensor(ag::zeros({height, width, 3})), clip, crossings), ag::ShapeError);
  REQUIRE_THROWS_AS(antialias(tensor(ag::zeros({1, height, width + 1, 3})), clip, crossings), ag::ShapeError);
  REQUIRE_THROWS_WITH(antialias(tensor(ag::zeros({1, width, height + 1, 3})), clip, crossings),
                      ContainsSubstring("antialias: image") && ContainsSubstring("[1, 12, 32, channels]"));
  REQUIRE_THROWS_AS(silhouettes(clip, triangle(), topology(), ag::select(ids, 0, 0)), ag::ShapeError);
  const Topology other = make_topology(scene::tetrahedron().positions, scene::tetrahedron().triangles);
  REQUIRE_THROWS_AS(silhouettes(clip, triangle(), other, ids), ag::ShapeError);
  // Ids and triangles of another mesh would be read beyond their end.
  const ag::Array one_more = ag::full({1, height, width}, 1, ag::DType::int32);
  REQUIRE_THROWS_AS(silhouettes(clip, triangle(), topology(), tensor(one_more)), ag::IndexError);
  const ag::Array missing = ag::Array::of<int32_t>({0, 1, 3}).reshape({1, 3});
  REQUIRE_THROWS_AS(silhouettes(clip, missing, topology(), ids), ag::IndexError);
}
