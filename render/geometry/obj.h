#pragma once

#include <render/geometry/mesh.h>

namespace render {

/// Reads a Wavefront OBJ with tinyobjloader: polygons (triangulated), negative indices, UVs,
/// normals, several shapes (joined), MTL diffuse colour and map, vertex colours (taken as sRGB,
/// stored linear). Unreferenced vertices are kept, in the file's order.
///
/// throws  FileError naming the file, and the line where there is one: missing file, no faces,
///         an index out of range, a vertex that is not finite, a face with fewer than three corners
/// A missing or unreadable MTL is a warning (returned in `warnings`, one line each), not an error.
BACKLIGHT_API Mesh read_obj(const std::filesystem::path& path, std::vector<std::string>* warnings = nullptr);

/// Writes an OBJ (and, where the mesh has materials, an MTL of the same stem beside it), to temporary
/// files that are renamed when complete. Numbers are the shortest text that reads back to the same
/// value; the same mesh gives the same bytes. Vertex colours follow the position, in sRGB.
/// throws  FileError
BACKLIGHT_API void write_obj(const std::filesystem::path& path, const Mesh& mesh);

}  // namespace render
