#include <autograd/core/error.h>
#include <render/geometry/normals.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/geometry/topology.h>
#include <render/image/file.h>
#include <tests/render/mesh_data.h>

#include <cmath>
#include <limits>

using namespace render;
namespace ag = autograd;

namespace {

Mesh read_text(std::string_view text, std::vector<std::string>* warnings = nullptr) {
  const ScratchFolder folder;
  return read_obj(folder.write("mesh.obj", text), warnings);
}

/// The error's text, without the folder; empty where there is none.
std::string error_of(std::string_view text) {
  const ScratchFolder folder;
  try {
    read_obj(folder.write("mesh.obj", text));
  } catch (const FileError& error) {
    const std::string what = error.what(), start = (folder / "").string();
    REQUIRE(what.starts_with(start));
    CHECK(what.find('\n') == what.npos);
    return what.substr(start.size());
  }
  return "";
}

std::vector<int32_t> triangles_of(const Mesh& mesh) { return mesh.triangles.to_vector<int32_t>(); }

/// Sum of the faces' areas, each with the sign of its normal's z.
double signed_area(const Mesh& mesh) {
  const std::vector<double> p = mesh.positions.to_vector<double>();
  const std::vector<int32_t> t = triangles_of(mesh);
  double sum = 0;
  for (size_t i = 0; i < t.size(); i += 3) {
    const auto at = [&](size_t corner, size_t axis) { return p[3 * static_cast<size_t>(t[i + corner]) + axis]; };
    sum += ((at(1, 0) - at(0, 0)) * (at(2, 1) - at(0, 1)) - (at(1, 1) - at(0, 1)) * (at(2, 0) - at(0, 0))) / 2;
  }
  return sum;
}

double unsigned_area(const Mesh& mesh) {
  const std::vector<double> p = mesh.positions.to_vector<double>();
  const std::vector<int32_t> t = triangles_of(mesh);
  double sum = 0;
  for (size_t i = 0; i < t.size(); i += 3) {
    const auto at = [&](size_t corner, size_t axis) { return p[3 * static_cast<size_t>(t[i + corner]) + axis]; };
    sum += std::fabs((at(1, 0) - at(0, 0)) * (at(2, 1) - at(0, 1)) - (at(1, 1) - at(0, 1)) * (at(2, 0) - at(0, 0))) / 2;
  }
  return sum;
}

template <class Point>
Mesh polygon(const std::vector<Point>& corners, double offset = 0) {
  std::string text, face = "f";
  for (size_t i = 0; i < corners.size(); ++i) {
    text += "v " + std::to_string(corners[i][0] + offset) + " " + std::to_string(corners[i][1] + offset) + " 2\n";
    face += " " + std::to_string(i + 1);
  }
  return read_text(text + face + "\n");
}

bool same(const ag::Array& a, const ag::Array& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::equal(static_cast<const char*>(a.data()), static_cast<const char*>(a.data()) + a.bytes(),
                    static_cast<const char*>(b.data()));
}

constexpr std::string_view three_vertices = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";

std::string with_vertices(std::string_view rest) { return std::string(three_vertices) + std::string(rest); }

}  // namespace

TEST_CASE("an OBJ's positions are the float64 nearest to its text") {
  const Mesh mesh = read_text(
      "v 0.1234567890123456 -1.7976931348623157e308 4.9e-324\n"
      "v +1.5 123456789.123456789 1e-400\n"
      "v 0.3 0.1 0.7\nf 1 2 3\n");
  const std::vector<double> expected{
      0.1234567890123456, -1.7976931348623157e308, 4.9e-324, 1.5, 123456789.123456789, 0, 0.3, 0.1, 0.7};
  CHECK(mesh.positions.to_vector<double>() == expected);
}

