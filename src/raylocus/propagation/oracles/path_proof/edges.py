"""Walks that lead to an edge: where they meet it, from which side, and what they meet there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.oracles.path_proof.walk import AllTriangles, Walks

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
