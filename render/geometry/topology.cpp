// Edges and their wings, from positions welded by value.
//
//            first            An edge (first < second, welded vertices) with its wings: the vertices
//           /  |  \           opposite to it, one a face. One wing: the edge is on a boundary; two: inside
//   wing 0 /   |   \ wing 1   a surface; more: the surface is not a manifold there.
//          \   |   /
//           \  |  /           All faces' edges are listed, sorted by (first, second, face), and cut into
//            second           runs of equal edges.

#include <render/geometry/surface.h>
#include <render/geometry/topology.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <unordered_map>

namespace render {

namespace {

struct PositionHash {
  size_t operator()(const Double3& point) const {
    uint64_t hash = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const double coordinate = point[axis];
      uint64_t bits = 0;
      std::memcpy(&bits, &coordinate, sizeof bits);
      hash = (hash ^ bits) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 32;
    }
    return static_cast<size_t>(hash);
  }
};

/// Only looked up, never walked, so its order decides nothing.
using FirstVertex = std::unordered_map<Double3, int32_t, PositionHash>;

/// One face's claim on an edge.
struct Claim {
  int32_t first, second, face, wing;
  int32_t turn;  ///< as in Topology::wing_turns
  bool operator<(const Claim& o) const {
    return first != o.first ? first < o.first : second != o.second ? second < o.second : face < o.face;
  }
  bool same_edge(const Claim& o) const { return first == o.first && second == o.second; }
};

struct WeldedFace {
  int32_t vertices[3];
  bool degenerate() const {
    return vertices[0] == vertices[1] || vertices[1] == vertices[2] || vertices[2] == vertices[0];
  }
};

std::vector<WeldedFace> welded_faces(std::span<const int32_t> triangles, std::span<const int32_t> weld) {
  std::vector<WeldedFace> faces(triangles.size() / 3);
  for (size_t i = 0; i < triangles.size(); ++i) faces[i / 3].vertices[i % 3] = weld[static_cast<size_t>(triangles[i])];
  return faces;
}

std::vector<Claim> sorted_claims(const std::vector<WeldedFace>& faces) {
  std::vector<Claim> claims;
  claims.reserve(3 * faces.size());
  for (size_t face = 0; face < faces.size(); ++face) {
    if (faces[face].degenerate()) continue;
    for (size_t corner = 0; corner < 3; ++corner) {
      const int32_t a = faces[face].vertices[(corner + 1) % 3], b = faces[face].vertices[(corner + 2) % 3];
      const auto number = static_cast<int32_t>(face);
      claims.push_back({std::min(a, b), std::max(a, b), number, faces[face].vertices[corner], 2 * number + (a > b)});
    }
  }
  std::sort(claims.begin(), claims.end());
  return claims;
}

/// Disjoint sets of vertices; a set's root is its smallest member.
class Components {
 public:
  explicit Components(size_t vertices) : parent_(vertices) { std::iota(parent_.begin(), parent_.end(), 0); }

  int32_t root(int32_t vertex) {
    while (parent(vertex) != vertex) vertex = parent(vertex) = parent(parent(vertex));
    return vertex;
  }
  void join(int32_t a, int32_t b) {
    a = root(a), b = root(b);
    parent(std::max(a, b)) = std::min(a, b);
  }

 private:
  int32_t& parent(int32_t vertex) { return parent_[static_cast<size_t>(vertex)]; }
  std::vector<int32_t> parent_;
};

/// Component of each face; returns how many there are.
int number_components(const std::vector<WeldedFace>& faces, size_t vertices, std::vector<int32_t>& face_component) {
  Components sets(vertices);
  for (const WeldedFace& face : faces) {
    if (face.degenerate()) continue;
    sets.join(face.vertices[0], face.vertices[1]);
    sets.join(face.vertices[0], face.vertices[2]);
  }
  std::vector<int32_t> number(vertices, -1);
  int count = 0;
  face_component.assign(faces.size(), -1);
  for (size_t face = 0; face < faces.size(); ++face) {
    if (faces[face].degenerate()) continue;
    int32_t& of_set = number[static_cast<size_t>(sets.root(faces[face].vertices[0]))];
    if (of_set < 0) of_set = count++;
    face_component[face] = of_set;
  }
  return count;
}

}  // namespace

ag::Array weld_vertices(const ag::Array& positions) {
  const Surface points("weld_vertices", positions, ag::zeros({0, 3}, ag::DType::int32));
  FirstVertex first;
  first.reserve(points.vertices());
  return ag::Array::make<int32_t>({positions.shape()[0]}, [&](std::span<int32_t> weld) {
    for (size_t vertex = 0; vertex < weld.size(); ++vertex) {
      const Double3 point = points.position(vertex) + Double3{};  // adding 0 turns -0 into 0
      weld[vertex] = first.try_emplace(point, static_cast<int32_t>(vertex)).first->second;
    }
  });
}

