#include <render/fit/light.h>

#include <Eigen/Dense>

namespace render {

namespace {

using Vector9 = Eigen::Matrix<double, 9, 1>;
using Matrix9 = Eigen::Matrix<double, 9, 9>;

// As harmonics() of render/shading: kept in step by a test.
Vector9 basis(double x, double y, double z) {
  Vector9 b;
  b << 0.282095, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
      0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y);
  return b;
}

}  // namespace

ag::Array estimate_light(const LightSamples& samples) {
  const size_t count = samples.normal[0].size();
  const bool plain = samples.albedo[0].empty();
  Matrix9 normal[3];
  Vector9 right[3];
  for (size_t c = 0; c < 3; ++c) {
    normal[c].setZero();
    right[c].setZero();
  }
  for (size_t i = 0; i < count; ++i) {
    const Vector9 b = basis(samples.normal[0][i], samples.normal[1][i], samples.normal[2][i]);
    for (size_t c = 0; c < 3; ++c) {
      const double albedo = plain ? 1 : samples.albedo[c][i];
      right[c] += albedo * samples.colour[c][i] * b;
      if (c == 0 || !plain) normal[c].selfadjointView<Eigen::Lower>().rankUpdate(b, albedo * albedo);
    }
  }
  if (plain) normal[1] = normal[2] = normal[0];
  std::array<Vector9, 3> solution;
  for (size_t c = 0; c < 3; ++c) {
    const double ridge = 1e-4 * normal[c].trace() / 9 + 1e-12;
    for (int k = 0; k < 9; ++k) normal[c](k, k) += ridge;
    solution[c] = normal[c].selfadjointView<Eigen::Lower>().ldlt().solve(right[c]);
  }
  return ag::Array::make<float>({9, 3}, [&](std::span<float> out) {
    for (int k = 0; k < 9; ++k) {
      for (size_t c = 0; c < 3; ++c) out[static_cast<size_t>(k) * 3 + c] = static_cast<float>(solution[c](k));
    }
  });
}

}  // namespace render
