#include <render/image/image.h>
#include <tests/apps/cube_pictures.h>
#include <tests/catch.h>

#include <algorithm>

// report.html in a browser, which is Chromium where it is installed.

namespace {

/// The browser's name, or nothing, with a message.
std::string find_browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (std::system(("command -v " + std::string(name) + " >/dev/null").c_str()) == 0) return name;
  }
  WARN("skipped: no Chromium is installed");
  return {};
}

/// Runs the browser on a page without a network; what it wrote to its standard output.
std::string browse(const std::string& browser, const ScratchFolder& folder, const std::string& page,
                   const std::string& options) {
  const std::string place = folder.path().string();
  const std::string command = "HOME='" + place + "' timeout 60 " + browser +
                              " --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=900,1200"
                              " --host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir='" +
                              place + "/profile' " + options + " 'file://" + place + "/" + page + "' >'" + place +
                              "/dom' 2>'" + place + "/log'";
  REQUIRE(std::system(command.c_str()) == 0);
  return text_of(folder / "dom");
}

/// The page with a script before all of its own, and one after.
std::string with_scripts(std::string page, const std::string& first, const std::string& last) {
  page.insert(page.find("<head>") + 6, "<script>" + first + "</script>");
  page.insert(page.find("</body>"), "<script>" + last + "</script>");
  return page;
}

}  // namespace

TEST_CASE("a report opens in a browser: images decode, the slider turns the films, nothing fails") {
  const std::string browser = find_browser();
  if (browser.empty()) return;
  const CubePictures place;
  REQUIRE(run_tool({"fit", "texture", place.path("views"), "--mesh", place.path("cube.obj"), "--out", place.path("fit"),
                    "--size", "64", "--steps", "5"})
              .code == 0);
  const std::string page = text_of(place / "fit" / "report.html");
  place.write("asked.html",
              with_scripts(page,
                           "window.faults = [];"
                           "window.addEventListener('error', e => faults.push(e.message || 'load'), true);"
                           "console.error = text => faults.push(text);",
                           R"(
const slider = document.querySelector('.turntable input');
const film = document.querySelector('.film img');
const top_of_film = () => Math.round(film.getBoundingClientRect().top);
const before = top_of_film(), tall = film.parentElement.getBoundingClientRect().height;
slider.value = 2;
slider.dispatchEvent(new Event('input'));
const images = [...document.images];
document.title = ['images', images.length, 'broken', images.filter(i => !i.complete || i.naturalWidth == 0).length,
                  'turned', ((before - top_of_film()) / tall).toFixed(1), 'wider',
                  document.documentElement.scrollWidth > innerWidth, 'faults', faults.length, faults].join(' ');)"));
  const std::string dom = browse(browser, place, "asked.html", "--dump-dom");
  const size_t title = dom.find("<title>");
  REQUIRE(title != std::string::npos);
  // Two films, four views of three pictures, the texture.
  CHECK(dom.substr(title, dom.find("</title>") - title) ==
        "<title>images 15 broken 0 turned 2.0 wider false faults 0 ");

  browse(browser, place, "fit/report.html", "--screenshot='" + place.path("seen.png") + "'");
  const render::Image8 seen = render::read_image(place / "seen.png");
  REQUIRE(seen.width == 900);
  const size_t dark =
      static_cast<size_t>(std::count_if(seen.rgba.begin(), seen.rgba.end(), [](int c) { return c < 100; }));
  CHECK(dark > seen.rgba.size() / 200);
}
