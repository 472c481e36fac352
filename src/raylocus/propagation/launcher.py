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
#: What a ray of a wavefront takes on the way, its direction and history included [byte].
BYTES_PER_RAY = 300


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
        import drjit as dr
        import mitsuba as mi

        self._normals = mi.Float(np.ascontiguousarray(unit_normals(vertices).astype(np.float32).ravel()))
        #: The triangles, for `ray_intersect`.
        self.mitsuba_scene = _mitsuba_scene(
            vertices.reshape(-1, 3), np.arange(3 * len(vertices)).reshape(-1, 3)
        )
        # Kernels are compiled once for all places, so what differs between them must not be a literal.
        self._half, self._resolution, self._count, self._level = (
            dr.opaque(mi.Float, float(value))
            for value in (grid.size / 2, grid.resolution, grid.count, surface.flat[0])
        )
        flat = bool(np.ptp(surface) == 0)
        self._surface = None if flat else _mitsuba_scene(*_height_field(surface, grid))

    def launch(
        self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "ray 3"], depth: int
    ) -> Crossings:
        """Follows every ray of one wavefront through up to `depth` specular reflections.

        The rays stay with Dr.Jit from bounce to bounce; only what crossed and what was hit is read back.
        """
        import drjit as dr
        import mitsuba as mi

        start = mi.Point3f(*(dr.opaque(mi.Float, float(part)) for part in origin))
        towards = mi.Vector3f(np.ascontiguousarray(directions.T, np.float32))
        number = dr.arange(mi.UInt32, len(directions))
        touched = np.full((len(directions), depth), -1, np.int32)
        cells, rays, bounces = [], [], []
        for bounce in range(depth + 1):
            ray = mi.Ray3f(start, towards)
            hit = self.mitsuba_scene.ray_intersect_preliminary(ray)
            cell, crossed = self._crossing(ray, hit.t)
            reached = hit.is_valid()
            dr.eval(hit, cell, crossed, reached)
            index = dr.compress(crossed)
            cells.append(dr.gather(mi.UInt32, cell, index).numpy())
            rays.append(dr.gather(mi.UInt32, number, index).numpy())
            bounces.append(np.full(len(index), bounce))
            alive = dr.compress(reached)
            if bounce == depth or not len(alive):
                break
            triangle, number = (dr.gather(mi.UInt32, of, alive) for of in (hit.prim_index, number))
            start, towards = self._reflected(ray, hit.t, triangle, alive)
            dr.eval(start, towards, number)
            touched[number.numpy(), bounce] = triangle.numpy()
        which, when = np.concatenate(rays), np.concatenate(bounces)
        sequences = np.where(np.arange(depth) < when[:, None], touched[which], -1)
        return Crossings(np.concatenate(cells).astype(np.int64), sequences)

    def _crossing(self, ray: Any, limit: Any) -> tuple[Any, Any]:
        """Ground cell in which each ray crosses the UE surface before `limit`, and whether it does."""
        import drjit as dr
        import mitsuba as mi

        if self._surface is None:
            distance = (self._level - ray.o.z) / ray.d.z
            crossed = (distance > 0) & (distance < limit)
        else:
            ray = mi.Ray3f(ray)
            ray.maxt = limit
            hit = self._surface.ray_intersect_preliminary(ray)
            distance, crossed = hit.t, hit.is_valid()
        count = self._count
        column = dr.floor((ray.o.x + distance * ray.d.x + self._half) / self._resolution)
        row = dr.floor((ray.o.y + distance * ray.d.y + self._half) / self._resolution)
        crossed &= (column >= 0) & (column < count) & (row >= 0) & (row < count)
        return mi.UInt32(dr.select(crossed, row * count + column, 0)), crossed

    def _reflected(self, ray: Any, distance: Any, triangle: Any, alive: Any) -> tuple[Any, Any]:
        """Origin, off the surface, and direction of the rays that go on."""
        import drjit as dr
        import mitsuba as mi

        direction = mi.Vector3f(*(dr.gather(mi.Float, part, alive) for part in ray.d))
        met = ray.o + distance * ray.d
        point = mi.Point3f(*(dr.gather(mi.Float, part, alive) for part in met))
        normal = dr.gather(mi.Vector3f, self._normals, triangle)
        along = dr.dot(direction, normal)
        return point - dr.sign(along) * SURFACE_OFFSET * normal, direction - 2 * along * normal

    def hit(self, origin: Any, direction: Any, active: Any) -> tuple[Any, Any]:
        """Distance to the first triangle along rays of a kernel being traced, inf where none, and its index or 0."""
        import drjit as dr
        import mitsuba as mi

        ray = mi.Ray3f(origin, direction)
        hit = self.mitsuba_scene.ray_intersect_preliminary(ray, coherent=False, active=active)
        found = active & hit.is_valid()
        # A miss leaves the index undefined, and gathering with it would read anywhere.
        return dr.select(found, hit.t, dr.inf), dr.select(found, hit.prim_index, 0)

    def clear(self, start: Any, end: Any, tolerance: float, active: Any) -> Any:
        """Whether nothing lies on segments of a kernel being traced, their last `tolerance` [m] left out."""
        import drjit as dr
        import mitsuba as mi

        span = end - start
        length = dr.norm(span)
        ray = mi.Ray3f(start + SURFACE_OFFSET / length * span, span / length)
        ray.maxt = length - SURFACE_OFFSET - tolerance
        return active & ~self.mitsuba_scene.ray_test(ray, active=active)

    def first_hit(
        self, origin: Float[np.ndarray, "ray 3"], direction: Float[np.ndarray, "ray 3"]
    ) -> tuple[Float[np.ndarray, "ray"], Int[np.ndarray, "ray"]]:
        """Distance to the first triangle along each ray (inf where none) and its index."""
        return _intersect(self.mitsuba_scene, origin.astype(np.float32), direction.astype(np.float32), np.inf)


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
