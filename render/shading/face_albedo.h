#pragma once

#include <render/geometry/double3.h>
#include <render/geometry/mesh.h>
#include <render/image/image.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace render {

/// Of a triangle's corners: not negative, summing to 1.
using CornerWeights = std::array<double, 3>;

/// Linear RGB of each point of a mesh. A face takes the first that it has of: the given texture, its
/// material's map_Kd, vertex colours, its material's Kd, grey 0.8. Private to the library.
class FaceAlbedo {
 public:
  /// Of a mesh that fits together. throws ValueError: a texture, but no UVs
  FaceAlbedo(const Mesh& mesh, const std::optional<Image8>& texture);

  Double3 at(size_t face, const CornerWeights& weights) const;
  /// One line for each map_Kd that cannot be read.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Texture {
    int64_t width = 0, height = 0;
    std::vector<std::array<float, 3>> texels;  // linear RGB, row 0 on top
  };
  struct Source {
    const Texture* texture = nullptr;  // else the vertices' colours, else `color`
    Double3 color{0.8, 0.8, 0.8};
  };

  static Texture decode(const Image8& image);
  static Double3 sample(const Texture& texture, double u, double v);
  const Texture* diffuse_map(const std::filesystem::path& path);
  bool has_uvs(size_t face) const;

  Mesh mesh_;
  std::map<std::filesystem::path, Texture> textures_;  // the given one under the empty path; empty: unreadable
  std::vector<Source> sources_;                        // [faces]
  std::vector<std::string> warnings_;
};

}  // namespace render
