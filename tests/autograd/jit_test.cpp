#include <autograd/ir/builder.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/autograd/jit_cases.h"
#include "tests/catch.h"

// Machine code against a plain reading of the kernel language: byte for byte the same memory in the
// end (any NaN is any NaN).

using namespace jit_test;

namespace {

bool same(const Buffer& x, const Buffer& y, bool is_real) {
  if (!is_real) return x.bytes == y.bytes;
  for (size_t k = 0; k + 4 <= x.bytes.size(); k += 4) {
    const uint32_t a = read(&x.bytes[k], DType::float32), b = read(&y.bytes[k], DType::float32);
    if (a != b && !(std::isnan(real(a)) && std::isnan(real(b)))) return false;
  }
  return true;
}

std::vector<jit::Target> targets() {
  std::vector<jit::Target> result;
  for (const jit::Target target : {jit::Target::avx2, jit::Target::avx512}) {
    if (jit::available(target)) result.push_back(target);
  }
  return result;
}

std::shared_ptr<const jit::Code> compile(const Program& program, jit::Target target) {
  const Program* const programs[] = {&program};
  return jit::Code::compile(programs, target);
}

/// Empty where the machine code does what the reference does.
std::string difference(const Case& of, jit::Target target) {
  Memory expected(of), found(of);
  const uint32_t fault = Reference(of, expected).run();
  const auto code = compile(of.program, target);
  const jit::Call call = found.call(of);
  const bool found_fault = code->function(0)(&call) != 0;
  if (found_fault != (fault != 0)) return "fault flag";
  for (size_t k = 0; k < of.buffers.size(); ++k) {
    DType type = DType::boolean;
    for (size_t o = 0; o < of.buffer_of.size(); ++o) {
      if (of.buffer_of[o] == k) type = of.operand_types[o];
    }
    if (!same(expected.buffers[k], found.buffers[k], type == DType::float32)) return "buffer " + std::to_string(k);
  }
  for (size_t f = 0; f < of.folds.size(); ++f) {
    const bool is_real = of.program.body[of.program.folds[f].value].type == DType::float32;
    if (!same(expected.folds[f], found.folds[f], is_real)) return "fold " + std::to_string(f);
  }
  return "";
}

}  // namespace

TEST_CASE("machine code computes what the kernel language says, for random programs") {
  for (const jit::Target target : targets()) {
    for (uint32_t seed = 0; seed < 600; ++seed) {
      const Size size{seed % 3 + 1, 1 + seed * 7 % 40 + (seed % 4 == 0 ? 128 : 0)};
      INFO("target " << static_cast<int>(target) << " seed " << seed << " rows " << size.rows << " lanes "
                     << size.lanes);
      const std::string found = difference(random_case(seed, size, 5 + seed % 60, 30), target);
      REQUIRE(found == "");
    }
  }
}

TEST_CASE("every number of lanes of a tail, and loops of several vectors") {
  for (const jit::Target target : targets()) {
    for (uint32_t seed = 0; seed < 160; ++seed) {
      const Size size{1 + seed % 2, 1 + seed};
      INFO("target " << static_cast<int>(target) << " seed " << seed);
      REQUIRE(difference(random_case(1000 + seed, size, 3 + seed % 9, 12), target) == "");
      REQUIRE(difference(random_case(2000 + seed, {5, 16 * (1 + seed % 9)}, seed % 20, 12), target) == "");
    }
  }
}

TEST_CASE("several short rows at once, and rows that are left over") {
  for (const jit::Target target : targets()) {
    for (uint32_t seed = 0; seed < 640; ++seed) {
      const Size size{1 + seed / 16 % 13, 1 + seed % 16};
      INFO("target " << static_cast<int>(target) << " seed " << seed << " rows " << size.rows << " lanes "
                     << size.lanes);
      REQUIRE(difference(random_short_case(5000 + seed, size, seed % 7 * 8, 20), target) == "");
      if (seed < 32) REQUIRE(difference(random_short_case(7000 + seed, size, 400, SIZE_MAX), target) == "");
    }
  }
}

TEST_CASE("values that no register is left for") {
  for (const jit::Target target : targets()) {
    for (uint32_t seed = 0; seed < 40; ++seed) {
      INFO("target " << static_cast<int>(target) << " seed " << seed);
      REQUIRE(difference(random_case(3000 + seed, {2, 1 + seed * 5 % 150}, 500, SIZE_MAX), target) == "");
    }
  }
}

