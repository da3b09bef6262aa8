#include <autograd/core/error.h>
#include <render/image/holes.h>
#include <render/image/pixels.h>

#include <algorithm>

namespace render {

int closed_holes(const Image8& image, const Image8& target) {
  if (image.width != target.width || image.height != target.height) {
    throw ag::ValueError("closed_holes: images of different sizes");
  }
  require_pixels("closed_holes", image);
  require_pixels("closed_holes", target);
  const int width = target.width, height = target.height;
  const auto at = [&](int x, int y) { return static_cast<size_t>(y * width + x); };
  const auto background = [](const Image8& in, size_t pixel) { return in.rgba[pixel * 4 + 3] < 128; };
  const size_t speck = std::max<size_t>(16, static_cast<size_t>(width * height) / 2000);
  std::vector<bool> seen(static_cast<size_t>(width * height));
  std::vector<size_t> stack;
  int holes = 0;
  for (size_t first = 0; first < seen.size(); ++first) {
    if (seen[first] || !background(target, first)) continue;
    size_t area = 0, covered = 0;
    bool border = false;
    seen[first] = true;
    stack.push_back(first);
    while (!stack.empty()) {
      const size_t pixel = stack.back();
      stack.pop_back();
      ++area;
      covered += background(image, pixel) ? 0 : 1;
      const int x = static_cast<int>(pixel) % width, y = static_cast<int>(pixel) / width;
      border |= x == 0 || y == 0 || x == width - 1 || y == height - 1;
      const auto visit = [&](int nx, int ny) {
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) return;
        if (seen[at(nx, ny)] || !background(target, at(nx, ny))) return;
        seen[at(nx, ny)] = true;
        stack.push_back(at(nx, ny));
      };
      visit(x - 1, y);
      visit(x + 1, y);
      visit(x, y - 1);
      visit(x, y + 1);
    }
    if (!border && area >= speck && 2 * covered > area) ++holes;
  }
  return holes;
}

}  // namespace render
