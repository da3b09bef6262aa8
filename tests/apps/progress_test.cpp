#include <apps/progress.h>
#include <tests/catch.h>

#include <algorithm>
#include <memory>

namespace {

/// What Progress writes in a run of which the test turns the clock.
struct Recording {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::tmpfile(), std::fclose};
  double now = 0;

  ProgressOptions options(bool terminal) {
    return {.stream = file.get(), .terminal = terminal, .color = false, .seconds_passed = [this] { return now; }};
  }
  std::string text() {
    std::fflush(file.get());
    std::rewind(file.get());
    std::string content(100000, '\0');
    content.resize(std::fread(content.data(), 1, content.size(), file.get()));
    return content;
  }
};

}  // namespace

TEST_CASE("progress_line") {
  const ProgressState state{"rendering", 6, 24, 2, "loss 0.0123"};
  SECTION("shows bar, numbers, rate, time left and note") {
    CHECK(progress_line(state, 79, false) ==
          "rendering [======>                       ] 6/24  3.0/s  eta 0:06  loss 0.0123");
  }
  SECTION("never passes the width, however long the note") {
    for (int length = 0; length < 200; ++length) {
      ProgressState wordy = state;
      wordy.note = std::string(static_cast<size_t>(length), 'x');
      CHECK(progress_line(wordy, 79, false).size() <= 79);
    }
  }
  SECTION("keeps the note before the bar's length") {
    ProgressState wordy = state;
    wordy.note = std::string(30, 'x');
    CHECK_THAT(progress_line(wordy, 79, false), ContainsSubstring(wordy.note));
  }
  SECTION("is full at the end, empty at the start, and knows no rate there") {
    CHECK(progress_line({"x", 0, 5, 0, ""}, 30, false) == "x [" + std::string(22, ' ') + "] 0/5");
    CHECK_THAT(progress_line({"x", 5, 5, 1, ""}, 79, false), ContainsSubstring("[==============================] 5/5"));
  }
  SECTION("nothing to do is no division by zero") {
    CHECK_THAT(progress_line({"x", 0, 0, 1, ""}, 79, false), ContainsSubstring("0/0"));
  }
  SECTION("slow steps are given in seconds each") {
    CHECK_THAT(progress_line({"x", 2, 4, 9, ""}, 79, false), ContainsSubstring("4.5 s each  eta 0:09"));
  }
  SECTION("escape codes only with colour") {
    CHECK(progress_line(state, 79, false).find('\x1b') == std::string::npos);
    CHECK(progress_line(state, 79, true).find('\x1b') != std::string::npos);
  }
}

TEST_CASE("clock_text") {
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(59.4) == "0:59");
  CHECK(clock_text(59.6) == "1:00");
  CHECK(clock_text(3723) == "1:02:03");
  CHECK(clock_text(1e300) == clock_text(3.2e7));
}

TEST_CASE("Progress in a pipe") {
  Recording recording;
  Progress progress("fitting", 600, recording.options(false));
  SECTION("says nothing of a short task") {
    for (int step = 1; step <= 600; ++step) {
      recording.now = step * 0.01;
      progress.update(step);
    }
    CHECK(recording.text().empty());
  }
  SECTION("writes a plain line every ten seconds of a long one") {
    for (int step = 1; step <= 35; ++step) {
      recording.now = step;
      progress.update(step, "loss 0.5");
    }
    CHECK(recording.text() ==
          "fitting 10/600  1.0/s  eta 9:50  loss 0.5\nfitting 20/600  1.0/s  eta 9:40  loss 0.5\n"
          "fitting 30/600  1.0/s  eta 9:30  loss 0.5\n");
  }
  SECTION("passes on what is said") {
    progress.say("hello");
    CHECK(recording.text() == "hello\n");
  }
}

TEST_CASE("Progress on a terminal") {
  Recording recording;
  auto progress = std::make_unique<Progress>("fitting", 600, recording.options(true));
  SECTION("draws at once, but not more than ten times a second") {
    for (int step = 1; step <= 100; ++step) {
      recording.now = step * 0.0099;
      progress->update(step);
    }
    const std::string text = recording.text();
    const auto bars = std::count(text.begin(), text.end(), '[');
    CHECK(bars >= 8);
    CHECK(bars <= 10);
  }
  SECTION("leaves a blank line behind") {
    progress->update(1);
    progress.reset();
    const std::string text = recording.text();
    CHECK(text.substr(text.size() - 81) == "\r" + std::string(79, ' ') + "\r");
    CHECK(text.find('\n') == std::string::npos);
  }
  SECTION("keeps what is said above the bar") {
    progress->update(1);
    progress->say("hello");
    CHECK_THAT(recording.text(), ContainsSubstring("\rhello\nfitting ["));
  }
}
