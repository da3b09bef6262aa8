#pragma once

// The parts that read_dataset() is put together from. Private to the library.

#include <render/fit/dataset.h>

#include <optional>
#include <string>

namespace render {

/// transforms.json at `path`, and its images.
Dataset read_transforms(const std::filesystem::path& path, const DatasetOptions& options);

/// The folder of the COLMAP text model that belongs to a dataset's folder; nothing where there is none.
/// throws  FileError where there is a binary one only
std::optional<std::filesystem::path> find_colmap_model(const std::filesystem::path& folder);

/// cameras.txt and images.txt of `model`, and images in `folder`/images or `folder`.
Dataset read_colmap(const std::filesystem::path& folder, const std::filesystem::path& model,
                    const DatasetOptions& options);

/// Where a view stands in a file, for errors.
struct ViewPlace {
  std::string before;  ///< as an error starts, "transforms.json: frame 3 (images/3)"
  std::string after;   ///< as an error about another file ends, "frame 3 of transforms.json"

  [[noreturn]] void fail(const std::string& reason) const;
};

/// Counts views of one kind, for one line that names the first.
class ViewTally {
 public:
  void add(const std::string& name);
  /// "3 of 24 frames TEXT (first: images/004)".
  void report(const std::string& text, Dataset& dataset) const;

 private:
  size_t count_ = 0;
  std::string first_;
};

/// `name`, with slashes of either kind, as a path that stays below the folder that it is relative to; `key` says what
/// it is.
std::filesystem::path relative_path(const ViewPlace& place, const std::string& key, const std::string& name);

Image8 read_view_image(const ViewPlace& place, const std::filesystem::path& path);

/// masks/NAME.png (as COLMAP has it) or masks/STEM.png in the folder; `name` may lead through folders.
std::optional<std::filesystem::path> find_mask(const std::filesystem::path& folder, const std::filesystem::path& name);

/// Gives an image without alpha its mask, from that file or else from the background's colour, and reduces image and
/// camera to the size asked for.
void finish_view(const ViewPlace& place, const std::filesystem::path& image_path,
                 const std::optional<std::filesystem::path>& mask, const DatasetOptions& options, View& view);

}  // namespace render
