#include <autograd/autograd.h>

#include <cmath>
#include <cstdio>

namespace ag = autograd;

// A first program: fits the line y = 2 x + 1 to five points by gradient descent.
int main() {
  const ag::Array x = ag::Array::of({-1.0f, -0.5f, 0.0f, 0.5f, 1.0f});
  const ag::Array y = ag::Array::of({-1.0f, 0.0f, 1.0f, 2.0f, 3.0f});
  ag::Parameter slope = ag::zeros({});
  ag::Parameter offset = ag::zeros({});

  for (int i = 0; i < 200; ++i) {
    ag::Step step;
    const ag::Tensor loss = ag::mean(ag::square(slope * x + offset - y));
    const ag::Array new_slope = (slope - 0.2 * ag::grad(loss, slope)).keep();
    const ag::Array new_offset = (offset - 0.2 * ag::grad(loss, offset)).keep();
    slope.assign(new_slope);
    offset.assign(new_offset);
  }
  std::printf("y = %.3f x + %.3f\n", slope.item(), offset.item());

  try {
    ag::matmul(ag::zeros({2, 3}), ag::zeros({4, 5}));
  } catch (const ag::ShapeError& error) {
    std::printf("as it should: %s\n", error.what());
    return std::abs(slope.item() - 2) < 1e-3 && std::abs(offset.item() - 1) < 1e-3 ? 0 : 1;
  }
  std::puts("matmul took shapes that do not fit");
  return 1;
}
