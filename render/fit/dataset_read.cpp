#include <autograd/core/error.h>
#include <fmt/format.h>
#include <render/fit/dataset_parts.h>
#include <render/image/file.h>

#include <algorithm>

namespace render {

namespace {

namespace fs = std::filesystem;

void check_options(const DatasetOptions& options) {
  const auto is_byte = [](int value) { return value >= 0 && value <= 255; };
  if (options.max_size <= 0) {
    throw ag::ValueError(fmt::format("read_dataset: max_size is {}; expected 1 or more", options.max_size));
  }
  if (!options.background) return;
  const auto& [rgb, tolerance] = *options.background;
  if (std::all_of(rgb.begin(), rgb.end(), is_byte) && is_byte(tolerance)) return;
  throw ag::ValueError(fmt::format("read_dataset: background {},{},{},{}; expected numbers from 0 to 255", rgb[0],
                                   rgb[1], rgb[2], tolerance));
}

// Masks -----------------------------------------------------------------------------------------

void mask_from_image(const ViewPlace& place, const fs::path& path, Image8& image) {
  const Image8 mask = read_view_image(place, path);
  if (mask.width != image.width || mask.height != image.height) {
    place.fail(fmt::format("the mask {} is {}x{}, its image {}x{} pixels; expected equal sizes", path.string(),
                           mask.width, mask.height, image.width, image.height));
  }
  for (size_t at = 0; at < image.rgba.size(); at += 4) {
    const int sum = mask.rgba[at] + mask.rgba[at + 1] + mask.rgba[at + 2];
    image.rgba[at + 3] = static_cast<unsigned char>((2 * sum + 3) / 6);  // rounded mean
  }
}

void mask_from_background(const Background& background, Image8& image) {
  for (size_t at = 0; at < image.rgba.size(); at += 4) {
    bool is_background = true;
    for (size_t channel = 0; channel < 3; ++channel) {
      const int difference = std::abs(image.rgba[at + channel] - background.rgb[channel]);
      is_background = is_background && difference <= background.tolerance;
    }
    image.rgba[at + 3] = is_background ? 0 : 255;
  }
}

void warn_of_masks(Dataset& dataset) {
  ViewTally empty, faint, full;
  for (const View& view : dataset.views) {
    unsigned char least = 255, greatest = 0;
    for (size_t at = 3; at < view.image.rgba.size(); at += 4) {
      least = std::min(least, view.image.rgba[at]);
      greatest = std::max(greatest, view.image.rgba[at]);
    }
    if (greatest == 0) empty.add(view.name);
    if (greatest > 0 && greatest < 128) faint.add(view.name);
    if (least == 255) full.add(view.name);
  }
  empty.report("have an empty mask", dataset);
  faint.report("have a mask of which no pixel is half covered; expected values up to 255", dataset);
  full.report("have a mask that covers the whole image", dataset);
}

Dataset read_views(const fs::path& folder, const DatasetOptions& options) {
  std::error_code ignored;
  if (fs::is_regular_file(folder, ignored)) return read_transforms(folder, options);
  const fs::path transforms = folder / "transforms.json";
  if (fs::exists(transforms, ignored)) return read_transforms(transforms, options);
  if (const auto model = find_colmap_model(folder)) return read_colmap(folder, *model, options);
  throw FileError(
      fmt::format("{}: no such file; a dataset is a folder with transforms.json (NeRF style), or with cameras.txt and "
                  "images.txt (COLMAP, also in sparse/0 or sparse), and its images",
                  transforms.string()));
}

}  // namespace

void ViewPlace::fail(const std::string& reason) const { throw FileError(before + ": " + reason); }

void ViewTally::add(const std::string& name) {
  if (count_++ == 0) first_ = name;
}

void ViewTally::report(const std::string& text, Dataset& dataset) const {
  if (count_ == 0) return;
  dataset.warnings.push_back(fmt::format("{} of {} frames {} (first: {})", count_, dataset.views.size(), text, first_));
}

fs::path relative_path(const ViewPlace& place, const std::string& key, const std::string& name) {
  std::string text = name;
  std::replace(text.begin(), text.end(), '\\', '/');  // files from Windows
  const fs::path relative = fs::path(text).lexically_normal();
  if (relative.is_absolute() || *relative.begin() == "..") {
    place.fail(fmt::format("{} {} leads out of the dataset's folder; expected a path below it", key, name));
  }
  return relative;
}

Image8 read_view_image(const ViewPlace& place, const fs::path& path) {
  try {
    return read_image(path);
  } catch (const FileError& error) {
    throw FileError(fmt::format("{} ({})", error.what(), place.after));
  }
}

std::optional<fs::path> find_mask(const fs::path& folder, const fs::path& name) {
  const fs::path path = folder / "masks" / name;
  fs::path appended = path, replaced = path;
  appended += ".png";
  replaced.replace_extension(".png");
  std::error_code ignored;
  for (const fs::path& candidate : {appended, replaced}) {
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  return std::nullopt;
}

void finish_view(const ViewPlace& place, const fs::path& image_path, const std::optional<fs::path>& mask,
                 const DatasetOptions& options, View& view) {
  if (!view.image.has_alpha && mask) {
    mask_from_image(place, *mask, view.image);
  } else if (!view.image.has_alpha && options.background) {
    mask_from_background(*options.background, view.image);
  } else if (!view.image.has_alpha) {
    place.fail(
        fmt::format("{} has no mask; give it an alpha channel, a mask_path in its frame of transforms.json, a file "
                    "masks/{}.png, or the background's colour with --background R,G,B",
                    image_path.string(), image_path.stem().string()));
  }
  view.image.has_alpha = true;
  view.image = shrink(view.image, options.max_size);
  view.camera = resized(view.camera, view.image.width, view.image.height);
}

Dataset read_dataset(const fs::path& folder, const DatasetOptions& options) {
  check_options(options);
  Dataset dataset = read_views(folder, options);
  warn_of_masks(dataset);
  return dataset;
}

}  // namespace render
