#include <autograd/core/error.h>
#include <render/fit/large_steps.h>
#include <render/geometry/surface.h>

#include <string>
#include <vector>

namespace render {

namespace {

ag::SparseCholesky factorise(int64_t vertices, const ag::Array& edges, double lambda) {
  require_table("LargeSteps", "edges", edges, 2, ag::DType::int32);
  std::vector<ag::SparseEntry> entries;
  for (int32_t i = 0; i < vertices; ++i) entries.push_back({i, i, 1});
  const std::span<const int32_t> ends = edges.values<int32_t>();
  for (size_t e = 0; e < ends.size(); e += 2) {
    const int32_t a = ends[e], b = ends[e + 1];
    entries.push_back({a, a, lambda});
    entries.push_back({b, b, lambda});
    entries.push_back({std::max(a, b), std::min(a, b), -lambda});
  }
  return {vertices, entries};
}

}  // namespace

LargeSteps::LargeSteps(int64_t vertices, const ag::Array& edges, double lambda)
    : edges_(edges), lambda_(lambda), system_(factorise(vertices, edges, lambda)) {}

ag::Array LargeSteps::variables(const ag::Array& positions) const {
  if (positions.shape() != ag::Shape{system_.size(), 3}) {
    throw ag::ShapeError("LargeSteps: positions " + positions.shape().to_string() + "; expected [" +
                         std::to_string(system_.size()) + ", 3]");
  }
  std::vector<double> v = positions.cast(ag::DType::float64).to_vector<double>();
  std::vector<double> u = v;
  const std::span<const int32_t> ends = edges_.values<int32_t>();
  for (size_t e = 0; e < ends.size(); e += 2) {
    const auto a = static_cast<size_t>(ends[e]) * 3, b = static_cast<size_t>(ends[e + 1]) * 3;
    for (size_t k = 0; k < 3; ++k) {
      const double difference = lambda_ * (v[a + k] - v[b + k]);
      u[a + k] += difference;
      u[b + k] -= difference;
    }
  }
  return ag::Array::from(u, positions.shape()).cast(positions.dtype());
}

}  // namespace render
