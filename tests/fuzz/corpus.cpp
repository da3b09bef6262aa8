#include <tests/fuzz/corpus.h>

namespace fuzz {

namespace {

FileBytes stored(const FileBytes& member) { return zip({{"a.npy", member}}); }

FileBytes deflated(const FileBytes& member) {
  return zip({{.name = "a.npy", .content = member, .method = 8, .stored = gzip(member, -MAX_WBITS)}});
}

FileBytes gzipped(const FileBytes& bytes) { return gzip(bytes); }

/// Twelve bytes, small enough for any type.
const FileBytes elements{0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};

std::vector<Seed> npy_files() {
  std::vector<Seed> seeds;
  for (const char* type : {"<f4", ">f4", "<i4", ">i4", "<u4"})
    seeds.push_back({npy(described(type, "(3,)"), elements)});
  for (const char* type : {"<f2", ">i2", "<u2"}) seeds.push_back({npy(described(type, "(2, 3)", "True"), elements)});
  for (const char* type : {"|i1", "|u1", "|b1"}) seeds.push_back({npy(described(type, "(2, 2, 3)"), elements)});
  for (const char* type : {"<f8", "<i8", "<u8"}) seeds.push_back({npy(described(type, "()"), FileBytes(8))});
  seeds.push_back({npy(described("<f4", "(0, 7)"), {})});
  const std::string header = described("<f4", "(3L,)");
  for (const uint8_t version : {uint8_t{2}, uint8_t{3}}) {
    seeds.push_back(
        {bytes_of("\x93NUMPY") + FileBytes{version, 0} + little(header.size(), 4) + bytes_of(header) + elements});
  }
  return seeds;
}

std::vector<Seed> npz_files() {
  const FileBytes first = npy(described("<f4", "(3,)"), elements), second = npy(described("|u1", "(12,)"), elements);
  return {{zip({})},
          {zip({{"a.npy", first}, {"b/c.npy", second}})},
          {zip({{"a.npy", first}, {"b.npy", second, 8, gzip(second, -MAX_WBITS)}})},
          {first, stored},
          {second, deflated}};
}

std::vector<Seed> safetensors_files() {
  const std::string metadata = R"("__metadata__":{"format":"pt"})";
  std::vector<Seed> seeds{{safetensors("{}", {})}, {safetensors("{" + metadata + "}  ", {})}};
  for (const char* type : {"F32", "I32", "U32"}) {
    seeds.push_back({safetensors("{" + safetensors_entry("a", type, "[3,1]", "[0,12]") + "}", elements)});
  }
  for (const char* type : {"F16", "BF16", "I16", "U16"}) {
    seeds.push_back({safetensors("{" + safetensors_entry("a", type, "[2,3]", "[0,12]") + "}", elements)});
  }
  for (const char* type : {"F64", "I64", "U64"}) {
    seeds.push_back({safetensors("{" + safetensors_entry("a", type, "[]", "[0,8]") + "}", FileBytes(8))});
  }
  seeds.push_back({safetensors("{" + safetensors_entry("a", "U8", "[4]", "[0,4]") + "," +
                                   safetensors_entry("\\u00fc", "BOOL", "[2,4]", "[4,12]") + "," +
                                   safetensors_entry("none", "I8", "[0,9]", "[12,12]") + "," + metadata + "}",
                               elements)});
  return seeds;
}

std::vector<Seed> idx_files() {
  struct Type {
    unsigned char code;
    uint64_t count;
  };
  std::vector<Seed> seeds;
  for (const Type& type : {Type{0x08, 12}, {0x09, 12}, {0x0b, 6}, {0x0c, 3}, {0x0d, 3}}) {
    const FileBytes plain = FileBytes{0, 0, type.code, 2} + big(type.count / 3, 4) + big(3, 4) + elements;
    seeds.push_back({plain});
    seeds.push_back({plain, gzipped});
  }
  seeds.push_back({FileBytes{0, 0, 0x0e, 0} + FileBytes(8)});
  return seeds;
}

}  // namespace

std::vector<Seed> corpus(const std::string& format) {
  if (format == "npy") return npy_files();
  if (format == "npz") return npz_files();
  return format == "idx" ? idx_files() : safetensors_files();
}

}  // namespace fuzz
