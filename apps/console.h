#pragma once

#include <cstdio>
#include <string>
#include <string_view>

// What the subcommands say, and where: results go to stdout, everything else to stderr.

/// This build of the tool, as "0.1.0".
const char* version();

/// A result. throws std::runtime_error where stdout takes no more (a full disk).
void print(std::string_view text);

/// One line on stderr: "backlight: TEXT"; line breaks in it become spaces.
void message(std::string_view text);
void warning(std::string_view text);

/// A person watches this stream. False too where TERM is "dumb".
bool is_terminal(std::FILE* stream);

/// Colours may be used: a terminal, and NO_COLOR (https://no-color.org) unset or empty.
bool use_color(std::FILE* stream);

/// The command as the user can repeat it in a POSIX shell: arguments quoted where they must be.
std::string shell_command(int count, const char* const* arguments);

/// shell_command() of this process, for reports. main() sets it once, before any subcommand runs.
const std::string& command_line();
void set_command_line(std::string command);
