#include <apps/commands.h>
#include <apps/console.h>
#include <apps/fit_job.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/geometry/obj.h>
#include <render/image/file.h>

#include <charconv>
#include <map>
#include <memory>

namespace {

struct Options {
  std::filesystem::path dataset, out, init;
  int steps = 600, threads = 0, holdout = 8, max_size = 512;
  uint64_t seed = 0;
  std::string convention = "opengl", albedo = "auto", background;
  bool json = false;
};

const std::map<std::string, render::Convention> conventions{{"opengl", render::Convention::opengl},
                                                            {"opencv", render::Convention::opencv}};
const std::map<std::string, render::Albedo> albedos{
    {"constant", render::Albedo::constant}, {"vertex", render::Albedo::vertex}, {"auto", render::Albedo::automatic}};

/// "R,G,B" or "R,G,B,TOLERANCE", 0 to 255 each; nothing where it is not that.
std::optional<render::Background> parse_background(const std::string& text) {
  int values[4] = {0, 0, 0, render::Background{}.tolerance};
  int count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (count < 4) {
    const auto [next, error] = std::from_chars(at, end, values[count]);
    if (error != std::errc() || values[count] < 0 || values[count] > 255) return std::nullopt;
    ++count;
    at = next;
    if (at == end) break;
    if (*at++ != ',') return std::nullopt;
  }
  if (count < 3 || at != end) return std::nullopt;
  return render::Background{{values[0], values[1], values[2]}, values[3]};
}

std::string check_background(const std::string& text) {
  return parse_background(text) ? "" : text + " is not R,G,B or R,G,B,TOLERANCE with numbers from 0 to 255";
}

void run(const Options& options) {
  if (options.threads > 0) autograd::set_threads(options.threads);
  render::DatasetOptions reading{.max_size = options.max_size, .convention = conventions.at(options.convention)};
  if (!options.background.empty()) reading.background = parse_background(options.background);
  FitJob job;
  job.dataset = render::read_dataset(options.dataset, reading);
  job.out = options.out;
  job.title = fmt::format("Shape from {}", options.dataset.filename().empty()
                                               ? options.dataset.parent_path().filename().string()
                                               : options.dataset.filename().string());
  job.options.steps = options.steps;
  job.options.seed = options.seed;
  job.options.holdout = options.holdout;
  job.options.albedo = albedos.at(options.albedo);
  if (!options.init.empty()) {
    std::vector<std::string> warnings;
    job.options.init = render::read_obj(options.init, &warnings);
    for (const std::string& text : warnings) warning(text);
  }
  render::make_folder(options.out);  // before the work, so that a folder that cannot be written to is known at once
  const FitOutcome outcome = run_fit(job);
  if (options.json) {
    print(to_text(outcome.metrics));
  } else {
    print(fmt::format("{}: {}; see {}\n", (options.out / "mesh.obj").string(), outcome.summary,
                      (options.out / "report.html").string()));
  }
}

}  // namespace

void add_fit_shape(CLI::App& fit) {
  auto options = std::make_shared<Options>();
  CLI::App* command = fit.add_subcommand(
      "shape", "Recovers a closed shape, its colours and the light from images with masks and known cameras.");
  command->add_option("dataset", options->dataset, "folder with transforms.json and its images")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("-o,--out", options->out,
                   "folder for mesh.obj, metrics.json, images/ and report.html; made if missing")
      ->required()
      ->type_name("FIT");
  command->add_option("--init", options->init, "start from this mesh (scene coordinates) instead of a sphere")
      ->type_name("MESH.obj");
  command->add_option("--steps", options->steps, "optimisation steps; starting again with colours adds half as many")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command
      ->add_option("--albedo", options->albedo,
                   "surface colour: constant, vertex, or auto: one colour unless that cannot explain the images")
      ->type_name("NAME")
      ->check(CLI::IsMember(albedos).description(""))
      ->capture_default_str();
  command->add_option("--holdout", options->holdout, "every K-th view is not used but for the score; 0: use all")
      ->type_name("K")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command->add_option("--max-size", options->max_size, "images are reduced to at most this width and height, pixels")
      ->type_name("P")
      ->check(CLI::Range(8, 8192))
      ->capture_default_str();
  command
      ->add_option("--convention", options->convention,
                   "camera axes of the dataset: opengl (Blender, NeRF) or opencv (COLMAP)")
      ->type_name("NAME")
      ->check(CLI::IsMember(conventions).description(""))
      ->capture_default_str();
  command
      ->add_option("--background", options->background,
                   "colour of the background, R,G,B[,tolerance] in 0..255, where images have no mask")
      ->type_name("RGB")
      ->check(CLI::Validator(check_background, ""));
  command->add_option("--seed", options->seed, "order of the views; the same seed gives the same bytes")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use; the result does not depend on it (default: all)")
      ->type_name("T")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--json", options->json, "print the metrics as one JSON object");
  command->footer(
      "Masks come from the images' alpha, a frame's mask_path, masks/NAME.png, or --background.\n"
      "The model is a matte surface in distant light: shine and cast shadows are outside it, and fine\n"
      "texture on flat faces stays ambiguous. Ctrl-C ends the fit early and still writes the result.\n\n"
      "Examples:\n"
      "  backlight render bunny.obj --out views && backlight fit shape views --out fitted\n"
      "  backlight fit shape photos --background 0,255,0,40 --albedo vertex --out fitted");
  command->callback([options] { run(*options); });
}
