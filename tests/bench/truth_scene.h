#pragma once

#include <render/geometry/mesh.h>
#include <render/raster/silhouettes.h>

#include <array>
#include <string>
#include <vector>

// Scenes of the truth bench, their poses and motions.

namespace truth {

namespace ag = autograd;
using render::Tensor;
using Vector4 = std::array<double, 4>;

struct Part {
  render::Mesh mesh;
  double scale = 1;
  std::array<double, 3> place{};
  double value = 1;       ///< what its pixels show,
  bool textured = false;  ///< times a smooth pattern on its surface
  bool moves = true, turns = true;
};

struct Scene {
  std::string name;
  std::vector<Part> parts;
  std::array<double, 4> bars{};  ///< at 64, 128, 256, 512 pixels; 0: none
};

/// Those whose meshes are there.
std::vector<Scene> scenes();

/// A scene in a pose, as one mesh in camera coordinates.
struct Posed {
  std::vector<float> points;  ///< [vertices, 3]
  std::vector<float> rest;    ///< [vertices, 3]: places on the part itself, for its pattern
  std::vector<float> moves;   ///< [vertices]: 1 where the motion acts
  std::vector<float> values;  ///< [faces]
  std::vector<float> depths;  ///< [faces]: of the pattern, 0 where there is none
  ag::Array triangles;
  render::Topology topology;
};
Posed pose(const Scene& scene, int k);

/// Clip coordinates under a motion (tx, ty in pixels, log scale, angle) in an image of `size` pixels.
render::Vec4 project(const Posed& posed, const Tensor& motion, double size);

/// What visible pixels show, [n].
Tensor shade(const Posed& posed, const render::Vec4& clip, const render::VisiblePixels& pixels);

/// The loss' weight at a place of the image, both coordinates from 0 to 1.
double weight(double x, double y);

/// The loss of a rendering with `samples` x `samples` point samples a pixel, without antialiasing rule or autograd.
double sampled_loss(const Posed& posed, int size, int samples, const Vector4& motion);

}  // namespace truth
