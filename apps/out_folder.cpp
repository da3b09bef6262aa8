#include <apps/out_folder.h>
#include <render/image/file.h>

#include <exception>
#include <system_error>

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
