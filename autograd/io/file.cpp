#include <autograd/io/file.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace autograd {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int error) {
  throw FileError(path.string() + ": " + std::generic_category().message(error));
}

/// An open file that is closed at the end of the scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int number() const { return number_; }
  /// False with errno set where the system could not keep what was written. Linux has closed the
  /// number even when it was interrupted, so it is never tried again.
  bool close() { return ::close(std::exchange(number_, -1)) == 0 || errno == EINTR; }

 private:
  int number_;
};

/// One read(2) into the free part of `bytes`, repeated while interrupted.
size_t read_some(const Descriptor& file, std::span<unsigned char> bytes, const fs::path& path) {
  for (;;) {
    const ssize_t count = ::read(file.number(), bytes.data(), bytes.size());
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) fail(path, errno);
  }
}

/// Writes and closes; 0, or the error's number.
int write_all(Descriptor& file, std::span<const unsigned char> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.number(), bytes.data(), bytes.size());
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return file.close() ? 0 : errno;
}

/// A new file in `folder` that nobody else has; its mode follows the umask, which mkstemp's would not.
std::pair<int, fs::path> create_temporary(const fs::path& folder) {
  static std::atomic<unsigned> counter{0};
  for (;;) {
    fs::path path = folder / (".backlight-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
    const int number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (number >= 0 || errno != EEXIST) return {number, path};
  }
}

void write_in_place(const fs::path& path, std::span<const unsigned char> bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.number() < 0) fail(path, errno);
  if (const int error = write_all(file, bytes)) fail(path, error);
}

void write_and_rename(const fs::path& path, std::span<const unsigned char> bytes) {
  const auto [number, temporary] = create_temporary(path.parent_path());
  if (number < 0) fail(path, errno);
  Descriptor file(number);
  int error = write_all(file, bytes);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return;
  ::unlink(temporary.c_str());
  fail(path, error);
}

}  // namespace

std::vector<unsigned char> read_file(const fs::path& path, size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) fail(path, errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) fail(path, errno);
  const auto too_large = [&] {
    throw FileError(path.string() + ": larger than the " + std::to_string(limit) + " bytes that are accepted");
  };
  const size_t announced = static_cast<size_t>(std::max<off_t>(status.st_size, 0));
  if (S_ISREG(status.st_mode) && announced > limit) too_large();

  // One byte more than announced, so that a regular file's end is seen without growing; a pipe
  // announces nothing.
  constexpr size_t smallest_read = 4096;
  std::vector<unsigned char> bytes((S_ISREG(status.st_mode) ? announced : smallest_read) + 1);
  size_t filled = 0;
  while (const size_t count = read_some(file, std::span(bytes).subspan(filled), path)) {
    filled += count;
    if (filled > limit) too_large();
    if (filled == bytes.size()) bytes.resize(2 * bytes.size());
  }
  bytes.resize(filled);
  return bytes;
}

void write_file(const fs::path& path, std::span<const unsigned char> bytes) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) fail(path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) return write_in_place(path, bytes);
  const fs::path target = fs::is_regular_file(status) ? fs::canonical(path, ignored) : fs::path();
  write_and_rename(target.empty() ? path : target, bytes);
}

void write_file(const fs::path& path, std::string_view text) {
  write_file(path, std::span(reinterpret_cast<const unsigned char*>(text.data()), text.size()));
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail(path, error.value());
  if (!fs::is_directory(path)) fail(path, ENOTDIR);
  if (::access(path.c_str(), W_OK | X_OK) != 0) fail(path, errno);
}

}  // namespace autograd
