#include <autograd/core/error.h>
#include <render/image/file.h>
#include <render/image/pixels.h>
#include <render/shading/face_albedo.h>

#include <algorithm>
#include <cmath>

namespace render {
namespace {

Double3 clamped_diffuse(const Material& material) {
  const auto channel = [&](size_t i) { return std::clamp(static_cast<double>(material.diffuse[i]), 0.0, 1.0); };
  return {channel(0), channel(1), channel(2)};
}

/// t without its whole turns, which may be too many for an index; 0 where t is not finite.
double fraction(double t) { return std::isfinite(t) ? t - std::floor(t) : 0; }

int64_t wrap(int64_t index, int64_t extent) { return index < 0 ? index + extent : index % extent; }

}  // namespace

FaceAlbedo::FaceAlbedo(const Mesh& mesh, const std::optional<Image8>& texture) : mesh_(mesh) {
  if (texture && !mesh.has_uvs()) {
    throw ag::ValueError("still: a texture was given, but the mesh has no UVs; expected vt lines in its OBJ");
  }
  if (texture) require_pixels("still", *texture);
  const Texture* given = texture ? &(textures_[{}] = decode(*texture)) : nullptr;
  int64_t without_uvs = 0;
  sources_.resize(static_cast<size_t>(mesh.faces()));
  for (size_t face = 0; face < sources_.size(); ++face) {
    const int32_t index = mesh.face_materials.size() > 0 ? mesh.face_materials.values<int32_t>()[face] : -1;
    const Material* material = index >= 0 ? &mesh.materials[static_cast<size_t>(index)] : nullptr;
    if (material) sources_[face].color = clamped_diffuse(*material);
    const bool mapped = material && !material->diffuse_map.empty();
    if (!given && !mapped) continue;
    if (!has_uvs(face)) {
      ++without_uvs;
      continue;
    }
    sources_[face].texture = given ? given : diffuse_map(material->diffuse_map);
  }
  if (without_uvs > 0) {
    warnings_.push_back(std::to_string(without_uvs) + " of " + std::to_string(mesh.faces()) +
                        " faces have no texture coordinates; they are drawn without the texture");
  }
}

FaceAlbedo::Texture FaceAlbedo::decode(const Image8& image) {
  std::array<float, 256> linear{};
  for (size_t code = 0; code < linear.size(); ++code) linear[code] = srgb_to_linear(static_cast<float>(code) / 255);
  Texture texture{image.width, image.height, {}};
  texture.texels.resize(image.rgba.size() / 4);
  for (size_t texel = 0; texel < texture.texels.size(); ++texel) {
    for (size_t channel = 0; channel < 3; ++channel) {
      texture.texels[texel][channel] = linear[image.rgba[4 * texel + channel]];
    }
  }
  return texture;
}

const FaceAlbedo::Texture* FaceAlbedo::diffuse_map(const std::filesystem::path& path) {
  const auto [entry, is_new] = textures_.try_emplace(path);
  if (is_new) {
    try {
      entry->second = decode(read_image(path));
    } catch (const FileError& error) {
      warnings_.push_back(std::string(error.what()) + "; Kd (or vertex colours) stands in for the map_Kd");
    }
  }
  return entry->second.texels.empty() ? nullptr : &entry->second;
}

bool FaceAlbedo::has_uvs(size_t face) const {
  return mesh_.has_uvs() && std::ranges::all_of(mesh_.uv_triangles.values<int32_t>().subspan(3 * face, 3),
                                                [](int32_t uv) { return uv >= 0; });
}

Double3 FaceAlbedo::sample(const Texture& texture, double u, double v) {
  const double x = fraction(u) * static_cast<double>(texture.width) - 0.5;
  const double y = (1 - fraction(v)) * static_cast<double>(texture.height) - 0.5;
  const double left = std::floor(x), top = std::floor(y);
  const auto texel = [&](int right, int down) {
    const int64_t column = wrap(static_cast<int64_t>(left) + right, texture.width);
    const int64_t row = wrap(static_cast<int64_t>(top) + down, texture.height);
    const auto& color = texture.texels[static_cast<size_t>(row * texture.width + column)];
    return Double3{color[0], color[1], color[2]};
  };
  const Double3 upper = texel(0, 0) * (left + 1 - x) + texel(1, 0) * (x - left);
  const Double3 lower = texel(0, 1) * (left + 1 - x) + texel(1, 1) * (x - left);
  return upper * (top + 1 - y) + lower * (y - top);
}

Double3 FaceAlbedo::at(size_t face, const CornerWeights& weights) const {
  const Source& source = sources_[face];
  if (!source.texture && !mesh_.has_colors()) return source.color;
  const auto corners = (source.texture ? mesh_.uv_triangles : mesh_.triangles).values<int32_t>().subspan(3 * face, 3);
  if (!source.texture) {
    const auto colors = mesh_.colors.values<float>();
    Double3 color;
    for (size_t corner = 0; corner < 3; ++corner) {
      const size_t vertex = 3 * static_cast<size_t>(corners[corner]);
      color = color + Double3{colors[vertex], colors[vertex + 1], colors[vertex + 2]} * weights[corner];
    }
    return color;
  }
  const auto uvs = mesh_.uvs.values<float>();
  double u = 0, v = 0;
  for (size_t corner = 0; corner < 3; ++corner) {
    const size_t uv = 2 * static_cast<size_t>(corners[corner]);
    u += weights[corner] * static_cast<double>(uvs[uv]);
    v += weights[corner] * static_cast<double>(uvs[uv + 1]);
  }
  return sample(*source.texture, u, v);
}

}  // namespace render
