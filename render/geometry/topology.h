#pragma once

#include <render/geometry/mesh.h>

#include <span>
#include <vector>

namespace render {

/// The edges of a mesh whose positions are welded by value, made once per mesh. Silhouettes are
/// looked for here, so UV seams and duplicated vertices never make one.
struct Topology {
  int64_t welded_vertices = 0;
  ag::Array weld;            ///< [vertices] int32: the smallest vertex with the same position
  ag::Array edges;           ///< [edges, 2] int32: welded vertices, first < second; sorted
  ag::Array wing_start;      ///< [edges + 1] int32: an edge's wings are wings[wing_start[e] .. wing_start[e + 1])
  ag::Array wings;           ///< [wings] int32: the welded vertex opposite the edge in each face, in order of faces
  ag::Array wing_faces;      ///< [wings] int32: that face
  ag::Array wing_turns;      ///< [wings] int32: 2 face if its corners go from the edge's first vertex to its second,
                             ///< 2 face + 1 if they go the other way
  ag::Array edge_component;  ///< [edges] int32
  ag::Array face_component;  ///< [faces] int32: component of faces that share welded vertices, numbered from 0 in order
                             ///< of faces; -1: a degenerate face
  int components = 0;
  /// The meshes that it was joined from; their edges and faces stand one after the other.
  struct Part {
    int64_t first_edge = 0, first_face = 0;
  };
  std::vector<Part> parts{{}};
};

/// [vertices] int32: the smallest vertex with the same position (-0 and 0 are the same).
/// positions [vertices, 3], any float type
BACKLIGHT_API ag::Array weld_vertices(const ag::Array& positions);

/// positions [vertices, 3] (any float type), triangles [faces, 3]. Faces that are degenerate after
/// welding have no wings and connect nothing.
BACKLIGHT_API Topology make_topology(const ag::Array& positions, const ag::Array& triangles);

/// Of several meshes whose vertices and triangles stand one after the other in one list, as one: each mesh is welded by
/// itself, so that a batch may hold a mesh twice. Numbers of vertices, faces and components go on from mesh to mesh.
BACKLIGHT_API Topology join_topologies(std::span<const Topology> meshes);

/// Genus and openness, for telling the user what a sphere cannot become.
struct TopologyReport {
  int components = 0;
  int64_t boundary_edges = 0, nonmanifold_edges = 0;
  int64_t degenerate_faces = 0;
  int64_t euler_characteristic = 0;  ///< of the faces that are not degenerate, and their vertices

  bool closed() const { return boundary_edges == 0 && nonmanifold_edges == 0; }
};
/// faces  number of faces of the mesh, degenerate ones included
BACKLIGHT_API TopologyReport report(const Topology& topology, int64_t faces);

}  // namespace render
