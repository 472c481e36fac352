"""The surface on which UEs are, and where rays cross it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid


def mesh_scene(vertices: Float[np.ndarray, "vertex 3"], faces: Int[np.ndarray, "face 3"]) -> Any:
    """A Mitsuba scene of one mesh.

    Args:
        vertices: corners [m].
        faces: three corners of each triangle.
    """
    import mitsuba as mi

    mesh = mi.Mesh("triangles", len(vertices), len(faces))
    parameters = mi.traverse(mesh)
    parameters["vertex_positions"] = vertices.astype(np.float32).ravel()
    parameters["faces"] = faces.astype(np.uint32).ravel()
    parameters.update()
    return mi.load_dict({"type": "scene", "mesh": mesh})


#: Behind a crossing the next one is looked for this far on [m].
CROSSING_STEP = 0.05


class UeSurface:
    """A plane over level ground, else a mesh."""

    def __init__(self, height: Float[np.ndarray, "y x"], grid: Grid):
        """Moves the surface to the device.

        Args:
            height: z of the surface at the cell centres [m].
            grid: grid of the surface; crossings outside it are not recorded.
        """
        import drjit as dr
        import mitsuba as mi

        # Kernels are compiled once for all places, so what differs between them must not be a literal.
        self._half, self._resolution, self._count, self._level = (
            dr.opaque(mi.Float, float(value))
            for value in (grid.size / 2, grid.resolution, grid.count, height.flat[0])
        )
        flat = bool(np.ptp(height) == 0)
        self._mesh = None if flat else mesh_scene(*_height_field(height, grid))

    def crossings(
        self, ray: Any, limit: Any, number: Any
    ) -> Iterator[tuple[Int[np.ndarray, " crossing"], Int[np.ndarray, " crossing"]]]:
        """Ground cells in which rays of Mitsuba cross the surface, and the rays' numbers, one crossing after the other.

        On a hillside a ray dips into the metre and a half above the ground and leaves it again, so
        every crossing counts; level ground has one.

        Args:
            ray: the rays.
            limit: where each ends [m].
            number: of each ray.
        """
        import drjit as dr
        import mitsuba as mi

        while True:
            cell, distance, crossed = self._next_crossing(ray, limit)
            dr.eval(cell, distance, crossed)
            index: Any = dr.compress(crossed)
            found, rays = (dr.gather(mi.UInt32, each, index).numpy() for each in (cell, number))
            yield found, rays
            if self._mesh is None or not len(index):
                return
            distance, limit = (dr.gather(mi.Float, each, index) for each in (distance + CROSSING_STEP, limit))
            start, towards = (dr.gather(type(each), each, index) for each in (ray.o, ray.d))
            # Dr.Jit's stubs know no product of numbers and vectors.
            ray = mi.Ray3f(start + distance * towards, towards)  # pyrefly: ignore[unsupported-operation, no-matching-overload]
            limit = limit - distance
            number = dr.gather(mi.UInt32, number, index)

    def _next_crossing(self, ray: Any, limit: Any) -> tuple[Any, Any, Any]:
        """Ground cell in which each ray first crosses the UE surface before `limit`, where, and whether it does."""
        import drjit as dr
        import mitsuba as mi

        if self._mesh is None:
            distance = (self._level - ray.o.z) / ray.d.z
            crossed = (distance > 0) & (distance < limit)
        else:
            ray = mi.Ray3f(ray)
            ray.maxt = limit
            hit = self._mesh.ray_intersect_preliminary(ray)
            distance, crossed = hit.t, hit.is_valid()
        count = self._count
        column = dr.floor((ray.o.x + distance * ray.d.x + self._half) / self._resolution)
        row = dr.floor((ray.o.y + distance * ray.d.y + self._half) / self._resolution)
        crossed &= (column >= 0) & (column < count) & (row >= 0) & (row < count)
        return mi.UInt32(dr.select(crossed, row * count + column, 0)), distance, crossed


def _height_field(
    surface: Float[np.ndarray, "y x"], grid: Grid
) -> tuple[Float[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """A mesh through the cell centres, prolonged by half a cell to the tile's edge."""
    axis = np.concatenate([[-grid.size / 2], grid.x_coordinates, [grid.size / 2]])
    y, x = np.meshgrid(axis, axis, indexing="ij")
    z = np.pad(surface, 1, mode="edge")
    corner = np.arange(len(axis) ** 2).reshape(len(axis), len(axis))
    a, b, c, d = (
        part.ravel() for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:])
    )
    faces = np.concatenate([np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)])
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=-1), faces
