"""Rays walked through all triangles of a scene in double precision, by nothing that finds paths, also to its edges."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from raylocus.propagation.atlas.atlas import PathAtlas

#: A leg starts on a triangle and does not meet it again so near [m].
ON_SURFACE = 1e-6
#: A line that passes an edge this closely still meets both its triangles [m²]: no ray slips between two.
SEAM = 1e-7
#: Corners this close to an edge's end are that end [m].
SAME_CORNER = 1e-3
#: Rays and triangles that are tried at once.
RAYS, TRIANGLES = 512, 2048


class AllTriangles:
    """The triangles of a scene, to be hit."""

    def __init__(self, vertices: Float[np.ndarray, "triangle 3 3"]):
        """Derives edges and normals; a triangle without area is never hit."""
        corners = vertices.astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = np.linalg.norm(normal, axis=1, keepdims=True)
        self._kept = np.flatnonzero(size[:, 0] > 0)
        #: Unit normals; zero where there is no area.
        self.normal = np.divide(normal, size, out=np.zeros_like(normal), where=size > 0)
        self._corners, self._tree = corners, cKDTree(corners[self._kept].reshape(-1, 3))
        self._edges = [
            _moments(corners[self._kept, start], corners[self._kept, (start + 1) % 3]) for start in range(3)
        ]

    def first_hit(
        self, origin: Float[np.ndarray, "ray 3"], direction: Float[np.ndarray, "ray 3"]
    ) -> tuple[Float[np.ndarray, " ray"], Int[np.ndarray, " ray"]]:
        """Distance to the first triangle along each ray [m], inf where there is none, and its index or −1."""
        distance, triangle = np.full(len(origin), np.inf), np.full(len(origin), -1)
        lines = np.concatenate([direction, np.cross(origin, direction)], axis=1)
        for first in range(0, len(origin), RAYS):
            ray, met = self._crossed(lines[first : first + RAYS])
            ray += first
            normal = self.normal[met]
            along = np.einsum("ni,ni->n", normal, direction[ray])
            away = np.einsum("ni,ni->n", normal, self._corners[met, 0] - origin[ray])
            ahead = np.divide(away, along, out=np.full(len(ray), -1.0), where=along != 0)
            hit = np.flatnonzero(ahead > ON_SURFACE)
            # Farthest first, so that the nearest is what remains written.
            hit = hit[np.argsort(-ahead[hit], kind="stable")]
            distance[ray[hit]], triangle[ray[hit]] = ahead[hit], met[hit]
        return distance, triangle

    def faces_at(
        self, start: Float[np.ndarray, "edge 3"], end: Float[np.ndarray, "edge 3"]
    ) -> Float[np.ndarray, "edge 2 3"]:
        """Unit vectors from edges into the two triangles that meet there; NaN where they are not two."""
        faces = np.full((len(start), 2, 3), np.nan)
        near = [self._tree.query_ball_point(ends, SAME_CORNER) for ends in (start, end)]
        for number, (at_start, at_end) in enumerate(zip(*near, strict=True)):
            both = sorted({corner // 3 for corner in at_start} & {corner // 3 for corner in at_end})
            if len(both) == 2:
                faces[number] = self._corners[self._kept[both]].mean(axis=1) - start[number]
        axis = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
        faces -= np.einsum("efi,ei->ef", faces, axis)[..., None] * axis[:, None]
        return faces / np.linalg.norm(faces, axis=2, keepdims=True)

    def _crossed(
        self, lines: Float[np.ndarray, "line 6"]
    ) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
        """All pairs of a line and a triangle that it passes through."""
        pairs = []
        for first in range(0, len(self._kept), TRIANGLES):
            sides = [lines @ edge[:, first : first + TRIANGLES] for edge in self._edges]
            least, most = np.minimum.reduce(sides), np.maximum.reduce(sides)
            line, triangle = np.nonzero((least >= -SEAM) | (most <= SEAM))
            pairs.append((line, self._kept[triangle + first]))
        line, triangle = (np.concatenate(part) for part in zip(*pairs, strict=True))
        return line, triangle


def _moments(
    start: Float[np.ndarray, "edge 3"], end: Float[np.ndarray, "edge 3"]
) -> Float[np.ndarray, "6 edge"]:
    """Plücker coordinates of edges, in the order that makes a side product with a ray's a plain dot product."""
    return np.ascontiguousarray(np.concatenate([np.cross(start, end), end - start], axis=1).T)


@dataclass(frozen=True)
class Walks:
    """Rays that have been reflected as often as asked, on their last leg."""

    start: Float[np.ndarray, "ray 3"]
    """Where the last leg begins [m]."""
    direction: Float[np.ndarray, "ray 3"]
    """Unit vector along it."""
    walked: Float[np.ndarray, " ray"]
    """Length of the legs before [m]."""
    free: Float[np.ndarray, " ray"]
    """Length of the last leg to the first triangle [m]; inf where it meets none."""
    mirror: Int[np.ndarray, "ray bounce"]
    """Triangle of each reflection; −1 past the last, and where nothing was met that could reflect."""
    lost: Bool[np.ndarray, " ray"]
    """Whether a leg met nothing before the last reflection."""


