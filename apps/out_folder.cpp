#include <apps/out_folder.h>
#include <render/image/file.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>

// As write_file() will: a regular file is replaced in its folder, anything else written to.
void require_writable(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  const fs::path target = fs::is_regular_file(status) ? fs::canonical(file, error) : file;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : ".";
  const bool in_place = fs::exists(status) && !fs::is_regular_file(status);
  const int refused = fs::is_directory(status)                                  ? EISDIR
                      : ::access((in_place ? file : folder).c_str(), W_OK) != 0 ? errno
                                                                                : 0;
  if (refused != 0) throw render::FileError(file.string() + ": " + std::generic_category().message(refused));
}

OutFolder::OutFolder(const std::filesystem::path& path) : exceptions_(std::uncaught_exceptions()) {
  std::error_code ignored;
  for (std::filesystem::path each = path; !each.empty() && !std::filesystem::exists(each, ignored);
       each = each.parent_path()) {
    made_.push_back(each);
  }
  render::make_folder(path);
}

OutFolder::~OutFolder() {
  if (std::uncaught_exceptions() == exceptions_) return;
  std::error_code failed;
  for (const std::filesystem::path& folder : made_) {
    std::filesystem::remove(folder, failed);  // which a folder with something in it refuses
    if (failed) break;
  }
}
