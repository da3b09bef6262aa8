#include <autograd/autograd.h>
#include <autograd/io/file.h>
#include <autograd/io/idx.h>
#include <autograd/io/npy.h>

#include <map>
#include <string>
#include <vector>

#include "tests/autograd/file_formats.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"
#include "tests/folder.h"

// .npy, .npz and IDX: what numpy and the MNIST files hold, and what hostile ones may.

namespace ag = autograd;
using ag::Array;
using ag::Shape;

namespace {

const FileBytes floats = npy(described("<f4", "(2,)"), little(0x3f800000, 4) + little(0xc0000000, 4));

std::string npz_error(const FileBytes& bytes, uint64_t limit = ag::zip_limit) {
  return error_of([&] { ag::read_npz(bytes, "a.npz", limit); });
}

std::string npy_error(const FileBytes& bytes) {
  return error_of([&] { ag::read_npy(bytes, "a.npy"); });
}

std::string idx_error(const FileBytes& bytes) {
  return error_of([&] { ag::read_idx(bytes, "a.idx"); });
}

}  // namespace

TEST_CASE("npy files come back as they were written") {
  const sample::Folder folder;
  Random random(1);
  const Array arrays[] = {random_array<float>(random, {3, 4, 5}, -1, 1),
                          random_array<double>(random, {7}, -1, 1),
                          random_array<int32_t>(random, {2, 3}, -100, 100),
                          Array::of({true, false, true}),
                          Array::scalar(2.5F),
                          ag::zeros({0, 3}),
                          Array::from(special_values<float>(), {static_cast<int64_t>(special_values<float>().size())})};
  std::map<std::string, Array> all;
  for (const Array& array : arrays) {
    ag::write_npy(folder / "a.npy", array);
    const Array read = ag::read_npy(folder / "a.npy");
    CHECK(read.shape() == array.shape());
    CHECK(read.dtype() == array.dtype());
    CHECK(std::memcmp(read.data(), array.data(), static_cast<size_t>(array.bytes())) == 0);
    all.emplace("layer/" + std::to_string(all.size()), array);
  }
  ag::write_npz(folder / "all.npz", all);
  const std::map<std::string, Array> read = ag::read_npz(folder / "all.npz");
  REQUIRE(read.size() == all.size());
  for (const auto& [name, array] : all) {
    REQUIRE(read.contains(name));
    CHECK(read.at(name).shape() == array.shape());
    CHECK(std::memcmp(read.at(name).data(), array.data(), static_cast<size_t>(array.bytes())) == 0);
  }
}

