#pragma once

#include <render/raster/mipmap.h>

namespace render {

/// A texture whose unseen texels are filled from the seen ones around them: gutters between charts, and
/// places that no view shows. Up the pyramid go weighted means of what was seen; down again, each unseen
/// texel takes a smooth sample of the level above it. Seen texels keep their values.
///
/// texture  [height, width, channels]; what stands where the weight is 0 does not matter, if it is finite
/// weight   [height, width, 1]: 0 where a texel was not seen; else how much it counts
/// returns  the texture's shape; 0 everywhere where nothing was seen
/// source   the pull and push phases of Gortler, Grzeszczuk, Szeliski & Cohen 1996, "The Lumigraph",
///          section 3.4.2, with hard weights
BACKLIGHT_API Tensor fill_unseen(const Tensor& texture, const Tensor& weight, const MipLevels& levels);

}  // namespace render
