#include <apps/help.h>

#include <algorithm>

namespace {

constexpr size_t columns = 80, left_column = 30;

}  // namespace

std::string wrapped(std::string_view text, size_t width) {
  std::string result;
  size_t used = 0;  // of the line
  while (!text.empty()) {
    const size_t length = std::min(text.find(' '), text.size());
    if (used > 0 && used + 1 + length > width) {
      result += '\n';
      used = 0;
    } else if (used > 0) {
      result += ' ';
      ++used;
    }
    result += text.substr(0, length);
    used += length;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return result;
}

HelpFormatter::HelpFormatter() { column_width(left_column); }

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return wrapped(app->get_description(), columns) + "\n";
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  return wrapped(option->get_description(), columns - left_column);
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  std::string text = "  " + command->get_display_name(true);
  text.resize(std::max(text.size(), left_column), ' ');
  for (const char c : wrapped(command->get_description(), columns - left_column)) {
    text += c;
    if (c == '\n') text.append(left_column, ' ');
  }
  return text + "\n";
}
