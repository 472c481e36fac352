"""Launches rays through a scene and records where they cross the UE surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.propagation.facets import unit_normals
from raylocus.propagation.runtime import activate

#: Reflected rays start this far off the surface [m], several times the float32 spacing at 1 km.
SURFACE_OFFSET = 1e-3
#: Rays of one wavefront; bounds the memory of a launch to about 200 MB.
WAVEFRONT = 1 << 20


@dataclass(frozen=True)
class Crossings:
    """Where rays crossed the UE surface, and what they had touched before."""

    ground_cell: Int[np.ndarray, "crossing"]
    triangles: Int[np.ndarray, "crossing depth"]
    """Triangles reflected from, in order; −1 past the last."""


class RayScene:
    """Triangles and a UE surface, ready to be intersected by Mitsuba on CPU or GPU."""

    def __init__(
        self, vertices: Float[np.ndarray, "triangle 3 3"], surface: Float[np.ndarray, "y x"], grid: Grid
    ):
        """Builds the acceleration structures.

        Args:
            vertices: corners of the scene's triangles [m].
            surface: z of the UE surface at the cell centres [m].
            grid: grid of the surface; crossings outside it are not recorded.
        """
        activate()
        self._grid = grid
        self._normals = unit_normals(vertices).astype(np.float32)
        self._scene = _mitsuba_scene(vertices.reshape(-1, 3), np.arange(3 * len(vertices)).reshape(-1, 3))
        self._surface = _mitsuba_scene(*_height_field(surface, grid))

    def launch(
        self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "ray 3"], depth: int
    ) -> Crossings:
        """Follows every ray through up to `depth` specular reflections."""
        parts = [
            self._wavefront(origin, directions[start : start + WAVEFRONT].astype(np.float32), depth)
            for start in range(0, len(directions), WAVEFRONT)
        ]
        return Crossings(
            np.concatenate([part.ground_cell for part in parts]),
            np.concatenate([part.triangles for part in parts]),
        )

    def _wavefront(
        self, source: Float[np.ndarray, "3"], direction: Float[np.ndarray, "ray 3"], depth: int
    ) -> Crossings:
        origin = np.broadcast_to(source.astype(np.float32), direction.shape)
        touched = np.full((len(direction), depth), -1, np.int32)
        cells, sequences = [], []
        for bounce in range(depth + 1):
            distance, triangle = _intersect(self._scene, origin, direction, np.inf)
            crossing, _ = _intersect(self._surface, origin, direction, distance)
            crossed = np.flatnonzero(np.isfinite(crossing))
            point = origin[crossed] + crossing[crossed, None] * direction[crossed]
            cell = self._grid.index(point)
            cells.append(cell[cell >= 0])
            sequences.append(touched[crossed[cell >= 0]])
            if bounce == depth:
                break
            hit = np.flatnonzero(np.isfinite(distance))
            origin, direction, touched = origin[hit], direction[hit], touched[hit]
            touched[:, bounce] = triangle[hit]
            origin, direction = self._reflect(origin, direction, distance[hit], triangle[hit])
        return Crossings(np.concatenate(cells), np.concatenate(sequences))

    def _reflect(
        self,
        origin: Float[np.ndarray, "ray 3"],
        direction: Float[np.ndarray, "ray 3"],
        distance: Float[np.ndarray, "ray"],
        triangle: Int[np.ndarray, "ray"],
    ) -> tuple[Float[np.ndarray, "ray 3"], Float[np.ndarray, "ray 3"]]:
        normal = self._normals[triangle]
        along = np.einsum("ri,ri->r", direction, normal)[:, None]
        point = origin + distance[:, None] * direction - np.sign(along) * SURFACE_OFFSET * normal
        return point, direction - 2 * along * normal

    def first_hit(
        self, origin: Float[np.ndarray, "ray 3"], direction: Float[np.ndarray, "ray 3"]
    ) -> tuple[Float[np.ndarray, "ray"], Int[np.ndarray, "ray"]]:
        """Distance to the first triangle along each ray (inf where none) and its index."""
        return _intersect(self._scene, origin.astype(np.float32), direction.astype(np.float32), np.inf)


def _mitsuba_scene(vertices: Float[np.ndarray, "vertex 3"], faces: Int[np.ndarray, "face 3"]) -> Any:
    import mitsuba as mi

    mesh = mi.Mesh("triangles", len(vertices), len(faces))
    parameters = mi.traverse(mesh)
    parameters["vertex_positions"] = vertices.astype(np.float32).ravel()
    parameters["faces"] = faces.astype(np.uint32).ravel()
    parameters.update()
    return mi.load_dict({"type": "scene", "mesh": mesh})


def _intersect(
    scene: Any,
    origin: Float[np.ndarray, "ray 3"],
    direction: Float[np.ndarray, "ray 3"],
    limit: Float[np.ndarray, "ray"] | float,
) -> tuple[Float[np.ndarray, "ray"], Int[np.ndarray, "ray"]]:
    """Distance to the first hit and the triangle hit; inf and −1 where there is none."""
    import mitsuba as mi

    if not len(origin):
        return np.zeros(0, np.float32), np.zeros(0, np.int32)
    ray = mi.Ray3f(mi.Point3f(np.ascontiguousarray(origin.T)), mi.Vector3f(np.ascontiguousarray(direction.T)))
    ray.maxt = mi.Float(
        np.minimum(limit, np.finfo(np.float32).max).astype(np.float32) if np.ndim(limit) else 1e30
    )
    hit = scene.ray_intersect_preliminary(ray)
    distance = hit.t.numpy()
    triangle = np.where(distance < 1e29, hit.prim_index.numpy().astype(np.int64), -1).astype(np.int32)
    return np.where(distance < 1e29, distance, np.inf).astype(np.float32), triangle


def _height_field(
    surface: Float[np.ndarray, "y x"], grid: Grid
) -> tuple[Float[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """A mesh through the cell centres, prolonged by half a cell to the tile's edge."""
    axis = np.concatenate([[-grid.size / 2], grid.coordinates, [grid.size / 2]])
    y, x = np.meshgrid(axis, axis, indexing="ij")
    z = np.pad(surface, 1, mode="edge")
    corner = np.arange(len(axis) ** 2).reshape(len(axis), len(axis))
    a, b, c, d = (
        part.ravel() for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:])
    )
    faces = np.concatenate([np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)])
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=-1), faces
