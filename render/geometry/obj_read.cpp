#include <render/geometry/obj.h>
#include <render/geometry/obj_parts.h>
#include <render/geometry/triangulate.h>
#include <render/image/file.h>

#include <algorithm>
#include <cmath>

namespace render {

namespace {

std::string_view as_text(const std::vector<unsigned char>& bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
  return text;
}

/// File names of an mtllib line: as one name with spaces where such a file exists, else one a word.
std::vector<std::string> library_names(const std::filesystem::path& folder, std::string names) {
  for (size_t escape = names.find("\\ "); escape != names.npos; escape = names.find("\\ ")) names.erase(escape, 1);
  std::replace(names.begin(), names.end(), '\\', '/');  // files from Windows
  std::error_code ignored;
  if (std::filesystem::exists(folder / names, ignored)) return {names};
  std::vector<std::string> result;
  for (size_t begin = names.find_first_not_of(" \t"); begin != names.npos;) {
    const size_t end = std::min(names.find_first_of(" \t", begin), names.size());
    result.push_back(names.substr(begin, end - begin));
    begin = names.find_first_not_of(" \t", end);
  }
  return result;
}

class ObjReader {
 public:
  ObjReader(const std::filesystem::path& path, std::vector<std::string>* warnings) : path_(path), warnings_(warnings) {}

  Mesh run() {
    const std::vector<unsigned char> bytes = read_file(path_);
    numbers_ = check_obj(path_, as_text(bytes));
    read_libraries();
    faces_ = read_obj_faces(as_text(bytes), material_ids_);
    require_agreement();
    warn_of_materials();
    cut_faces();
    return assemble();
  }

 private:
  void warn(size_t line, const std::string& what) { warn(at_line(path_, line) + ": " + what); }
  void warn(const std::string& what) {
    if (warnings_) warnings_->push_back(what);
  }

  /// check_obj() and tinyobjloader have each read the faces; a difference would be a fault of one of them.
  void require_agreement() const {
    const auto fits = [&](const ObjFaces::Corner& corner) {
      const auto below = [](int32_t index, size_t count) { return index < static_cast<int64_t>(count); };
      return corner.vertex >= 0 && below(corner.vertex, numbers_.positions.size() / 3) &&
             below(corner.uv, numbers_.uvs.size() / 2) && below(corner.normal, numbers_.normals.size() / 3);
    };
    const bool agree = faces_.materials.size() == numbers_.face_lines.size() &&
                       std::all_of(faces_.corners.begin(), faces_.corners.end(), fits);
    if (!agree)
      throw FileError(path_.string() + ": the faces cannot be told apart; expected v/vt/vn indices in 'f' lines");
  }

  void read_libraries() {
    const std::filesystem::path folder = path_.parent_path();
    for (const ObjNumbers::Library& library : numbers_.libraries) {
      for (const std::string& name : library_names(folder, library.names)) {
        try {
          const std::filesystem::path file = folder / name;
          add_materials(read_mtl(as_text(read_file(file)), file.parent_path()));
        } catch (const FileError& error) {
          warn(library.line, "material library " + in_quotes(name) + " is left out: " + error.what());
        }
      }
    }
  }

  void add_materials(const std::vector<Material>& found) {
    for (const Material& material : found) {
      const bool is_new = material_ids_.try_emplace(material.name, static_cast<int32_t>(materials_.size())).second;
      if (is_new) materials_.push_back(material);
    }
  }

  void warn_of_materials() {
    if (materials_.empty()) return;  // the library is missing, and that has been said
    for (const std::string& name : faces_.unknown_materials) {
      if (name != no_material)
        warn(path_.string() + ": material " + in_quotes(name) + " is in no library; its faces have none");
    }
  }

  void cut_faces() {
    std::vector<Double3> points;
    for (size_t face = 0; face < faces_.materials.size(); ++face) {
      const size_t first = faces_.first_corner[face], end = faces_.first_corner[face + 1];
      points.clear();
      for (size_t corner = first; corner < end; ++corner) {
        const double* position = numbers_.positions.data() + 3 * static_cast<size_t>(faces_.corners[corner].vertex);
        points.push_back({position[0], position[1], position[2]});
      }
      if (points.size() > most_corners && !is_convex(points)) {
        throw FileError(at_line(path_, numbers_.face_lines[face]) + ": a face of " + std::to_string(points.size()) +
                        " corners that is not convex; expected at most " + std::to_string(most_corners));
      }
      for (const std::array<size_t, 3>& triangle : triangulate(points)) {
        for (const size_t corner : triangle) add_corner(faces_.corners[first + corner]);
        face_materials_.push_back(faces_.materials[face]);
      }
    }
  }

