#include <render/raster/kernel_variants.h>
#include <render/raster/screen.h>

#include <bit>

// Crossings: where silhouette edges pass between the centres of two neighbouring pixels.
//
//        inner   outer            A silhouette edge has all its faces (wings) on one side. Steep edges are walked
//       +-------+-------+         row by row, flat ones column by column. In each row the edge crosses between
//       |   *  /|   *   |         the centres of one pair of pixels; the one on the side of the wings is inner. The
//       +-----/-+-------+         crossing counts if inner shows the surface that ends at the edge and outer shows
//            edge                 what lies behind it.
//
// Three steps: list the silhouettes and walk each, which gives candidates; keep, for each (axis, inner, outer), the
// outermost; where both directions of a pair have one, keep the nearer. No step depends on the order of edges.

namespace render::kernels::BACKLIGHT_KERNEL_VARIANT {

namespace {

struct Candidate {
  int32_t edge, inner, outer, axis;
  double outward;  // from the centre of inner toward that of outer, in (0, 1] or [0, 1)
  double depth;    // of the edge at the crossing
};

struct EndPoint {
  int32_t x, y;
  double nearness;
};

struct Segment {
  EndPoint a, b;
};

// Everything that one call looks at.
struct View {
  Screen screen;
  std::span<const int32_t> triangles, ids;
  std::span<const int8_t> turns;
  EdgeTopology topology;
  Viewport viewport;

  int turn(int32_t wing) const { return turns[static_cast<std::size_t>(wing)]; }
};

// Which way face f turns as seen, the sign of its corners' orientation(), stands at 2 f, the opposite at 2 f + 1, for
// edges that it follows the other way: a face's third corner then is on that side of each of its edges. 0: it is seen
// edge-on, or not drawn.
std::span<const int8_t> find_turns(const Screen& screen, std::span<const int32_t> triangles, Workspace& workspace) {
  using Pairs [[gnu::vector_size(lanes * 2)]] = int16_t;
  const std::size_t count = triangles.size() / 3;
  const std::span<int8_t> turns = acquire<int8_t>(workspace, face_turns, 2 * (count + lanes));
  for (std::size_t first = 0; first < count; first += lanes) {
    const std::size_t here = count - first < lanes ? count - first : lanes;
    const int32_t* corners[lanes];
    for (std::size_t i = 0; i < lanes; ++i) corners[i] = triangles.data() + 3 * (first + (i < here ? i : 0));
    Ints a[4], b[4], c[4];
    load_corners(screen, corners, 0, a);
    load_corners(screen, corners, 1, b);
    load_corners(screen, corners, 2, c);
    Doubles area;
    twice_areas(a, b, c, area);
    Ints turn = __builtin_convertvector((area < 0.0) - (area > 0.0), Ints);
    const Ints flags = a[3] | b[3] | c[3];
    for (unsigned bits = sign_bits(flags != 0); bits != 0; bits &= bits - 1) {
      const int i = __builtin_ctz(bits);
      turn[i] = flags[i] & not_finite ? 0 : screen.orientation(corners[i][0], corners[i][1], corners[i][2]);
    }
    store(&turns[2 * first], __builtin_convertvector((turn & 0xff) | (-turn & 0xff) << 8, Pairs));
  }
  return turns;
}

// The side on which all wings of an edge lie, or 0 if it is no silhouette. Wings without a turn have no say.
int silhouette_side(const View& view, std::size_t edge) {
  const auto first = static_cast<std::size_t>(view.topology.wing_start[edge]);
  const auto last = static_cast<std::size_t>(view.topology.wing_start[edge + 1]);
  int side = 0;
  for (std::size_t i = first; i < last; ++i) {
    const int wing = view.turn(view.topology.wing_turns[i]);
    if (wing == 0) continue;
    if (side == -wing) return 0;
    side = wing;
  }
  return side;
}

// Narrows t in [first, last] to where (1 - t) a + t b >= 0.
void clip_range(double a, double b, double& first, double& last) {
  if (a < 0 && b < 0) last = -1;
  if (a < 0 && b >= 0) first = a / (a - b) > first ? a / (a - b) : first;
  if (a >= 0 && b < 0) last = a / (a - b) < last ? a / (a - b) : last;
}

EndPoint snapped_end(const Screen& screen, int32_t vertex) {
  const ScreenVertex& v = screen.vertices[static_cast<std::size_t>(vertex)];
  return {v.x, v.y, double{v.nearness}};
}

// The part of edge ab in front of the near plane and within the guard band, for an edge with an unsnapped end.
// False if there is none.
bool clip_segment(const Screen& screen, int32_t a, int32_t b, Segment& segment) {
  const Homogeneous ha = screen.homogeneous(a), hb = screen.homogeneous(b);
  const double za = double{screen.clip.z[static_cast<std::size_t>(a)]};
  const double zb = double{screen.clip.z[static_cast<std::size_t>(b)]};
  double first = 0, last = 1;
  clip_range(za + ha.w, zb + hb.w, first, last);
  clip_range(guard * ha.w - ha.x, guard * hb.w - hb.x, first, last);
  clip_range(guard * ha.w + ha.x, guard * hb.w + hb.x, first, last);
  clip_range(guard * ha.w - ha.y, guard * hb.w - hb.y, first, last);
  clip_range(guard * ha.w + ha.y, guard * hb.w + hb.y, first, last);
  if (!(first < last)) return false;
  const auto end_at = [&](double t, EndPoint& end) {
    const double w = (1 - t) * ha.w + t * hb.w;
    const double x = ((1 - t) * ha.x + t * hb.x) / w, y = ((1 - t) * ha.y + t * hb.y) / w;
    constexpr double slack = 2 * guard;  // clipping rounds; false for NaN
    if (!(w > 0 && x > -slack && x < slack && y > -slack && y < slack)) return false;
    end = {static_cast<int32_t>(rounded(x)), static_cast<int32_t>(rounded(y)),
           screen.parallel ? 2 - ((1 - t) * za + t * zb) / w : 1 / w};
    return true;
  };
  return end_at(first, segment.a) && end_at(last, segment.b);
}

double depth_at_centre(const View& view, int32_t pixel) {
  const auto triangle = static_cast<std::size_t>(view.ids[static_cast<std::size_t>(pixel)]);
  const int32_t x = (pixel % view.viewport.width) * one_pixel + half_pixel;
  const int32_t y = (pixel / view.viewport.width) * one_pixel + half_pixel;
  return view.screen.depth(view.screen.nearness_at(view.triangles.data() + 3 * triangle, x, y));
}

// Whether inner shows the edge's surface, and outer something behind it. In camera depth, in which an empty
// pixel is at infinity and the edge belongs to the nearer of two surfaces.
bool accepted(const View& view, const Candidate& candidate) {
  const int32_t inner = view.ids[static_cast<std::size_t>(candidate.inner)];
  const int32_t outer = view.ids[static_cast<std::size_t>(candidate.outer)];
  if (inner < 0) return false;
  if (view.topology.components > 1 && view.topology.face_component[static_cast<std::size_t>(inner)] !=
                                          view.topology.edge_component[static_cast<std::size_t>(candidate.edge)])
    return false;
  if (outer < 0) return true;
  const double behind = depth_at_centre(view, candidate.outer) - candidate.depth;
  if (!(behind > 0)) return false;
  const double difference = candidate.depth - depth_at_centre(view, candidate.inner);
  return difference <= behind && -difference <= behind;
}

// The candidates found so far, in memory that grows by doubling.
class CandidateList {
 public:
  explicit CandidateList(Workspace& workspace) : workspace_(workspace) {}

