#include <apps/chart.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace {

// The drawing, in its own units; the page scales it. The frame is where the curves are.
constexpr double width = 560, height = 300;
constexpr double frame_left = 64, frame_right = 544, frame_top = 40, frame_bottom = 250;
constexpr size_t stretches = 500;
constexpr size_t colors = 6;

struct Point {
  double x = 0, y = 0;
};
using Run = std::vector<Point>;

/// An axis from values to drawing units; a logarithmic one takes the logarithms of values.
struct Axis {
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  double from = 0, to = 1;

  void include(double value) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  /// A range of some extent even for no values, or for equal ones.
  void settle() {
    if (lowest > highest) lowest = 0, highest = 1;
    if (lowest < highest) return;
    const double margin = lowest == 0 ? 1 : std::fabs(lowest) / 10;
    lowest -= margin;
    highest += margin;
  }
  double place(double value) const { return from + (value - lowest) / (highest - lowest) * (to - from); }
};

/// The series as runs of drawable points.
std::vector<Run> runs(const Series& series, bool logarithmic) {
  std::vector<Run> result(1);
  for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
    const double y = logarithmic ? (series.y[i] > 0 ? std::log10(series.y[i]) : std::nan("")) : series.y[i];
    if (std::isfinite(series.x[i]) && std::isfinite(y)) {
      result.back().push_back({series.x[i], y});
    } else if (!result.back().empty()) {
      result.emplace_back();
    }
  }
  return result;
}

Run thinned(const Run& run) {
  const size_t stretch = (run.size() + stretches - 1) / stretches;
  if (stretch <= 2) return run;
  Run kept;
  for (size_t first = 0; first < run.size(); first += stretch) {
    const auto begin = run.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = run.begin() + static_cast<std::ptrdiff_t>(std::min(first + stretch, run.size()));
    auto [lowest, highest] = std::minmax_element(begin, end, [](const Point& a, const Point& b) { return a.y < b.y; });
    if (highest < lowest) std::swap(lowest, highest);
    kept.push_back(*lowest);
    if (highest != lowest) kept.push_back(*highest);
  }
  return kept;
}

std::string text(double x, double y, const char* anchor, std::string_view content, const char* style = "label") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor, style,
                     escape_html(content));
}

std::string line(double x1, double y1, double x2, double y2) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"grid\"/>\n", x1, y1, x2,
                     y2);
}

/// Values to mark on a logarithmic axis, as logarithms: some powers of ten where it spans many,
/// 1, 2 and 5 times each where it spans few, and round numbers where it spans a part of one.
std::vector<double> logarithmic_ticks(const Axis& axis) {
  if (axis.highest - axis.lowest > 2.5) {
    std::vector<double> powers = ticks(axis.lowest, axis.highest, 5);
    std::erase_if(powers, [](double power) { return power != std::floor(power); });
    return powers;
  }
  std::vector<double> marks;
  for (double decade = std::floor(axis.lowest); decade <= axis.highest; ++decade) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double mark = decade + std::log10(digit);
      if (mark >= axis.lowest && mark <= axis.highest) marks.push_back(mark);
    }
  }
  if (marks.size() >= 2) return marks;
  marks = ticks(std::pow(10, axis.lowest), std::pow(10, axis.highest), 4);
  for (double& mark : marks) mark = std::log10(mark);
  return marks;
}

std::string axes(const Chart& chart, const Axis& x, const Axis& y) {
  std::string result;
  for (const double tick : ticks(x.lowest, x.highest, 6)) {
    result += line(x.place(tick), frame_top, x.place(tick), frame_bottom);
    result += text(x.place(tick), frame_bottom + 16, "middle", fmt::format("{:.6g}", tick));
  }
  for (const double tick : chart.logarithmic ? logarithmic_ticks(y) : ticks(y.lowest, y.highest, 5)) {
    result += line(frame_left, y.place(tick), frame_right, y.place(tick));
    const double value = chart.logarithmic ? std::pow(10, tick) : tick;
    result += text(frame_left - 6, y.place(tick) + 4, "end", fmt::format("{:.6g}", value));
  }
  result += text((frame_left + frame_right) / 2, height - 12, "middle", chart.x_label);
  result += text(8, frame_top - 10, "start", chart.y_label);
  return result;
}

/// One path for all runs; a run of a single point is drawn as a dot, by a line of no length with round ends.
std::string path(const std::vector<Run>& series, const Axis& x, const Axis& y, size_t color) {
  std::string commands;
  for (const Run& run : series) {
    char command = 'M';
    for (const Point& point : thinned(run)) {
      commands += fmt::format("{}{:.1f} {:.1f}", command, x.place(point.x), y.place(point.y));
      command = 'L';
    }
    if (run.size() == 1) commands += "h0";
  }
  return fmt::format("<path class=\"series series-{}\" d=\"{}\"/>\n", color % colors, commands);
}

/// Names and last values, in the upper right corner above the frame.
std::string legend(const std::vector<Series>& series) {
  std::string entries;
  for (size_t i = 0; i < series.size(); ++i) {
    const std::string last = series[i].y.empty() ? "" : fmt::format(" {:#.4g}", series[i].y.back());
    entries += fmt::format("<tspan class=\"name-{}\"{}>{}{}</tspan>", i % colors, i > 0 ? " dx=\"14\"" : "",
                           escape_html(series[i].name), last);
  }
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" class=\"legend\">{}</text>\n", frame_right,
                     frame_top - 10, entries);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::vector<double> ticks(double lowest, double highest, int wanted) {
  const double rough = (highest - lowest) / wanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  const double step = power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
  constexpr double slack = 1e-9;  // of a step: a range that ends on a mark keeps it, rounding or not
  std::vector<double> marks;
  // Multiples are counted, not added up, so that zero is zero and no error gathers.
  const double last = std::floor(highest / step + slack);
  for (double multiple = std::ceil(lowest / step - slack); multiple <= last && marks.size() < 100; ++multiple) {
    marks.push_back(multiple * step + 0.0);  // not -0
  }
  return marks;
}

Chart loss_chart(const std::vector<double>& losses) {
  Series series{.name = "loss", .x = {}, .y = losses};
  for (size_t i = 0; i < losses.size(); ++i) series.x.push_back(static_cast<double>(i + 1));
  return {.title = "Loss", .x_label = "step", .y_label = "loss", .logarithmic = true, .series = {series}};
}

std::string svg(const Chart& chart) {
  Axis x{.from = frame_left, .to = frame_right}, y{.from = frame_bottom, .to = frame_top};
  std::vector<std::vector<Run>> drawn;
  for (const Series& series : chart.series) {
    drawn.push_back(runs(series, chart.logarithmic));
    for (const Run& run : drawn.back()) {
      for (const Point& point : run) x.include(point.x), y.include(point.y);
    }
  }
  x.settle();
  y.settle();
  std::string result = fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n", width,
                                   height, escape_html(chart.title));
  result += text(8, 16, "start", chart.title, "title");
  result += axes(chart, x, y);
  for (size_t i = 0; i < drawn.size(); ++i) result += path(drawn[i], x, y, i);
  return result + legend(chart.series) + "</svg>\n";
}
