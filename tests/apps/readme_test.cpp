#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/shading/still.h>
#include <tests/apps/colmap_model.h>
#include <tests/apps/tool.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

// README.md is read as a user would work through it: its programs are written to files, its commands are run one after
// the other in one folder, with the tool and the libraries installed elsewhere. Commands between ` ` count too.

namespace {

namespace fs = std::filesystem;

/// Commands that are run with less to do: their results are large, or take long.
const std::map<std::string, std::string> shortened = {
    {"backlight render bunny.obj --out views", "backlight render bunny.obj --out views --views 12 --size 64"},
    {"backlight fit shape views --out fitted", "backlight fit shape views --out fitted --steps 5"},
    {"backlight fit texture views --mesh bunny.obj --out painted",
     "backlight fit texture views --mesh bunny.obj --out painted --size 256 --steps 3"},
    {"backlight fit shape scene --texture --out fitted",
     "backlight fit shape scene --texture --out fitted --steps 5 --texture-size 64"},
    {"backlight fit texture scene --mesh fitted/mesh.obj --light sh --out painted",
     "backlight fit texture scene --mesh fitted/mesh.obj --light sh --out painted --size 64 --steps 3"},
    {"backlight fit sdf --example sphere|sphere-views|three-shapes [--out DIR]",
     "backlight fit sdf --example sphere --out field"},
    {"backlight render MESH.obj --out views", "backlight render bunny.obj --out other --views 2 --size 16"},
};

/// Commands that are not run, and why.
const std::string builds = "builds the project itself";
const std::string minutes = "measures for minutes";
const std::string figures = "how the figures were made, for minutes; the same commands run above with less to do";
const std::string trains =
    "trains for half a minute and more on files that are not here; train_test.cpp has small ones";
const std::map<std::string, std::string> not_run = {
    {"apps/run", builds},
    {"tests/run", builds},
    {"meson setup build && ninja -C build && meson install -C build", builds},
    {"backlight train mnist DIR", trains},
    {"backlight render MESH --seed S", figures},
    {"backlight render MESH --light none --size 512", figures},
    {"tests/bench/run", minutes},
    {"tests/bench/run --only raster_spot_forward_ms", minutes},
    {"ninja -C build/tests tests/bench/curves && build/tests/tests/bench/curves", minutes},
    {"ninja -C build/tests tests/bench/accuracy && build/tests/tests/bench/accuracy [FUNCTION...]", minutes},
    {"ninja -C build/tests tests/bench/truth && build/tests/tests/bench/truth", minutes},
};

struct Part {
  enum Kind { command, program, fragment, line } kind;  // a line is one that the command before it prints
  std::string text, name;                               ///< a program's file
};

bool is_command(const std::string& text) {
  static const std::regex commands(
      R"((apps/run|tests/run|tests/bench/run)( .*)?|backlight (--help|[a-z]+ .*)|(meson|ninja|c\+\+) .*)");
  return std::regex_match(text, commands);
}

/// Commands between ` ` in a paragraph, which may begin on one line and end on the next.
void find_commands(const std::string& paragraph, std::vector<Part>& parts) {
  static const std::regex spans("`([^`]+)`"), space("\\s+");
  for (auto span = std::sregex_iterator(paragraph.begin(), paragraph.end(), spans); span != std::sregex_iterator();
       ++span) {
    const std::string text = std::regex_replace((*span)[1].str(), space, " ");
    if (is_command(text)) parts.push_back({Part::command, text, {}});
  }
}

/// What README.md tells to run or to write, in its order.
std::vector<Part> parts_of(const std::string& page) {
  static const std::regex comment(" +# .*$"), named("// ([a-z]+\\.cpp)(:.*)?");
  static const std::regex of_kernel("  (v[0-9]+: |store v|sum v).*");  // as BACKLIGHT_TRACE=ir prints it
  std::vector<Part> parts;
  std::istringstream lines(page);
  std::string line, paragraph, block, language;
  while (std::getline(lines, line)) {
    if (!line.starts_with("```")) {
      if (language.empty()) {
        paragraph += line + "\n";
      } else if (std::regex_match(line, of_kernel)) {
        parts.push_back({Part::line, line, {}});
      } else if (language == "sh") {
        parts.push_back({Part::command, std::regex_replace(line, comment, ""), {}});
      } else {
        block += line + "\n";
      }
      continue;
    }
    find_commands(paragraph, parts);
    paragraph.clear();
    if (language == "cpp") {
      std::smatch name;
      const std::string first = block.substr(0, block.find('\n'));
      const bool whole = std::regex_match(first, name, named);
      parts.push_back({whole ? Part::program : Part::fragment, block, whole ? name[1].str() : ""});
    }
    language = language.empty() ? (line == "```" ? "text" : line.substr(3)) : "";
    block.clear();
  }
  find_commands(paragraph, parts);
  return parts;
}

/// The user's own things that the page speaks of: a mesh, and photographs with masks, or before a green cloth.
void make_things(const fs::path& folder) {
  const render::Mesh mesh = render::creature(4);
  render::write_obj(folder / "bunny.obj", mesh);
  const render::BoundingSphere sphere = render::bounding_sphere(mesh);
  const render::Still still(mesh);
  std::vector<render::View> views;
  for (const render::Camera& camera : render::cameras_around(sphere.centre, sphere.radius, 12, 64, 64, 1)) {
    views.push_back({fmt::format("{:03}.png", views.size()), camera, still.picture(camera)});
  }
  for (const char* name : {"scene/masks", "scene/images", "cloth/images"}) render::make_folder(folder / name);
  for (const render::View& view : views) {
    std::vector<unsigned char> mask, photo;
    for (size_t i = 0; i < view.image.rgba.size(); i += 4) {
      const int alpha = view.image.rgba[i + 3];
      const std::array cloth{0, 200, 60};
      for (size_t c = 0; c < 3; ++c) {
        photo.push_back(static_cast<unsigned char>((view.image.rgba[i + c] * alpha + cloth[c] * (255 - alpha)) / 255));
      }
      mask.push_back(static_cast<unsigned char>(alpha));
    }
    render::write_png(folder / "scene/masks" / view.name, 64, 64, 1, mask);
    render::write_png(folder / "scene/images" / view.name, 64, 64, 3, photo);
    render::write_png(folder / "cloth/images" / view.name, 64, 64, 3, photo);
  }
  for (const char* name : {"scene/sparse", "cloth/sparse"}) write_colmap_model(folder / name, views);
}

/// A folder, and a shell for which the project is installed.
class Desk : public ScratchFolder {
 public:
  Desk() {
    const std::string root = (*this / "root").string();
    REQUIRE(
        run("meson install -C '" BACKLIGHT_BUILD_ROOT "' --no-rebuild --skip-subprojects --destdir '" + root + "'"));
    const auto folder_of = [&](const char* name) {
      for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (entry.path().filename() == name && !entry.is_directory()) return entry.path().parent_path().string();
      }
      FAIL(name << " was not installed");
      return std::string();
    };
    const std::string libraries = folder_of("libbacklight-autograd.so");
    setup_ = "export PATH='" + folder_of("backlight") + "':$PATH LD_LIBRARY_PATH='" + libraries +
             "' PKG_CONFIG_PATH='" + libraries + "/pkgconfig' PKG_CONFIG_SYSROOT_DIR='" + root + "'; ";
  }

