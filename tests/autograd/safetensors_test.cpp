#include <autograd/autograd.h>
#include <autograd/io/file.h>
#include <autograd/io/safetensors.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/autograd/file_formats.h"
#include "tests/autograd/support.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace ag = autograd;
using ag::Array;
using ag::SafeTensors;

namespace {

std::string refused(const FileBytes& bytes) {
  return error_of([&] { ag::read_safetensors(bytes, "a"); });
}

}  // namespace

TEST_CASE("safetensors come back as they were written, and the same contents give the same bytes") {
  const sample::Folder folder;
  Random random(1);
  SafeTensors contents;
  contents.tensors = {{"weight", random_array<float>(random, {3, 4}, -1, 1)},
                      {"mask", Array::of({true, false, true})},
                      {"Ü/\"quoted\"", random_array<double>(random, {2, 2, 2}, -1, 1)},
                      {"counts", ag::arange(5)},
                      {"scalar", Array::scalar(0.5F)},
                      {"nothing", ag::zeros({0, 7})}};
  contents.metadata = {{"format", "pt"}, {"made by", "a test"}};
  ag::write_safetensors(folder / "a", contents);
  ag::write_safetensors(folder / "b", contents);
  CHECK(ag::read_file(folder / "a") == ag::read_file(folder / "b"));
  const SafeTensors read = ag::read_safetensors(folder / "a");
  CHECK(read.metadata == contents.metadata);
  REQUIRE(read.tensors.size() == contents.tensors.size());
  for (const auto& [name, array] : contents.tensors) {
    REQUIRE(read.tensors.contains(name));
    const Array& found = read.tensors.at(name);
    CHECK(found.shape() == array.shape());
    CHECK(found.dtype() == array.dtype());
    CHECK(std::memcmp(found.data(), array.data(), static_cast<size_t>(array.bytes())) == 0);
  }
}

TEST_CASE("Written safetensors keep the format's rules") {
  // Its README: an 8-byte length; a JSON object that starts at once; offsets that cover the buffer without holes;
  // and so that readers may map the file: elements aligned.
  const sample::Folder folder;
  ag::write_safetensors(folder / "a", {{{"b", ag::zeros({3})},
                                        {"m", Array::of({true})},
                                        {"a", ag::zeros({2}, ag::DType::float64)},
                                        {"c", ag::zeros({0})}},
                                       {}});
  const FileBytes bytes = ag::read_file(folder / "a");
  uint64_t length = 0;
  for (size_t i = 8; i-- > 0;) length = length << 8 | bytes[i];
  REQUIRE(length < bytes.size());
  CHECK(length % 8 == 0);
  CHECK(bytes[8] == '{');
  const auto header = nlohmann::json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
  const std::map<std::string, std::pair<int, int>> expected{
      {"a", {0, 16}}, {"b", {16, 28}}, {"c", {28, 28}}, {"m", {28, 29}}};
  REQUIRE(header.size() == expected.size());
  for (const auto& [name, place] : expected) {
    CHECK(header[name]["data_offsets"] == nlohmann::json{place.first, place.second});
    CHECK(header[name].size() == 3);
  }
  CHECK(header["a"]["dtype"] == "F64");
  CHECK(header["m"]["dtype"] == "BOOL");
  CHECK(header["b"]["shape"] == nlohmann::json{3});
  CHECK(bytes.size() == 8 + length + 29);
}

TEST_CASE("safetensors of other types are converted") {
  const FileBytes halves = little(0x3c00, 2) + little(0xc000, 2), brains = little(0x3f80, 2) + little(0xc040, 2);
  const SafeTensors read = ag::read_safetensors(safetensors(
      "{" + safetensors_entry("h", "F16", "[2]", "[0,4]") + "," + safetensors_entry("b", "BF16", "[1,2]", "[4,8]") +
          "," + safetensors_entry("i", "I64", "[]", "[8,16]") + "," + safetensors_entry("u", "U8", "[2]", "[16,18]") +
          "}   ",
      halves + brains + little(static_cast<uint64_t>(-7), 8) + FileBytes{0, 255}));
  CHECK(read.tensors.at("h").to_vector<float>() == std::vector<float>{1, -2});
  CHECK(read.tensors.at("b").to_vector<float>() == std::vector<float>{1, -3});
  CHECK(read.tensors.at("i").item() == -7);
  CHECK(read.tensors.at("u").to_vector<int32_t>() == std::vector<int32_t>{0, 255});
}

