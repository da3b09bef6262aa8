#include <autograd/autograd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/autograd/support.h"
#include "tests/catch.h"
#include "tests/folder.h"

// What a process decides once, seen in a child: BACKLIGHT_BACKEND, BACKLIGHT_TRACE, refused machine code, and the
// heap requests of steady steps, which only a program's own malloc can count.

namespace ag = autograd;

namespace {

struct Result {
  std::string output;  // with the log
  int code = -1;       // -1: it did not end by itself
};

/// Runs child.cpp's program in the folder, with the settings before it on the command line.
Result child(const std::string& settings, const std::string& arguments, const std::string& folder = "/") {
  const std::string command = "cd '" + folder + "' && env -u BACKLIGHT_TRACE -u BACKLIGHT_BACKEND " + settings + " '" +
                              BACKLIGHT_TEST_CHILD + "' " + arguments + " 2>&1";
  Result result;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  for (size_t count; (count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    result.output.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string line_with(const std::string& text, const std::string& what) {
  const size_t at = text.find(what);
  if (at == std::string::npos) return "";
  const size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

/// The best backend but the interpreter; "" where there is none.
std::string machine() {
  for (const ag::Backend backend : {ag::Backend::avx512, ag::Backend::avx2}) {
    if (ag::available(backend)) return ag::name_of(backend);
  }
  return "";
}

}  // namespace

TEST_CASE("BACKLIGHT_BACKEND chooses what executes, with the same bytes") {
  const std::string expected = line_with(child("BACKLIGHT_BACKEND=interpreter", "train").output, "digest");
  CHECK(expected.size() == 23);
  for (const ag::Backend backend : {ag::Backend::interpreter, ag::Backend::avx2, ag::Backend::avx512}) {
    const Result result = child(std::string("BACKLIGHT_BACKEND=") + ag::name_of(backend), "train");
    INFO(result.output);
    if (!ag::available(backend)) {
      CHECK(result.code == 3);
      CHECK_THAT(result.output, ContainsSubstring("ValueError") && ContainsSubstring("cannot run"));
      continue;
    }
    CHECK(result.code == 0);
    CHECK(line_with(result.output, "backend") == std::string("backend ") + ag::name_of(backend));
    CHECK(line_with(result.output, "digest") == expected);
  }
  const std::string best = machine().empty() ? "interpreter" : machine();
  CHECK(line_with(child("", "train").output, "backend") == "backend " + best);
  CHECK(line_with(child("BACKLIGHT_BACKEND=", "train").output, "backend") == "backend " + best);
}

TEST_CASE("An unknown backend is an error that names those that exist") {
  const Result result = child("BACKLIGHT_BACKEND=sse9", "train");
  INFO(result.output);
  CHECK(result.code == 3);
  CHECK_THAT(result.output, ContainsSubstring("ValueError: BACKLIGHT_BACKEND=sse9") &&
                                ContainsSubstring("interpreter, avx2 or avx512"));
}

TEST_CASE("An unknown trace is an error that names those that exist") {
  for (const std::string value : {"plans", "plan,everything", "ir,,time"}) {
    const Result result = child("BACKLIGHT_TRACE=" + value, "train");
    INFO(result.output);
    CHECK(result.code == 3);  // and the program lives on to say so
    CHECK_THAT(result.output,
               ContainsSubstring("ValueError: BACKLIGHT_TRACE=" + value) && ContainsSubstring("plan, ir, asm or time"));
  }
}

TEST_CASE("BACKLIGHT_TRACE=plan shows each new plan's regions with their source lines") {
  const Result result = child("BACKLIGHT_TRACE=plan", "train 3");
  INFO(result.output);
  CHECK(result.code == 0);
  CHECK(count_of(result.output, " region ") > 5);
  CHECK(count_of(result.output, "training.h:") > 10);
  CHECK_THAT(result.output, ContainsSubstring("instructions") && ContainsSubstring(" bytes, ") &&
                                ContainsSubstring("call matmul") && ContainsSubstring("tanh") &&
                                ContainsSubstring("bytes temporary"));
  CHECK_THAT(result.output, !ContainsSubstring(": float32 = ") && !ContainsSubstring("objdump"));
  // Plans are made once, whatever numbers follow.
  CHECK(count_of(child("BACKLIGHT_TRACE=plan", "train 30").output, " region ") == count_of(result.output, " region "));
}

TEST_CASE("BACKLIGHT_TRACE=ir shows the regions' instructions") {
  const Result result = child("BACKLIGHT_TRACE=ir", "train 2");
  INFO(result.output);
  CHECK(result.code == 0);
  CHECK(count_of(result.output, ": float32 = ") > 50);
  CHECK_THAT(result.output, ContainsSubstring("operand 0: ") && ContainsSubstring(" = load") &&
                                ContainsSubstring(" = multiply v") && ContainsSubstring(" = scalar"));
}

TEST_CASE("BACKLIGHT_TRACE=time shows a line for each region") {
  const Result regions = child("BACKLIGHT_TRACE=plan", "train 4"), result = child("BACKLIGHT_TRACE=time", "train 4");
  INFO(result.output);
  CHECK(result.code == 0);
  CHECK(count_of(result.output, " region ") == count_of(regions.output, " region "));
  CHECK(count_of(result.output, ": 4 runs, ") + count_of(result.output, "timed with the first") ==
        count_of(result.output, " region "));
  CHECK_THAT(result.output, ContainsSubstring(" us each, matmul") && ContainsSubstring(" ns an element, "));
}

TEST_CASE("BACKLIGHT_TRACE=asm writes each region's code and says how to read it") {
  const sample::Folder folder;
  const std::string backend = machine();
  const Result result = child("BACKLIGHT_TRACE=asm BACKLIGHT_BACKEND=" + backend, "train 2", folder.path().string());
  INFO(result.output);
  CHECK(result.code == 0);
  size_t files = 0, bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    CHECK(name.starts_with("backlight-plan-"));
    CHECK_THAT(result.output, ContainsSubstring("objdump -D -b binary -m i386:x86-64 -M intel " + name + "\n"));
    ++files;
    bytes += entry.file_size();
  }
  CHECK(count_of(result.output, "objdump") == files);
  CHECK((files > 3 && bytes > 100 * files) == !backend.empty());
  const std::string process = line_with(result.output, "process ");
  REQUIRE(process.size() > 8);
  // Where perf looks for it, whatever the folder for temporary files.
  const std::filesystem::path perf = "/tmp/perf-" + process.substr(8) + ".map";
  CHECK(std::filesystem::exists(perf) == !backend.empty());
  std::filesystem::remove(perf);
}

TEST_CASE("Refused machine code changes nothing but the time") {
  const Result result = child("BACKLIGHT_TRACE=plan", "refused 3");
  INFO(result.output);
  CHECK(result.code == 0);
  if (result.output.starts_with("cannot refuse")) {
    WARN("skipped: this system cannot refuse executable memory");
    return;
  }
  const std::string expected = line_with(child("BACKLIGHT_BACKEND=interpreter", "train 3").output, "digest");
  CHECK(line_with(result.output, "digest") == expected);
  CHECK(count_of(result.output, ", interpreter") > 5);
  CHECK(count_of(result.output, ", avx") == 0);
}

TEST_CASE("A steady step asks the heap for nothing") {
  for (const ag::Backend backend : {ag::Backend::interpreter, ag::Backend::avx2, ag::Backend::avx512}) {
    if (!ag::available(backend)) continue;
    const Result result = child(std::string("BACKLIGHT_BACKEND=") + ag::name_of(backend), "allocations");
    INFO(ag::name_of(backend));
    if (result.output == "no hook\n") {
      WARN("skipped: the heap's requests cannot be counted in this build");
      return;
    }
    CHECK(result.code == 0);
    for (size_t begin = 0, end; begin < result.output.size(); begin = end + 1) {
      end = std::min(result.output.find('\n', begin), result.output.size());
      const std::string line = result.output.substr(begin, end - begin);
      CHECK_THAT(line, ContainsSubstring(": 0"));
    }
    CHECK(count_of(result.output, "\n") == 43);
  }
}
