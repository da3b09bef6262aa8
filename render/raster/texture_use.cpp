#include <autograd/core/error.h>
#include <render/geometry/surface.h>
#include <render/raster/kernels.h>
#include <render/raster/mipmap.h>
#include <render/raster/texture_use.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace render {

namespace {

constexpr float largest_span = 8;    // repeats of the texture under one face
constexpr float farthest = 0x1p20f;  // beyond, floats have no fraction to speak of (and a loop by ones no end)

/// UV triangles as a picture seen from the front, and which face each is of.
struct Unwrapped {
  std::vector<float> x, y, z, w;
  std::vector<int32_t> triangles, faces;
  double area = 0;  ///< in textures
  int64_t flat_faces = 0, far_faces = 0;

  /// The triangle moved by whole repeats.
  void add(const std::array<float, 3>& u, const std::array<float, 3>& v, float du, float dv, int32_t face) {
    for (size_t i = 0; i < 3; ++i) {
      triangles.push_back(static_cast<int32_t>(x.size()));
      x.push_back(2 * (u[i] - du) - 1);
      y.push_back(2 * (v[i] - dv) - 1);
      z.push_back(0);
      w.push_back(1);
    }
    faces.push_back(face);
  }
};

/// All the places where a face's triangle reaches into [0, 1] x [0, 1].
void unwrap(const std::array<float, 3>& u, const std::array<float, 3>& v, int32_t face, Unwrapped& out) {
  const auto [left, right] = std::ranges::minmax(u);
  const auto [low, high] = std::ranges::minmax(v);
  const auto near = [](const std::array<float, 3>& t, float span) {
    return span <= largest_span && std::ranges::all_of(t, [](float x) { return std::fabs(x) <= farthest; });  // not NaN
  };
  if (!near(u, right - left) || !near(v, high - low)) {
    ++out.far_faces;
    return;
  }
  const double area = std::fabs(static_cast<double>((u[1] - u[0]) * (v[2] - v[0]) - (u[2] - u[0]) * (v[1] - v[0]))) / 2;
  out.area += area;
  out.flat_faces += area == 0;
  for (float du = std::floor(left); du <= right; ++du) {
    for (float dv = std::floor(low); dv <= high; ++dv) out.add(u, v, du, dv, face);
  }
}

}  // namespace

TextureUse texture_use(const ag::Array& uvs, const ag::Array& uv_triangles, int64_t height, int64_t width) {
  require_table("texture_use", "uvs", uvs, 2, ag::DType::float32);
  require_table("texture_use", "uv_triangles", uv_triangles, 3, ag::DType::int32);
  require_indices("texture_use", "uv_triangles", uv_triangles, -1, uvs.shape()[0]);
  const auto fits = [](int64_t side) { return side >= 1 && side <= MipLevels::largest; };
  if (!fits(height) || !fits(width)) {
    throw ag::ValueError("texture_use: " + std::to_string(height) + " x " + std::to_string(width) +
                         " texels; expected 1 to " + std::to_string(MipLevels::largest) + " a side");
  }
  const std::span<const float> table = uvs.values<float>();
  const std::span<const int32_t> corners = uv_triangles.values<int32_t>();
  Unwrapped picture;
  for (size_t face = 0; 3 * face < corners.size(); ++face) {
    std::array<float, 3> u{}, v{};
    bool known = true;
    for (size_t i = 0; i < 3; ++i) {
      const int32_t uv = corners[3 * face + i];
      known &= uv >= 0;
      if (!known) break;
      u[i] = table[2 * static_cast<size_t>(uv)];
      v[i] = table[2 * static_cast<size_t>(uv) + 1];
    }
    if (known) unwrap(u, v, static_cast<int32_t>(face), picture);
  }
  TextureUse use;
  use.flat_faces = picture.flat_faces;
  use.far_faces = picture.far_faces;
  int64_t covered = 0;
  use.faces = ag::Array::make<int32_t>({height, width}, [&](std::span<int32_t> out) {
    kernels::visibility({{picture.x, picture.y, picture.z, picture.w},
                         picture.triangles,
                         {static_cast<int>(width), static_cast<int>(height)}},
                        out);
    for (int32_t& id : out) {
      if (id < 0) continue;
      id = picture.faces[static_cast<size_t>(id)];
      ++covered;
    }
  });
  const double texels = static_cast<double>(height) * static_cast<double>(width);
  use.overlap = covered > 0 ? std::max(picture.area * texels / static_cast<double>(covered) - 1, 0.0) : 0;
  return use;
}

}  // namespace render
