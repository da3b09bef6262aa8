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
  std::filesystem::path mesh;
  int size = 1024, steps = render::FitTextureOptions{}.steps;
  std::string light = "none";
  double total_variation = 0;
};

const std::map<std::string, render::TextureLight> lights{{"none", render::TextureLight::none},
                                                         {"sh", render::TextureLight::harmonics}};

void run(const Options& options) {
  const render::Mesh mesh = read_mesh(options.mesh);
  FitJob job{.dataset = read_dataset(options), .out = options.out};
  job.title = "Texture from " + dataset_name(options);
  const OutFolder folder(options.out);
  const render::FitTextureOptions fit{.size = options.size,
                                      .steps = options.steps,
                                      .seed = options.seed,
                                      .holdout = options.holdout,
                                      .light = lights.at(options.light),
                                      .total_variation = options.total_variation};
  const FitOutcome outcome = about(options.mesh.string(), [&] { return fit_texture(job, mesh, fit); });
  if (options.json) {
    print(to_text(outcome.metrics));
  } else {
    print(fmt::format("{}: {}; see {}\n", (options.out / "texture.png").string(), outcome.summary,
                      (options.out / "report.html").string()));
  }
}

}  // namespace

void add_fit_texture(CLI::App& fit) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      fit.add_subcommand("texture", "Recovers the texture of a known shape from images with masks and known cameras.");
  add_fit_options(*command, *options, "texture.png, mesh.obj, metrics.json, images/ and report.html");
  command->add_option("--mesh", options->mesh, "the shape, in the cameras' coordinates; gets an atlas if it has no UVs")
      ->required()
      ->type_name("MESH.obj")
      ->check(some_path());
  command->add_option("--size", options->size, "width and height of the texture, texels")
      ->type_name("N")
      ->check(whole_number(16, 8192))
      ->capture_default_str();
  command
      ->add_option("--light", options->light,
                   "none: the appearance, light baked in; sh: an estimated light is divided out")
      ->type_name("NAME")
      ->check(CLI::IsMember(lights).description(""))
      ->capture_default_str();
  command->add_option("--tv", options->total_variation, "weight of total variation: smooths what few pixels show")
      ->type_name("W")
      ->check(real_number(0, 1e6))
      ->capture_default_str();
  command->add_option("--steps", options->steps, "optimisation steps; 0: the mean of what views show")
      ->type_name("N")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
  command->footer(
      "Masks come from the images' alpha, a frame's mask_path, masks/NAME.png, or\n"
      "--background. `coverage` is the share of the texels inside the mesh's UV\n"
      "triangles that a training view shows; the others are filled from around. The\n"
      "surface is taken to be matte.\n\n"
      "Examples:\n"
      "  backlight fit texture photos --mesh scan.obj --out painted\n"
      "  backlight render spot.obj --texture spot.png --size 512 --out views\n"
      "  backlight fit texture views --mesh spot.obj --light sh --out painted");
  command->callback([options] { run(*options); });
}
