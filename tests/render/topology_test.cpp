#include <autograd/core/error.h>
#include <render/geometry/obj.h>
#include <render/geometry/shapes.h>
#include <render/geometry/topology.h>
#include <tests/render/mesh_data.h>

#include <map>
#include <set>

using namespace render;
namespace ag = autograd;

namespace {

ag::Array points(const std::vector<float>& values) {
  return ag::Array::from(values, {static_cast<int64_t>(values.size()) / 3, 3});
}
ag::Array faces(const std::vector<int32_t>& values) {
  return ag::Array::from(values, {static_cast<int64_t>(values.size()) / 3, 3});
}
std::vector<int32_t> list(const ag::Array& array) { return array.to_vector<int32_t>(); }

Topology topology_of(const Mesh& mesh) { return make_topology(mesh.positions, mesh.triangles); }

struct PlainWing {
  int32_t vertex, face;
  bool forward;  ///< the face goes from the edge's first vertex to its second
};
using PlainEdges = std::map<std::pair<int32_t, int32_t>, std::vector<PlainWing>>;

/// Edges by the book: from every face, to their wings in order of faces.
PlainEdges plain_edges(const Mesh& mesh, const Topology& topology) {
  PlainEdges edges;
  const std::vector<int32_t> weld = list(topology.weld), triangles = list(mesh.triangles);
  for (size_t face = 0; face < triangles.size() / 3; ++face) {
    int32_t v[3];
    for (size_t k = 0; k < 3; ++k) v[k] = weld[static_cast<size_t>(triangles[3 * face + k])];
    if (v[0] == v[1] || v[1] == v[2] || v[2] == v[0]) continue;
    for (size_t k = 0; k < 3; ++k) {
      const int32_t a = v[(k + 1) % 3], b = v[(k + 2) % 3];
      edges[{std::min(a, b), std::max(a, b)}].push_back({v[k], static_cast<int32_t>(face), a < b});
    }
  }
  return edges;
}

void check_against_plain_edges(const Mesh& mesh, const Topology& topology) {
  const auto expected = plain_edges(mesh, topology);
  const std::vector<int32_t> edges = list(topology.edges), start = list(topology.wing_start);
  const std::vector<int32_t> wings = list(topology.wings), wing_faces = list(topology.wing_faces),
                             wing_turns = list(topology.wing_turns);
  const std::vector<int32_t> edge_component = list(topology.edge_component);
  const std::vector<int32_t> face_component = list(topology.face_component);
  REQUIRE(edges.size() == 2 * expected.size());
  REQUIRE(start.size() == expected.size() + 1);
  REQUIRE(edge_component.size() == expected.size());
  size_t edge = 0;
  bool equal = start.back() == static_cast<int32_t>(wings.size());
  for (const auto& [ends, opposite] : expected) {
    equal &= edges[2 * edge] == ends.first && edges[2 * edge + 1] == ends.second;
    const auto first = static_cast<size_t>(start[edge]);
    equal &= static_cast<size_t>(start[edge + 1]) == first + opposite.size();
    for (size_t i = 0; equal && i < opposite.size(); ++i) {
      const auto& [vertex, face, forward] = opposite[i];
      equal &= wings[first + i] == vertex && wing_faces[first + i] == face;
      equal &= wing_turns[first + i] == 2 * face + (forward ? 0 : 1);
      equal &= face_component[static_cast<size_t>(face)] == edge_component[edge];
    }
    ++edge;
  }
  CHECK(equal);
}

}  // namespace

TEST_CASE("two triangles with an edge in common") {
  //  2---3      faces 0 1 2 and 3 2 1
  //  | \ |
  //  0---1
  const Topology topology = make_topology(points({0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0}), faces({0, 1, 2, 3, 2, 1}));
  CHECK(topology.welded_vertices == 4);
  CHECK(topology.edges.shape() == ag::Shape{5, 2});
  CHECK(list(topology.edges) == std::vector<int32_t>{0, 1, 0, 2, 1, 2, 1, 3, 2, 3});
  CHECK(list(topology.wing_start) == std::vector<int32_t>{0, 1, 2, 4, 5, 6});
  CHECK(list(topology.wings) == std::vector<int32_t>{2, 1, 0, 3, 2, 1});
  CHECK(list(topology.wing_faces) == std::vector<int32_t>{0, 0, 0, 1, 1, 1});
  CHECK(list(topology.wing_turns) == std::vector<int32_t>{0, 1, 0, 3, 2, 3});
  CHECK(list(topology.face_component) == std::vector<int32_t>{0, 0});
  const TopologyReport told = report(topology, 2);
  CHECK(told.boundary_edges == 4);
  CHECK(told.nonmanifold_edges == 0);
  CHECK(told.euler_characteristic == 1);
  CHECK_FALSE(told.closed());
}

TEST_CASE("positions are welded by value") {
  // The same two triangles, each with vertices of its own, one of them -0 for 0; and a vertex of no face.
  const Topology topology = make_topology(points({5, 5, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, -0.f, 1, -0.f, 1, 0, 0}),
                                          faces({1, 2, 3, 4, 5, 6}));
  CHECK(list(topology.weld) == std::vector<int32_t>{0, 1, 2, 3, 4, 3, 2});
  CHECK(topology.welded_vertices == 5);
  CHECK(list(topology.edges) == std::vector<int32_t>{1, 2, 1, 3, 2, 3, 2, 4, 3, 4});
  const TopologyReport told = report(topology, 2);
  CHECK(told.boundary_edges == 4);
  CHECK(told.euler_characteristic == 1);  // the vertex of no face does not count
  CHECK(told.components == 1);
}

