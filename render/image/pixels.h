#pragma once

#include <render/image/image.h>

namespace render {

/// Throws ValueError, naming `operation`, unless the image has the bytes that its size asks for. Private to the
/// library.
void require_pixels(const char* operation, const Image8& image);

}  // namespace render