TEST_CASE("the corner forms of a face") {
  const std::string head = with_vertices("v 1 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nvn 0 0 2\nvn 0 0 -1\n");
  SECTION("positions only") {
    const Mesh mesh = read_text(head + "f 1 2 3\n");
    CHECK(triangles_of(mesh) == std::vector<int32_t>{0, 1, 2});
    CHECK_FALSE(mesh.has_uvs());
    CHECK_FALSE(mesh.has_normals());
    CHECK_FALSE(mesh.has_colors());
    CHECK(mesh.vertices() == 4);  // the unreferenced one is kept
    CHECK(mesh.uvs.shape() == ag::Shape{3, 2});
  }
  SECTION("vertex/uv") {
    const Mesh mesh = read_text(head + "f 1/1 2/2 3/3\n");
    CHECK(mesh.uv_triangles.to_vector<int32_t>() == std::vector<int32_t>{0, 1, 2});
    CHECK_FALSE(mesh.has_normals());
  }
  SECTION("vertex//normal") {
    const Mesh mesh = read_text(head + "f 1//2 2//2 3//1\n");
    CHECK_FALSE(mesh.has_uvs());
    CHECK(mesh.normal_triangles.to_vector<int32_t>() == std::vector<int32_t>{1, 1, 0});
    CHECK(mesh.normals.to_vector<float>() == std::vector<float>{0, 0, 1, 0, 0, -1});  // of unit length
  }
  SECTION("vertex/uv/normal, and faces without") {
    const Mesh mesh = read_text(head + "f 1/3/1 2/2/1 3/1/1\nf 2 4 3\n");
    CHECK(mesh.uv_triangles.to_vector<int32_t>() == std::vector<int32_t>{2, 1, 0, -1, -1, -1});
    CHECK(mesh.normal_triangles.to_vector<int32_t>() == std::vector<int32_t>{0, 0, 0, -1, -1, -1});
  }
  SECTION("counted back from the latest") {
    const Mesh mesh = read_text(head + "f -4/-3/-2 -3/-2/-2 -2/-1/-1\nv 9 9 9\nf -5 -4 -3\n");
    CHECK(triangles_of(mesh) == std::vector<int32_t>{0, 1, 2, 0, 1, 2});
    CHECK(mesh.uv_triangles.to_vector<int32_t>() == std::vector<int32_t>{0, 1, 2, -1, -1, -1});
    CHECK(mesh.normal_triangles.to_vector<int32_t>() == std::vector<int32_t>{0, 0, 1, -1, -1, -1});
  }
  SECTION("a later line's vertex") {
    CHECK(triangles_of(read_text("f 1 2 3\n" + head)) == std::vector<int32_t>{0, 1, 2});
  }
  SECTION("a normal of no length counts as none") {
    const Mesh mesh = read_text(head + "vn 0 0 0\nf 1//1 2//3 3//1\n");
    CHECK(mesh.normal_triangles.to_vector<int32_t>() == std::vector<int32_t>{0, -1, 0});
  }
}

TEST_CASE("line ends, comments, shapes and words without meaning here") {
  const std::vector<int32_t> expected{0, 1, 2};
  CHECK(triangles_of(read_text("v 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf 1 2 3\r\n")) == expected);
  CHECK(triangles_of(read_text("v 0 0 0\rv 1 0 0\rv 0 1 0\rf 1 2 3")) == expected);
  CHECK(triangles_of(read_text("\xef\xbb\xbfv 0 0 0\nv 1 0 0 \nv\t0  1 0 # end\n\n  f 1 2  3 ")) == expected);
  const Mesh mesh =
      read_text(with_vertices("# a comment\no one\ng a b\ns off\nf 1 2 3\ng\no two\ns 1\nl 1 2\nf 3 2 1\n"));
  CHECK(triangles_of(mesh) == std::vector<int32_t>{0, 1, 2, 2, 1, 0});
}

