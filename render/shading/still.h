#pragma once

#include <render/geometry/camera.h>
#include <render/geometry/mesh.h>
#include <render/image/image.h>
#include <render/shading/lighting.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace render {

/// The ball around the centre of the bounding box that just holds every referenced vertex.
struct BoundingSphere {
  Point3 centre{};
  double radius = 0;
};
BACKLIGHT_API BoundingSphere bounding_sphere(const Mesh& mesh);

struct StillOptions {
  LightingPreset light = LightingPreset::studio;
  int samples = 16;                 ///< a pixel; a square number: 1, 4, 9, ..., 256
  std::optional<Image8> texture{};  ///< albedo of the whole mesh instead of its own; needs UVs
};

/// Plain, supersampled pictures of a mesh: no gradients and no antialiasing rule, so that what a
/// fit is given was not made by the model that it fits. Everything is made ready once; then each
/// picture is a call. Pictures are the same bits for any number of threads, and do not depend on
/// where in the world the mesh is or how large.
///
/// Albedo of a face, the first that it has: the option's texture, its material's map_Kd, vertex colours,
/// its material's Kd, grey 0.8. Textures repeat, are filtered bilinearly, and (0, 0) is their lower
/// left corner; their alpha is ignored. Normals are the file's, else smoothed across edges under
/// 40 degrees; both sides of a face are lit. No shadows.
class BACKLIGHT_API Still {
 public:
  /// throws  ValueError: samples, a texture for a mesh without UVs, a mesh without extent or not finite;
  ///         ShapeError, DTypeError or IndexError for a mesh that does not fit together
  /// A map_Kd that cannot be read is a warning.
  explicit Still(const Mesh& mesh, const StillOptions& options = {});
  ~Still();
  Still(Still&&) noexcept;
  Still& operator=(Still&&) noexcept;

  /// The picture; alpha is the share of covered samples. Any thread may call.
  /// throws  ValueError: a camera of no pixels, or of more than 16384 samples a side, or not finite
  Image8 picture(const Camera& camera) const;

  const std::vector<std::string>& warnings() const;  ///< one line each

 private:
  struct Scene;
  std::unique_ptr<const Scene> scene_;
};

}  // namespace render
