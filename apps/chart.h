#pragma once

#include <string>
#include <string_view>
#include <vector>

/// One line of a chart. Points that are not finite interrupt it.
struct Series {
  std::string name;
  std::vector<double> x, y;  ///< of equal length
};

/// Curves over a common axis, such as the loss over the steps of a fit.
struct Chart {
  std::string title, x_label, y_label;
  bool logarithmic = false;  ///< the y axis; values that are not positive interrupt the line
  std::vector<Series> series;
};

/// The loss after each step, on a logarithmic axis.
Chart loss_chart(const std::vector<double>& losses);

/// The chart as an SVG element for an HTML page, coloured by the page's classes (see report.cpp). A series of many
/// points is thinned to the lowest and highest of each of some 500 stretches.
std::string svg(const Chart& chart);

/// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) between the two.
std::vector<double> ticks(double lowest, double highest, int wanted);

/// For HTML text and attribute values.
std::string escape_html(std::string_view text);
