#include <render/geometry/obj.h>
#include <tests/bench/data_mesh.h>

#include <cstdlib>
#include <filesystem>

namespace bench {

DataMesh data_mesh(const std::string& name) {
  const char* given = std::getenv("BACKLIGHT_DATA");
  const std::filesystem::path folder =
      given ? given : std::filesystem::path(BACKLIGHT_SOURCE_ROOT) / ".." / "shared" / "data";
  const std::filesystem::path path = folder / "meshes" / name;
  if (std::filesystem::exists(path)) return {render::read_obj(path), {}};
  return {std::nullopt, path.string() + " is not there (set BACKLIGHT_DATA)"};
}

}  // namespace bench
