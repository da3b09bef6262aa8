#include <apps/report.h>
#include <autograd/core/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace {

// The series' colours are told apart by people with any kind of colour vision, on either background.
constexpr const char* style = R"css(
:root { color-scheme: light dark; --page: #ffffff; --text: #1b1f24; --soft: #5b6470; --line: #d9dee4;
  --panel: #f4f6f8; --picture: #e4e7eb;
  --c0: #0072b2; --c1: #b8500b; --c2: #00795a; --c3: #a63d7c; --c4: #6b6b00; --c5: #444c56; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --text: #e6e9ed; --soft: #9aa4b0; --line: #323942; --panel: #1d2228; --picture: #2a3038;
    --c0: #56b4e9; --c1: #f0903c; --c2: #2fc79a; --c3: #e48dbd; --c4: #d6cf4a; --c5: #b4bcc6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: .95rem; margin: 1.25rem 0 .4rem; color: var(--soft); font-weight: 600; }
pre { background: var(--panel); padding: .7rem .9rem; border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: .85rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem 1.5rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 400; color: var(--soft); }
td { font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
.charts svg { width: 100%; background: var(--panel); border-radius: 6px; }
.images { display: grid; grid-template-columns: repeat(3, minmax(0, 16rem)); gap: .75rem; }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; background: var(--picture); border-radius: 6px; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .25rem; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .title { fill: var(--text); font-size: 14px; font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.series-0 { stroke: var(--c0); } .series-1 { stroke: var(--c1); } .series-2 { stroke: var(--c2); }
.series-3 { stroke: var(--c3); } .series-4 { stroke: var(--c4); } .series-5 { stroke: var(--c5); }
svg .name-0 { fill: var(--c0); } svg .name-1 { fill: var(--c1); } svg .name-2 { fill: var(--c2); }
svg .name-3 { fill: var(--c3); } svg .name-4 { fill: var(--c4); } svg .name-5 { fill: var(--c5); }
.turntable { max-width: 44rem; }
.films { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); gap: .75rem; }
.film { overflow: hidden; background: var(--picture); border-radius: 6px; }
.film img { background: none; border-radius: 0; transform: translateY(calc(-100% * var(--frame) / var(--frames))); }
.turntable input { width: 100%; margin: .75rem 0 0; accent-color: var(--c0); }
@media print { body { font-size: 12px; } figure, svg { break-inside: avoid; } }
)css";

// Every slider sets the place of the films around it.
constexpr const char* script = R"js(
for (const table of document.querySelectorAll('.turntable')) {
  const slider = table.querySelector('input');
  slider.addEventListener('input', () => table.style.setProperty('--frame', slider.value));
}
)js";

std::string element(std::string_view tag, std::string_view content) {
  return content.empty() ? "" : fmt::format("<{0}>{1}</{0}>\n", tag, escape_html(content));
}

std::string facts_table(const Report& report) {
  if (report.facts.empty()) return "";
  std::string rows;
  for (const auto& [name, value] : report.facts) {
    rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_html(name), escape_html(value));
  }
  return "<h2>Results</h2>\n<table>\n" + rows + "</table>\n";
}

std::string notes_list(const Report& report) {
  if (report.notes.empty()) return "";
  std::string items;
  for (const std::string& note : report.notes) items += element("li", note);
  return "<h2>Notes</h2>\n<ul>\n" + items + "</ul>\n";
}

std::string chart_grid(const Report& report) {
  if (report.charts.empty()) return "";
  std::string charts;
  for (const Chart& chart : report.charts) charts += svg(chart);
  return "<h2>Curves</h2>\n<div class=\"charts\">\n" + charts + "</div>\n";
}

std::string img(std::string_view caption, const render::Image8& image) {
  const std::string data = base64(render::encode_png(image.width, image.height, 4, image.rgba));
  return fmt::format("<img alt=\"{}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">",
                     escape_html(caption), image.width, image.height, data);
}

