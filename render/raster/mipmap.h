#pragma once

#include <render/math/vec.h>

#include <array>

namespace render {

/// Where the levels of a texture's mip pyramid lie in one list of texels. Level 0 is the texture; each
/// further one has half the extents of the one before, rounded up, down to 1 x 1. Made once a size.
class BACKLIGHT_API MipLevels {
 public:
  static constexpr int64_t largest = 16384;  ///< texels a side
  struct Level {
    int64_t first = 0;  ///< row of its texel (0, 0) in the list; the others follow row by row
    int64_t height = 0, width = 0;
  };

  /// The first `count` levels, or all there are. throws ValueError: extents from 1 to `largest`, a count from 1
  MipLevels(int64_t height, int64_t width, int count = 15);

  int count() const { return count_; }
  const Level& operator[](int level) const { return levels_[static_cast<size_t>(level)]; }
  int64_t texels() const;  ///< of all levels

  /// The same as tables [count] int32, for gather().
  Tensor first() const { return ag::tensor(first_); }
  Tensor widths() const { return ag::tensor(widths_); }
  Tensor heights() const { return ag::tensor(heights_); }

 private:
  std::array<Level, 15> levels_{};
  int count_ = 0;
  ag::Array first_, widths_, heights_;
};

/// All levels of a texture [height, width, channels] in one list [texels, channels]. A texel is a quarter of the sum
/// of the four below it; where an extent is odd, the last row or column counts twice.
/// throws  ShapeError where the texture's extents are not those of `levels`
BACKLIGHT_API Tensor mipmap(const Tensor& texture, const MipLevels& levels);

}  // namespace render