  void add(const Candidate& candidate) {
    if (size_ == memory_.size())
      memory_ = acquire<Candidate>(workspace_, candidates, size_ == 0 ? 1024 : 2 * size_, size_);
    memory_[size_++] = candidate;
  }
  std::span<const Candidate> found() const { return memory_.first(size_); }

 private:
  Workspace& workspace_;
  std::span<Candidate> memory_;
  std::size_t size_ = 0;
};

// A segment as its walk sees it: `along` the pair of pixels, `across` from pair to pair; across grows from a to b.
struct Walk {
  int64_t along_a, across_a, along_step, across_step;
  int32_t first, last;   // rows or columns, first <= i < last
  int32_t pixels_along;  // length of a row or column
  int32_t stride_along, stride_across;
  bool inner_is_second;  // of the pair (i, i + 1)
};

int32_t first_centre_from(int32_t coordinate, int32_t size) {
  const int32_t index = (coordinate + half_pixel - 1) >> 8;
  return index < 0 ? 0 : index > size ? size : index;
}

// Half-open in both directions, as the top-left rule is: centres at the start belong to the segment, those at its end
// to the next one.
Walk make_walk(Segment& segment, int side, int axis, Viewport viewport) {
  if (axis == 0 ? segment.b.y < segment.a.y : segment.b.x < segment.a.x) {
    const EndPoint a = segment.a;
    segment.a = segment.b, segment.b = a;
    side = -side;
  }
  const EndPoint &a = segment.a, &b = segment.b;
  const int32_t dx = b.x - a.x, dy = b.y - a.y;
  if (axis == 0)
    return {a.x,
            a.y,
            dx,
            dy,
            first_centre_from(a.y, viewport.height),
            first_centre_from(b.y, viewport.height),
            viewport.width,
            1,
            viewport.width,
            side < 0};
  return {a.y,
          a.x,
          dy,
          dx,
          first_centre_from(a.x, viewport.width),
          first_centre_from(b.x, viewport.width),
          viewport.height,
          viewport.width,
          1,
          side > 0};
}

void walk_segment(const View& view, int32_t edge, Segment segment, int side, CandidateList& list) {
  const int64_t dx = int64_t{segment.b.x} - segment.a.x, dy = int64_t{segment.b.y} - segment.a.y;
  const int axis = (dy < 0 ? -dy : dy) >= (dx < 0 ? -dx : dx) ? 0 : 1;
  const Walk walk = make_walk(segment, side, axis, view.viewport);
  const int64_t pixel = one_pixel * walk.across_step;
  for (int32_t i = walk.first; i < walk.last; ++i) {
    const int64_t down = int64_t{i} * one_pixel + half_pixel - walk.across_a;
    // The crossing is position / pixel pixels beyond centre 0. It belongs to the pair (index, index + 1) that has it in
    // (index, index + 1]: a centre on the edge is then outer or inner just as the top-left rule covers it.
    const int64_t position = (walk.along_a - half_pixel) * walk.across_step + walk.along_step * down;
    if (position <= 0 || position > pixel * (walk.pixels_along - 1)) continue;
    const int64_t index = (position - 1) / pixel;
    const double fraction = static_cast<double>(position - index * pixel) / static_cast<double>(pixel);
    const double t = static_cast<double>(down) / static_cast<double>(walk.across_step);
    const double nearness = segment.a.nearness + t * (segment.b.nearness - segment.a.nearness);
    const int32_t low = i * walk.stride_across + static_cast<int32_t>(index) * walk.stride_along;
    const int32_t high = low + walk.stride_along;
    const Candidate candidate = walk.inner_is_second
                                    ? Candidate{edge, high, low, axis, 1 - fraction, view.screen.depth(nearness)}
                                    : Candidate{edge, low, high, axis, fraction, view.screen.depth(nearness)};
    if (accepted(view, candidate)) list.add(candidate);
  }
}

void add_edge(const View& view, std::size_t edge, int side, CandidateList& list) {
  const int32_t a = view.topology.edges[2 * edge], b = view.topology.edges[2 * edge + 1];
  Segment segment{};
  if (!((view.screen.flags(a) | view.screen.flags(b)) & unsnapped))
    segment = {snapped_end(view.screen, a), snapped_end(view.screen, b)};
  else if (!clip_segment(view.screen, a, b, segment))
    return;
  walk_segment(view, static_cast<int32_t>(edge), segment, side, list);
}

// Whether each of the edges from `first` on, as many as there are lanes, has two wings.
bool are_folds(const EdgeTopology& topology, std::size_t first) {
  const int32_t start = topology.wing_start[first];
  Ints next;
  load(next, &topology.wing_start[first + 1]);
  const Ints unlike = next - (start + 2 + 2 * lane_numbers);
  return sign_bits(unlike != 0) == 0;
}

// Silhouettes among some edges. They are few and anywhere: they are listed without a branch, and what is read to walk
// one is fetched while others are walked.
class SilhouetteList {
 public:
  static constexpr std::size_t most = 1024;