TEST_CASE("Wrong safetensors are refused in words") {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets, size_t bytes) {
    return refused(safetensors("{" + safetensors_entry("t", dtype, shape, offsets) + "}", FileBytes(bytes)));
  };
  CHECK(one("F32", "[2]", "[0,8]", 8) == "");
  CHECK(refused({1, 2, 3}) == "a: cut short: 8 bytes expected at byte 0, 3 left");
  CHECK(refused(little(~uint64_t{0}, 8)) ==
        "a: not a safetensors file: a header of 18446744073709551615 bytes; at most 100000000");
  CHECK(refused(little(5000, 8) + bytes_of("{}")) == "a: cut short: 5000 bytes expected at byte 8, 2 left");
  CHECK(refused(safetensors("", {})) == "a: not a safetensors file: the header is not a JSON object");
  CHECK(refused(safetensors(" {}", {})) == "a: not a safetensors file: the header is not a JSON object");
  CHECK_THAT(refused(safetensors("{\"a\":", {})), ContainsSubstring("a: corrupt header: "));
  CHECK_THAT(refused(safetensors("{\"\xff\": 1}", {})), ContainsSubstring("a: corrupt header: "));
  CHECK_THAT(refused(safetensors("{}, {}", {})), ContainsSubstring("a: corrupt header: "));
  CHECK(refused(safetensors("{" + std::string(100000, '[') + "}", {})).starts_with("a: corrupt header: "));
  CHECK(refused(safetensors("{\"t\":" + std::string(100000, '['), {})) == "a: corrupt header: nested too deeply");
  CHECK(refused(safetensors("{\"t\": 3}", {})) == "a: tensor \"t\" is not described by an object");
  CHECK(refused(safetensors("{\"t\": {}}", {})) == "a: tensor \"t\" has no 'dtype'");
  CHECK(refused(safetensors(R"({"t": {"dtype": "F32", "data_offsets": [0, 0]}})", {})) ==
        "a: tensor \"t\" has no list 'shape'");
  CHECK(refused(safetensors("{" + safetensors_entry("t", "F32", "[1]", "[0,4]") + "," +
                                safetensors_entry("t", "F32", "[1]", "[4,8]") + "}",
                            FileBytes(8))) == "a: corrupt header: the key \"t\" occurs twice");
  CHECK(refused(safetensors(R"({"t": {"dtype": "F32", "shape": [1], "shape": [2], "data_offsets": [0, 8]}})",
                            FileBytes(8))) == "a: corrupt header: the key \"shape\" occurs twice");
  CHECK(one("F8_E4M3", "[8]", "[0,8]", 8) ==
        "a: tensor \"t\" has elements of type \"F8_E4M3\", which is not supported");
  CHECK(one("F32", "[-2]", "[0,8]", 8) == "a: tensor \"t\": an axis of extent -2");
  CHECK(one("F32", "[2.5]", "[0,8]", 8) == "a: tensor \"t\": 'shape' holds 2.5");
  CHECK_THAT(one("F32", "[18446744073709551615]", "[0,8]", 8), ContainsSubstring("elements"));
  CHECK_THAT(one("F32", "[2147483647,2147483647,8]", "[0,8]", 8), ContainsSubstring("elements"));
  CHECK(one("F32", "[1,1,1,1,1,1,1]", "[0,4]", 4) == "a: tensor \"t\": 7 axes; at most 6 are accepted");
  CHECK(one("F32", "[2]", "[0,4]", 4) == "a: tensor \"t\": data_offsets [0,4] for the 8 bytes of shape [2]");
  CHECK(one("F32", "[2]", "[8,0]", 8) == "a: tensor \"t\": data_offsets [8,0] for the 8 bytes of shape [2]");
  CHECK(one("F32", "[2]", "[-8,0]", 8) == "a: tensor \"t\": data_offsets [-8,0]; expected [begin, end]");
  CHECK(one("F32", "[2]", "[0,8,16]", 8) == "a: tensor \"t\": data_offsets [0,8,16]; expected [begin, end]");
  CHECK(one("F32", "[2]", "[0,8]", 7) == "a: cut short: tensors up to byte 8 of 7");
  CHECK(one("F32", "[2]", "[0,8]", 9) == "a: 1 bytes that belong to no tensor");
  CHECK(one("F32", "[2]", "[4,12]", 12) == "a: tensor \"t\" begins at byte 4, after a gap; expected 0");
  CHECK(one("F32", "[2]", "[18446744073709551608,18446744073709551615]", 8) ==
        "a: tensor \"t\": data_offsets [18446744073709551608,18446744073709551615] for the 8 bytes of shape [2]");
  CHECK(one("U32", "[1]", "[0,4]", 4) == "");
  CHECK(refused(safetensors("{" + safetensors_entry("t", "U32", "[1]", "[0,4]") + "}", FileBytes(4, 255))) ==
        "a: tensor \"t\": element 0 is 4294967295, which int32 does not hold");
  CHECK(refused(safetensors("{" + safetensors_entry("t", "F32", "[2]", "[0,8]") + "," +
                                safetensors_entry("u", "F32", "[2]", "[4,12]") + "}",
                            FileBytes(12))) == "a: tensor \"u\" begins at byte 4, inside another; expected 8");
  CHECK(refused(safetensors(R"({"__metadata__": [1]})", {})) == "a: corrupt header: __metadata__ is not an object");
  CHECK(refused(safetensors(R"({"__metadata__": {"a": 1}})", {})) ==
        "a: corrupt header: __metadata__ \"a\" is not a text");
}

TEST_CASE("safetensors that cannot be written are refused") {
  const sample::Folder folder;
  CHECK_THROWS_AS(ag::write_safetensors(folder / "a", {{{"__metadata__", ag::zeros({1})}}, {}}), ag::ValueError);
  CHECK_THROWS_AS(ag::write_safetensors(folder / "a", {{{"\xff", ag::zeros({1})}}, {}}), ag::ValueError);
  CHECK_THROWS_AS(ag::write_safetensors(folder / "none" / "a", {}), ag::FileError);
  CHECK_FALSE(std::filesystem::exists(folder / "a"));
}