TEST_CASE("npy headers are as the format has them") {
  const sample::Folder folder;
  const auto text_of = [&](const Array& array) {
    ag::write_npy(folder / "a.npy", array);
    const FileBytes bytes = ag::read_file(folder / "a.npy");
    CHECK((bytes.size() - static_cast<size_t>(array.bytes())) % 64 == 0);
    CHECK(FileBytes(bytes.begin(), bytes.begin() + 8) == bytes_of("\x93NUMPY") + FileBytes{1, 0});
    const std::string text(bytes.begin() + 10, bytes.end() - static_cast<std::ptrdiff_t>(array.bytes()));
    CHECK(text.size() == bytes[8] + 256U * bytes[9]);
    CHECK(text.back() == '\n');
    return text.substr(0, text.find('}') + 1);
  };
  CHECK(text_of(ag::zeros({2, 3})) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
  CHECK(text_of(ag::arange(5)) == "{'descr': '<i4', 'fortran_order': False, 'shape': (5,), }");
  CHECK(text_of(Array::scalar(1.0)) == "{'descr': '<f8', 'fortran_order': False, 'shape': (), }");
  CHECK(text_of(Array::of({true})) == "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }");
}

TEST_CASE("npy files of other types, orders and versions are converted") {
  const auto integers = [](const std::string& descr, const FileBytes& data) {
    return ag::read_npy(npy(described(descr, "(2,)"), data)).to_vector<int32_t>();
  };
  using Integers = std::vector<int32_t>;
  CHECK(integers("|u1", {200, 3}) == Integers{200, 3});
  CHECK(integers("|i1", {200, 3}) == Integers{-56, 3});
  CHECK(integers("<i2", little(0xfffe, 2) + little(7, 2)) == Integers{-2, 7});
  CHECK(integers(">u2", big(0xfffe, 2) + big(7, 2)) == Integers{65534, 7});
  CHECK(integers("<i8", little(5, 8) + little(~uint64_t{0}, 8)) == Integers{5, -1});
  CHECK(integers(">i4", big(0x80000000, 4) + big(1, 4)) == Integers{INT32_MIN, 1});
  CHECK(ag::read_npy(npy(described("<f2", "(4,)"),
                         little(0x3c00, 2) + little(0x8001, 2) + little(0xfc00, 2) + little(0x7bff, 2)))
            .to_vector<float>() == std::vector<float>{1, -0x1p-24F, -std::numeric_limits<float>::infinity(), 65504});
  CHECK(ag::read_npy(npy(described(">f8", "()"), big(0x4004000000000000, 8))).item() == 2.5);
  CHECK(ag::read_npy(npy(described("|b1", "(3,)"), {0, 1, 7})).to_vector<bool>() ==
        std::vector<bool>{false, true, true});
  const Array fortran = ag::read_npy(npy(described("|u1", "(2, 3)", "True"), {1, 4, 2, 5, 3, 6}));
  CHECK(fortran.shape() == Shape{2, 3});
  CHECK(fortran.to_vector<int32_t>() == Integers{1, 2, 3, 4, 5, 6});
  const std::string dictionary = "{\"shape\": (1L,), \"fortran_order\": False, \"descr\": \"<i4\"}";
  CHECK(ag::read_npy(bytes_of("\x93NUMPY") + FileBytes{3, 0} + little(dictionary.size(), 4) + bytes_of(dictionary) +
                     little(9, 4))
            .to_vector<int32_t>() == Integers{9});
}

TEST_CASE("Wrong npy files are refused in words") {
  CHECK(npy_error(bytes_of("PK")) == "a.npy: cut short: 6 bytes expected at byte 0, 2 left");
  CHECK(npy_error(bytes_of("something else")) == "a.npy: not an .npy file");
  CHECK(npy_error(bytes_of("\x93NUMPY") + FileBytes{4, 0, 0, 0}) ==
        "a.npy: version 4 of the .npy format; expected 1 to 3");
  CHECK(npy_error(npy(described("<f4", "(2,)"), little(0, 7))) ==
        "a.npy: cut short: 8 bytes expected at byte 68, 7 left");
  CHECK(npy_error(npy(described("<f4", "(2,)"), little(0, 8) + little(0, 4))) ==
        "a.npy: 4 bytes more than the shape needs");
  CHECK(npy_error(npy(described("<f4", "(-2,)"), {})) == "a.npy: an axis of extent -2");
  CHECK_THAT(npy_error(npy(described("<f4", "(1000000, 1000000)"), {})), ContainsSubstring("elements"));
  CHECK_THAT(npy_error(npy(described("<f4", "(99999999999999999999,)"), {})), ContainsSubstring("no whole number"));
  CHECK_THAT(npy_error(npy(described("<f4", "(9223372036854775807, 9223372036854775807)"), {})),
             ContainsSubstring("elements"));
  CHECK(npy_error(npy(described("<f4", "(1, 1, 1, 1, 1, 1, 1)"), {})) == "a.npy: 7 axes; at most 6 are accepted");
  CHECK(npy_error(npy(described("|O", "(2,)"), {})) ==
        "a.npy: elements of type '|O'; expected floats, integers or bool");
  CHECK(npy_error(npy(described("<c8", "(2,)"), {})) ==
        "a.npy: elements of type '<c8'; expected floats, integers or bool");
  CHECK(npy_error(npy(described("<u4", "(2,)"), little(1, 4) + little(3000000000, 4))) ==
        "a.npy: element 1 is 3000000000, which int32 does not hold");
  for (const char* header :
       {"", "{", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': No, 'shape': (2,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "{'descr': '<f4, 'fortran_order': False",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} more", "{'other': '<f4'}"}) {
    CHECK_THAT(npy_error(npy(header, little(0, 8))), ContainsSubstring("a.npy: corrupt .npy header: "));
  }
  CHECK(npy_error(npy("{'de\nscr\x7f': '<f4'}", {})) == "a.npy: corrupt .npy header: the key 'de?scr?'");
  CHECK_THAT(error_of([] { ag::read_npy("/nowhere/a.npy"); }), ContainsSubstring("/nowhere/a.npy: No such file"));
}

TEST_CASE("npz archives that numpy writes are read, compressed or not") {
  const FileBytes packed = gzip(floats, -MAX_WBITS);
  const auto arrays = ag::read_npz(zip({{"a.npy", floats}, {"b/c.npy", floats, 8, packed}}) + bytes_of(""));
  REQUIRE(arrays.size() == 2);
  CHECK(arrays.at("a").to_vector<float>() == std::vector<float>{1, -2});
  CHECK(arrays.at("b/c").to_vector<float>() == std::vector<float>{1, -2});
  CHECK(ag::read_npz(zip({})).empty());
}

TEST_CASE("Wrong npz archives are refused in words") {
  const FileBytes packed = gzip(floats, -MAX_WBITS), good = zip({{"a.npy", floats}});
  CHECK(npz_error({}) == "a.npz: not an .npz file (a ZIP archive)");
  CHECK(npz_error(floats) == "a.npz: not an .npz file (a ZIP archive), or cut short");
  CHECK(npz_error(FileBytes(good.begin(), good.end() - 10)) == "a.npz: not an .npz file (a ZIP archive), or cut short");
  CHECK(npz_error(zip({{"a.txt", floats}})) == "a.npz: 'a.txt' is not an .npy file");
  CHECK(npz_error(zip({{"a.npy", bytes_of("no array here")}})) == "a.npz/a.npy: not an .npy file");
  CHECK(npz_error(zip({{"a.npy", floats}, {"a.npy", floats}})) == "a.npz: corrupt: two members are called 'a.npy'");
  CHECK(npz_error(zip({{.name = "a.npy", .content = floats, .crc = 77}})) ==
        "a.npz: corrupt: 'a.npy' has a wrong checksum");
  CHECK(npz_error(zip({{.name = "a.npy", .content = floats, .flags = 1}})) == "a.npz: encrypted");
  CHECK(npz_error(zip({{"a.npy", floats, 12, floats}})) ==
        "a.npz: 'a.npy' is compressed by method 12; expected 0 (stored) or 8 (deflate)");
  CHECK(npz_error(zip({{.name = "a.npy", .content = floats, .offset = 5}})) ==
        "a.npz: corrupt: 'a.npy' is not where announced");
  CHECK(npz_error(zip({{.name = "a.npy", .content = floats, .offset = 4000000000}})) ==
        "a.npz: cut short: it points beyond its end");
  CHECK(npz_error(zip({{"a.npy", floats}, {.name = "b.npy", .content = floats, .offset = 0}})) ==
        "a.npz: corrupt: members of the archive overlap");
  CHECK_THAT(npz_error(zip({{"a.npy", floats}}, 3)), ContainsSubstring("corrupt: the archive's directory has a gap"));
  CHECK_THAT(npz_error(zip({{.name = "a.npy", .content = floats, .method = 8, .stored = floats}})),
             ContainsSubstring("a.npz: "));
  const FileBytes half(packed.begin(), packed.end() - 9);
  CHECK_THAT(npz_error(zip({{"a.npy", floats, 8, half}})), ContainsSubstring("cut short"));
  CHECK_THAT(npz_error(zip({{.name = "a.npy", .content = floats, .method = 8, .stored = packed, .size = 20}})),
             ContainsSubstring("the compressed data hold more than announced"));
  CHECK_THAT(npz_error(zip({{.name = "a.npy", .content = floats, .method = 8, .stored = packed, .size = 4000000000}})),
             ContainsSubstring("announces 4000000000 bytes, which its "));
  CHECK(npz_error(zip({{"a.npy", floats}, {"b.npy", floats}}), 150) ==
        "a.npz: its arrays take 152 bytes; at most 150 are accepted");
  const sample::Folder folder;
  for (const char* name : {"", "/a", "../a", "a/../../b"}) {
    CHECK_THROWS_AS(ag::write_npz(folder / "a.npz", {{name, ag::zeros({1})}}), ag::ValueError);
  }
}

TEST_CASE("IDX files hold bytes, integers and floats") {
  const FileBytes header = FileBytes{0, 0, 8, 2} + big(2, 4) + big(3, 4);
  const FileBytes plain = header + FileBytes{1, 2, 3, 4, 5, 255};
  for (const FileBytes& bytes : {plain, gzip(plain)}) {
    const Array array = ag::read_idx(bytes);
    CHECK(array.shape() == Shape{2, 3});
    CHECK(array.to_vector<int32_t>() == std::vector<int32_t>{1, 2, 3, 4, 5, 255});
  }
  CHECK(ag::read_idx(FileBytes{0, 0, 0x0d, 1} + big(1, 4) + big(0xc0200000, 4)).item() == -2.5);
  CHECK(ag::read_idx(FileBytes{0, 0, 0x0e, 0} + big(0x4004000000000000, 8)).item() == 2.5);
  CHECK(ag::read_idx(FileBytes{0, 0, 0x0b, 1} + big(1, 4) + big(0xfffe, 2)).item() == -2);
  const sample::Folder folder;
  ag::write_file(folder / "a.gz", gzip(plain));
  CHECK(ag::read_idx(folder / "a.gz").size() == 6);
}

TEST_CASE("Wrong IDX files are refused in words") {
  const FileBytes header = FileBytes{0, 0, 8, 1} + big(6, 4), plain = header + FileBytes{1, 2, 3, 4, 5, 6};
  const FileBytes packed = gzip(plain);
  CHECK(idx_error({0, 0}) == "a.idx: cut short: 4 bytes expected at byte 0, 2 left");
  CHECK(idx_error(bytes_of("PNG, say")) == "a.idx: not an IDX file: it does not start with two zeros");
  CHECK(idx_error({0, 0, 7, 1}) == "a.idx: not an IDX file: element type 7");
  CHECK(idx_error(FileBytes(plain.begin(), plain.end() - 1)) == "a.idx: cut short: 6 bytes expected at byte 8, 5 left");
  CHECK(idx_error(plain + FileBytes{7}) == "a.idx: 1 bytes more than announced");
  CHECK(idx_error({0, 0, 8, 200}) == "a.idx: cut short: 4 bytes expected at byte 4, 0 left");
  CHECK(idx_error(FileBytes{0, 0, 8, 7} + FileBytes(28)) == "a.idx: 7 axes; at most 6 are accepted");
  CHECK_THAT(idx_error(FileBytes{0, 0, 8, 2} + big(0xffffffff, 4) + big(0xffffffff, 4)), ContainsSubstring("elements"));
  CHECK_THAT(idx_error(FileBytes(packed.begin(), packed.end() - 12)), ContainsSubstring("cut short"));
  CHECK_THAT(idx_error(gzip(FileBytes(plain.begin(), plain.end() - 1))), ContainsSubstring("cut short"));
  CHECK_THAT(idx_error(gzip(plain + FileBytes{7})), ContainsSubstring("more than announced"));
  FileBytes flipped = packed;
  flipped[flipped.size() - 6] ^= 1;  // of the checksum
  CHECK_THAT(idx_error(flipped), ContainsSubstring("corrupt: incorrect data check"));
  CHECK_THAT(idx_error(gzip(FileBytes{0, 0, 8, 1} + big(2000000000, 4))),
             ContainsSubstring("announces 2000000000 bytes, which its "));
  const FileBytes huge = FileBytes{0, 0, 8, 4} + big(0xffffffff, 4) + big(0xffffffff, 4) + big(0xffffffff, 4);
  CHECK_THAT(idx_error(huge + big(0, 4)), ContainsSubstring("elements"));
}
