#include <apps/console.h>
#include <apps/progress.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

namespace {

constexpr double seconds_between_bars = 0.1;
constexpr double seconds_between_lines = 10;
constexpr int widest_bar = 30, narrowest_bar = 10;

/// One less than the terminal has, since some wrap a full line; 80 where it does not say.
int columns(std::FILE* stream) {
  winsize size{};
  const bool known = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return std::min(known ? int{size.ws_col} : 80, 80) - 1;
}

std::string bar(double fraction, int width, bool color) {
  const int filled = std::clamp(static_cast<int>(fraction * width), 0, width);
  std::string done(static_cast<size_t>(filled), '=');
  std::string rest(static_cast<size_t>(width - filled), ' ');
  if (filled > 0 && filled < width) done.back() = '>';
  return color ? fmt::format("[\x1b[32m{}\x1b[0m{}]", done, rest) : fmt::format("[{}{}]", done, rest);
}

std::string rate(double per_second) {
  if (per_second >= 100) return fmt::format("{:.0f}/s", per_second);
  return per_second >= 1 ? fmt::format("{:.1f}/s", per_second) : fmt::format("{:.1f} s each", 1 / per_second);
}

/// Done, rate, time left and note, without the bar.
std::string numbers(const ProgressState& state) {
  std::string text = fmt::format("{}/{}", state.done, state.total);
  if (state.done > 0 && state.seconds > 0) {
    const double per_second = static_cast<double>(state.done) / state.seconds;
    const double left = static_cast<double>(state.total - state.done) / per_second;
    text += fmt::format("  {}  eta {}", rate(per_second), clock_text(left));
  }
  return state.note.empty() ? text : text + "  " + state.note;
}

}  // namespace

std::string clock_text(double seconds) {
  // A year is plenty, and keeps the conversion defined for what a rate of almost nothing gives.
  const auto whole = static_cast<int64_t>(std::clamp(seconds + 0.5, 0.0, 3.2e7));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string progress_line(const ProgressState& state, int width, bool color) {
  std::string text = numbers(state);
  const int room = width - static_cast<int>(state.what.size() + text.size()) - 4;  // "[] " and a blank before it
  const int bar_width = std::clamp(room, narrowest_bar, widest_bar);
  const int text_room = width - static_cast<int>(state.what.size()) - bar_width - 4;
  text.resize(std::min(text.size(), static_cast<size_t>(std::max(text_room, 0))));
  const double fraction = state.total > 0 ? static_cast<double>(state.done) / static_cast<double>(state.total) : 0;
  return fmt::format("{} {} {}", state.what, bar(fraction, bar_width, color), text);
}

Progress::Progress(std::string what, int64_t total, ProgressOptions options)
    : options_(std::move(options)),
      terminal_(options_.terminal.value_or(is_terminal(options_.stream))),
      color_(options_.color.value_or(use_color(options_.stream))) {
  state_.what = std::move(what);
  state_.total = total;
  if (!options_.seconds_passed) {
    options_.seconds_passed = [start = std::chrono::steady_clock::now()] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
  }
}

Progress::~Progress() {
  erase();
  std::fflush(options_.stream);
}

void Progress::update(int64_t done, std::string_view note) {
  state_.done = done;
  state_.note = note;
  state_.seconds = options_.seconds_passed();
  const double since = state_.seconds - drawn_at_.value_or(0);
  const bool due = terminal_ ? !drawn_at_ || since >= seconds_between_bars : since >= seconds_between_lines;
  if (due) draw();
}

void Progress::say(std::string_view line) {
  erase();
  std::fputs((std::string(line) + "\n").c_str(), options_.stream);
  if (terminal_) draw();
}

void Progress::draw() {
  drawn_at_ = state_.seconds;
  if (terminal_) {
    erase();
    std::fputs(progress_line(state_, columns(options_.stream), color_).c_str(), options_.stream);
    std::fflush(options_.stream);
    bar_visible_ = true;
  } else {
    std::fputs(fmt::format("{} {}\n", state_.what, numbers(state_)).c_str(), options_.stream);
  }
}

void Progress::erase() {
  if (!bar_visible_) return;
  // Blanks instead of an escape code: they work on every terminal.
  const auto width = static_cast<size_t>(columns(options_.stream));
  std::fputs(("\r" + std::string(width, ' ') + "\r").c_str(), options_.stream);
  bar_visible_ = false;
}
