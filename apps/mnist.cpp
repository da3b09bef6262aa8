#include <apps/mnist.h>
#include <autograd/io/file.h>
#include <autograd/io/idx.h>
#include <fmt/format.h>

#include <algorithm>

namespace {

namespace ag = autograd;
namespace fs = std::filesystem;

fs::path find(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const fs::path& path : {folder / name, folder / (name + ".gz")}) {
    if (fs::exists(path, ignored)) return path;
  }
  throw ag::FileError(fmt::format("{}: neither {} nor {}.gz is there", folder.string(), name, name));
}

Digits read_digits(const fs::path& folder, const std::string& prefix) {
  const fs::path images_path = find(folder, prefix + "-images-idx3-ubyte");
  const fs::path labels_path = find(folder, prefix + "-labels-idx1-ubyte");
  Digits digits{ag::read_idx(images_path), ag::read_idx(labels_path)};
  const ag::Shape images = digits.images.shape(), labels = digits.labels.shape();
  if (digits.images.dtype() != ag::DType::int32 || images.rank() != 3 || images[1] != 28 || images[2] != 28)
    throw ag::FileError(
        fmt::format("{}: holds {}; expected bytes [count, 28, 28]", images_path.string(), images.to_string()));
  if (digits.labels.dtype() != ag::DType::int32 || labels != ag::Shape{images[0]} || images[0] == 0)
    throw ag::FileError(fmt::format("{}: holds {}; expected a label for each of the {} images", labels_path.string(),
                                    labels.to_string(), images[0]));
  for (const int32_t label : digits.labels.values<int32_t>()) {
    if (label < 0 || label > 9)
      throw ag::FileError(fmt::format("{}: a label {}; expected 0 to 9", labels_path.string(), label));
  }
  return digits;
}

}  // namespace

Mnist read_mnist(const fs::path& folder) { return {read_digits(folder, "train"), read_digits(folder, "t10k")}; }