namespace {

/// n values that are all alive at once: the sum of pairs in an order that reads each of them twice.
/// Short rows are folded while they are alive.
Case wide_case(size_t values, DType type, bool short_rows) {
  Writer write(7);
  write.made.rows = short_rows ? 6 : 2;
  write.made.lanes = short_rows ? 13 : 272;
  write.made.program.row_lanes = short_rows ? 13 : 0;
  std::vector<Value> alive;
  const Value x = write.load(type, Access::linear), y = write.load(type, Access::linear);
  alive.push_back(x);
  for (size_t k = 1; k < values; ++k) alive.push_back(write.add({C::subtract, type, y, alive.back()}));
  if (short_rows) write.fold(alive.back(), Fold::Kind::max, Fold::Span::lanes);
  Value sum = alive[0];
  for (const size_t stride : {1u, 7u}) {
    for (size_t k = 0; k < values; ++k) sum = write.add({C::add, type, sum, alive[k * stride % values]});
  }
  write.store(sum);
  if (!short_rows) write.fold(sum, Fold::Kind::sum, Fold::Span::all);
  write.fold(sum, Fold::Kind::max, Fold::Span::lanes);
  write.fold(sum, Fold::Kind::min, Fold::Span::rows);
  return std::move(write.made);
}

}  // namespace

TEST_CASE("more live values than registers, with all folds") {
  for (const jit::Target target : targets()) {
    for (const size_t values : {5u, 14u, 15u, 16u, 17u, 30u, 31u, 32u, 33u, 66u, 200u}) {
      for (const DType type : {DType::float32, DType::int32}) {
        INFO("target " << static_cast<int>(target) << " values " << values);
        REQUIRE(difference(wide_case(values, type, false), target) == "");
        REQUIRE(difference(wide_case(values, type, true), target) == "");
      }
    }
  }
}

