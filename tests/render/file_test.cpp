#include <fcntl.h>
#include <render/image/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <string>

#include "tests/catch.h"
#include "tests/render/sample_files.h"

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  const std::vector<unsigned char> bytes = render::read_file(path);
  return {bytes.begin(), bytes.end()};
}

/// While it lives, files of this process cannot grow beyond `bytes`: as good as a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("A file is read back as it was written") {
  const sample::Folder folder;
  std::vector<unsigned char> bytes(GENERATE(size_t{0}, size_t{1}, size_t{4096}, size_t{100003}));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  render::write_file(folder / "data", bytes);
  CHECK(render::read_file(folder / "data") == bytes);
  CHECK(sample::names_in(folder.path()) == std::vector<std::string>{"data"});
}

TEST_CASE("read_file names the file and the system's reason") {
  const sample::Folder folder;
  REQUIRE_THROWS_AS(render::read_file(folder / "absent"), render::FileError);
  CHECK_THROWS_WITH(render::read_file(folder / "absent"), (folder / "absent").string() + ": No such file or directory");
  CHECK_THROWS_WITH(render::read_file(folder.path()), folder.path().string() + ": Is a directory");
}

TEST_CASE("read_file refuses what is larger than its limit") {
  const sample::Folder folder;
  render::write_file(folder / "ten", std::string_view("0123456789"));
  CHECK(render::read_file(folder / "ten", 10).size() == 10);
  CHECK_THROWS_WITH(render::read_file(folder / "ten", 9), ContainsSubstring("larger than the 9 bytes"));
}

TEST_CASE("read_file reads a pipe to its end, and finds its limit there too") {
  const size_t length = GENERATE(size_t{0}, size_t{10}, size_t{50000});
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string text(length, 'x');
  CHECK(::write(ends[1], text.data(), length) == static_cast<ssize_t>(length));
  ::close(ends[1]);
  const std::string name = "/dev/fd/" + std::to_string(ends[0]);
  if (length == 50000) {
    CHECK_THROWS_WITH(render::read_file(name, 49999), name + ": larger than the 49999 bytes that are accepted");
  } else {
    CHECK(text_of(name) == text);
  }
  ::close(ends[0]);
}

TEST_CASE("write_file replaces a whole file") {
  const sample::Folder folder;
  render::write_file(folder / "a.txt", std::string_view("a long first text"));
  render::write_file(folder / "a.txt", std::string_view("short"));
  CHECK(text_of(folder / "a.txt") == "short");
}

TEST_CASE("A write that fails leaves the older file and no temporary one") {
  const sample::Folder folder;
  render::write_file(folder / "a.txt", std::string_view("older"));
  const std::string large(100'000, 'x');
  std::string reason;
  {
    const FileSizeLimit limit(4096);
    try {
      render::write_file(folder / "a.txt", large);
    } catch (const render::FileError& error) {
      reason = error.what();
    }
  }
  CHECK(reason == (folder / "a.txt").string() + ": File too large");
  CHECK(text_of(folder / "a.txt") == "older");
  CHECK(sample::names_in(folder.path()) == std::vector<std::string>{"a.txt"});
}

TEST_CASE("write_file names what stands in its way") {
  const sample::Folder folder;
  render::write_file(folder / "file", std::string_view("x"));
  CHECK_THROWS_WITH(render::write_file(folder.path(), std::string_view("x")), ContainsSubstring(": Is a directory"));
  CHECK_THROWS_WITH(render::write_file(folder / "absent" / "a", std::string_view("x")),
                    (folder / "absent" / "a").string() + ": No such file or directory");
  CHECK_THROWS_WITH(render::write_file(folder / "file" / "a", std::string_view("x")),
                    (folder / "file" / "a").string() + ": Not a directory");
  CHECK(sample::names_in(folder.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("Written files have the mode that the umask asks for") {
  const sample::Folder folder;
  const mode_t mask = static_cast<mode_t>(GENERATE(022, 077, 027));
  const mode_t before = ::umask(mask);
  render::write_file(folder / "a", std::string_view("x"));
  ::umask(before);
  CHECK(static_cast<mode_t>(fs::status(folder / "a").permissions()) == (0666 & ~mask));
}

TEST_CASE("A symbolic link stays one, and its file is replaced") {
  const sample::Folder folder;
  fs::create_directory(folder / "elsewhere");
  render::write_file(folder / "elsewhere" / "file", std::string_view("older"));
  fs::create_symlink("elsewhere/file", folder / "link");
  render::write_file(folder / "link", std::string_view("newer"));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(text_of(folder / "elsewhere" / "file") == "newer");
}

TEST_CASE("What is no regular file is written to and stays what it is") {
  const sample::Folder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const int reader = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  render::write_file(folder / "pipe", std::string_view("through"));
  char text[8] = {};
  CHECK(::read(reader, text, 7) == 7);
  ::close(reader);
  CHECK(std::string(text) == "through");
  CHECK(fs::is_fifo(folder / "pipe"));
}

TEST_CASE("make_folder makes parents, and says why it cannot") {
  const sample::Folder folder;
  render::make_folder(folder / "a" / "b");
  render::make_folder(folder / "a" / "b");
  CHECK(fs::is_directory(folder / "a" / "b"));
  render::write_file(folder / "file", std::string_view("x"));
  CHECK_THROWS_WITH(render::make_folder(folder / "file"), (folder / "file").string() + ": Not a directory");
  CHECK_THROWS_WITH(render::make_folder(folder / "file" / "below"),
                    (folder / "file" / "below").string() + ": Not a directory");
}