TEST_CASE("degenerate faces have no wings and connect nothing") {
  const ag::Array positions = points({0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 0, 0, 6, 0, 0, 5, 1, 0, 0, 0, 0});
  const Topology topology = make_topology(positions, faces({3, 4, 5, 0, 6, 3, 0, 1, 2, 2, 2, 2}));
  CHECK(topology.components == 2);
  CHECK(list(topology.face_component) == std::vector<int32_t>{0, -1, 1, -1});
  CHECK(topology.wings.size() == 6);
  CHECK(report(topology, 4).degenerate_faces == 2);
  CHECK(report(topology, 4).euler_characteristic == 2);
}

TEST_CASE("three faces on one edge are not a manifold") {
  const Topology topology =
      make_topology(points({0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, -1, -1, 0}), faces({0, 1, 2, 0, 1, 3, 1, 0, 4}));
  CHECK(list(topology.wing_start)[1] == 3);
  const std::vector<int32_t> wings = list(topology.wings);
  CHECK(std::vector<int32_t>(wings.begin(), wings.begin() + 3) == std::vector<int32_t>{2, 3, 4});
  CHECK(report(topology, 3).nonmanifold_edges == 1);
  CHECK(report(topology, 3).boundary_edges == 6);
}

TEST_CASE("components are numbered in order of faces and need no common edge") {
  // Faces 0 and 2 touch in one vertex only.
  const Topology topology =
      make_topology(points({0, 0, 0, 1, 0, 0, 0, 1, 0, 9, 0, 0, 9, 1, 0, 9, 0, 1, -1, 0, 0, 0, -1, 0}),
                    faces({0, 1, 2, 3, 4, 5, 0, 6, 7}));
  CHECK(list(topology.face_component) == std::vector<int32_t>{0, 1, 0});
  CHECK(topology.components == 2);
}

TEST_CASE("no faces, and faces that make no sense") {
  const Topology topology = make_topology(ag::zeros({0, 3}), ag::zeros({0, 3}, ag::DType::int32));
  CHECK(topology.edges.shape() == ag::Shape{0, 2});
  CHECK(list(topology.wing_start) == std::vector<int32_t>{0});
  CHECK(report(topology, 0).components == 0);
  REQUIRE_THROWS_AS(make_topology(ag::zeros({2, 3}), faces({0, 1, 2})), ag::IndexError);
  REQUIRE_THROWS_AS(make_topology(ag::zeros({3, 3}), faces({0, 1, -1})), ag::IndexError);
  REQUIRE_THROWS_AS(make_topology(ag::zeros({3, 2}), faces({0, 1, 2})), ag::ShapeError);
  REQUIRE_THROWS_AS(make_topology(ag::zeros({3, 3}), ag::zeros({1, 3})), ag::DTypeError);
}

TEST_CASE("closed shapes agree with Euler and with the plain way") {
  struct Case {
    Mesh mesh;
    int64_t characteristic;
  };
  const int which = GENERATE(0, 1, 2);
  const Case shape = which == 0 ? Case{icosphere(3), 2} : which == 1 ? Case{cube(4), 2} : Case{torus(2, 0.5, 12, 7), 0};
  const Topology topology = topology_of(shape.mesh);
  check_against_plain_edges(shape.mesh, topology);
  const TopologyReport told = report(topology, shape.mesh.faces());
  CHECK(told.closed());
  CHECK(told.components == 1);
  CHECK(told.euler_characteristic == shape.characteristic);
}

TEST_CASE("topology of real meshes") {
  struct Expected {
    const char* name;
    int components;
    int64_t boundary_edges, characteristic;
  };
  const Expected expected =
      GENERATE(Expected{"spot/spot_triangulated.obj", 1, 0, 2}, Expected{"teapot/teapot.obj", 1, 0, 0},
               Expected{"torus/torus.obj", 1, 0, 0}, Expected{"bunny/bunny_hr.obj", 1, 0, 2});
  const std::filesystem::path path = shared_mesh(expected.name);
  if (path.empty()) return;
  INFO(expected.name);
  const Mesh mesh = read_obj(path);
  const Topology topology = topology_of(mesh);
  check_against_plain_edges(mesh, topology);
  const TopologyReport told = report(topology, mesh.faces());
  CHECK(told.components == expected.components);
  CHECK(told.boundary_edges == expected.boundary_edges);
  CHECK(told.nonmanifold_edges == 0);
  CHECK(told.euler_characteristic == expected.characteristic);
}

TEST_CASE("the teapot is four open parts as stored, and closed when welded") {
  const std::filesystem::path path = shared_mesh("teapot/teapot.obj");
  if (path.empty()) return;
  const Mesh mesh = read_obj(path);
  // Moved apart by a hair, no two vertices are at one place.
  std::vector<double> apart = mesh.positions.to_vector<double>();
  for (size_t i = 0; i < apart.size(); ++i) apart[i] += 1e-9 * static_cast<double>(i / 3 + 1);
  const Topology topology = make_topology(ag::Array::from(apart, mesh.positions.shape()), mesh.triangles);
  const TopologyReport told = report(topology, mesh.faces());
  CHECK(told.components == 4);
  CHECK(told.boundary_edges == 120);
}