  void add_corner(const ObjFaces::Corner& corner) {
    triangles_.push_back(corner.vertex);
    uv_triangles_.push_back(corner.uv);
    normal_triangles_.push_back(has_length(corner.normal) ? corner.normal : -1);
  }

  /// Normals of zero length stand in real files, and mean that there is none.
  bool has_length(int32_t normal) const {
    if (normal < 0) return false;
    const double* n = numbers_.normals.data() + 3 * static_cast<size_t>(normal);
    return n[0] != 0 || n[1] != 0 || n[2] != 0;
  }

  static ag::Array table(const std::vector<double>& values, int64_t columns) {
    return ag::Array::from(values, {static_cast<int64_t>(values.size()) / columns, columns});
  }

  /// A triangle list of its own, or none where no corner has an index.
  static ag::Array index_table(const std::vector<int32_t>& indices) {
    const bool used = std::any_of(indices.begin(), indices.end(), [](int32_t index) { return index >= 0; });
    if (!used) return ag::zeros({0, 3}, ag::DType::int32);
    return ag::Array::from(indices, {static_cast<int64_t>(indices.size()) / 3, 3});
  }

  Mesh assemble() {
    Mesh mesh;
    mesh.positions = table(numbers_.positions, 3);
    mesh.triangles = index_table(triangles_);
    mesh.uvs = table(numbers_.uvs, 2).cast(ag::DType::float32);
    mesh.uv_triangles = index_table(uv_triangles_);
    mesh.normals = unit_normals();
    mesh.normal_triangles = index_table(normal_triangles_);
    mesh.colors = linear_colors();
    if (!materials_.empty()) {
      mesh.face_materials = ag::Array::from(face_materials_, {static_cast<int64_t>(face_materials_.size())});
    }
    mesh.materials = materials_;
    return mesh;
  }

  ag::Array unit_normals() const {
    std::vector<float> normals;
    normals.reserve(numbers_.normals.size());
    for (size_t i = 0; i < numbers_.normals.size(); i += 3) {
      const Double3 normal{numbers_.normals[i], numbers_.normals[i + 1], numbers_.normals[i + 2]};
      // One that is of unit length but for rounding stays as it is, so that what is written reads back the same.
      const Double3 unit = std::fabs(dot(normal, normal) - 1) < 1e-6 ? normal : normalized(normal);
      for (int axis = 0; axis < 3; ++axis) normals.push_back(static_cast<float>(unit[axis]));
    }
    return ag::Array::from(normals, {static_cast<int64_t>(normals.size()) / 3, 3});
  }

  ag::Array linear_colors() {
    std::vector<float> colors;
    colors.reserve(numbers_.colors.size());
    bool clamped = false;
    for (const double encoded : numbers_.colors) {
      clamped |= encoded < 0 || encoded > 1;
      colors.push_back(static_cast<float>(decode_srgb(std::clamp(encoded, 0.0, 1.0))));
    }
    if (clamped) warn(path_.string() + ": vertex colors outside 0 to 1 are clamped");
    return ag::Array::from(colors, {static_cast<int64_t>(colors.size()) / 3, 3});
  }

  const std::filesystem::path& path_;
  std::vector<std::string>* warnings_;
  ObjNumbers numbers_;
  ObjFaces faces_;
  std::vector<Material> materials_;
  std::map<std::string, int32_t> material_ids_;
  std::vector<int32_t> triangles_, uv_triangles_, normal_triangles_, face_materials_;
};

}  // namespace

// The standard's two thresholds do not meet in the last digits; one is derived from the other here, so that
// the functions are inverse to each other.
constexpr double encoded_threshold = 0.04045;

double decode_srgb(double encoded) {
  return encoded <= encoded_threshold ? encoded / 12.92 : std::pow((encoded + 0.055) / 1.055, 2.4);
}

double encode_srgb(double linear) {
  return linear <= encoded_threshold / 12.92 ? linear * 12.92 : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

Mesh read_obj(const std::filesystem::path& path, std::vector<std::string>* warnings) {
  return ObjReader(path, warnings).run();
}

}  // namespace render
