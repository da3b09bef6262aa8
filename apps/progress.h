#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// One moment of a task.
struct ProgressState {
  std::string what;  ///< "rendering"
  int64_t done = 0, total = 0;
  double seconds = 0;  ///< since the start
  std::string note;    ///< short text such as "loss 0.0123"
};

/// "rendering [=====>    ]  12/24  3.1/s  eta 0:04  loss 0.0123", at most `width` columns: the bar shrinks first, then
/// the note is cut.
std::string progress_line(const ProgressState& state, int width, bool color);

/// The time left as "0:04", "12:30" or "1:02:03".
std::string clock_text(double seconds);

struct ProgressOptions {
  std::FILE* stream = stderr;
  std::optional<bool> terminal;            ///< default: is_terminal(stream)
  std::optional<bool> color;               ///< default: use_color(stream)
  std::function<double()> seconds_passed;  ///< default: a monotonic clock since construction
};

/// Shows how far a task is. On a terminal a bar that is drawn over and over; in a pipe or a file one plain line every
/// ten seconds, so a short task writes nothing.
class Progress {
 public:
  Progress(std::string what, int64_t total, ProgressOptions options = {});
  /// Takes the bar away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(int64_t done, std::string_view note = {});
  /// A line that stays, above the bar.
  void say(std::string_view line);

 private:
  void draw();
  void erase();

  ProgressOptions options_;
  ProgressState state_;
  bool terminal_, color_;
  std::optional<double> drawn_at_;  // seconds; of the last line or bar
  bool bar_visible_ = false;
};
