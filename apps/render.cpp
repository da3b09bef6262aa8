#include <apps/about.h>
#include <apps/commands.h>
#include <apps/console.h>
#include <apps/json.h>
#include <apps/options.h>
#include <apps/out_folder.h>
#include <apps/progress.h>
#include <fmt/format.h>
#include <render/fit/dataset.h>
#include <render/geometry/obj.h>
#include <render/image/file.h>
#include <render/shading/still.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <memory>

namespace {

struct RenderOptions {
  std::filesystem::path mesh, out, texture;
  int views = 24, size = 256, samples = 16;
  uint64_t seed = 0;
  std::string light = "studio";
  bool json = false;
};

const std::map<std::string, render::LightingPreset> presets{{"studio", render::LightingPreset::studio},
                                                            {"sun", render::LightingPreset::sun},
                                                            {"none", render::LightingPreset::none}};

std::string check_samples(const std::string& text) {
  for (int side = 1; side <= 16; ++side) {
    if (text == std::to_string(side * side)) return {};
  }
  return text + " is not a square number from 1 to 256 (1, 4, 9, 16, 25, ...)";
}

render::Still make_still(const RenderOptions& options, const render::Mesh& mesh) {
  render::StillOptions still{.light = presets.at(options.light), .samples = options.samples, .texture = {}};
  if (!options.texture.empty()) still.texture = render::read_image(options.texture);
  return render::Still(mesh, still);
}

std::vector<render::View> make_views(const RenderOptions& options, const render::Mesh& mesh,
                                     const render::Still& still) {
  const render::BoundingSphere sphere = render::bounding_sphere(mesh);
  const auto cameras =
      render::cameras_around(sphere.centre, sphere.radius, options.views, options.size, options.size, options.seed);
  Progress progress("rendering", options.views);
  std::vector<render::View> views;
  for (const render::Camera& camera : cameras) {
    views.push_back({fmt::format("images/{:03}.png", views.size()), camera, still.picture(camera)});
    progress.update(static_cast<int64_t>(views.size()));
  }
  return views;
}

/// What the pictures were made from. It stands beside the dataset for people; no fit opens it.
Json truth(const RenderOptions& options) {
  Json json{{"backlight", version()}, {"mesh", options.mesh.string()}};
  if (!options.texture.empty()) json["texture"] = options.texture.string();
  json.update({{"light", options.light},
               {"seed", options.seed},
               {"samples", options.samples},
               {"views", options.views},
               {"size", options.size}});
  return json;
}

void run(const RenderOptions& options) {
  std::vector<std::string> warnings;
  const render::Mesh mesh = render::read_obj(options.mesh, &warnings);
  const render::Still still = about(options.mesh.string(), [&] { return make_still(options, mesh); });
  for (const std::string& text : warnings) warning(text);
  for (const std::string& text : still.warnings()) warning(text);

  const OutFolder folder(options.out);
  const std::vector<render::View> views = make_views(options, mesh, still);
  // transforms.json, which makes the folder a dataset, comes last.
  render::write_file(options.out / "truth.json", to_text(truth(options)));
  render::write_dataset(options.out, views);

  if (options.json) {
    Json json = truth(options);
    json["vertices"] = mesh.vertices();
    json["faces"] = mesh.faces();
    json["dataset"] = (options.out / "transforms.json").string();
    print(to_text(json));
  } else {
    print(fmt::format("{} views of {} x {} pixels of {} ({} faces): {}\n", options.views, options.size, options.size,
                      options.mesh.string(), mesh.faces(), (options.out / "transforms.json").string()));
  }
}

}  // namespace

void add_render(CLI::App& app) {
  auto options = std::make_shared<RenderOptions>();
  CLI::App* command = app.add_subcommand(
      "render", "Makes a dataset from a mesh: posed images with masks, from cameras spread evenly around it.");
  command->add_option("mesh", options->mesh, "Wavefront OBJ file")
      ->required()
      ->type_name("MESH.obj")
      ->check(some_path());
  command->add_option("-o,--out", options->out, "folder for images/, transforms.json and truth.json; made if missing")
      ->required()
      ->type_name("DIR")
      ->check(some_path());
  command->add_option("--views", options->views, "number of cameras, up to 10000")
      ->type_name("N")
      ->check(whole_number(1, 10000))
      ->capture_default_str();
  command->add_option("--size", options->size, "width and height of an image, up to 4096")
      ->type_name("PIXELS")
      ->check(whole_number(1, 4096))
      ->capture_default_str();
  command->add_option("--samples", options->samples, "samples a pixel, a square number up to 256")
      ->type_name("N")
      ->check(check_samples)
      ->capture_default_str();
  command->add_option("--light", options->light, "studio (ambient, key, fill, back), sun, or none (plain albedo)")
      ->type_name("NAME")
      ->check(CLI::IsMember(presets).description(""))
      ->capture_default_str();
  command->add_option("--texture", options->texture, "PNG or JPEG used as albedo instead of the mesh's own")
      ->type_name("FILE")
      ->check(some_path());
  command->add_option("--seed", options->seed, "turns the cameras; the same seed gives the same bytes")
      ->type_name("N")
      ->check(seed_number())
      ->capture_default_str();
  command->add_flag("--json", options->json, "print what was made as one JSON object");
  command->footer(
      "truth.json records how the images were made; no fit reads it.\n\n"
      "Examples:\n"
      "  backlight render bunny.obj --out bunny\n"
      "  backlight render spot.obj --texture spot.png --views 48 --size 512 --out spot");
  command->callback([options] { run(*options); });
}
