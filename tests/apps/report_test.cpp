#include <apps/report.h>
#include <autograd/core/error.h>
#include <tests/catch.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace {

std::vector<unsigned char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

size_t count(const std::string& text, std::string_view part) {
  size_t number = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++number;
  return number;
}

render::Image8 uniform(int width, int height, std::array<unsigned char, 4> color) {
  render::Image8 image{width, height, true, {}};
  for (int pixel = 0; pixel < width * height; ++pixel) image.rgba.insert(image.rgba.end(), color.begin(), color.end());
  return image;
}

/// The first tag that has no partner, or nothing.
std::string unbalanced_tag(const std::string& page) {
  const std::set<std::string> single{"!doctype", "meta", "img", "input"};
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const bool closes = tag.starts_with('/');
    const std::string name = tag.substr(closes, tag.find_first_of(" \n", 1) - closes);
    if (single.contains(name) || tag.ends_with('/')) continue;
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return tag;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

Report full_report() {
  Report report{
      .title = "Fit of <spot> & \"friends\"", .summary = "It's fine.", .command = "backlight fit shape 'a b'"};
  report.notes = {"view images/003.png: mask and camera disagree"};
  report.facts = {{"chamfer", "0.0012"}, {"a<b", "x>y"}};
  report.charts = {{"Loss", "step", "L1", true, {{"train", {0, 1, 2}, {1, 0.1, 0.01}}, {"<other>", {}, {}}}}};
  report.rows = {{"view 7", {{"target", uniform(2, 2, {255, 0, 0, 255})}, {"fit", uniform(2, 2, {9, 9, 9, 128})}}}};
  return report;
}

}  // namespace

TEST_CASE("base64 follows RFC 4648") {
  CHECK(base64({}).empty());
  CHECK(base64(bytes_of("f")) == "Zg==");
  CHECK(base64(bytes_of("fo")) == "Zm8=");
  CHECK(base64(bytes_of("foo")) == "Zm9v");
  CHECK(base64(bytes_of("foobar")) == "Zm9vYmFy");
  CHECK(base64({0xff, 0xef, 0xfe}) == "/+/+");
}

