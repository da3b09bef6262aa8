#pragma once

#include <render/geometry/mesh.h>

namespace render {

/// Reads a Wavefront OBJ with tinyobjloader: polygons (triangulated), negative indices, UVs,
/// normals, several shapes (joined), MTL diffuse colour and map, vertex colours (taken as sRGB,
/// stored linear). Unreferenced vertices are kept, in the file's order.
///
/// throws  FileError naming the file, and the line where there is one: missing file, no faces,
///         an index that is 0 or out of range, a number that is not finite, a face with fewer than three
///         corners, a face of more than 1,024 corners that is not convex, a line that is no OBJ
/// A missing or unreadable MTL is a warning (returned in `warnings`, one line each), not an error.
/// Numbers are the float64 nearest to the text. Normals of zero length count as none.
BACKLIGHT_API Mesh read_obj(const std::filesystem::path& path, std::vector<std::string>* warnings = nullptr);

/// Writes an OBJ (and, where the mesh has materials, an MTL of the same stem beside it), to temporary
/// files that are renamed when complete. Numbers are the shortest text that reads back to the same
/// value; the same mesh gives the same bytes. Vertex colours follow the position, in sRGB.
/// throws  FileError; ShapeError, DTypeError or IndexError for a mesh that does not fit together
BACKLIGHT_API void write_obj(const std::filesystem::path& path, const Mesh& mesh);

}  // namespace render
