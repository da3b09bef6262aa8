#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

/// The text with lines of at most `width` bytes, broken at blanks; longer words stay whole.
std::string wrapped(std::string_view text, size_t width);

/// The parser's help, on a terminal of 80 columns. Footers are broken by whoever writes them.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_description(const CLI::App* app) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};