TEST_CASE("polygons are cut into triangles that fill them once") {
  SECTION("a convex quad along its shorter diagonal") {
    CHECK(triangles_of(polygon<std::array<double, 2>>({{0, 0}, {2, -1}, {4, 0}, {2, 1}})) ==
          std::vector<int32_t>{0, 1, 3, 1, 2, 3});
    CHECK(triangles_of(polygon<std::array<double, 2>>({{0, 0}, {1, -2}, {2, 0}, {1, 2}})) ==
          std::vector<int32_t>{0, 1, 2, 0, 2, 3});
  }
  using Points = std::vector<std::array<double, 2>>;
  // A dart whose shorter diagonal lies outside; an L; a comb; a star; a square with corners on its sides;
  // a frame, its hole joined by a bridge that is walked twice.
  const Points shape = GENERATE(
      Points{{-0.5, 0}, {0, 1}, {0.5, 0}, {0, 10}}, Points{{0, 0}, {3, 0}, {3, 1}, {1, 1}, {1, 3}, {0, 3}},
      Points{{0, 0}, {7, 0}, {7, 5}, {6, 5}, {6, 1}, {4, 1}, {4, 5}, {3, 5}, {3, 1}, {1, 1}, {1, 5}, {0, 5}},
      Points{{0, 3}, {-1, 1}, {-3, 1}, {-1.5, -0.5}, {-2, -3}, {0, -1.5}, {2, -3}, {1.5, -0.5}, {3, 1}, {1, 1}},
      Points{{0, 0}, {1, 0}, {2, 0}, {2, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}},
      Points{{0, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 0}, {1, 1}, {1, 3}, {3, 3}, {3, 1}, {1, 1}});
  const size_t start = GENERATE(0u, 1u, 2u, 3u);
  const bool clockwise = GENERATE(false, true);
  const double offset = GENERATE(0.0, 1000.0);
  Points corners = shape;
  std::rotate(corners.begin(), corners.begin() + static_cast<std::ptrdiff_t>(start), corners.end());
  if (clockwise) std::reverse(corners.begin(), corners.end());
  double area = 0;
  for (size_t i = 0; i < corners.size(); ++i) {
    const auto &a = corners[i], &b = corners[(i + 1) % corners.size()];
    area += (a[0] * b[1] - a[1] * b[0]) / 2;
  }
  const Mesh mesh = polygon(corners, offset);
  CHECK(mesh.faces() == static_cast<int64_t>(corners.size()) - 2);
  CHECK(signed_area(mesh) == Approx(area).epsilon(1e-9));
  CHECK(unsigned_area(mesh) == Approx(std::fabs(area)).epsilon(1e-9));  // no overlaps
}

