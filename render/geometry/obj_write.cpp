#include <autograd/core/error.h>
#include <render/geometry/obj.h>
#include <render/geometry/obj_parts.h>
#include <render/geometry/surface.h>
#include <render/image/file.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace render {

namespace {

/// The shortest text that reads back to the same value, in any locale.
template <class Number>
void append(std::string& text, Number value) {
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), end);
}

template <class Number>
void append_line(std::string& text, const char* keyword, const Number* values, size_t count) {
  text += keyword;
  for (size_t i = 0; i < count; ++i) {
    text += ' ';
    append(text, values[i]);
  }
  text += '\n';
}

/// A linear float32 channel as sRGB, with as few digits as read back to that float32.
void append_color(std::string& text, float linear) {
  const float wanted = std::clamp(linear, 0.f, 1.f);
  const double encoded = encode_srgb(wanted);
  std::array<char, 32> digits;
  for (int precision = 1; precision <= 17; ++precision) {
    char* end =
        std::to_chars(digits.data(), digits.data() + digits.size(), encoded, std::chars_format::general, precision).ptr;
    double read_back = 0;
    std::from_chars(digits.data(), end, read_back);
    if (static_cast<float>(decode_srgb(read_back)) != wanted && precision < 17) continue;
    text.append(digits.data(), end);
    return;
  }
}

/// A name on one line.
std::string material_name(const Mesh& mesh, size_t index) {
  std::string name = mesh.materials[index].name;
  for (char& c : name) {
    if (c >= 0 && c < ' ') c = '_';
  }
  return name.empty() ? "material_" + std::to_string(index) : name;
}

std::string mtl_text(const Mesh& mesh, const std::filesystem::path& folder) {
  std::string text;
  for (size_t index = 0; index < mesh.materials.size(); ++index) {
    const Material& material = mesh.materials[index];
    text += "newmtl " + material_name(mesh, index) + "\n";
    append_line(text, "Kd", material.diffuse.data(), 3);
    if (material.diffuse_map.empty()) continue;
    const std::filesystem::path beside = folder.empty() ? "." : folder;
    text += "map_Kd " + material.diffuse_map.lexically_proximate(beside).generic_string() + "\n";
  }
  return text;
}

template <class Number>
void require_finite(const std::filesystem::path& path, const char* name, std::span<const Number> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw FileError(path.string() + ": not written, as " + name + " hold a number that is not finite (at " +
                    std::to_string(i) + ")");
  }
}

void check_mesh(const std::filesystem::path& path, const Mesh& mesh) {
  require_mesh("write_obj", mesh);
  require_finite(path, "positions", mesh.positions.values<double>());
  require_finite(path, "uvs", mesh.uvs.values<float>());
  require_finite(path, "normals", mesh.normals.values<float>());
  require_finite(path, "colors", mesh.colors.values<float>());
}

void append_vertices(std::string& text, const Mesh& mesh) {
  const std::span<const double> positions = mesh.positions.values<double>();
  const std::span<const float> colors = mesh.colors.values<float>();
  for (size_t i = 0; i < positions.size(); i += 3) {
    append_line(text, "v", &positions[i], 3);
    if (!mesh.has_colors()) continue;
    text.pop_back();
    for (size_t channel = 0; channel < 3; ++channel) {
      text += ' ';
      append_color(text, colors[i + channel]);
    }
    text += '\n';
  }
  const std::span<const float> uvs = mesh.uvs.values<float>(), normals = mesh.normals.values<float>();
  for (size_t i = 0; i < uvs.size(); i += 2) append_line(text, "vt", &uvs[i], 2);
  for (size_t i = 0; i < normals.size(); i += 3) append_line(text, "vn", &normals[i], 3);
}

class FaceWriter {
 public:
  FaceWriter(std::string& text, const Mesh& mesh)
      : text_(text),
        mesh_(mesh),
        triangles_(mesh.triangles.values<int32_t>()),
        uv_triangles_(mesh.uv_triangles.values<int32_t>()),
        normal_triangles_(mesh.normal_triangles.values<int32_t>()),
        materials_(mesh.face_materials.values<int32_t>()) {}

  void run() {
    for (size_t face = 0; 3 * face < triangles_.size(); ++face) {
      if (!materials_.empty()) use_material(materials_[face]);
      text_ += 'f';
      for (size_t corner = 3 * face; corner < 3 * face + 3; ++corner) append_corner(corner);
      text_ += '\n';
    }
  }

 private:
  void use_material(int32_t material) {
    if (material == current_material_) return;
    current_material_ = material;
    text_ += "usemtl ";
    text_ += material < 0 ? std::string(no_material) : material_name(mesh_, static_cast<size_t>(material));
    text_ += '\n';
  }

  void append_corner(size_t corner) {
    const int32_t uv = mesh_.has_uvs() ? uv_triangles_[corner] : -1;
    const int32_t normal = mesh_.has_normals() ? normal_triangles_[corner] : -1;
    text_ += ' ';
    append(text_, triangles_[corner] + 1);
    if (uv >= 0 || normal >= 0) text_ += '/';
    if (uv >= 0) append(text_, uv + 1);
    if (normal < 0) return;
    text_ += '/';
    append(text_, normal + 1);
  }

  std::string& text_;
  const Mesh& mesh_;
  std::span<const int32_t> triangles_, uv_triangles_, normal_triangles_, materials_;
  int32_t current_material_ = -1;
};

}  // namespace

void write_obj(const std::filesystem::path& path, const Mesh& mesh) {
  check_mesh(path, mesh);
  std::string text;
  if (!mesh.materials.empty()) {
    // The library first: an OBJ that is there names one that is there.
    const std::filesystem::path library = std::filesystem::path(path).replace_extension(".mtl");
    write_file(library, mtl_text(mesh, path.parent_path()));
    text += "mtllib " + library.filename().string() + "\n";
  }
  append_vertices(text, mesh);
  FaceWriter(text, mesh).run();
  write_file(path, text);
}

}  // namespace render