  void add(std::size_t edge, int side) {
    edges_[count_] = static_cast<int32_t>(edge);
    sides_[count_] = static_cast<int8_t>(side);
    count_ += side != 0;
  }
  void walk(const View& view, CandidateList& list) {
    constexpr std::size_t ahead = 8;
    for (std::size_t i = 0; i < count_; ++i) {
      if (i + ahead < count_) fetch(view, static_cast<std::size_t>(edges_[i + ahead]));
      add_edge(view, static_cast<std::size_t>(edges_[i]), sides_[i], list);
    }
    count_ = 0;
  }

 private:
  static void fetch(const View& view, std::size_t edge) {
    for (const std::size_t end : {2 * edge, 2 * edge + 1})
      __builtin_prefetch(&view.screen.vertices[static_cast<std::size_t>(view.topology.edges[end])]);
  }

  std::size_t count_ = 0;
  int32_t edges_[most];
  int8_t sides_[most];
};

std::span<const Candidate> find_candidates(const View& view, Workspace& workspace) {
  CandidateList list(workspace);
  SilhouetteList silhouettes;
  const std::size_t edges = view.topology.edges.size() / 2;
  for (std::size_t first = 0; first < edges; first += SilhouetteList::most) {
    const std::size_t last = first + SilhouetteList::most < edges ? first + SilhouetteList::most : edges;
    std::size_t edge = first;
    for (; edge + lanes <= last; edge += lanes) {
      if (!are_folds(view.topology, edge)) {
        for (std::size_t i = 0; i < lanes; ++i) silhouettes.add(edge + i, silhouette_side(view, edge + i));
        continue;
      }
      const int32_t* turns = view.topology.wing_turns.data() + view.topology.wing_start[edge];
      for (std::size_t i = 0; i < lanes; ++i) {
        const int both = view.turn(turns[2 * i]) + view.turn(turns[2 * i + 1]);  // 0 where they are on two sides
        silhouettes.add(edge + i, (both > 0) - (both < 0));
      }
    }
    for (; edge < last; ++edge) silhouettes.add(edge, silhouette_side(view, edge));
    silhouettes.walk(view, list);
  }
  return list.found();
}

// Slots number (axis, inner, outer) in the order of the result. A bitmap with running counts finds the rank of a
// slot among those in use, so memory goes with pixels / 2 bytes and candidates rather than with all slots.
class SlotTable {
 public:
  SlotTable(Workspace& workspace, int64_t pixels)
      : pixels_(static_cast<std::size_t>(pixels)),
        bits_(acquire<uint64_t>(workspace, slot_bits, (4 * pixels_ + 63) / 64)),
        ranks_(acquire<uint32_t>(workspace, slot_ranks, bits_.size())) {
    for (uint64_t& word : bits_) word = 0;
  }