TEST_CASE("a polygon of hundreds of corners") {
  std::vector<std::array<double, 2>> circle, gear;
  for (int i = 0; i < 600; ++i) {
    const double angle = 2 * 3.14159265358979 * i / 600, radius = i % 2 ? 10 : 9;
    circle.push_back({std::cos(angle), std::sin(angle)});
    gear.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  CHECK(polygon(circle).faces() == 598);
  const Mesh mesh = polygon(gear);
  CHECK(mesh.faces() == 598);
  CHECK(signed_area(mesh) == Approx(unsigned_area(mesh)));
}

TEST_CASE("a polygon that crosses itself or has no area is cut all the same") {
  CHECK(polygon<std::array<double, 2>>({{0, 0}, {1, 1}, {1, 0}, {0, 1}}).faces() == 2);
  CHECK(polygon<std::array<double, 2>>({{0, 0}, {1, 1}, {2, 2}, {3, 3}, {1, 1}}).faces() == 3);
  CHECK(read_text(with_vertices("f 1 1 1 1 1\n")).faces() == 3);
}

TEST_CASE("vertex colours are sRGB in the file and linear in memory") {
  const Mesh mesh = read_text("v 0 0 0 0 0.5 1\nv 1 0 0 1 0 0\nv 0 1 0 0.04 0.04045 0.05\nf 1 2 3\n");
  REQUIRE(mesh.colors.shape() == ag::Shape{3, 3});
  const std::vector<float> colors = mesh.colors.to_vector<float>();
  CHECK(colors[0] == 0);
  CHECK(colors[1] == Approx(0.21404114));
  CHECK(colors[2] == 1);
  CHECK(colors[6] == Approx(0.04 / 12.92));
  CHECK(colors[8] == Approx(0.0039359396));
  std::vector<std::string> warnings;
  SECTION("some vertices without: white") {
    const Mesh some = read_text("v 0 0 0\nv 1 0 0 0 0 0\nv 0 1 0\nf 1 2 3\n", &warnings);
    CHECK(some.colors.to_vector<float>() == std::vector<float>{1, 1, 1, 0, 0, 0, 1, 1, 1});
    CHECK(warnings.empty());
  }
  SECTION("a weight is no colour") {
    CHECK_FALSE(read_text("v 0 0 0 1\nv 1 0 0 1\nv 0 1 0 1\nf 1 2 3\n").has_colors());
  }
  SECTION("outside 0 to 1: clamped, with a warning") {
    const Mesh bright = read_text("v 0 0 0 2 -1 1\nv 1 0 0 1 1 1\nv 0 1 0 1 1 1\nf 1 2 3\n", &warnings);
    CHECK(bright.colors.to_vector<float>() == std::vector<float>{1, 0, 1, 1, 1, 1, 1, 1, 1});
    CHECK(warnings.size() == 1);
  }
}

TEST_CASE("materials") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "sub folder");
  folder.write("sub folder/my colours.mtl",
               "# comment\nnewmtl red paint\nKd 1 0 0.25\nKs 1 1 1\n\nnewmtl wood\r\nmap_Kd -s 2 2 1 bark photo.png\r\n"
               "newmtl plain\nnewmtl both\nKd 0.5 0.5 0.5\nmap_Kd maps\\a.png\n");
  std::vector<std::string> warnings;
  const std::string faces =
      "f 1 2 3\nusemtl red paint \nf 1 2 3\nusemtl wood\nf 3 2 1\nusemtl missing\nf 1 2 3\nusemtl both\nf 1 2 3\n";
  SECTION("an MTL whose name has spaces") {
    const std::string library = GENERATE("mtllib sub folder/my colours.mtl\n", "mtllib sub\\ folder/my\\ colours.mtl\n",
                                         "mtllib sub folder\\my colours.mtl \r\n");
    const Mesh mesh = read_obj(folder.write("mesh.obj", library + with_vertices(faces)), &warnings);
    REQUIRE(mesh.materials.size() == 4);
    CHECK(mesh.materials[0].name == "red paint");
    CHECK(mesh.materials[0].diffuse == std::array<float, 3>{1, 0, 0.25f});
    CHECK(mesh.materials[0].diffuse_map.empty());
    CHECK(mesh.materials[1].diffuse_map == folder / "sub folder/bark photo.png");
    CHECK(mesh.materials[1].diffuse == std::array<float, 3>{1, 1, 1});  // a map without Kd is not dimmed
    CHECK(mesh.materials[2].diffuse == Material{}.diffuse);
    CHECK(mesh.materials[3].diffuse == std::array<float, 3>{0.5f, 0.5f, 0.5f});
    CHECK(mesh.materials[3].diffuse_map == folder / "sub folder/maps/a.png");
    CHECK(mesh.face_materials.to_vector<int32_t>() == std::vector<int32_t>{-1, 0, 1, -1, 3});
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find("'missing'") != std::string::npos);
  }
  SECTION("two libraries on a line") {
    folder.write("a.mtl", "newmtl a\nKd 0 0 1\n");
    folder.write("b.mtl", "newmtl b\nKd 0 1 0\nnewmtl a\nKd 1 0 0\n");
    const std::string text =
        "mtllib a.mtl b.mtl\nmtllib a.mtl\n" + with_vertices("usemtl b\nf 1 2 3\nusemtl a\nf 1 2 3\n");
    const Mesh mesh = read_obj(folder.write("mesh.obj", text), &warnings);
    REQUIRE(mesh.materials.size() == 2);
    CHECK(mesh.materials[0].diffuse == std::array<float, 3>{0, 0, 1});  // the first of a name
    CHECK(mesh.face_materials.to_vector<int32_t>() == std::vector<int32_t>{1, 0});
    CHECK(warnings.empty());
  }
  SECTION("a missing MTL is a warning of one line") {
    const Mesh mesh = read_obj(folder.write("mesh.obj", with_vertices("mtllib none.mtl\n" + faces)), &warnings);
    CHECK(mesh.face_materials.size() == 0);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find("mesh.obj:4: ") != std::string::npos);
    CHECK(warnings[0].find("'none.mtl'") != std::string::npos);
    CHECK(warnings[0].find('\n') == std::string::npos);
  }
  SECTION("an MTL that is a folder, or rubbish") {
    read_obj(folder.write("mesh.obj", with_vertices("mtllib sub\nmtllib rubbish.mtl\n" + faces)), &warnings);
    CHECK(warnings.size() == 2);
    folder.write("rubbish.mtl", std::string_view("\x89PNG\0\xff\nnewmtl\nnewmtl \nKd x\nmap_Kd\nmap_Kd -o", 42));
    const Mesh mesh = read_obj(folder / "mesh.obj");
    CHECK(mesh.faces() == 5);
  }
}

