#include <render/fit/surface_view.h>
#include <render/geometry/vertex_normals.h>

#include <array>

namespace render {

SurfaceView see(const Vec3& positions, const ag::Array& triangles, const Topology& topology, ag::Located matrices,
                const Frame& frame) {
  SurfaceView view;
  view.clip = transform(matrices, positions);
  const Tensor ids = visibility(view.clip, triangles, frame);
  view.crossings = silhouettes(view.clip, triangles, topology, ids);
  view.pixels = visible_pixels(ids);
  view.corners = corners(triangles, view.pixels, positions.x.size());
  view.slopes = weight_derivatives(view.clip, view.corners, view.pixels);
  view.weights = view.slopes.weights;
  view.normal = normalize(interpolate(vertex_normals(positions, triangles), view.corners, view.weights));
  return view;
}

Tensor draw(const SurfaceView& view, const Vec3& colour) {
  return antialiased_image(std::array{colour.x, colour.y, colour.z}, view.pixels, view.clip, view.crossings,
                           {.coverage = true});
}

}  // namespace render