  std::size_t slot(int32_t axis, int32_t inner, int32_t outer) const {
    return (static_cast<std::size_t>(axis) * pixels_ + static_cast<std::size_t>(inner)) * 2 + (outer > inner ? 1 : 0);
  }
  void use(std::size_t slot) { bits_[slot / 64] |= uint64_t{1} << slot % 64; }
  bool used(std::size_t slot) const { return bits_[slot / 64] >> slot % 64 & 1; }

  // Returns the number of slots in use; rank() holds from here on.
  std::size_t count() {
    uint32_t total = 0;
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      ranks_[i] = total;
      if (bits_[i]) total += static_cast<uint32_t>(std::popcount(bits_[i]));
    }
    return total;
  }
  std::size_t rank(std::size_t slot) const {
    const uint64_t below = bits_[slot / 64] & ((uint64_t{1} << slot % 64) - 1);
    return ranks_[slot / 64] + static_cast<std::size_t>(std::popcount(below));
  }

 private:
  std::size_t pixels_;
  std::span<uint64_t> bits_;
  std::span<uint32_t> ranks_;
};

bool further_out(const Candidate& a, const Candidate& b) {
  return a.outward != b.outward ? a.outward > b.outward : a.edge < b.edge;
}

bool nearer(const Candidate& a, const Candidate& b) { return a.depth != b.depth ? a.depth < b.depth : a.edge < b.edge; }

std::span<const Crossing> choose_winners(const View& view, std::span<const Candidate> found, Workspace& workspace) {
  SlotTable table(workspace, int64_t{view.viewport.width} * view.viewport.height);
  for (const Candidate& candidate : found) table.use(table.slot(candidate.axis, candidate.inner, candidate.outer));

  const std::span<const Candidate*> best = acquire<const Candidate*>(workspace, winners, table.count());
  for (const Candidate*& candidate : best) candidate = nullptr;
  for (const Candidate& candidate : found) {
    const Candidate*& held = best[table.rank(table.slot(candidate.axis, candidate.inner, candidate.outer))];
    if (!held || further_out(candidate, *held)) held = &candidate;
  }

  const std::span<Crossing> crossings = acquire<Crossing>(workspace, results, best.size());
  std::size_t count = 0;
  for (const Candidate* candidate : best) {
    const std::size_t opposite = table.slot(candidate->axis, candidate->outer, candidate->inner);
    if (table.used(opposite) && nearer(*best[table.rank(opposite)], *candidate)) continue;
    const auto edge = static_cast<std::size_t>(candidate->edge);
    crossings[count++] = {view.topology.edges[2 * edge], view.topology.edges[2 * edge + 1], candidate->inner,
                          candidate->outer, candidate->axis};
  }
  return crossings.first(count);
}

}  // namespace

std::span<const Crossing> crossings(const ClipVertices& clip, std::span<const int32_t> triangles,
                                    const EdgeTopology& topology, Viewport viewport, std::span<const int32_t> ids,
                                    Workspace& workspace) {
  const Screen screen = make_screen(clip, viewport, acquire<ScreenVertex>(workspace, screen_vertices, clip.w.size()));
  const View view{screen, triangles, ids, find_turns(screen, triangles, workspace), topology, viewport};
  return choose_winners(view, find_candidates(view, workspace), workspace);
}

}  // namespace render::kernels::BACKLIGHT_KERNEL_VARIANT
