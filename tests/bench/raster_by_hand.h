#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

/// What the renderer's speed is compared with: the same picture and the same gradients as a programmer would write them
/// for this one case, in scalar loops without a library. Float arithmetic, one view, no near plane, memory kept.
class RasterByHand {
 public:
  struct Vertex {
    float x, y, z;  ///< pixels (row 0 on top); 1 / depth
  };
  struct Edge {
    int32_t a, b, wings[2];
  };

  /// triangles [faces, 3], edges of a closed surface, focal length in pixels; the camera looks along -z from the
  /// origin.
  RasterByHand(int size, float focal, std::span<const int32_t> triangles, std::vector<Edge> edges);

  /// The triangle of each pixel, -1 where none. positions [vertices, 3] in camera coordinates.
  std::span<const int32_t> visibility(std::span<const float> positions);
  /// The antialiased image [size, size, 3] of vertex colours [vertices, 3].
  std::span<const float> forward(std::span<const float> positions, std::span<const float> colours);
  /// After forward(): what the gradient of the image means for positions and colours.
  void backward(std::span<const float> positions, std::span<const float> colours, std::span<const float> gradient);

  std::vector<float> to_positions, to_colours;  ///< as backward() left them

 private:
  struct Crossing {
    int32_t a, b, inner, outer;
    int axis;
    float t;         ///< of b
    float distance;  ///< from the centre of inner
  };

  void draw(int32_t triangle);
  void find_crossings();
  void walk(const Edge& edge, float side);
  void blend(int32_t into, int32_t from, float weight);
  std::array<float, 3> weights(const int32_t* corners, int pixel) const;

  int size_;
  float focal_;
  std::span<const int32_t> triangles_;
  std::vector<Edge> edges_;
  std::vector<Vertex> vertices_;
  std::vector<float> nearness_, plain_, image_, pixel_gradient_;
  std::vector<int32_t> ids_, winner_;
  std::vector<Crossing> crossings_;
};

}  // namespace bench
