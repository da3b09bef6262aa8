#include <tests/bench/raster_by_hand.h>

#include <algorithm>
#include <cmath>

namespace bench {

namespace {

using Vertex = RasterByHand::Vertex;

float edge(const Vertex& a, const Vertex& b, float x, float y) {
  return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}

}  // namespace

RasterByHand::RasterByHand(int size, float focal, std::span<const int32_t> triangles, std::vector<Edge> edges)
    : size_(size), focal_(focal), triangles_(triangles), edges_(std::move(edges)) {}

std::span<const int32_t> RasterByHand::visibility(std::span<const float> positions) {
  const auto pixels = static_cast<size_t>(size_ * size_);
  const float centre = 0.5f * static_cast<float>(size_);
  vertices_.resize(positions.size() / 3);
  for (size_t i = 0; i < vertices_.size(); ++i) {
    const float* p = &positions[3 * i];
    const float nearness = -1 / p[2];
    vertices_[i] = {centre + focal_ * p[0] * nearness, centre - focal_ * p[1] * nearness, nearness};
  }
  nearness_.assign(pixels, 0);
  ids_.assign(pixels, -1);
  for (size_t i = 0; i < triangles_.size() / 3; ++i) draw(static_cast<int32_t>(i));
  return ids_;
}

void RasterByHand::draw(int32_t triangle) {
  const int32_t* corners = &triangles_[3 * static_cast<size_t>(triangle)];
  const Vertex& a = vertices_[static_cast<size_t>(corners[0])];
  Vertex b = vertices_[static_cast<size_t>(corners[1])], c = vertices_[static_cast<size_t>(corners[2])];
  float area = edge(a, b, c.x, c.y);
  if (area == 0) return;
  if (area < 0) std::swap(b, c), area = -area;
  const int left = std::max(0, static_cast<int>(std::ceil(std::min({a.x, b.x, c.x}) - 0.5f)));
  const int right = std::min(size_ - 1, static_cast<int>(std::floor(std::max({a.x, b.x, c.x}) - 0.5f)));
  const int top = std::max(0, static_cast<int>(std::ceil(std::min({a.y, b.y, c.y}) - 0.5f)));
  const int bottom = std::min(size_ - 1, static_cast<int>(std::floor(std::max({a.y, b.y, c.y}) - 0.5f)));
  const float scale = 1 / area;
  for (int row = top; row <= bottom; ++row) {
    for (int column = left; column <= right; ++column) {
      const float x = static_cast<float>(column) + 0.5f, y = static_cast<float>(row) + 0.5f;
      const float ea = edge(b, c, x, y), eb = edge(c, a, x, y), ec = edge(a, b, x, y);
      if (ea < 0 || eb < 0 || ec < 0) continue;
      const float nearness = (ea * a.z + eb * b.z + ec * c.z) * scale;
      const auto pixel = static_cast<size_t>(row * size_ + column);
      if (nearness <= nearness_[pixel]) continue;
      nearness_[pixel] = nearness;
      ids_[pixel] = triangle;
    }
  }
}

/// Perspective-correct weights of the corners.
std::array<float, 3> RasterByHand::weights(const int32_t* corners, int pixel) const {
  const Vertex& a = vertices_[static_cast<size_t>(corners[0])];
  const Vertex& b = vertices_[static_cast<size_t>(corners[1])];
  const Vertex& c = vertices_[static_cast<size_t>(corners[2])];
  const float x = static_cast<float>(pixel % size_) + 0.5f, y = static_cast<float>(pixel / size_) + 0.5f;
  const float wa = edge(b, c, x, y) * a.z, wb = edge(c, a, x, y) * b.z, wc = edge(a, b, x, y) * c.z;
  const float scale = 1 / (wa + wb + wc);
  return {wa * scale, wb * scale, wc * scale};
}

// --- Silhouettes -----------------------------------------------------------------------------

void RasterByHand::find_crossings() {
  crossings_.clear();
  winner_.assign(static_cast<size_t>(size_ * size_) * 4, -1);
  for (const Edge& e : edges_) {
    const auto at = [&](int32_t i) -> const Vertex& { return vertices_[static_cast<size_t>(i)]; };
    const float first = edge(at(e.a), at(e.b), at(e.wings[0]).x, at(e.wings[0]).y);
    const float second = edge(at(e.a), at(e.b), at(e.wings[1]).x, at(e.wings[1]).y);
    if (first * second > 0) walk(e, first);
  }
}

/// One crossing for each row (of a steep edge) or column (of a flat one) whose centre line the edge meets. The surface
/// lies where edge() has the sign of `side`.
void RasterByHand::walk(const Edge& e, float side) {
  Vertex a = vertices_[static_cast<size_t>(e.a)], b = vertices_[static_cast<size_t>(e.b)];
  const int axis = std::abs(b.y - a.y) >= std::abs(b.x - a.x) ? 0 : 1;
  if (axis == 1) std::swap(a.x, a.y), std::swap(b.x, b.y), side = -side;
  int32_t ia = e.a, ib = e.b;
  if (a.y > b.y) std::swap(a, b), std::swap(ia, ib), side = -side;
  const int stride = axis == 0 ? 1 : size_, across = axis == 0 ? size_ : 1;
  const int first = std::max(0, static_cast<int>(std::ceil(a.y - 0.5f)));
  const int last = std::min(size_, static_cast<int>(std::ceil(b.y - 0.5f)));
  for (int i = first; i < last; ++i) {
    const float t = (static_cast<float>(i) + 0.5f - a.y) / (b.y - a.y);
    const float position = a.x + t * (b.x - a.x) - 0.5f;
    const int low = static_cast<int>(std::floor(position));
    if (low < 0 || low + 1 >= size_) continue;
    const float nearness = a.z + t * (b.z - a.z), fraction = position - static_cast<float>(low);
    int32_t inner = i * across + low * stride, outer = inner + stride;
    float distance = fraction;
    if (side < 0) std::swap(inner, outer), distance = 1 - fraction;
    const auto at_inner = static_cast<size_t>(inner), at_outer = static_cast<size_t>(outer);
    if (ids_[at_inner] < 0) continue;
    if (ids_[at_outer] >= 0) {
      const float depth = 1 / nearness, behind = 1 / nearness_[at_outer] - depth;
      if (behind <= 0 || std::abs(depth - 1 / nearness_[at_inner]) > behind) continue;
    }
    int32_t& winner = winner_[at_inner * 4 + static_cast<size_t>(2 * axis) + (outer > inner)];
    const Crossing crossing{ia, ib, inner, outer, axis, t, distance};
    if (winner < 0) {
      winner = static_cast<int32_t>(crossings_.size());
      crossings_.push_back(crossing);
    } else if (crossings_[static_cast<size_t>(winner)].distance < distance) {
      crossings_[static_cast<size_t>(winner)] = crossing;
    }
  }
}

void RasterByHand::blend(int32_t into, int32_t from, float weight) {
  for (int c = 0; c < 3; ++c)
    image_[static_cast<size_t>(3 * into + c)] +=
        weight * (plain_[static_cast<size_t>(3 * from + c)] - plain_[static_cast<size_t>(3 * into + c)]);
}

// --- The image and its gradient --------------------------------------------------------------

std::span<const float> RasterByHand::forward(std::span<const float> positions, std::span<const float> colours) {
  visibility(positions);
  plain_.assign(ids_.size() * 3, 0);
  for (size_t pixel = 0; pixel < ids_.size(); ++pixel) {
    if (ids_[pixel] < 0) continue;
    const int32_t* corners = &triangles_[3 * static_cast<size_t>(ids_[pixel])];
    const std::array<float, 3> w = weights(corners, static_cast<int>(pixel));
    for (size_t k = 0; k < 3; ++k)
      for (size_t c = 0; c < 3; ++c) plain_[3 * pixel + c] += w[k] * colours[3 * static_cast<size_t>(corners[k]) + c];
  }
  find_crossings();
  image_ = plain_;
  for (const Crossing& crossing : crossings_) {
    if (crossing.distance > 0.5f)
      blend(crossing.outer, crossing.inner, crossing.distance - 0.5f);
    else
      blend(crossing.inner, crossing.outer, 0.5f - crossing.distance);
  }
  return image_;
}

void RasterByHand::backward(std::span<const float> positions, std::span<const float> colours,
                            std::span<const float> gradient) {
  std::vector<Vertex> to_vertices(vertices_.size());  // pixels and 1 / depth
  to_positions.assign(positions.size(), 0);
  to_colours.assign(colours.size(), 0);
  pixel_gradient_.assign(gradient.begin(), gradient.end());
  for (const Crossing& crossing : crossings_) {
    const bool outward = crossing.distance > 0.5f;
    const auto into = static_cast<size_t>(3 * (outward ? crossing.outer : crossing.inner));
    const auto from = static_cast<size_t>(3 * (outward ? crossing.inner : crossing.outer));
    const float weight = std::abs(crossing.distance - 0.5f);
    float to_weight = 0;
    for (size_t c = 0; c < 3; ++c) {
      to_weight += gradient[into + c] * (plain_[from + c] - plain_[into + c]);
      pixel_gradient_[from + c] += weight * gradient[into + c];
      pixel_gradient_[into + c] -= weight * gradient[into + c];
    }
    // The crossing's place along the pair of pixels, x = (1 - t) x_a + t x_b on the line y.
    const float sign = (outward ? 1.0f : -1.0f) * (crossing.outer > crossing.inner ? 1.0f : -1.0f);
    const Vertex &a = vertices_[static_cast<size_t>(crossing.a)], &b = vertices_[static_cast<size_t>(crossing.b)];
    Vertex &to_a = to_vertices[static_cast<size_t>(crossing.a)], &to_b = to_vertices[static_cast<size_t>(crossing.b)];
    const float g = to_weight * sign, t = crossing.t;
    if (crossing.axis == 0) {
      const float slope = (b.x - a.x) / (b.y - a.y);
      to_a.x += g * (1 - t), to_b.x += g * t;
      to_a.y -= g * (1 - t) * slope, to_b.y -= g * t * slope;
    } else {
      const float slope = (b.y - a.y) / (b.x - a.x);
      to_a.y += g * (1 - t), to_b.y += g * t;
      to_a.x -= g * (1 - t) * slope, to_b.x -= g * t * slope;
    }
  }
  for (size_t pixel = 0; pixel < ids_.size(); ++pixel) {
    if (ids_[pixel] < 0) continue;
    const int32_t* corners = &triangles_[3 * static_cast<size_t>(ids_[pixel])];
    const std::array<float, 3> w = weights(corners, static_cast<int>(pixel));
    float to_weight[3] = {0, 0, 0}, mean = 0;
    for (size_t k = 0; k < 3; ++k) {
      const size_t row = 3 * static_cast<size_t>(corners[k]);
      for (size_t c = 0; c < 3; ++c) {
        to_weight[k] += pixel_gradient_[3 * pixel + c] * colours[row + c];
        to_colours[row + c] += w[k] * pixel_gradient_[3 * pixel + c];
      }
      mean += w[k] * to_weight[k];
    }
    // w_k = e_k z_k / sum; e_k is linear in the corners' places.
    const float x = static_cast<float>(static_cast<int>(pixel) % size_) + 0.5f;
    const float y = static_cast<float>(static_cast<int>(pixel) / size_) + 0.5f;
    const Vertex v[3] = {vertices_[static_cast<size_t>(corners[0])], vertices_[static_cast<size_t>(corners[1])],
                         vertices_[static_cast<size_t>(corners[2])]};
    float total = 0, e[3];
    for (int k = 0; k < 3; ++k) {
      e[k] = edge(v[(k + 1) % 3], v[(k + 2) % 3], x, y);
      total += e[k] * v[k].z;
    }
    for (int k = 0; k < 3; ++k) {
      const float g = (to_weight[k] - mean) / total, to_edge = g * v[k].z;
      to_vertices[static_cast<size_t>(corners[k])].z += g * e[k];
      const Vertex &p = v[(k + 1) % 3], &q = v[(k + 2) % 3];
      Vertex& to_p = to_vertices[static_cast<size_t>(corners[(k + 1) % 3])];
      Vertex& to_q = to_vertices[static_cast<size_t>(corners[(k + 2) % 3])];
      to_p.x += to_edge * (q.y - y), to_p.y += to_edge * (x - q.x);
      to_q.x += to_edge * (y - p.y), to_q.y += to_edge * (p.x - x);
    }
  }
  for (size_t i = 0; i < vertices_.size(); ++i) {
    const Vertex& g = to_vertices[i];
    const float* p = &positions[3 * i];
    const float nearness = vertices_[i].z;
    to_positions[3 * i] = g.x * focal_ * nearness;
    to_positions[3 * i + 1] = -g.y * focal_ * nearness;
    to_positions[3 * i + 2] = nearness * nearness * (g.x * focal_ * p[0] - g.y * focal_ * p[1] + g.z);
  }
}

}  // namespace bench
