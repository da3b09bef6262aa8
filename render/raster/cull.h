#pragma once

#include <cstdint>

namespace render {

/// Faces that are not drawn: those that turn their back (their corners clockwise as seen) or their front to the camera.
enum class Cull : uint8_t { none, back, front };

}  // namespace render
