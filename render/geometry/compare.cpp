// Both meshes are moved and scaled to B's box of diagonal 1 first, so distances are in diagonals and a mesh
// far from the origin loses nothing. A side's samples are spread over its area in strata of equal area,
// each at a place that a counter chooses: sample i is the same whoever computes it.

#include <autograd/core/error.h>
#include <render/geometry/closest_point.h>
#include <render/geometry/compare.h>
#include <render/geometry/normals.h>

#include <algorithm>
#include <functional>
#include <string>

#ifdef BACKLIGHT_HAS_TBB
#include <tbb/parallel_for.h>
#endif

namespace render {

namespace {

/// Runs task(begin, end) over all of [0, count) in ranges that do not depend on the number of threads.
void for_each_range(size_t count, const std::function<void(size_t, size_t)>& task) {
  constexpr size_t range = 1024;
  const size_t ranges = (count + range - 1) / range;
  const auto run = [&](size_t i) { task(i * range, std::min(count, (i + 1) * range)); };
#ifdef BACKLIGHT_HAS_TBB
  tbb::parallel_for(size_t{0}, ranges, run);
#else
  for (size_t i = 0; i < ranges; ++i) run(i);
#endif
}

/// Number `counter` of stream `seed`, uniform in [0, 1): SplitMix64 (Steele, Lea & Flood 2014) at any place.
double uniform(uint64_t seed, uint64_t counter) {
  uint64_t bits = seed + (counter + 1) * 0x9e3779b97f4a7c15u;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  bits ^= bits >> 31;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// A mesh in units of B's diagonal, ready to be sampled and searched.
class Side {
 public:
  Side(const char* name, const Surface& surface, const Double3& centre, double diagonal) {
    triangles_.reserve(surface.faces());
    for (size_t face = 0; face < surface.faces(); ++face) {
      ClosestPointTree::Triangle triangle{};
      triangle.face = static_cast<int32_t>(face);
      for (size_t corner = 0; corner < 3; ++corner) {
        triangle.corners[corner] = (surface.corner(face, corner) - centre) * (1 / diagonal);
        if (!is_finite(triangle.corners[corner])) fail(name, "has a vertex that is not finite");
      }
      add(triangle);
    }
    if (!(area_.back() > 0)) fail(name, "has no area");
    if (!std::isfinite(area_.back())) fail(name, "is too large for B's size");
  }

  ClosestPointTree tree() const { return ClosestPointTree(triangles_); }

  struct Sample {
    Double3 point, normal;
  };
  /// Sample i of `count`. The place within the stratum is used twice: it chooses the face, and what is left over
  /// is uniform within that face and says how far across it the point is.
  Sample sample(size_t i, size_t count, uint64_t seed) const {
    const uint64_t first = 2 * static_cast<uint64_t>(i);
    const double place = (static_cast<double>(i) + uniform(seed, first)) / static_cast<double>(count) * area_.back();
    // The first face whose sum is above the place: one without area never is.
    const auto found = std::upper_bound(area_.begin(), area_.end(), place);
    const auto face = found == area_.end() ? last_with_area_ : static_cast<size_t>(found - area_.begin());
    const double before = face == 0 ? 0 : area_[face - 1];
    const double across = std::sqrt(std::min((place - before) / (area_[face] - before), 1.0));
    const double along = uniform(seed, first + 1);
    const auto& [a, b, c] = triangles_[face].corners;
    return {a * (1 - across) + b * (across * (1 - along)) + c * (across * along), triangles_[face].normal};
  }

 private:
  [[noreturn]] static void fail(const char* name, const char* what) {
    throw ag::ValueError(std::string("compare: mesh ") + name + " " + what);
  }

  void add(ClosestPointTree::Triangle triangle) {
    const auto& [a, b, c] = triangle.corners;
    const Double3 normal = cross(b - a, c - a);
    const double area = length(normal) / 2;
    if (area > 0) last_with_area_ = triangles_.size();
    area_.push_back(area_.empty() ? area : area_.back() + area);
    triangle.normal = normalized(normal);
    triangles_.push_back(triangle);
  }

  std::vector<ClosestPointTree::Triangle> triangles_;
  std::vector<double> area_;  // of all faces up to each
  size_t last_with_area_ = 0;
};

struct OneWay {
  double mean_distance, percentile95, mean_normal_product, fraction_near;
};

OneWay measure(const Side& from, const Side& to, size_t samples, uint64_t seed) {
  const ClosestPointTree tree = to.tree();
  std::vector<double> distances(samples), products(samples);
  for_each_range(samples, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Side::Sample sample = from.sample(i, samples, seed);
      const ClosestPointTree::Hit hit = tree.closest(sample.point);
      distances[i] = std::sqrt(hit.squared_distance);
      products[i] = dot(sample.normal, hit.normal);
    }
  });
  // Summed in order of samples, by one thread.
  OneWay result{};
  for (size_t i = 0; i < samples; ++i) {
    result.mean_distance += distances[i];
    result.mean_normal_product += products[i];
    result.fraction_near += distances[i] <= 0.01;
  }
  const auto count = static_cast<double>(samples);
  result.mean_distance /= count;
  result.mean_normal_product /= count;
  result.fraction_near /= count;
  const size_t rank = (samples * 95 + 99) / 100 - 1;  // the smallest that 95% of the samples do not exceed
  const auto percentile = distances.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(distances.begin(), percentile, distances.end());
  result.percentile95 = *percentile;
  return result;
}

int64_t count_flipped(const Mesh& mesh) {
  const Surface surface("compare", mesh);
  const ag::Array face_array = face_normals(mesh), vertex_array = smooth_normals(mesh);
  const std::span<const double> of_face = face_array.values<double>(), of_vertex = vertex_array.values<double>();
  const auto row = [](std::span<const double> table, size_t i) {
    return Double3{table[3 * i], table[3 * i + 1], table[3 * i + 2]};
  };
  int64_t flipped = 0;
  for (size_t face = 0; face < surface.faces(); ++face) {
    Double3 sum;
    for (size_t corner = 0; corner < 3; ++corner) sum = sum + row(of_vertex, surface.vertex(face, corner));
    flipped += dot(row(of_face, face), sum) < 0;
  }
  return flipped;
}

}  // namespace

