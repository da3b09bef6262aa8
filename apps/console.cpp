#include <apps/console.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace {

std::string one_line(std::string_view text) {
  // Names of files may hold anything, also what moves a terminal's cursor.
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return line;
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

// Set before any thread starts, then only read.
std::string& stored_command() {
  static std::string command = "backlight";
  return command;
}

}  // namespace

const char* version() { return BACKLIGHT_VERSION; }

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    throw std::runtime_error(std::string("standard output: cannot write: ") + std::strerror(errno));
  }
}

void message(std::string_view text) { std::fputs(("backlight: " + one_line(text) + "\n").c_str(), stderr); }

void warning(std::string_view text) { message("warning: " + one_line(text)); }

bool is_terminal(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  return isatty(fileno(stream)) != 0 && !(terminal && std::strcmp(terminal, "dumb") == 0);
}

bool use_color(std::FILE* stream) { return is_terminal(stream) && !is_set("NO_COLOR"); }

std::string shell_command(int count, const char* const* arguments) {
  constexpr std::string_view harmless = "_-+=./,:@%^";
  std::string command;
  for (int i = 0; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const bool plain = !argument.empty() && std::ranges::all_of(argument, [&](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             harmless.find(c) != std::string_view::npos;
    });
    if (i > 0) command += ' ';
    if (plain) {
      command += argument;
      continue;
    }
    command += '\'';
    for (const char c : argument) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += '\'';
  }
  return command;
}

const std::string& command_line() { return stored_command(); }
void set_command_line(std::string command) { stored_command() = std::move(command); }