TEST_CASE("what is wrong with an OBJ is told with its line") {
  CHECK(error_of("") == "mesh.obj: no faces; expected an OBJ with at least one 'f' line");
  CHECK(error_of(three_vertices) == error_of(""));
  CHECK(error_of("<!-- a page -->\n<html>") ==
        "mesh.obj:1: '<!--' is no OBJ keyword; expected v, vt, vn, f, usemtl, ... or # (one line each)");
  CHECK(error_of(std::string_view("\x7f\x45LF\0\1\n", 7)) ==
        "mesh.obj:1: a zero byte; expected the text of an OBJ file");

  const auto fault = [](std::string_view line) {
    return error_of("v 0 0 0\r\nv 1 0 0\r\n\r\n" + std::string(line) + "\nv 0 1 0\nf 1 2 3\n");
  };
  CHECK(fault("v 0 nan 0") == "mesh.obj:4: 'nan' is not finite; expected a finite number");
  CHECK(fault("v 0 0 -inf") == "mesh.obj:4: '-inf' is not finite; expected a finite number");
  CHECK(fault("v 0 0 1e999") == "mesh.obj:4: '1e999' is not finite; expected a finite number");
  CHECK(fault("v 0 0") == "mesh.obj:4: a vertex of 2 numbers; expected x y z, x y z w or x y z r g b");
  CHECK(fault("v 0 0 0 1 1") == "mesh.obj:4: a vertex of 5 numbers; expected x y z, x y z w or x y z r g b");
  CHECK(fault("v 0 0 0 1 1 1 1 1") == "mesh.obj:4: more than 7 numbers");
  CHECK(fault("v 0,5 0 0") == "mesh.obj:4: '0,5' is not a number");
  CHECK(fault("v 0 +-1 0") == "mesh.obj:4: '+-1' is not a number");
  CHECK(fault("vt") == "mesh.obj:4: a texture vertex of 0 numbers; expected u v");
  CHECK(fault("vt 1e300 0") == "mesh.obj:4: a texture coordinate that float32 cannot hold");
  CHECK(fault("vn 0 1") == "mesh.obj:4: a normal of 2 numbers; expected x y z");
  CHECK(fault("vn 0 nan 1") == "mesh.obj:4: 'nan' is not finite; expected a finite number");

  CHECK(fault("f 1 2") == "mesh.obj:4: a face of 2 corners; expected at least 3");
  CHECK(fault("f") == "mesh.obj:4: a face of 0 corners; expected at least 3");
  CHECK(fault("f 0 1 2") == "mesh.obj:4: vertex index 0 in '0'; OBJ counts from 1");
  CHECK(fault("f 1/0 2/0 3/0") == "mesh.obj:4: texture vertex index 0 in '1/0'; OBJ counts from 1");
  CHECK(fault("f 1 2 4") == "mesh.obj:4: vertex index 4 is out of range; expected 1 to 3 or -1 to -3");
  CHECK(fault("f 1 2 -3") == "mesh.obj:4: vertex index -3 is out of range; expected 1 to 2 or -1 to -2");
  CHECK(fault("f 1 2 -2147483648") ==
        "mesh.obj:4: vertex index -2147483648 is out of range; expected 1 to 2 or -1 to -2");
  CHECK(fault("f 1 2 99999999999") ==
        "mesh.obj:4: vertex index 99999999999 is out of range; expected 1 to 2 or -1 to -2");
  CHECK(fault("f 1/1 2/1 3/1") ==
        "mesh.obj:4: texture vertex index 1 is out of range; the file has no texture vertex before it");
  CHECK(fault("f 1//-1 2 3") == "mesh.obj:4: normal index -1 is out of range; the file has no normal before it");
  const std::string no_corner = " is not a corner of a face; expected vertex/texture/normal indices";
  CHECK(fault("f 1 2 x") == "mesh.obj:4: 'x'" + no_corner);
  CHECK(fault("f 1 2 1.5") == "mesh.obj:4: '1.5'" + no_corner);
  CHECK(fault("f 1 2 /1") == "mesh.obj:4: '/1'" + no_corner);
  CHECK(fault("f 1 2 1/1x") == "mesh.obj:4: '1/1x'" + no_corner);
  CHECK(fault("f 1/ 2 1") == "mesh.obj:4: '1/'" + no_corner);
  CHECK(fault("f 1// 2 1") == "mesh.obj:4: '1//'" + no_corner);
  CHECK(fault("f 1//// 2 1") == "mesh.obj:4: '1////'" + no_corner);
  CHECK(fault("f 1 2 \\") == "mesh.obj:4: '\\'" + no_corner);
  CHECK(fault("f 1 2 " + std::string(100, '\x01')) == "mesh.obj:4: '" + std::string(40, '?') + "...'" + no_corner);
  CHECK(fault("1 2 3").starts_with("mesh.obj:4: '1' is no OBJ keyword"));
  CHECK(fault("# fine").empty());
}