MeshComparison compare(const Mesh& a, const Mesh& b, int64_t samples, uint64_t seed) {
  if (samples < 1) throw ag::ValueError("compare: " + std::to_string(samples) + " samples; expected at least 1");
  const Surface surface_a("compare", a), surface_b("compare", b);
  if (surface_a.faces() == 0) throw ag::ValueError("compare: mesh A has no faces");
  if (surface_b.faces() == 0) throw ag::ValueError("compare: mesh B has no faces");
  const Bounds box = bounds(b);
  const double diagonal = box.diagonal();
  if (!(diagonal > 0) || !std::isfinite(diagonal)) throw ag::ValueError("compare: mesh B has no finite size");
  const auto [x, y, z] = box.centre();
  const Side side_a("A", surface_a, {x, y, z}, diagonal), side_b("B", surface_b, {x, y, z}, diagonal);

  const auto count = static_cast<size_t>(samples);
  const OneWay there = measure(side_a, side_b, count, seed);
  // The streams of the two ways start far apart.
  const OneWay back = measure(side_b, side_a, count, seed ^ 0x5851f42d4c957f2du);

  MeshComparison result;
  result.chamfer = (there.mean_distance + back.mean_distance) / 2;
  result.hausdorff95 = std::max(there.percentile95, back.percentile95);
  result.normal_consistency = (there.mean_normal_product + back.mean_normal_product) / 2;
  const double sum = there.fraction_near + back.fraction_near;
  result.f_score = sum > 0 ? 2 * there.fraction_near * back.fraction_near / sum : 0;
  result.flipped_faces = count_flipped(a);
  return result;
}

}  // namespace render
