#include <apps/about.h>
#include <apps/commands.h>
#include <apps/console.h>
#include <apps/json.h>
#include <apps/options.h>
#include <fmt/format.h>
#include <render/geometry/compare.h>
#include <render/geometry/obj.h>

#include <filesystem>
#include <memory>
#include <vector>

namespace {

struct CompareOptions {
  std::filesystem::path a, b;
  int64_t samples = 100000;
  uint64_t seed = 0;
  bool json = false;
};

render::Mesh read(const std::filesystem::path& path) {
  std::vector<std::string> warnings;
  render::Mesh mesh = render::read_obj(path, &warnings);
  for (const std::string& text : warnings) warning(text);
  return mesh;
}

std::string table(const render::MeshComparison& result) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value, const char* meaning) {
    text += fmt::format("{:<20}{:>12}   {}\n", name, value, meaning);
  };
  line("chamfer", fmt::format("{:.6f}", result.chamfer),
       "mean distance between the surfaces / diagonal of B; 0 if equal");
  line("hausdorff95", fmt::format("{:.6f}", result.hausdorff95),
       "95% of either surface is nearer than this / diagonal of B");
  line("normal_consistency", fmt::format("{:.4f}", result.normal_consistency),
       "mean cosine between the normals; 1 if equal, -1 if inside out");
  line("f_score", fmt::format("{:.4f}", result.f_score), "share of the surfaces within 1% of the diagonal; 1 is best");
  line("flipped_faces", fmt::format("{}", result.flipped_faces),
       "faces of A turned against the surface around them; 0 is best");
  return text;
}

void run(const CompareOptions& options) {
  const render::Mesh a = read(options.a), b = read(options.b);
  const render::MeshComparison result = about("A " + options.a.string() + ", B " + options.b.string(),
                                              [&] { return render::compare(a, b, options.samples, options.seed); });
  if (!options.json) return print(table(result));
  print(to_text({{"chamfer", result.chamfer},
                 {"hausdorff95", result.hausdorff95},
                 {"normal_consistency", result.normal_consistency},
                 {"f_score", result.f_score},
                 {"flipped_faces", result.flipped_faces}}));
}

}  // namespace

void add_compare(CLI::App& app) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command =
      app.add_subcommand("compare", "Measures how far two meshes' surfaces are apart; neither is moved or scaled.");
  command->add_option("a", options->a, "mesh to judge, OBJ")->required()->type_name("A.obj")->check(some_path());
  command->add_option("b", options->b, "mesh to judge it by, OBJ")->required()->type_name("B.obj")->check(some_path());
  command->add_option("--samples", options->samples, "points spread over each surface")
      ->type_name("N")
      ->check(whole_number(1, 100000000))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "chooses the points; the same seed gives the same numbers")
      ->type_name("N")
      ->check(seed_number())
      ->capture_default_str();
  command->add_flag("--json", options->json, "print one JSON object");
  command->footer(
      "Distances are from points to the other surface, and are divided by the diagonal\n"
      "of B's bounding box.\n\n"
      "Example:\n"
      "  backlight compare fitted/mesh.obj bunny.obj");
  command->callback([options] { run(*options); });
}
