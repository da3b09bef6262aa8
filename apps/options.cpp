#include <apps/options.h>
#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <string>
#include <system_error>

CLI::Validator whole_number(int64_t lowest, int64_t highest) {
  const auto check = [=](const std::string& text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && value >= lowest && value <= highest) return std::string();
    return fmt::format("{} is not a whole number from {} to {}", text, lowest, highest);
  };
  return {check, ""};
}

CLI::Validator real_number(double lowest, double highest) {
  const auto check = [=](const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (number && value >= lowest && value <= highest) return std::string();
    return fmt::format("{} is not a number from {} to {}", text, lowest, highest);
  };
  return {check, ""};
}

CLI::Validator seed_number() { return whole_number(0, std::numeric_limits<int64_t>::max()); }

CLI::Validator some_path() {
  return {[](const std::string& text) { return text.empty() ? std::string("an empty path") : std::string(); }, ""};
}