def walk(
    triangles: AllTriangles,
    origin: Float[np.ndarray, "ray 3"],
    direction: Float[np.ndarray, "ray 3"],
    reflections: Int[np.ndarray, " ray"],
) -> Walks:
    """Walks straight on to the first triangle, is reflected by its normal, and so on, `reflections` times."""
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    start, towards = origin.astype(np.float64), direction / length
    walked, free = np.zeros(len(start)), np.full(len(start), np.inf)
    mirror = np.full((len(start), int(reflections.max(initial=0))), -1)
    lost = np.zeros(len(start), bool)
    for bounce in range(mirror.shape[1] + 1):
        on = np.flatnonzero((reflections >= bounce) & ~lost)
        distance, triangle = triangles.first_hit(start[on], towards[on])
        free[on] = distance
        lost[on[(triangle < 0) & (reflections[on] > bounce)]] = True
        turned = np.flatnonzero((triangle >= 0) & (reflections[on] > bounce))
        on, distance, triangle = on[turned], distance[turned], triangle[turned]
        normal = triangles.normal[triangle]
        start[on] += distance[:, None] * towards[on]
        towards[on] -= 2 * np.einsum("ri,ri->r", towards[on], normal)[:, None] * normal
        walked[on] += distance
        if bounce < mirror.shape[1]:
            mirror[on, bounce] = triangle
    return Walks(start, towards, walked, free, mirror, lost)


#: A ray along a face, to this sine, is outside of the solid.
GRAZING = 1e-6


@dataclass(frozen=True)
class Meetings:
    """Where the last legs of walks come closest to the lines of their paths' edges."""

    point: Float[np.ndarray, "path 3"]
    """The edge's point [m]."""
    ahead: Float[np.ndarray, " path"]
    """Along the last leg [m]."""
    along: Float[np.ndarray, " path"]
    """Along the edge, from its origin [m]."""
    away: Float[np.ndarray, " path"]
    """Between the two [m]."""
    from_start: Float[np.ndarray, " path"]
    """From where the last leg starts to the line of the edge [m]."""


def meetings(walks: Walks, paths: PathAtlas) -> Meetings:
    """Closest points of last legs and edges, as of any two lines."""
    origin, axis = paths.wedges.origin[paths.wedge], paths.wedges.direction[paths.wedge]
    offset, cosine = walks.start - origin, _dot(walks.direction, axis)
    on_leg, on_edge = _dot(offset, walks.direction), _dot(offset, axis)
    ahead = (cosine * on_edge - on_leg) / np.maximum(1 - cosine**2, 1e-12)
    along = on_edge + cosine * ahead
    apart = offset + ahead[:, None] * walks.direction - along[:, None] * axis
    return Meetings(
        point=origin + along[:, None] * axis,
        ahead=ahead,
        along=along,
        away=np.linalg.norm(apart, axis=1),
        from_start=np.linalg.norm(offset - on_edge[:, None] * axis, axis=1),
    )


def backwards(paths: PathAtlas) -> PathAtlas:
    """The paths with their surfaces in the order from the UE."""
    last = paths.interactions[:, None] - 1
    order = np.maximum(last - np.arange(paths.material.shape[1]), 0)
    return dataclasses.replace(
        paths,
        material=np.take_along_axis(paths.material, order, axis=1),
        normals=np.take_along_axis(paths.normals, order[..., None], axis=1),
    )


def outwards(paths: PathAtlas) -> Float[np.ndarray, "path 3"]:
    """Unit vectors from the paths' edges halfway between the normals of the faces."""
    halfway = paths.wedges.normals[paths.wedge].sum(axis=1)
    return halfway / np.linalg.norm(halfway, axis=1, keepdims=True)


def through_solid(
    triangles: AllTriangles,
    paths: PathAtlas,
    to_site: Float[np.ndarray, "path 3"],
    to_ue: Float[np.ndarray, "path 3"],
) -> Bool[np.ndarray, " path"]:
    """Whether not two triangles meet at a path's edge, or one of its directions there lies between them.

    Args:
        triangles: the scene.
        paths: paths over edges.
        to_site: unit vectors from the edges against the first legs' ends.
        to_ue: the same towards the UEs.
    """
    wedges = paths.wedges
    edge, of_edge = np.unique(paths.wedge, return_inverse=True)
    end = wedges.origin[edge] + wedges.length[edge, None] * wedges.direction[edge]
    faces, axis = triangles.faces_at(wedges.origin[edge], end)[of_edge], wedges.direction[paths.wedge]
    between = _is_between(to_site, faces, axis) | _is_between(to_ue, faces, axis)
    return between | ~np.isfinite(faces).all(axis=(1, 2))


def _is_between(
    direction: Float[np.ndarray, "path 3"],
    faces: Float[np.ndarray, "path 2 3"],
    axis: Float[np.ndarray, "path 3"],
) -> Bool[np.ndarray, " path"]:
    """Whether directions from an edge lead into the smaller angle between its two faces."""
    turn, first, second = (
        _dot(np.cross(a, b), axis)
        for a, b in ((faces[:, 0], faces[:, 1]), (faces[:, 0], direction), (direction, faces[:, 1]))
    )
    return (np.sign(turn) * first > GRAZING) & (np.sign(turn) * second > GRAZING)


def _dot(a: Float[np.ndarray, "path 3"], b: Float[np.ndarray, "path 3"]) -> Float[np.ndarray, " path"]:
    return np.einsum("pi,pi->p", a, b)
