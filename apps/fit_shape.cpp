#include <apps/about.h>
#include <apps/commands.h>
#include <apps/console.h>
#include <apps/fit_job.h>
#include <apps/fit_options.h>
#include <apps/options.h>
#include <apps/out_folder.h>
#include <fmt/format.h>
#include <render/image/file.h>

#include <map>
#include <memory>

namespace {

struct Options : FitOptions {
  std::filesystem::path init;
  int steps = 600, texture_size = 1024;
  std::string albedo = "auto";
  bool texture = false;
};

const std::map<std::string, render::Albedo> albedos{
    {"constant", render::Albedo::constant}, {"vertex", render::Albedo::vertex}, {"auto", render::Albedo::automatic}};

void run(const Options& options) {
  FitJob job{.dataset = read_dataset(options), .out = options.out};
  job.title = "Shape from " + dataset_name(options);
  render::FitShapeOptions shape{
      .steps = options.steps, .seed = options.seed, .holdout = options.holdout, .albedo = albedos.at(options.albedo)};
  if (!options.init.empty()) shape.init = read_mesh(options.init);
  std::optional<render::FitTextureOptions> texture;
  if (options.texture) {
    texture = {.size = options.texture_size, .seed = options.seed, .holdout = options.holdout};
  }
  const OutFolder folder(options.out);
  const FitOutcome outcome = about(options.dataset.string(), [&] { return fit_shape(job, shape, texture); });
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
  add_fit_options(*command, *options, "mesh.obj, metrics.json, images/ and report.html");
  command->add_option("--init", options->init, "start from this mesh (scene coordinates) instead of a sphere")
      ->type_name("MESH.obj")
      ->check(some_path());
  command->add_option("--steps", options->steps, "optimisation steps; starting again with colours adds half as many")
      ->type_name("N")
      ->check(whole_number(1, 1000000))
      ->capture_default_str();
  command
      ->add_option("--albedo", options->albedo,
                   "surface colour: constant, vertex, or auto: one colour unless that cannot explain the images")
      ->type_name("NAME")
      ->check(CLI::IsMember(albedos).description(""))
      ->capture_default_str();
  command->add_flag("--texture", options->texture, "afterwards give the shape an atlas and a texture, light baked in");
  command->add_option("--texture-size", options->texture_size, "width and height of that texture, texels")
      ->type_name("N")
      ->check(whole_number(16, 8192))
      ->capture_default_str();
  command->footer(
      "Masks come from the images' alpha, a frame's mask_path, masks/NAME.png, or\n"
      "--background.\n"
      "The model is a matte surface in distant light: shine and cast shadows are\n"
      "outside it, and fine texture on flat faces stays ambiguous. Ctrl-C ends the fit\n"
      "early and still writes the result.\n\n"
      "Examples:\n"
      "  backlight render bunny.obj --out views\n"
      "  backlight fit shape views --out fitted\n"
      "  backlight fit shape photos --background 0,255,0,40 --texture --out fitted");
  command->callback([options] { run(*options); });
}
