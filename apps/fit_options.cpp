#include <apps/console.h>
#include <apps/fit_options.h>
#include <apps/options.h>
#include <autograd/autograd.h>
#include <render/geometry/obj.h>

#include <charconv>
#include <map>
#include <optional>

namespace {

const std::map<std::string, render::Convention> conventions{{"opengl", render::Convention::opengl},
                                                            {"opencv", render::Convention::opencv}};

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

}  // namespace

void add_fit_options(CLI::App& command, FitOptions& options, const std::string& results) {
  command.add_option("dataset", options.dataset, "folder with transforms.json, or a COLMAP text model, and its images")
      ->required()
      ->type_name("DIR")
      ->check(some_path());
  command.add_option("-o,--out", options.out, "folder for " + results + "; made if missing")
      ->required()
      ->type_name("FIT")
      ->check(some_path());
  command.add_option("--holdout", options.holdout, "every K-th view is not used but for the score; 0: use all")
      ->type_name("K")
      ->check(whole_number(0, 1000000))
      ->capture_default_str();
  command.add_option("--max-size", options.max_size, "images are reduced to at most this width and height, pixels")
      ->type_name("P")
      ->check(whole_number(8, 8192))
      ->capture_default_str();
  command
      .add_option("--convention", options.convention,
                  "camera axes in transforms.json: opengl (Blender, NeRF) or opencv")
      ->type_name("NAME")
      ->check(CLI::IsMember(conventions).description(""))
      ->capture_default_str();
  command
      .add_option("--background", options.background,
                  "colour of the background, R,G,B[,tolerance] in 0..255, where images have no mask")
      ->type_name("RGB")
      ->check(CLI::Validator(check_background, ""));
  command.add_option("--seed", options.seed, "order of the views; the same seed gives the same bytes")
      ->type_name("N")
      ->check(seed_number())
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads to use; the result does not depend on it (default: all)")
      ->type_name("T")
      ->check(whole_number(1, 1024));
  command.add_flag("--json", options.json, "print the metrics as one JSON object");
}

render::Dataset read_dataset(const FitOptions& options) {
  if (options.threads > 0) autograd::set_threads(options.threads);
  render::DatasetOptions reading{.max_size = options.max_size,
                                 .convention = conventions.at(options.convention),
                                 .background = parse_background(options.background)};
  render::Dataset dataset = render::read_dataset(options.dataset, reading);
  for (const std::string& text : dataset.warnings) warning(text);
  return dataset;
}

std::string dataset_name(const FitOptions& options) {
  const std::filesystem::path& path = options.dataset;
  return (path.filename().empty() ? path.parent_path() : path).filename().string();
}

render::Mesh read_mesh(const std::filesystem::path& path) {
  std::vector<std::string> warnings;
  render::Mesh mesh = render::read_obj(path, &warnings);
  for (const std::string& text : warnings) warning(text);
  return mesh;
}
