#pragma once

#include <tests/apps/tool.h>
#include <tests/catch.h>

/// A folder with eight small pictures of a cube, whose mesh has no texture coordinates.
struct CubePictures : ScratchFolder {
  CubePictures() {
    write("cube.obj", cube_obj);
    const ToolRun run = run_tool({"render", path("cube.obj"), "--out", path("views"), "--views", "8", "--size", "40"});
    REQUIRE(run.code == 0);
  }
  std::string path(const std::string& name) const { return (*this / name).string(); }
};
