#!/usr/bin/env python3
"""Times DEODR, another differentiable renderer for the CPU, on the scenes of tests/bench/raster.cpp.

    pip install deodr==0.2.3 typing_extensions imageio trimesh
    BACKLIGHT_DATA=... taskset -c 0 python3 tests/bench/peer_deodr.py

Prints the median milliseconds of a view of 512 x 512 pixels, forward and backward. Projecting the vertices and finding
silhouette edges, which it does in Python, are left out. It computes in float64, interpolates without perspective where
there are gradients, and reads its texture without mips.
"""

import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from deodr.differentiable_renderer import Scene2D

SIZE, DISTANCE, FOCAL, YAW, STEPS, TEXELS = 512, 4, 1.55 * 512, 0.7, 50, 1024


def read_obj(path):
    """Positions, triangles, UVs, triangles of UVs."""
    positions, triangles, uvs, uv_triangles = [], [], [], []
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            positions.append([float(word) for word in words[:3]])
        elif kind == "vt":
            uvs.append([float(word) for word in words[:2]])
        elif kind == "f":
            corners = [word.split("/") for word in words]
            triangles.append([int(corner[0]) - 1 for corner in corners])
            if len(corners[0]) > 1 and corners[0][1]:
                uv_triangles.append([int(corner[1]) - 1 for corner in corners])
    as_faces = lambda faces: np.array(faces, dtype=np.uint32).reshape(-1, 3)
    return np.array(positions), as_faces(triangles), np.array(uvs), as_faces(uv_triangles)


def posed(positions):
    """Camera coordinates, z forward, of the body whose longest half-extent is 1."""
    low, high = positions.min(0), positions.max(0)
    x, y, z = ((positions - (low + high) / 2) / ((high - low) / 2).max()).T
    return np.cos(YAW) * x + np.sin(YAW) * z, y, DISTANCE - (np.cos(YAW) * z - np.sin(YAW) * x)


class Edges:
    """Which edges of which faces are silhouettes: between one face in front and one behind."""

    def __init__(self, triangles, vertices):
        ends = np.stack([triangles[:, [k, (k + 1) % 3]] for k in range(3)], 1).reshape(-1, 2).astype(np.int64)
        ends.sort(1)
        _, self.edge = np.unique(ends[:, 0] * vertices + ends[:, 1], return_inverse=True)
        self.triangles = triangles

    def silhouettes(self, ij):
        a, b, c = (ij[self.triangles[:, k]] for k in range(3))
        (ux, uy), (vx, vy) = (b - a).T, (c - a).T
        front = ux * vy - uy * vx < 0
        of_edge = np.bincount(self.edge, np.repeat(front, 3))
        return (of_edge[self.edge] == 1).reshape(-1, 3) & front[:, None]


def measure(path, textured):
    positions, triangles, uvs, uv_triangles = read_obj(path)
    x, y, depth = posed(positions)
    count, random = len(positions), np.random.default_rng(5)
    edges = Edges(triangles, count)
    colours, gradient = random.uniform(0.1, 0.9, (count, 3)), random.uniform(-1, 1, (SIZE, SIZE, 3))
    texture = random.uniform(0, 1, (TEXELS, TEXELS, 3)) if textured else np.zeros((0, 0))
    forward, backward = [], []
    for step in range(-3, STEPS):
        factor = 1 + 0.01 * np.sin(step)
        w = DISTANCE + factor * (depth - DISTANCE)
        ij = np.stack([SIZE / 2 + FOCAL * factor * x / w, SIZE / 2 - FOCAL * factor * y / w], 1)
        scene = Scene2D(
            faces=triangles,
            faces_uv=uv_triangles if textured else triangles,
            ij=ij,
            depths=w,
            textured=np.full(len(triangles), textured),
            uv=np.array([0, TEXELS - 1]) + (TEXELS - 1) * np.array([1, -1]) * uvs if textured else np.zeros((count, 2)),
            shade=np.ones(count),
            colors=colours,
            shaded=np.full(len(triangles), textured),
            edgeflags=edges.silhouettes(ij),
            height=SIZE,
            width=SIZE,
            nb_colors=3,
            texture=texture,
            background_color=np.zeros(3),
            backface_culling=True,
            integer_pixel_centers=False,
        )
        scene.clear_gradients()
        start = time.perf_counter()
        scene.render(1)
        middle = time.perf_counter()
        scene.render_backward(gradient, make_copies=False)
        end = time.perf_counter()
        if step >= 0:
            forward.append(middle - start)
            backward.append(end - middle)
    there, back = (1e3 * statistics.median(times) for times in (forward, backward))
    print(f"{path.stem}{', textured' if textured else ''}: forward {there:.2f} ms, backward {back:.2f} ms")


def main():
    if "BACKLIGHT_DATA" not in os.environ:
        sys.exit("peer_deodr.py: BACKLIGHT_DATA names no folder with meshes/")
    meshes = Path(os.environ["BACKLIGHT_DATA"]) / "meshes"
    spot = meshes / "spot/spot_triangulated.obj"
    measure(spot, False)
    measure(meshes / "bunny/bunny_hr.obj", False)
    measure(spot, True)


main()
