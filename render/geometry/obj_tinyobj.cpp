// The only file that sees tinyobjloader. Its callback interface is used: it hands on polygons of any size
// as they are (the other one cuts off corners above 255 and loses pieces of concave polygons).

#include <render/geometry/obj_parts.h>

#include <algorithm>
#include <cmath>
#include <streambuf>

#define TINYOBJLOADER_IMPLEMENTATION
#define TINYOBJLOADER_USE_DOUBLE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <tiny_obj_loader.h>
#pragma GCC diagnostic pop

namespace render {

namespace {

/// Reads memory that somebody else owns as a stream.
class MemoryBuffer : public std::streambuf {
 public:
  explicit MemoryBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

struct FaceBuilder {
  const std::map<std::string, int32_t>& material_ids;
  ObjFaces faces;
  int32_t vertices = 0, uvs = 0, normals = 0;
  int32_t material = -1;

  /// From OBJ's count (from 1, negative: back from the latest, 0: none) to ours.
  static int32_t resolve(int index, int32_t count) { return index < 0 ? count + index : index - 1; }

  void add_face(const tinyobj::index_t* corners, int count) {
    for (int i = 0; i < count; ++i) {
      faces.corners.push_back({resolve(corners[i].vertex_index, vertices), resolve(corners[i].texcoord_index, uvs),
                               resolve(corners[i].normal_index, normals)});
    }
    faces.first_corner.push_back(faces.corners.size());
    faces.materials.push_back(material);
  }

  void use_material(std::string name) {
    name.erase(name.find_last_not_of(" \t") + 1);  // as tinyobjloader does in an MTL
    const auto found = material_ids.find(name);
    material = found == material_ids.end() ? -1 : found->second;
    std::vector<std::string>& unknown = faces.unknown_materials;
    if (material < 0 && std::find(unknown.begin(), unknown.end(), name) == unknown.end()) unknown.push_back(name);
  }
};

FaceBuilder& builder(void* user_data) { return *static_cast<FaceBuilder*>(user_data); }

tinyobj::callback_t face_callbacks() {
  tinyobj::callback_t callback;
  callback.vertex_cb = [](void* data, double, double, double, double) { ++builder(data).vertices; };
  callback.texcoord_cb = [](void* data, double, double, double) { ++builder(data).uvs; };
  callback.normal_cb = [](void* data, double, double, double) { ++builder(data).normals; };
  callback.index_cb = [](void* data, tinyobj::index_t* corners, int count) { builder(data).add_face(corners, count); };
  callback.usemtl_cb = [](void* data, const char* name, int) { builder(data).use_material(name); };
  return callback;
}

/// tinyobjloader gives black where a material names no Kd, and 0.6 with a map, but only if no earlier
/// material had a Kd. A negative Kd put before each material's own lines tells that it has none.
std::string mark_missing_kd(std::string_view text) {
  std::string marked;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    marked += line;
    marked += '\n';
    const size_t word = std::min(line.find_first_not_of(" \t"), line.size());
    if (line.substr(word).starts_with("newmtl")) marked += "Kd -1 -1 -1\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return marked;
}

Material to_material(const tinyobj::material_t& from, const std::filesystem::path& folder) {
  Material material;
  material.name = from.name;
  if (!from.diffuse_texname.empty()) {
    std::string name = from.diffuse_texname;
    std::replace(name.begin(), name.end(), '\\', '/');  // files from Windows
    material.diffuse_map = folder / name;
    material.diffuse = {1, 1, 1};  // the map alone, unless there is a Kd
  }
  const bool has_kd = std::all_of(from.diffuse, from.diffuse + 3, [](double c) { return std::isfinite(c) && c >= 0; });
  if (has_kd) {
    for (size_t channel = 0; channel < 3; ++channel)
      material.diffuse[channel] = static_cast<float>(from.diffuse[channel]);
  }
  return material;
}

}  // namespace

ObjFaces read_obj_faces(std::string_view text, const std::map<std::string, int32_t>& material_ids) {
  FaceBuilder result{material_ids, {}};
  MemoryBuffer buffer(text);
  std::istream stream(&buffer);
  tinyobj::LoadObjWithCallback(stream, face_callbacks(), &result);
  return std::move(result.faces);
}

std::vector<Material> read_mtl(std::string_view text, const std::filesystem::path& folder) {
  const std::string marked = mark_missing_kd(text);
  MemoryBuffer buffer(marked);
  std::istream stream(&buffer);
  std::map<std::string, int> ids;
  std::vector<tinyobj::material_t> found;
  std::string warning, error;
  tinyobj::LoadMtl(&ids, &found, &stream, &warning, &error);
  std::vector<Material> materials;
  for (const tinyobj::material_t& material : found) {
    // A file without newmtl still gives one, without a name.
    if (!material.name.empty()) materials.push_back(to_material(material, folder));
  }
  return materials;
}

}  // namespace render