TEST_CASE("a file that is not there, or a folder") {
  const ScratchFolder folder;
  REQUIRE_THROWS_AS(read_obj(folder / "none.obj"), FileError);
  REQUIRE_THROWS_WITH(read_obj(folder / "none.obj"), ContainsSubstring("none.obj"));
  REQUIRE_THROWS_AS(read_obj(folder / ""), FileError);
}

TEST_CASE("a huge polygon that is not convex is refused") {
  std::string text, face = "f";
  for (int i = 0; i < 5000; ++i) {
    text += "v " + std::to_string(i) + " " + std::to_string(i % 2) + " 0\n";
    face += " " + std::to_string(i + 1);
  }
  CHECK(error_of(text + face) == "mesh.obj:5001: a face of 5000 corners that is not convex; expected at most 1024");
}

TEST_CASE("damaged files either read or tell one line") {
  // Every cut of a small file, and every byte of it replaced by each of a few.
  const std::string whole =
      "mtllib a.mtl\nv 0 0 0 1 0 1\nv 1 0 0\nv -1e1 .5 0\nvt 0 1\nvn 0 0 1\nusemtl a\ng x\nf 1/1/1 2//1 -1 1\n";
  int readable = 0;
  for (size_t length = 0; length < whole.size(); ++length) readable += error_of(whole.substr(0, length)).empty();
  CHECK(readable > 0);
  for (const char byte : {'\0', '\n', '-', '9', '/', ' ', 'f', '\xff', '#'}) {
    for (size_t i = 0; i < whole.size(); ++i) {
      std::string damaged = whole;
      damaged[i] = byte;
      readable += error_of(damaged).empty();
    }
  }
  CHECK(readable > 100);
}

TEST_CASE("what is written reads back the same") {
  const ScratchFolder folder;
  Mesh mesh;
  mesh.positions =
      ag::Array::from(std::vector<double>{0.1, 1.0 / 3, -1e-300, 1e300, -0.0, 12345678.9, 4.9e-324, 2, 3}, {3, 3});
  mesh.triangles = ag::Array::from(std::vector<int32_t>{0, 1, 2, 2, 1, 0, 0, 2, 1}, {3, 3});
  SECTION("positions only: the very bytes") {
    write_obj(folder / "a.obj", mesh);
    CHECK(text_of(folder / "a.obj") ==
          "v 0.1 0.3333333333333333 -1e-300\nv 1e+300 -0 12345678.9\nv 5e-324 2 3\nf 1 2 3\nf 3 2 1\nf 1 3 2\n");
    CHECK_FALSE(std::filesystem::exists(folder / "a.mtl"));
  }
  SECTION("everything") {
    mesh.uvs = ag::Array::from(std::vector<float>{0.1f, 1.f / 3, 16777217.f, -1e-30f}, {2, 2});
    mesh.uv_triangles = ag::Array::from(std::vector<int32_t>{0, 1, 1, -1, -1, -1, 1, -1, 0}, {3, 3});
    const float third = 0.57735026f;
    mesh.normals = ag::Array::from(std::vector<float>{third, third, third, 0, 0, -1}, {2, 3});
    mesh.normal_triangles = ag::Array::from(std::vector<int32_t>{0, 1, 0, 1, -1, -1, -1, -1, -1}, {3, 3});
    std::vector<float> colors;
    for (int i = 0; i < 9; ++i) colors.push_back(static_cast<float>(i * i) / 64.1f);
    colors[8] = 1;
    mesh.colors = ag::Array::from(colors, {3, 3});
    mesh.materials = {{"red paint", {1, 0.1f, 0}, ""}, {"wood", {0.8f, 0.8f, 0.8f}, folder / "bark.png"}};
    mesh.face_materials = ag::Array::from(std::vector<int32_t>{1, -1, 0}, {3});
    write_obj(folder / "a b.obj", mesh);
    std::vector<std::string> warnings;
    const Mesh read = read_obj(folder / "a b.obj", &warnings);
    CHECK(warnings.empty());
    CHECK(same(read.positions, mesh.positions));
    CHECK(same(read.triangles, mesh.triangles));
    CHECK(same(read.uvs, mesh.uvs));
    CHECK(same(read.uv_triangles, mesh.uv_triangles));
    CHECK(same(read.normals, mesh.normals));
    CHECK(same(read.normal_triangles, mesh.normal_triangles));
    CHECK(same(read.colors, mesh.colors));
    CHECK(same(read.face_materials, mesh.face_materials));
    REQUIRE(read.materials.size() == 2);
    CHECK(read.materials[0].name == "red paint");
    CHECK(read.materials[0].diffuse == mesh.materials[0].diffuse);
    CHECK(read.materials[1].diffuse_map == mesh.materials[1].diffuse_map);
    CHECK(text_of(folder / "a b.mtl").find("map_Kd bark.png\n") != std::string::npos);
    const std::string first = text_of(folder / "a b.obj");
    write_obj(folder / "a b.obj", read);
    CHECK(text_of(folder / "a b.obj") == first);
  }
  SECTION("colours of every brightness, as float32 holds them") {
    std::vector<float> colors;
    for (int i = 0; i < 3000; ++i) colors.push_back(static_cast<float>(i) / 2999 * static_cast<float>(i % 7 + 1) / 7);
    mesh.positions = ag::zeros({1000, 3}, ag::DType::float64);
    mesh.colors = ag::Array::from(colors, {1000, 3});
    write_obj(folder / "a.obj", mesh);
    CHECK(same(read_obj(folder / "a.obj").colors, mesh.colors));
    CHECK(std::filesystem::file_size(folder / "a.obj") < 1000 * (8 + 3 * 12));  // few digits
  }
  SECTION("a mesh that makes no sense is not written") {
    const double infinity = std::numeric_limits<double>::infinity();
    mesh.positions = ag::Array::from(std::vector<double>{0, 0, 0, 1, 0, 0, 0, infinity, 0}, {3, 3});
    REQUIRE_THROWS_AS(write_obj(folder / "a.obj", mesh), FileError);
    REQUIRE_THROWS_WITH(write_obj(folder / "a.obj", mesh), ContainsSubstring("a.obj: not written"));
    mesh.positions = ag::zeros({2, 3}, ag::DType::float64);
    REQUIRE_THROWS_AS(write_obj(folder / "a.obj", mesh), ag::IndexError);
    CHECK_FALSE(std::filesystem::exists(folder / "a.obj"));
  }
  SECTION("a folder that is not there") { REQUIRE_THROWS_AS(write_obj(folder / "none/a.obj", mesh), FileError); }
}