  /// Whether the command worked; what it wrote, in either case, is said() then.
  bool run(const std::string& command) const {
    const std::string all = "cd '" + path().string() + "' && { " + setup_ + command + "\n} </dev/null >said 2>&1";
    return std::system(all.c_str()) == 0;
  }
  std::string said() const { return text_of(*this / "said"); }

 private:
  std::string setup_;
};

/// The last number that was written.
double last_number(const std::string& text) {
  static const std::regex number("[0-9]+\\.[0-9]+");
  double last = NAN;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), number); at != std::sregex_iterator(); ++at) {
    last = std::stod(at->str());
  }
  return last;
}

}  // namespace

TEST_CASE("every command and every program of README.md works, in its order") {
  if (std::system("command -v c++ meson pkg-config >/dev/null") != 0) {
    WARN("skipped: c++, meson or pkg-config is not installed");
    return;
  }
  if (std::getenv("BACKLIGHT_BACKEND") != nullptr) {
    WARN("skipped: the page is tried once, as users have it, without BACKLIGHT_BACKEND");
    return;
  }
  const std::vector<Part> parts = parts_of(text_of(BACKLIGHT_SOURCE_ROOT "/README.md"));
  const Desk desk;
  make_things(desk.path());
  std::map<std::string, std::string> said;
  std::set<std::string> programs;
  size_t fragments = 0, lines = 0;
  for (const Part& part : parts) {
    INFO(part.text);
    if (part.kind == Part::line) {
      ++lines;
      CHECK(desk.said().find(part.text + "\n") != std::string::npos);
    } else if (part.kind == Part::program) {
      desk.write(part.name, part.text);
      programs.insert(part.name);
    } else if (part.kind == Part::fragment) {
      ++fragments;
    } else if (!not_run.contains(part.text)) {
      const auto shorter = shortened.find(part.text);
      const bool worked = desk.run(shorter == shortened.end() ? part.text : shorter->second);
      said[part.text] = desk.said();
      INFO(desk.said());
      CHECK(worked);
    }
  }
  CHECK(programs == std::set<std::string>{"first.cpp", "masks.cpp", "slope.cpp", "walk.cpp"});
  CHECK(lines == 15);
  CHECK(fragments == 1);  // the picture in three lines
  // What the page promises of them.
  for (const auto& [command, text] : said) {
    INFO(command << "\n" << text);
    if (command.ends_with("./first")) CHECK(last_number(text) == Approx(0.7358).margin(2e-3));  // -2 / e and 2 / e
    if (command.ends_with("./masks")) CHECK(last_number(text) < 0.15);
    if (command.ends_with("./slope")) CHECK(last_number(text) < 0.02);
  }
  CHECK(fs::exists(desk / "masks.obj"));
  CHECK(fs::exists(desk / "rough" / "report.html"));

  std::set<std::string> commands;
  for (const Part& part : parts) commands.insert(part.text);
  for (const auto* list : {&shortened, &not_run}) {
    for (const auto& entry : *list) {
      INFO(entry.first << ": is no longer in README.md");
      CHECK(commands.contains(entry.first));
    }
  }
}
