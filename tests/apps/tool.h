#pragma once

#include <apps/console.h>
#include <sys/wait.h>
#include <tests/render/mesh_data.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Runs the real tool, for tests.

struct ToolRun {
  int code = -1;         ///< exit code; -1: ended by a signal
  std::string out, err;  ///< what it wrote

  long error_lines() const { return std::count(err.begin(), err.end(), '\n'); }
};

/// `backlight ARGUMENTS`, its standard output to `out` where one is given.
inline ToolRun run_tool(const std::vector<std::string>& arguments, const std::string& out = {}) {
  const sample::Folder folder;
  std::vector<const char*> words{BACKLIGHT_TOOL};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  const std::string out_file = out.empty() ? (folder / "out").string() : out;
  const std::string command = shell_command(static_cast<int>(words.size()), words.data()) + " </dev/null >" + out_file +
                              " 2>" + (folder / "err").string();
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder / "out"), text_of(folder / "err")};
}

/// Names of all files below the folder, sorted.
inline std::vector<std::string> files_below(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) names.push_back(std::filesystem::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A cube around the origin, as a mesh file.
constexpr std::string_view cube_obj =
    "v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nv -1 -1 1\nv 1 -1 1\nv 1 1 1\nv -1 1 1\n"
    "f 4 3 2 1\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n";
