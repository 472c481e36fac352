"""Launches rays through a scene and records where they cross the UE surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.rays.ue_surface import UeSurface, mesh_scene
from raylocus.propagation.runtime.runtime import activate

#: Reflected rays start this far off the surface [m], several times the float32 spacing at 1 km.
SURFACE_OFFSET = 1e-3
#: What a ray of a wavefront takes on the way, its direction and history included [byte].
BYTES_PER_RAY = 300


@dataclass(frozen=True)
class Crossings:
    """Where rays crossed the UE surface, and what they had touched before."""

    ground_cell: Int[np.ndarray, " crossing"]
    triangles: Int[np.ndarray, "crossing depth"]
    """Triangles reflected from, in order; −1 past the last."""


class RayScene:
    """Triangles and a UE surface, ready to be intersected by Mitsuba on CPU or GPU."""

    def __init__(self, surfaces: Surfaces, surface: Float[np.ndarray, "y x"], grid: Grid):
        """Builds the acceleration structures.

        Args:
            surfaces: of the scene.
            surface: z of the UE surface at the cell centres [m].
            grid: grid of the surface; crossings outside it are not recorded.
        """
        activate()
        import mitsuba as mi

        vertices = surfaces.vertices
        #: What is shot at.
        self.surfaces = surfaces
        self._normals = mi.Float(np.ascontiguousarray(surfaces.normal.astype(np.float32).ravel()))
        #: The triangles, for `ray_intersect`.
        self.mitsuba_scene = mesh_scene(vertices.reshape(-1, 3), np.arange(3 * len(vertices)).reshape(-1, 3))
        self._surface = UeSurface(surface, grid)

    def launch(
        self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "ray 3"], depth: int
    ) -> Crossings:
        """Follows every ray of one wavefront through up to `depth` specular reflections.

        The rays stay with Dr.Jit from bounce to bounce; only what crossed and what was hit is read back.
        Neighbours in azimuth are intersected together, which takes half the time; crossings are in the rays' order.
        """
        import drjit as dr
        import mitsuba as mi

        start = mi.Point3f(*(dr.opaque(mi.Float, float(part)) for part in origin))
        order = _by_azimuth(directions)
        towards = mi.Vector3f(*(mi.Float(column[order].astype(np.float32)) for column in directions.T))
        number = dr.arange(mi.UInt32, len(directions))
        touched = np.full((len(directions), depth), -1, np.int32)
        cells, rays, bounces = [], [], []
        for bounce in range(depth + 1):
            ray = mi.Ray3f(start, towards)
            hit = self.mitsuba_scene.ray_intersect_preliminary(ray)
            reached = hit.is_valid()
            dr.schedule(hit, reached)
            for cell, crossing in self._surface.crossings(ray, hit.t, number):
                cells.append(cell)
                rays.append(crossing)
                bounces.append(np.full(len(cell), bounce))
            alive: Any = dr.compress(reached)
            if bounce == depth or not len(alive):
                break
            triangle, number = (dr.gather(mi.UInt32, of, alive) for of in (hit.prim_index, number))
            start, towards = self._reflected(ray, hit.t, triangle, alive)
            dr.eval(start, towards, number)
            touched[number.numpy(), bounce] = triangle.numpy()
        which, when, cell = (np.concatenate(parts) for parts in (rays, bounces, cells))
        ranked = np.argsort(order[which], kind="stable")
        sequences = np.where(np.arange(depth) < when[ranked, None], touched[which[ranked]], -1)
        return Crossings(cell[ranked].astype(np.int64), sequences)

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
    ) -> tuple[Float[np.ndarray, " ray"], Int[np.ndarray, " ray"]]:
        """Distance to the first triangle along each ray (inf where none) and its index."""
        return _intersect(self.mitsuba_scene, origin.astype(np.float32), direction.astype(np.float32), np.inf)


def _by_azimuth(directions: Float[np.ndarray, "ray 3"]) -> Int[np.ndarray, " ray"]:
    """Order of rising azimuth, to 2π/2¹⁶: sixteen bits are sorted in linear time."""
    turn = np.arctan2(directions[:, 1], directions[:, 0]) / (2 * np.pi)
    return np.argsort((turn * 65535).astype(np.int16), kind="stable")


def _intersect(
    scene: Any,
    origin: Float[np.ndarray, "ray 3"],
    direction: Float[np.ndarray, "ray 3"],
    limit: Float[np.ndarray, " ray"] | float,
) -> tuple[Float[np.ndarray, " ray"], Int[np.ndarray, " ray"]]:
    """Distance to the first hit and the triangle hit; inf and −1 where there is none."""
    import mitsuba as mi

    if not len(origin):
        return np.zeros(0, np.float32), np.zeros(0, np.int32)
    ray: Any = mi.Ray3f(
        mi.Point3f(np.ascontiguousarray(origin.T)), mi.Vector3f(np.ascontiguousarray(direction.T))
    )
    ray.maxt = mi.Float(
        np.minimum(limit, np.finfo(np.float32).max).astype(np.float32) if np.ndim(limit) else 1e30
    )
    hit = scene.ray_intersect_preliminary(ray)
    distance = hit.t.numpy()
    triangle = np.where(distance < 1e29, hit.prim_index.numpy().astype(np.int64), -1).astype(np.int32)
    return np.where(distance < 1e29, distance, np.inf).astype(np.float32), triangle