TEST_CASE("Sums of negated values, which are subtracted") {
  for (const jit::Target target : targets()) {
    for (const auto span : {Fold::Span::all, Fold::Span::lanes, Fold::Span::rows}) {
      for (const bool loaded : {false, true}) {
        for (const int64_t lanes : {11, 16, 137}) {
          for (const bool short_rows : {false, true}) {
            if (short_rows && (lanes > 16 || (span == Fold::Span::all && lanes != 16))) continue;
            Writer write(11);
            write.made.rows = span == Fold::Span::all && lanes != 16 ? 1 : 5;
            write.made.lanes = lanes;
            write.made.program.row_lanes = static_cast<uint8_t>(short_rows ? lanes : 0);
            const Value x = write.load(DType::float32, Access::linear), y = write.load(DType::float32, Access::linear);
            const Value z = loaded ? x : write.add({C::multiply, DType::float32, x, y});
            const Value negative = write.add({C::negate, DType::float32, z});
            for (const auto kind : {Fold::Kind::sum, Fold::Kind::max}) write.fold(negative, kind, span);
            INFO("target " << static_cast<int>(target) << " lanes " << lanes << " loaded " << loaded);
            REQUIRE(difference(write.made, target) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("Comparisons under a mask, with their inputs overwritten in between, and differences rounded once") {
  for (const jit::Target target : targets()) {
    for (const auto comparison : {C::equal, C::not_equal, C::less, C::less_equal}) {
      for (const DType type : {DType::float32, DType::int32}) {
        for (int64_t lanes = 1; lanes < 80; lanes += 3) {
          Writer write(13);
          write.made.lanes = lanes;
          const Value x = write.load(type, Access::linear), y = write.load(type, Access::linear);
          const Value below = write.add({comparison, DType::boolean, x, y});
          const Value again = write.add({comparison, DType::boolean, y, x});
          const Value z = write.load(DType::float32, Access::linear), w = write.load(DType::float32, Access::linear);
          const Value minus_w = write.add({C::negate, DType::float32, w});
          const Value product = write.add({C::fma, DType::float32, z, z, minus_w});
          const size_t operand = write.made.program.body[x].immediate;
          write.made.program.stores.push_back(
              {y, write.add_operand(type, Access::linear, lanes, 0, write.made.buffer_of[operand])});
          const Value near = write.add({C::less, DType::boolean, product, z});
          write.store(write.add({C::logical_and, DType::boolean, below, near}));
          const Value both = write.add({C::logical_and, DType::boolean, near, again});
          write.store(write.add({C::select, DType::float32, both, product, minus_w}));
          INFO("target " << static_cast<int>(target) << " code " << static_cast<int>(comparison) << " lanes " << lanes);
          REQUIRE(difference(write.made, target) == "");
        }
      }
    }
  }
}

TEST_CASE("Zero where a comparison holds, else a sum that is rounded once") {
  for (const jit::Target target : targets()) {
    for (const auto comparison : {C::equal, C::not_equal, C::less, C::less_equal}) {
      for (int64_t lanes = 1; lanes < 160; lanes += 3) {
        Writer write(17);
        write.made.lanes = lanes;
        const Value x = write.load(DType::float32, Access::linear), y = write.load(DType::float32, Access::row_uniform);
        const Value z = write.load(DType::float32, Access::linear), w = write.load(DType::float32, Access::linear);
        const Value zero = write.literal(DType::float32, 0);
        const auto zero_where = [&](Value a, Value b, Value sum) {
          const Value holds = write.add({comparison, DType::boolean, a, b});
          return write.add({C::select, DType::float32, holds, zero, sum});
        };
        const auto fma = [&](Value a, Value b, Value c) { return write.add({C::fma, DType::float32, a, b, c}); };
        const Value last = fma(w, z, w);  // w is overwritten before the comparison
        const Value twice = fma(w, w, w);
        write.store(zero_where(x, y, fma(z, w, z)));
        write.store(zero_where(y, x, fma(z, w, w)));
        write.store(zero_where(x, y, fma(z, w, x)));
        write.store(zero_where(z, y, twice));
        write.store(twice);
        const size_t buffer = write.made.buffer_of[write.made.program.body[w].immediate];
        write.made.program.stores.push_back({z, write.add_operand(DType::float32, Access::linear, lanes, 0, buffer)});
        write.store(zero_where(last, y, last));
        write.store(zero_where(last, x, fma(last, y, last)));
        INFO("target " << static_cast<int>(target) << " code " << static_cast<int>(comparison) << " lanes " << lanes);
        REQUIRE(difference(write.made, target) == "");
      }
    }
  }
}

TEST_CASE("The builder finds equal values under swapped arguments and signs, and lets go of no bit") {
  Program program;
  ag::ir::Builder builder(program, 16);
  program.operands.resize(2);
  const Value x = builder.load(0, DType::float32), y = builder.load(1, DType::float32);
  const Value minus_x = builder.unary(C::negate, x), two = builder.literal(2, DType::float32);
  CHECK(builder.binary(C::multiply, y, x) == builder.binary(C::multiply, x, y));
  CHECK(builder.binary(C::add, y, minus_x) == builder.binary(C::subtract, y, x));
  CHECK(builder.binary(C::add, minus_x, y) == builder.binary(C::subtract, y, x));
  CHECK(builder.binary(C::subtract, y, minus_x) == builder.binary(C::add, x, y));
  CHECK(builder.binary(C::multiply, two, minus_x) ==
        builder.binary(C::multiply, x, builder.literal(-2, DType::float32)));
  CHECK(builder.fma(minus_x, two, y) == builder.fma(x, builder.literal(-2, DType::float32), y));
  const Value less = builder.binary(C::less, builder.literal(-2, DType::float32), x);
  CHECK(builder.binary(C::less, minus_x, two) == less);
  CHECK(builder.binary(C::less_equal, two, minus_x) ==
        builder.binary(C::less_equal, x, builder.literal(-2, DType::float32)));
  CHECK(builder.binary(C::less, two, minus_x) != less);
  // Of zeros and NaN these take one side, and -x + -y is not -(x + y) where the sum is zero.
  CHECK(builder.binary(C::maximum, y, x) != builder.binary(C::maximum, x, y));
  CHECK(builder.binary(C::subtract, y, x) != builder.binary(C::subtract, x, y));
  CHECK(builder.binary(C::subtract, minus_x, y) != builder.unary(C::negate, builder.binary(C::add, x, y)));
}

TEST_CASE("NaN sticks in folds whatever lane it comes from") {
  for (const jit::Target target : targets()) {
    for (const auto kind : {Fold::Kind::sum, Fold::Kind::max, Fold::Kind::min}) {
      for (const auto span : {Fold::Span::all, Fold::Span::lanes, Fold::Span::rows}) {
        for (size_t at = 0; at < 137; at += at < 100 ? 7 : 1) {
          Writer write(1);
          write.made.lanes = 137;
          const Value x = write.load(DType::float32, Access::linear);
          write.fold(x, kind, span);
          for (size_t k = 0; k < 137; ++k) {
            const uint32_t value = k == at ? 0x7fc0'0000 : bits(static_cast<float>(k));
            std::memcpy(&write.made.buffers[0].bytes[margin + 4 * k], &value, 4);
          }
          INFO("target " << static_cast<int>(target) << " at " << at);
          REQUIRE(difference(write.made, target) == "");
        }
      }
    }
  }
}

TEST_CASE("outputs take the memory of inputs, also crosswise") {
  for (const jit::Target target : targets()) {
    for (int64_t lanes = 1; lanes < 150; ++lanes) {
      Writer write(5);
      write.made.rows = 2;
      write.made.lanes = lanes;
      const Value x = write.load(DType::float32, Access::linear), y = write.load(DType::float32, Access::linear);
      const Value m = write.load(DType::boolean, Access::linear), n = write.load(DType::boolean, Access::linear);
      const Value z = write.load(DType::float32, Access::linear);
      const Value sum = write.add({C::add, DType::float32, x, z});
      const Value masked = write.add({C::select, DType::float32, m, sum, y});
      const Value z_bits = write.add({C::bitcast, DType::int32, z});
      const Value p = write.load(DType::int32, Access::linear), q = write.load(DType::int32, Access::linear);
      const Value p_real = write.add({C::bitcast, DType::float32, p});
      for (const auto& [value, onto] : {std::pair{x, y}, {y, x}, {m, n}, {n, m}, {masked, z}, {p_real, q}, {q, p}}) {
        const size_t operand = write.made.program.body[onto].immediate;
        write.made.program.stores.push_back({value, write.add_operand(write.made.operand_types[operand], Access::linear,
                                                                      lanes, 0, write.made.buffer_of[operand])});
      }
      write.store(z_bits);
      INFO("target " << static_cast<int>(target) << " lanes " << lanes);
      REQUIRE(difference(write.made, target) == "");
    }
  }
}

namespace {

/// Pages between two that cannot be touched; an object of `bytes` bytes and 64 more ends with them.
class GuardedPages {
 public:
  explicit GuardedPages(size_t bytes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_ = (bytes + 64 + page - 1) / page * page;
    memory_ = static_cast<std::byte*>(mmap(nullptr, size_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(mprotect(memory_ + page, size_, PROT_READ | PROT_WRITE) == 0);
    first_ = memory_ + page;
    end_ = first_ + size_;
    mapped_ = size_ + 2 * page;
    object_ = end_ - 64 - bytes;
  }
  ~GuardedPages() { munmap(memory_, mapped_); }
  GuardedPages(const GuardedPages&) = delete;
  GuardedPages& operator=(const GuardedPages&) = delete;
  std::byte* at_end() { return object_; }
  std::byte* at_begin() { return first_; }

 private:
  std::byte *memory_, *first_, *end_, *object_;
  size_t size_, mapped_;
};

}  // namespace

TEST_CASE("memory outside of the buffers is not touched") {
  for (const jit::Target target : targets()) {
    for (int64_t lanes = 1; lanes <= 40; ++lanes) {
      Writer write(9);
      write.made.lanes = lanes;
      Value sum = write.literal(DType::int32, 1), any = write.literal(DType::boolean, 0);
      for (const Access access : accesses) {
        sum = write.add({C::add, DType::int32, sum, write.load(DType::int32, access)});
        any = write.add({C::logical_or, DType::boolean, any, write.load(DType::boolean, access)});
        write.made.tables.insert(write.made.tables.end(), {4, 1});
        const uint16_t table = write.made.program.tables++;
        const Value row = write.add({C::row, DType::int32, write.load(DType::int32, Access::linear), 0, 0, table});
        sum = write.add({C::add, DType::int32, sum,
                         write.add({C::gather, DType::int32, row, 0, 0, write.add_input(DType::int32, access, 4)})});
        any =
            write.add({C::logical_or, DType::boolean, any,
                       write.add({C::gather, DType::boolean, row, 0, 0, write.add_input(DType::boolean, access, 4)})});
      }
      write.store(sum);
      write.store(any);
      const Case& of = write.made;
      const auto code = compile(of.program, target);
      for (const bool at_end : {false, true}) {
        Memory memory(of);
        std::vector<std::unique_ptr<GuardedPages>> pages;
        for (size_t o = 0; o < memory.data.size(); ++o) {
          const size_t bytes = memory.buffers[o].bytes.size() - 2 * margin;
          pages.push_back(std::make_unique<GuardedPages>(bytes));
          std::byte* place = at_end ? pages.back()->at_end() : pages.back()->at_begin();
          std::memcpy(place, memory.data[o], bytes);
          memory.data[o] = place;
        }
        const jit::Call call = memory.call(of);
        Memory expected(of);
        REQUIRE((code->function(0)(&call) != 0) == (Reference(of, expected).run() != 0));
        for (size_t k = of.program.operands.size() - 2; k < of.program.operands.size(); ++k) {
          const size_t bytes = static_cast<size_t>(lanes) * element_bytes(of.operand_types[k]);
          REQUIRE(std::memcmp(memory.data[k], expected.data[k], bytes) == 0);
        }
      }
    }
  }
}

TEST_CASE("an index out of range is a fault, on active lanes only") {
  for (const jit::Target target : targets()) {
    for (int32_t bad = -1; bad < 45; ++bad) {
      Writer write(3);
      write.made.lanes = 37;
      const Value index = write.load(DType::int32, Access::linear);
      write.made.program.tables = 1;
      write.made.tables = {10, 3};
      write.store(write.add({C::row, DType::int32, index, 0, 0, 0}));
      for (int32_t k = 0; k < 45; ++k) {
        const int32_t value = k == bad ? (k % 2 == 0 ? -1 : 10) : k % 10;
        std::memcpy(&write.made.buffers[0].bytes[margin + 4 * static_cast<size_t>(k)], &value, 4);
      }
      INFO("target " << static_cast<int>(target) << " lane " << bad);
      REQUIRE(difference(write.made, target) == "");
    }
  }
}

TEST_CASE("several programs share a mapping") {
  for (const jit::Target target : targets()) {
    std::vector<Case> cases;
    std::vector<const Program*> programs;
    for (uint32_t seed = 0; seed < 5; ++seed) cases.push_back(random_case(4000 + seed, {2, 33}, 40, 20));
    for (const Case& of : cases) programs.push_back(&of.program);
    const auto code = jit::Code::compile(programs, target);
    REQUIRE(code != nullptr);
    for (size_t k = 0; k < cases.size(); ++k) {
      Memory expected(cases[k]), found(cases[k]);
      Reference(cases[k], expected).run();
      const jit::Call call = found.call(cases[k]);
      code->function(k)(&call);
      CHECK(code->bytes(k).size() > 100);
      for (size_t b = 0; b < found.buffers.size(); ++b) {
        const bool is_real = cases[k].operand_types[b] == DType::float32;
        CHECK(same(expected.buffers[b], found.buffers[b], is_real));
      }
    }
  }
}

TEST_CASE("where the system gives no memory for code there is none") {
  Writer write(2);
  write.store(write.load(DType::float32, Access::linear));
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  const rlimit nothing{0, before.rlim_max};
  for (const jit::Target target : targets()) {
    REQUIRE(compile(write.made.program, target) != nullptr);  // leaves enough heap behind for the next time
    REQUIRE(setrlimit(RLIMIT_AS, &nothing) == 0);
    const auto refused = compile(write.made.program, target);
    REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
    CHECK(refused == nullptr);
  }
}

TEST_CASE("what has no machine code is known") {
  const auto supported = [](std::vector<Inst> body) {
    Program program;
    program.body = std::move(body);
    return jit::supports(program);
  };
  const Inst real{C::literal, DType::float32}, integer{C::literal, DType::int32}, precise{C::literal, DType::float64};
  CHECK(supported({real, {C::divide, DType::float32, 0, 0}}));
  CHECK(supported({integer, {C::multiply, DType::int32, 0, 0}}));
  CHECK_FALSE(supported({precise}));
  CHECK_FALSE(supported({precise, {C::less, DType::boolean, 0, 0}}));
  CHECK_FALSE(supported({integer, {C::divide, DType::int32, 0, 0}}));
  CHECK_FALSE(supported({real, {C::remainder, DType::float32, 0, 0}}));
  CHECK_FALSE(supported({real, {C::exp, DType::float32, 0}}));
  CHECK_FALSE(supported({real, {C::erf, DType::float32, 0}}));
  CHECK_FALSE(supported({real, {C::atan2, DType::float32, 0, 0}}));
}