Topology make_topology(const ag::Array& positions, const ag::Array& triangles) {
  const Surface checked("make_topology", positions, triangles);
  Topology topology;
  topology.weld = weld_vertices(positions);
  const std::span<const int32_t> weld = topology.weld.values<int32_t>();
  for (size_t vertex = 0; vertex < weld.size(); ++vertex) {
    topology.welded_vertices += weld[vertex] == static_cast<int32_t>(vertex);
  }

  const std::vector<WeldedFace> faces = welded_faces(triangles.values<int32_t>(), weld);
  std::vector<int32_t> face_component;
  topology.components = number_components(faces, weld.size(), face_component);

  const std::vector<Claim> claims = sorted_claims(faces);
  std::vector<int32_t> edges, wing_start, wings, wing_faces, wing_turns, edge_component;
  for (size_t i = 0; i < claims.size(); ++i) {
    const Claim& claim = claims[i];
    if (i == 0 || !claim.same_edge(claims[i - 1])) {
      edges.insert(edges.end(), {claim.first, claim.second});
      wing_start.push_back(static_cast<int32_t>(i));
      edge_component.push_back(face_component[static_cast<size_t>(claim.face)]);
    }
    wings.push_back(claim.wing);
    wing_faces.push_back(claim.face);
    wing_turns.push_back(claim.turn);
  }
  wing_start.push_back(static_cast<int32_t>(claims.size()));

  const auto count = static_cast<int64_t>(edge_component.size());
  const auto wing_count = static_cast<int64_t>(wings.size());
  topology.edges = ag::Array::from(edges, {count, 2});
  topology.wing_start = ag::Array::from(wing_start, {count + 1});
  topology.wings = ag::Array::from(wings, {wing_count});
  topology.wing_faces = ag::Array::from(wing_faces, {wing_count});
  topology.wing_turns = ag::Array::from(wing_turns, {wing_count});
  topology.edge_component = ag::Array::from(edge_component, {count});
  topology.face_component = ag::Array::from(face_component, {triangles.shape()[0]});
  return topology;
}

namespace {

/// The arrays one after the other, each with its offset added to what is not negative.
class Joined {
 public:
  void add(const ag::Array& part, int64_t offset) { add(part.values<int32_t>(), offset); }
  void add(std::span<const int32_t> part, int64_t offset) {
    for (const int32_t value : part) values_.push_back(value < 0 ? value : value + static_cast<int32_t>(offset));
  }
  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  ag::Array list() const { return ag::Array::from(values_, {size()}); }
  ag::Array pairs() const { return ag::Array::from(values_, {size() / 2, 2}); }

 private:
  std::vector<int32_t> values_;
};

}  // namespace

Topology join_topologies(std::span<const Topology> meshes) {
  Topology all;
  all.parts.clear();
  Joined weld, edges, wing_start, wings, wing_faces, wing_turns, edge_component, face_component;
  wing_start.add(std::vector<int32_t>{0}, 0);
  for (const Topology& mesh : meshes) {
    const int64_t first_vertex = weld.size(), first_face = face_component.size();
    all.parts.push_back({edges.size() / 2, first_face});
    wing_start.add(mesh.wing_start.values<int32_t>().subspan(1), wings.size());
    weld.add(mesh.weld, first_vertex);
    edges.add(mesh.edges, first_vertex);
    wings.add(mesh.wings, first_vertex);
    wing_faces.add(mesh.wing_faces, first_face);
    wing_turns.add(mesh.wing_turns, 2 * first_face);
    edge_component.add(mesh.edge_component, all.components);
    face_component.add(mesh.face_component, all.components);
    all.components += mesh.components;
    all.welded_vertices += mesh.welded_vertices;
  }
  all.weld = weld.list();
  all.edges = edges.pairs();
  all.wing_start = wing_start.list();
  all.wings = wings.list();
  all.wing_faces = wing_faces.list();
  all.wing_turns = wing_turns.list();
  all.edge_component = edge_component.list();
  all.face_component = face_component.list();
  return all;
}

TopologyReport report(const Topology& topology, int64_t faces) {
  TopologyReport result;
  result.components = topology.components;
  const std::span<const int32_t> start = topology.wing_start.values<int32_t>();
  for (size_t edge = 0; edge + 1 < start.size(); ++edge) {
    const int32_t wings = start[edge + 1] - start[edge];
    result.boundary_edges += wings == 1;
    result.nonmanifold_edges += wings > 2;
  }
  std::vector<bool> used(static_cast<size_t>(topology.weld.size()));
  for (const int32_t vertex : topology.edges.values<int32_t>()) used[static_cast<size_t>(vertex)] = true;
  const int64_t vertices = std::count(used.begin(), used.end(), true);
  const int64_t whole_faces = topology.wings.size() / 3;
  result.degenerate_faces = faces - whole_faces;
  result.euler_characteristic = vertices - topology.edges.shape()[0] + whole_faces;
  return result;
}

}  // namespace render