TEST_CASE("escape_html") { CHECK(escape_html("<a href=\"x\">'&'") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;"); }

TEST_CASE("a report is one balanced page that needs nothing else") {
  const std::string page = html(full_report());
  CHECK(unbalanced_tag(page).empty());
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find("url(") == std::string::npos);
  CHECK(page.find("@import") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(count(page, "src=") == count(page, "src=\"data:image/png;base64,"));
  CHECK_THAT(page, ContainsSubstring("prefers-color-scheme: dark"));
}

TEST_CASE("a report shows all that it was given, escaped") {
  const Report report = full_report();
  const std::string page = html(report);
  CHECK_THAT(page, ContainsSubstring("<title>Fit of &lt;spot&gt; &amp; &quot;friends&quot;</title>"));
  CHECK_THAT(page, ContainsSubstring("<pre>backlight fit shape &#39;a b&#39;</pre>"));
  CHECK_THAT(page, ContainsSubstring("<li>view images/003.png: mask and camera disagree</li>"));
  CHECK_THAT(page, ContainsSubstring("<th scope=\"row\">a&lt;b</th><td>x&gt;y</td>"));
  CHECK_THAT(page, ContainsSubstring("&lt;other&gt;"));
  for (const ReportImage& entry : report.rows[0].images) {
    CHECK_THAT(page, ContainsSubstring("base64," + base64(render::encode_png(2, 2, 4, entry.image.rgba)) + "\""));
    CHECK_THAT(page, ContainsSubstring("<figcaption>" + entry.caption + "</figcaption>"));
  }
}

TEST_CASE("a turntable's films are strips that one slider moves, by the page's only script") {
  Report report{.title = "x"};
  report.turntable.films = {{"target", {uniform(3, 2, {255, 0, 0, 255}), uniform(3, 2, {0, 255, 0, 255})}},
                            {"fit", {uniform(3, 2, {9, 9, 9, 255}), uniform(3, 2, {8, 8, 8, 255})}}};
  const std::string page = html(report);
  CHECK(unbalanced_tag(page).empty());
  CHECK(count(page, "<script") == 1);
  CHECK(page.find("http") == std::string::npos);
  CHECK(count(page, "src=") == count(page, "src=\"data:image/png;base64,"));
  CHECK_THAT(page, ContainsSubstring("--frame: 0; --frames: 2"));
  CHECK_THAT(page, ContainsSubstring("type=\"range\" min=\"0\" max=\"1\""));
  CHECK_THAT(page, ContainsSubstring("width=\"3\" height=\"4\""));
  CHECK_THAT(page, ContainsSubstring("aspect-ratio: 3 / 2"));
  CHECK_THAT(page, ContainsSubstring("<figcaption>fit</figcaption>"));
}

TEST_CASE("an empty report has no empty sections") {
  const std::string page = html({.title = "x"});
  CHECK(unbalanced_tag(page).empty());
  CHECK(page.find("<h2>") == std::string::npos);
  CHECK(page.find("<pre>") == std::string::npos);
}

TEST_CASE("a chart") {
  Chart chart{"PSNR", "step", "dB", false, {{"train", {0, 1, 2, 3}, {10, 20, 25, 30}}}};
  SECTION("places its extremes at the corners of the frame") {
    CHECK_THAT(svg(chart), ContainsSubstring("d=\"M64.0 250.0L224.0 145.0L384.0 92.5L544.0 40.0\""));
  }
  SECTION("breaks the line at what is not finite, and draws lone points") {
    chart.series[0].y[1] = std::nan("");
    chart.series[0].y[3] = INFINITY;
    CHECK_THAT(svg(chart), ContainsSubstring("d=\"M64.0 250.0h0M544.0 40.0h0\""));
  }
  SECTION("on a logarithmic axis equal ratios are equal heights; zero is left out") {
    chart.logarithmic = true;
    chart.series[0].y = {0.01, 0.1, 1, 0};
    CHECK_THAT(svg(chart), ContainsSubstring("d=\"M64.0 250.0L304.0 145.0L544.0 40.0\""));
    CHECK_THAT(svg(chart), ContainsSubstring(">0.1</text>"));
  }
  SECTION("one value, or none, is drawn without a division by zero") {
    chart.series[0] = {"one", {5}, {7}};
    CHECK_THAT(svg(chart), ContainsSubstring("d=\"M304.0 145.0h0\""));
    chart.series.clear();
    CHECK(svg(chart).find("nan") == std::string::npos);
  }
  SECTION("a hundred thousand points are thinned, and their peak stays") {
    Series& series = chart.series[0] = {"long", {}, {}};
    for (int i = 0; i < 100000; ++i) {
      series.x.push_back(i);
      series.y.push_back(i == 77777 ? 1 : 0);
    }
    const std::string drawing = svg(chart);
    CHECK(drawing.size() < 30000);
    CHECK_THAT(drawing, ContainsSubstring(" 40.0L"));
  }
}

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(ticks(0, 600, 6) == std::vector<double>{0, 100, 200, 300, 400, 500, 600});
  CHECK(ticks(-0.2, 0.9, 5) == std::vector<double>{-0.2, 0, 0.2, 0.4, 0.2 * 3, 0.8});
  CHECK(ticks(27.1, 28.4, 5) == std::vector<double>{27.200000000000003, 27.400000000000002, 27.6, 27.8, 28,
                                                    28.200000000000003, 28.400000000000002});
}

TEST_CASE("difference of premultiplied colours") {
  const render::Image8 target = uniform(3, 2, {200, 100, 50, 255});
  CHECK(difference(target, target).rgba == uniform(3, 2, {0, 0, 0, 255}).rgba);
  CHECK(difference(target, uniform(3, 2, {190, 110, 50, 255})).rgba == uniform(3, 2, {40, 40, 0, 255}).rgba);
  CHECK(difference(target, uniform(3, 2, {0, 0, 0, 0}), 1).rgba == uniform(3, 2, {200, 100, 50, 255}).rgba);
  CHECK(difference(target, uniform(3, 2, {0, 0, 0, 0})).rgba == uniform(3, 2, {255, 255, 200, 255}).rgba);
  REQUIRE_THROWS_AS(difference(target, uniform(2, 3, {})), autograd::ValueError);
}
