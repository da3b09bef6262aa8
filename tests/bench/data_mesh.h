#pragma once

#include <render/geometry/mesh.h>

#include <optional>
#include <string>

namespace bench {

/// A mesh of the test data: of $BACKLIGHT_DATA/meshes, else of ../shared/data/meshes beside the source tree.
struct DataMesh {
  std::optional<render::Mesh> mesh;
  std::string missing;  ///< where it was looked for in vain, and what to set
};
DataMesh data_mesh(const std::string& name);

}  // namespace bench
