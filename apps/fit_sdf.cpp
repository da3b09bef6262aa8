#include <apps/commands.h>
#include <apps/console.h>
#include <apps/options.h>
#include <apps/out_folder.h>
#include <apps/sdf_examples.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/geometry/obj.h>
#include <render/image/file.h>

#include <map>
#include <memory>

namespace {

namespace fs = std::filesystem;

enum class Example { sphere, sphere_views, three_shapes };
const std::map<std::string, Example> examples{
    {"sphere", Example::sphere}, {"sphere-views", Example::sphere_views}, {"three-shapes", Example::three_shapes}};

struct Options {
  std::string example;
  fs::path out;
  int size = 256, threads = 0;
  bool json = false;
};

std::string check_multiple_of_8(const std::string& text) {
  return std::stoi(text) % 8 == 0 ? "" : text + " is not a multiple of 8";
}

SdfOutcome run_example(const Options& options) {
  switch (examples.at(options.example)) {
    case Example::sphere: return fit_glowing_sphere();
    case Example::sphere_views: return fit_sphere_in_views({options.size});
    case Example::three_shapes: return fit_three_shapes({options.size});
  }
  throw autograd::ValueError("fit sdf: no such example");
}

/// The metrics one by one, and what was found beside the truth.
std::vector<std::pair<std::string, std::string>> facts_of(const Json& metrics) {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const auto& [name, value] : metrics.items()) {
    if (name != "parameters") facts.emplace_back(name, plain_text(value));
  }
  for (const Json& parameter : metrics.value("parameters", Json::array())) {
    std::string text;
    for (size_t k = 0; k < parameter["found"].size(); ++k) {
      text += fmt::format("{}{:.4f} (truth {:.4f})", k == 0 ? "" : ", ", parameter["found"][k].get<double>(),
                          parameter["truth"][k].get<double>());
    }
    facts.emplace_back(parameter["name"].get<std::string>(), text);
  }
  return facts;
}

void write_results(const fs::path& folder, const SdfOutcome& outcome) {
  render::make_folder(folder / "images");
  for (const ImageRow& row : outcome.images) {
    for (const auto& [name, image] : row.images) write_image(folder / "images" / (name + ".png"), image);
  }
  Report report{.title = outcome.title,
                .summary = outcome.summary + ".",
                .command = command_line(),
                .facts = facts_of(outcome.metrics)};
  report.rows = outcome.images;
  report.charts = {loss_chart(outcome.losses)};
  render::write_obj(folder / "mesh.obj", outcome.mesh);
  render::write_file(folder / "report.html", html(report));
  render::write_file(folder / "metrics.json", to_text(outcome.metrics));
}

void run(const Options& options) {
  if (options.threads > 0) autograd::set_threads(options.threads);
  std::optional<OutFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out);
  const SdfOutcome outcome = run_example(options);
  if (!options.out.empty()) write_results(options.out, outcome);
  if (options.json) {
    print(to_text(outcome.metrics));
  } else {
    print(fmt::format("{}: {}\n", options.example, outcome.summary));
    if (!options.out.empty()) print(fmt::format("open {} to see it\n", (options.out / "report.html").string()));
  }
}

}  // namespace

void add_fit_sdf(CLI::App& fit) {
  auto options = std::make_shared<Options>();
  CLI::App* command = fit.add_subcommand(
      "sdf", "Fits signed distance fields (formulas for shapes) to pictures of a shape that it makes itself.");
  command->add_option("--example", options->example, "what to fit: sphere, sphere-views or three-shapes")
      ->required()
      ->type_name("NAME")
      ->check(CLI::IsMember(examples).description(""));
  command
      ->add_option(
          "-o,--out", options->out,
          "folder for images/, mesh.obj, metrics.json and report.html; made if missing (default: none written)")
      ->type_name("DIR")
      ->check(some_path());
  command
      ->add_option("--size", options->size,
                   "width and height of the pictures of sphere-views and three-shapes, a multiple of 8")
      ->type_name("PIXELS")
      ->check(whole_number(16, 1024))
      ->check(CLI::Validator(check_multiple_of_8, ""))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use; the result does not depend on it (default: all)")
      ->type_name("T")
      ->check(whole_number(1, 1024));
  command->add_flag("--json", options->json, "print the metrics as one JSON object");
  command->footer(
      "A signed distance field tells for each point how far the surface is, negative\n"
      "inside: for a sphere |p - centre| - radius. Pictures of it are differentiable,\n"
      "so its numbers can be found from pictures.\n\n"
      "  sphere        microDR's demo: a glow of 16 x 16 pixels; centre and radius by\n"
      "                its own recipe (200 steps of plain gradient descent, which stops\n"
      "                half-way), then by Adam\n"
      "  sphere-views  centre, radius and colour of a sphere from four pictures with\n"
      "                known cameras\n"
      "  three-shapes  a ball that melts into a rounded box, and a ring: 25 numbers\n"
      "                from eight pictures\n\n"
      "The targets are made by brute force, without the soft silhouettes that the fit\n"
      "moves.\n"
      "Ctrl-C ends a fit early and still writes the result.\n\n"
      "Examples:\n"
      "  backlight fit sdf --example sphere\n"
      "  backlight fit sdf --example three-shapes --out three");
  command->callback([options] { run(*options); });
}
