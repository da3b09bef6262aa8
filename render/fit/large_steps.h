#pragma once

#include <autograd/autograd.h>
#include <render/geometry/topology.h>

namespace render {

/// The preconditioner of a shape fit: positions are v = (I + lambda L)^-1 u, L the combinatorial
/// Laplacian of the welded mesh, and u is what the optimiser moves. A step of u is a smooth step of v.
/// source  Nicolet, Jacobson & Jakob 2021, "Large Steps in Inverse Rendering of Geometry", eq. 11
class BACKLIGHT_API LargeSteps {
 public:
  /// `vertices` numbered densely: an edge list [edges, 2] int32 over them, lambda 0 or more.
  /// throws  ShapeError, DTypeError; ValueError: an edge to no vertex, a lambda for which there is no solution
  LargeSteps(int64_t vertices, const ag::Array& edges, double lambda);

  /// v of u, [vertices, 3]; differentiable.
  ag::Tensor positions(ag::Located u) const { return ag::solve(system_, u); }
  /// u = (I + lambda L) v, on the host in float64. throws ShapeError unless positions are [vertices, 3]
  ag::Array variables(const ag::Array& positions) const;

 private:
  ag::Array edges_;
  double lambda_;
  ag::SparseCholesky system_;
};

}  // namespace render
