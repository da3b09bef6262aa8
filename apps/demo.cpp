#include <apps/commands.h>
#include <apps/console.h>
#include <apps/fit_job.h>
#include <apps/options.h>
#include <apps/out_folder.h>
#include <apps/progress.h>
#include <autograd/autograd.h>
#include <fmt/format.h>
#include <render/geometry/compare.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/image/file.h>
#include <render/shading/still.h>

#include <memory>

namespace {

struct Options {
  std::filesystem::path out = "out/demo";
  int steps = 400, threads = 0;
  uint64_t seed = 0;
  bool json = false;
};

constexpr int views = 24, size = 256, subdivisions = 5;

render::Dataset photograph(const render::Mesh& mesh, uint64_t seed) {
  const render::Still still(mesh);
  const render::BoundingSphere sphere = render::bounding_sphere(mesh);
  Progress progress("rendering the target", views);
  render::Dataset dataset;
  for (const render::Camera& camera : render::cameras_around(sphere.centre, sphere.radius, views, size, size, seed)) {
    dataset.views.push_back({fmt::format("images/{:03}.png", dataset.views.size()), camera, still.picture(camera)});
    progress.update(static_cast<int64_t>(dataset.views.size()));
  }
  return dataset;
}

void run(const Options& options) {
  if (options.threads > 0) autograd::set_threads(options.threads);
  const OutFolder folder(options.out);
  const render::Mesh target = render::creature(subdivisions);
  render::write_obj(options.out / "target.obj", target);
  FitJob job;
  job.dataset = photograph(target, options.seed);
  job.out = options.out;
  job.title = "Backlight demo";
  job.target = target;
  // The target is known to have two colours.
  FitOutcome outcome = fit_shape(job, {.steps = options.steps, .seed = options.seed, .albedo = render::Albedo::vertex},
                                 {{.seed = options.seed}});
  const render::MeshComparison distance = render::compare(render::read_obj(options.out / "mesh.obj"), target);
  outcome.metrics["chamfer"] = distance.chamfer;
  outcome.metrics["normal_consistency"] = distance.normal_consistency;
  render::write_file(options.out / "metrics.json", to_text(outcome.metrics));
  if (options.json) {
    print(to_text(outcome.metrics));
  } else {
    print(fmt::format("{}: {}, chamfer {:.4f}\nopen {} to see it\n", (options.out / "mesh.obj").string(),
                      outcome.summary, distance.chamfer, (options.out / "report.html").string()));
  }
}

}  // namespace

void add_demo(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "demo", "Makes a small creature, photographs it from 24 sides, and fits a sphere to the pictures.");
  command->add_option("-o,--out", options->out, "folder for the results; made if missing")
      ->type_name("DIR")
      ->check(some_path())
      ->capture_default_str();
  command->add_option("--steps", options->steps, "optimisation steps")
      ->type_name("N")
      ->check(whole_number(1, 1000000))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "turns the cameras and orders the views")
      ->type_name("N")
      ->check(seed_number())
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use; the result does not depend on it (default: all)")
      ->type_name("T")
      ->check(whole_number(1, 1024));
  command->add_flag("--json", options->json, "print the metrics as one JSON object");
  command->footer("Example:\n  backlight demo && xdg-open out/demo/report.html");
  command->callback([options] { run(*options); });
}