TEST_CASE("real files") {
  struct Expected {
    const char* name;
    int64_t vertices, faces, uvs, normals;
    size_t materials = 0, warnings = 0;
  };
  const Expected expected = GENERATE(
      Expected{"spot/spot_triangulated.obj", 2930, 5856, 3225, 0},
      Expected{"spot/spot_quadrangulated.obj", 2930, 5856, 3225, 0},
      Expected{"spot/spot_control_mesh.obj", 188, 372, 267, 0}, Expected{"bunny/bunny.obj", 3301, 6598, 0, 6598},
      Expected{"teapot/teapot.obj", 1292, 2464, 0, 1289}, Expected{"cube/cube_quads.obj", 8, 12, 0, 0, 0, 1},
      Expected{"cube/cube_subdivided.obj", 26, 48, 39, 6}, Expected{"cornell_box/cornell_box.obj", 76, 36, 0, 0, 5});
  const std::filesystem::path path = shared_mesh(expected.name);
  if (path.empty()) return;
  std::vector<std::string> warnings;
  const Mesh mesh = read_obj(path, &warnings);
  INFO(expected.name);
  CHECK(warnings.size() == expected.warnings);  // cube_quads.obj names an MTL that is not there
  CHECK(mesh.vertices() == expected.vertices);
  CHECK(mesh.faces() == expected.faces);
  CHECK(mesh.uvs.shape()[0] == expected.uvs);
  CHECK(mesh.normals.shape()[0] == expected.normals);
  CHECK(mesh.materials.size() == expected.materials);
  CHECK_FALSE(mesh.has_colors());

  const ScratchFolder folder;
  write_obj(folder / "copy.obj", mesh);
  const Mesh copy = read_obj(folder / "copy.obj");
  CHECK(same(copy.positions, mesh.positions));
  CHECK(same(copy.triangles, mesh.triangles));
  CHECK(same(copy.uv_triangles, mesh.uv_triangles));
  CHECK(same(copy.uvs, mesh.uvs));
  CHECK(same(copy.normals, mesh.normals));
  CHECK(same(copy.face_materials, mesh.face_materials));
}
