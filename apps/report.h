#pragma once

#include <apps/chart.h>
#include <render/image/image.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

struct ReportImage {
  std::string caption;
  render::Image8 image;
};

/// Pictures to be seen side by side, such as target, fit and difference of one view.
struct ImageRow {
  std::string title;
  std::vector<ReportImage> images;
};

/// Films side by side that one slider turns: a target and what was fitted to it, from the same cameras.
struct Turntable {
  struct Film {
    std::string caption;
    std::vector<render::Image8> frames;  ///< of one size
  };
  std::vector<Film> films{};  ///< with equally many frames
};

/// What a command found, for people.
struct Report {
  std::string title{};
  std::string summary{};                                     ///< a sentence or two; may be empty
  std::string command{};                                     ///< that made it; see command_line()
  std::vector<std::string> notes{};                          ///< warnings and remarks
  std::vector<std::pair<std::string, std::string>> facts{};  ///< name and value
  std::vector<Chart> charts{};
  Turntable turntable{};  ///< no films: none
  std::vector<ImageRow> rows{};
};

/// The report as one HTML file that needs nothing else: style, charts and images are inside. The only script moves the
/// turntable's films; without it they stand still.
std::string html(const Report& report);

/// Writes a PNG.
void write_image(const std::filesystem::path& path, const render::Image8& image);

/// |a - b| times `gain`, of 8-bit sRGB colour premultiplied on black, on opaque black.
/// throws autograd::ValueError on unequal sizes
render::Image8 difference(const render::Image8& a, const render::Image8& b, int gain = 4);

/// RFC 4648, padded.
std::string base64(const std::vector<unsigned char>& bytes);