std::string figure(const ReportImage& entry) {
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", img(entry.caption, entry.image),
                     escape_html(entry.caption));
}

/// The frames of a film one below the other.
render::Image8 strip(const std::vector<render::Image8>& frames) {
  render::Image8 strip{frames[0].width, 0, true, {}};
  for (const render::Image8& frame : frames) {
    strip.height += frame.height;
    strip.rgba.insert(strip.rgba.end(), frame.rgba.begin(), frame.rgba.end());
  }
  return strip;
}

std::string turntable(const Report& report) {
  const std::vector<Turntable::Film>& films = report.turntable.films;
  if (films.empty() || films[0].frames.empty()) return "";
  const size_t frames = films[0].frames.size();
  std::string html = fmt::format(
      "<h2>Turntable</h2>\n<div class=\"turntable\" style=\"--frame: 0; --frames: {}\">\n<div class=\"films\">\n",
      frames);
  for (const Turntable::Film& film : films) {
    const render::Image8& first = film.frames[0];
    html += fmt::format(
        "<figure><div class=\"film\" style=\"aspect-ratio: {} / {}\">{}</div><figcaption>{}</figcaption></figure>\n",
        first.width, first.height, img(film.caption, strip(film.frames)), escape_html(film.caption));
  }
  html += fmt::format("</div>\n<input type=\"range\" min=\"0\" max=\"{}\" value=\"0\" aria-label=\"Turn\">\n</div>\n",
                      frames - 1);
  return html + fmt::format("<script>{}</script>\n", script);
}

std::string image_rows(const Report& report) {
  if (report.rows.empty()) return "";
  std::string rows = "<h2>Images</h2>\n";
  for (const ImageRow& row : report.rows) {
    rows += element("h3", row.title) + "<div class=\"images\">\n";
    for (const ReportImage& image : row.images) rows += figure(image);
    rows += "</div>\n";
  }
  return rows;
}

}  // namespace

std::string base64(const std::vector<unsigned char>& bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t first = 0; first < bytes.size(); first += 3) {
    const size_t present = std::min<size_t>(3, bytes.size() - first);
    unsigned group = 0;  // 24 bits: four digits of six
    for (size_t i = 0; i < 3; ++i) group = group << 8 | (i < present ? bytes[first + i] : 0u);
    for (size_t i = 0; i < 4; ++i) text += i <= present ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

void write_image(const std::filesystem::path& path, const render::Image8& image) {
  render::write_png(path, image.width, image.height, 4, image.rgba);
}

render::Image8 difference(const render::Image8& a, const render::Image8& b, int gain) {
  if (a.width != b.width || a.height != b.height) {
    throw autograd::ValueError(fmt::format("difference: images of {} x {} and {} x {} pixels; expected equal sizes",
                                           a.width, a.height, b.width, b.height));
  }
  render::Image8 result{a.width, a.height, false, std::vector<unsigned char>(a.rgba.size(), 255)};
  const auto on_black = [](const render::Image8& image, size_t pixel, size_t channel) {
    return image.rgba[pixel + channel] * image.rgba[pixel + 3] / 255;
  };
  for (size_t pixel = 0; pixel < a.rgba.size(); pixel += 4) {
    for (size_t channel = 0; channel < 3; ++channel) {
      const int distance = std::abs(on_black(a, pixel, channel) - on_black(b, pixel, channel));
      result.rgba[pixel + channel] = static_cast<unsigned char>(std::min(gain * distance, 255));
    }
  }
  return result;
}

std::string html(const Report& report) {
  const std::string title = escape_html(report.title);
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n", title, style);
  page += element("h1", report.title) + element("p", report.summary) + element("pre", report.command);
  page += facts_table(report) + notes_list(report) + turntable(report) + image_rows(report) + chart_grid(report);
  return page + "</main>\n</body>\n</html>\n";
}
