#pragma once

// The parts that read_obj() is put together from. Private to the library.

#include <render/geometry/mesh.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace render {

/// "path:line", as an error text starts.
std::string at_line(const std::filesystem::path& path, size_t line);

/// A piece of a file's text for an error: in quotes, cut short, with unprintable bytes as '?'.
std::string in_quotes(std::string_view text);

/// What the check of an OBJ's text has read on its way. A file's numbers are taken from here:
/// tinyobjloader's are off by a few units in the last place.
struct ObjNumbers {
  struct Library {
    std::string names;  ///< all that follows mtllib
    size_t line;
  };
  std::vector<double> positions;   ///< 3 a vertex
  std::vector<double> colors;      ///< 3 a vertex, as in the file (white where a vertex has none); empty: no vertex has
  std::vector<double> uvs;         ///< 2 a texture vertex
  std::vector<double> normals;     ///< 3 a normal
  std::vector<size_t> face_lines;  ///< the line of each face, from 1
  std::vector<Library> libraries;
};

/// Reads every line of an OBJ, so that nothing wrong in it is skipped over or taken for something else.
/// throws FileError naming the file and the line
ObjNumbers check_obj(const std::filesystem::path& path, std::string_view text);

/// What usemtl names, as other writers do, for faces without a material after faces with one.
inline constexpr std::string_view no_material = "None";

/// The faces of an OBJ's text that check_obj() has accepted.
struct ObjFaces {
  struct Corner {
    int32_t vertex, uv, normal;  ///< from 0; -1: none
  };
  std::vector<Corner> corners;
  std::vector<size_t> first_corner{0};         ///< of each face, and the end
  std::vector<int32_t> materials;              ///< of each face, -1: none
  std::vector<std::string> unknown_materials;  ///< names used that are not in `material_ids`, each once
};
ObjFaces read_obj_faces(std::string_view text, const std::map<std::string, int32_t>& material_ids);

/// Materials of an MTL's text, in its order; maps are resolved beside `folder`.
std::vector<Material> read_mtl(std::string_view text, const std::filesystem::path& folder);

/// IEC 61966-2-1 in float64 (the functions of images are float32: too short to give back the same colour).
double decode_srgb(double encoded);
double encode_srgb(double linear);

}  // namespace render
