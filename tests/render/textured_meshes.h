#pragma once

#include <render/geometry/mesh.h>
#include <render/image/image.h>
#include <tests/autograd/support.h>

#include <array>
#include <cmath>
#include <vector>

// Meshes with texture coordinates, and pictures for them to wear.

namespace sample {

/// A ball of patches: `rings` x `2 rings` quads split in two, with longitude and latitude as (u, v). Vertices of the
/// seam and the poles stand once; their coordinates do not.
inline render::Mesh globe(int rings) {
  const int columns = 2 * rings;
  std::vector<double> positions;
  std::vector<float> uvs;
  std::vector<int32_t> triangles, uv_triangles;
  const auto vertex = [&](int row, int column) {
    if (row == 0) return 0;
    if (row == rings) return 1;
    return 2 + (row - 1) * columns + column % columns;
  };
  const auto add = [&](double latitude, double longitude) {
    positions.insert(positions.end(), {std::sin(latitude) * std::cos(longitude), std::cos(latitude),
                                       -std::sin(latitude) * std::sin(longitude)});
  };
  constexpr double pi = 3.14159265358979323846;
  add(0, 0);
  add(pi, 0);
  for (int row = 1; row < rings; ++row) {
    for (int column = 0; column < columns; ++column) add(pi * row / rings, 2 * pi * column / columns);
  }
  for (int row = 0; row <= rings; ++row) {
    for (int column = 0; column <= columns; ++column) {
      uvs.push_back(static_cast<float>(column) / static_cast<float>(columns));
      uvs.push_back(1 - static_cast<float>(row) / static_cast<float>(rings));
    }
  }
  const auto uv = [&](int row, int column) { return row * (columns + 1) + column; };
  for (int row = 0; row < rings; ++row) {
    for (int column = 0; column < columns; ++column) {
      if (row > 0) {
        for (const auto& [r, c] : {std::array{row, column}, std::array{row + 1, column}, std::array{row, column + 1}}) {
          triangles.push_back(vertex(r, c));
          uv_triangles.push_back(uv(r, c));
        }
      }
      if (row + 1 < rings) {
        for (const auto& [r, c] :
             {std::array{row, column + 1}, std::array{row + 1, column}, std::array{row + 1, column + 1}}) {
          triangles.push_back(vertex(r, c));
          uv_triangles.push_back(uv(r, c));
        }
      }
    }
  }
  render::Mesh mesh;
  mesh.positions = render::ag::Array::from(positions, {static_cast<int64_t>(positions.size() / 3), 3});
  mesh.triangles = render::ag::Array::from(triangles, {static_cast<int64_t>(triangles.size() / 3), 3});
  mesh.uvs = render::ag::Array::from(uvs, {static_cast<int64_t>(uvs.size() / 2), 2});
  mesh.uv_triangles = render::ag::Array::from(uv_triangles, mesh.triangles.shape());
  return mesh;
}

/// Smooth waves of colour that fit together at the left and right border.
inline render::Image8 waves(int width, int height) {
  render::Image8 image{width, height, false, std::vector<unsigned char>(static_cast<size_t>(4 * width * height), 255)};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = 2 * 3.14159265358979323846 * (x + 0.5) / width, v = (y + 0.5) / height;
      unsigned char* texel = image.rgba.data() + static_cast<size_t>(4 * (y * width + x));
      texel[0] = static_cast<unsigned char>(127 + 90 * std::sin(2 * u) * std::sin(6 * v));
      texel[1] = static_cast<unsigned char>(127 + 90 * std::sin(3 * u + 5 * v));
      texel[2] = static_cast<unsigned char>(127 + 90 * std::cos(u - 7 * v));
    }
  }
  return image;
}

/// Texels of any colour, each its own: detail down to the texel, next to nothing that a light could explain.
inline render::Image8 noise(int width, int height) {
  render::Image8 image{width, height, false, std::vector<unsigned char>(static_cast<size_t>(4 * width * height), 255)};
  Random random(9);
  for (size_t i = 0; i < image.rgba.size(); ++i) {
    if (i % 4 != 3) image.rgba[i] = static_cast<unsigned char>(60 + random.below(190));
  }
  return image;
}

}  // namespace sample
