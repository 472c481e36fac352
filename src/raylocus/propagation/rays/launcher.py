"""Launches rays, in directions chosen by the ground they serve, and records where they cross the UE surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.rays.ue_surface import UeSurface, mesh_scene
from raylocus.propagation.runtime.runtime import activate

#: Inverse powers of the root of x⁴ = x + 1: the three-dimensional R3 sequence (Roberts 2018).
_R3 = 1.2207440846057596 ** -np.arange(1.0, 4.0)
#: Uniform rays for each aimed one.
UNIFORM_SHARE = 1 / 6
#: A tile whose ground differs by more than this needs twice the rays [m].
HILLY = 4.0


@dataclass(frozen=True)
class LaunchDirections:
    """Rays of one site: towards the ground and uniform."""

    height: float
    """z of the site [m]."""
    ground: Float[np.ndarray, " height"]
    """Sorted heights of the UE surface [m]."""
    radius: float
    """Longest unfolded path in plan [m]."""
    aimed_rays: int
    uniform_rays: int

    @property
    def count(self) -> int:
        """Rays in all."""
        return self.aimed_rays + self.uniform_rays

    def vectors(self, shift: Float[np.ndarray, "3"], rays: slice) -> Float[np.ndarray, "ray 3"]:
        """Unit launch directions of some of the rays, their sequence shifted at random."""
        aimed = low_discrepancy(
            slice(min(rays.start, self.aimed_rays), min(rays.stop, self.aimed_rays)), shift
        )
        rest = low_discrepancy(
            slice(max(rays.start, self.aimed_rays), max(rays.stop, self.aimed_rays)), shift
        )
        return np.concatenate([self._aimed(aimed).T, uniform_directions(rest).T], axis=1).T

    def _aimed(self, point: Float[np.ndarray, "ray 3"]) -> Float[np.ndarray, "ray 3"]:
        # Evenly spread in radius, so that near cells, whose paths touch more surfaces, get more rays.
        radius, azimuth = self.radius * point[:, 0], 2 * np.pi * point[:, 1]
        height = self.ground.astype(np.float32)[(point[:, 2] * len(self.ground)).astype(np.int64)]
        target = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height - self.height])
        return (target / np.maximum(np.sqrt(radius**2 + target[2] ** 2), 1e-9)).T


def directions_for(
    height: float, surface: Float[np.ndarray, "y x"], radius: float, cell_area: float, rays_per_cell: float
) -> LaunchDirections:
    """Directions for a site over a UE surface.

    Args:
        height: z of the site [m].
        surface: z of the UE surface over the tile [m].
        radius: longest unfolded path in plan [m].
        cell_area: area of a ground cell [m²].
        rays_per_cell: rays for every ground cell within the radius, on average.
    """
    ground = np.sort(surface, axis=None)
    aimed = int(rays_per_cell * np.pi * radius**2 / cell_area)
    if ground[-1] - ground[0] > HILLY:
        aimed *= 2
    return LaunchDirections(height, ground, radius, aimed, int(UNIFORM_SHARE * aimed))


def uniform_directions(point: Float[np.ndarray, "ray two_or_more"]) -> Float[np.ndarray, "ray 3"]:
    """Unit vectors spread over the sphere as the points' first two coordinates are over the unit square."""
    z, azimuth = 2 * point[:, 0] - 1, 2 * np.pi * point[:, 1]
    horizontal = np.sqrt(1 - z**2)
    return np.stack([horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), z]).T


def horizontal_directions(point: Float[np.ndarray, "ray two_or_more"]) -> Float[np.ndarray, "ray 3"]:
    """Unit vectors, the denser the nearer to the horizon, where distant walls are: their density is 1/√|4z|."""
    height = 2 * point[:, 0] - 1
    return uniform_directions(np.column_stack([(1 + height * np.abs(height)) / 2, point[:, 1]]))


def low_discrepancy(which: slice, shift: Float[np.ndarray, "3"]) -> Float[np.ndarray, "count 3"]:
    """Points of the shifted sequence, spread evenly over the unit cube, in single precision."""
    number = np.arange(which.start + 1, which.stop + 1)
    turns = [start + step * number for start, step in zip(shift.tolist(), _R3.tolist(), strict=True)]
    point = np.stack([(each - np.floor(each)).astype(np.float32) for each in turns])
    # Rounded to single precision, what is just below one must not become one.
    return np.minimum(point, np.float32(1 - 2**-24)).T


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
        cells = []
        rays = []
        bounces = []
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
