#include <render/raster/texture_use.h>
#include <tests/catch.h>

#include <limits>
#include <vector>

using namespace render;

namespace {

ag::Array uvs_of(std::initializer_list<float> values) {
  return ag::Array::of<float>(values).reshape({static_cast<int64_t>(values.size() / 2), 2});
}

ag::Array faces_of(std::initializer_list<int32_t> values) {
  return ag::Array::of<int32_t>(values).reshape({static_cast<int64_t>(values.size() / 3), 3});
}

int64_t count(const TextureUse& use, int32_t face) { return std::ranges::count(use.faces.values<int32_t>(), face); }

}  // namespace

TEST_CASE("texture_use tells which face owns a texel, row 0 on top") {
  // Face 0 the lower left half, face 1 the upper right one.
  const TextureUse use = texture_use(uvs_of({0, 0, 1, 0, 0, 1, 1, 1}), faces_of({0, 1, 2, 1, 3, 2}), 4, 4);
  REQUIRE(use.faces.shape() == ag::Shape{4, 4});
  const std::span<const int32_t> faces = use.faces.values<int32_t>();
  CHECK(faces[0 * 4 + 3] == 1);
  CHECK(faces[3 * 4 + 0] == 0);
  CHECK(count(use, 0) + count(use, 1) == 16);
  CHECK(use.overlap == Approx(0).margin(1e-6));
}

TEST_CASE("coordinates outside [0, 1] use the texture again, from the other side") {
  // A square of half a side around the corner (2, -1) uses the four corners of the texture.
  const TextureUse use = texture_use(uvs_of({1.75f, -1.25f, 2.25f, -1.25f, 1.75f, -0.75f, 2.25f, -0.75f}),
                                     faces_of({0, 1, 2, 1, 3, 2}), 8, 8);
  const std::span<const int32_t> faces = use.faces.values<int32_t>();
  for (size_t row = 0; row < 8; ++row) {
    for (size_t column = 0; column < 8; ++column) {
      const bool corner = (row < 2 || row >= 6) && (column < 2 || column >= 6);
      CHECK((faces[row * 8 + column] >= 0) == corner);
    }
  }
  CHECK(use.overlap == Approx(0).margin(1e-6));
}

TEST_CASE("faces that lie on each other are an overlap; those that are nowhere are not counted") {
  const ag::Array square = uvs_of({0, 0, 1, 0, 0, 1, 1, 1});
  CHECK(texture_use(square, faces_of({0, 1, 2, 1, 3, 2, 0, 1, 2, 1, 3, 2}), 16, 16).overlap == Approx(1));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const ag::Array strange = uvs_of({0, 0, 1, 0, 0, 1, nan, 1, 1e9f, 0, 0.5f, 0});
  const TextureUse use = texture_use(strange, faces_of({0, 1, 3, 0, 1, 4, 0, 1, 5, 0, 1, -1}), 16, 16);
  CHECK(count(use, -1) == 256);
  CHECK(use.overlap == 0);
  CHECK(use.flat_faces == 1);  // the third lies on the lower border
  CHECK(use.far_faces == 2);
  // Where one more than a float is that float.
  const ag::Array far = uvs_of({1e8f, 0, 1e8f, 1, 1e8f, 0.5f});
  CHECK(texture_use(far, faces_of({0, 1, 2}), 4, 4).far_faces == 1);
  CHECK(texture_use(ag::zeros({0, 2}), ag::zeros({0, 3}, ag::DType::int32), 2, 2).overlap == 0);
}

TEST_CASE("texture_use refuses lists that do not fit together") {
  const ag::Array uvs = uvs_of({0, 0, 1, 0, 0, 1});
  REQUIRE_THROWS_AS(texture_use(uvs, faces_of({0, 1, 3}), 4, 4), ag::IndexError);
  REQUIRE_THROWS_AS(texture_use(uvs, faces_of({0, 1, -2}), 4, 4), ag::IndexError);
  REQUIRE_THROWS_AS(texture_use(uvs, ag::arange(3), 4, 4), ag::ShapeError);
  REQUIRE_THROWS_AS(texture_use(ag::ones({3, 3}), faces_of({0, 1, 2}), 4, 4), ag::ShapeError);
  REQUIRE_THROWS_AS(texture_use(uvs, ag::ones({1, 3}), 4, 4), ag::DTypeError);
  for (const int64_t side : {int64_t{0}, int64_t{-1}, int64_t{16385}})
    REQUIRE_THROWS_AS(texture_use(uvs, faces_of({0, 1, 2}), 4, side), ag::ValueError);
}
