"""The image method: from a sequence of reflecting planes to the exact path at any point.

A specular path is a straight line from the image of the site, mirrored in each plane in turn, to the
UE. Rays only have to discover which sequences reach a ground cell; length and directions at the
cell's centre then follow exactly, whatever ray found them.

Vectors are arrays of components, [..., 3, path]: array code then runs along paths and not along three numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped


def as_components(vector: Shaped[np.ndarray, "path 3"]) -> Float[np.ndarray, "3 path"]:
    """The same vectors, components first, in double precision."""
    return np.ascontiguousarray(vector.T, float)


def dot(
    a: Shaped[np.ndarray, "... 3 path"], b: Shaped[np.ndarray, "... 3 path"]
) -> Shaped[np.ndarray, "... path"]:
    """a · b, without conjugation; what is before the components broadcasts."""
    return a[..., 0, :] * b[..., 0, :] + a[..., 1, :] * b[..., 1, :] + a[..., 2, :] * b[..., 2, :]


def cross(a: Float[np.ndarray, "3 path"], b: Float[np.ndarray, "3 path"]) -> Float[np.ndarray, "3 path"]:
    """a × b."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def norm(vector: Float[np.ndarray, "3 path"]) -> Float[np.ndarray, " path"]:
    """Lengths."""
    return np.sqrt(dot(vector, vector))


def unit(vector: Float[np.ndarray, "3 path"]) -> Float[np.ndarray, "3 path"]:
    """The same directions with length 1; a vanishing vector stays."""
    return vector / np.maximum(norm(vector), 1e-12)


def mirrored(
    vector: Float[np.ndarray, "3 path"], normal: Float[np.ndarray, "3 path"]
) -> Float[np.ndarray, "3 path"]:
    """The vectors mirrored in planes of these unit normals."""
    return vector - 2 * dot(vector, normal) * normal


@dataclass(frozen=True)
class ImagePaths:
    """Specular paths from one site to given points."""

    length: Float[np.ndarray, " path"]
    departure: Float[np.ndarray, "path 3"]
    arrival: Float[np.ndarray, "path 3"]
    normals: Float[np.ndarray, "path depth 3"]


def image_paths(
    source: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "path 3"],
    triangles: Int[np.ndarray, "path depth"],
    corner: Float[np.ndarray, "triangle 3"],
    normal: Float[np.ndarray, "triangle 3"],
) -> ImagePaths:
    """Paths over the planes of the given triangles.

    Args:
        source: position of the site [m].
        point: end of each path [m].
        triangles: reflecting triangles of each path in order, −1 past the last.
        corner: a point of each triangle's plane [m].
        normal: unit normal of each triangle.
    """
    touched = triangles >= 0
    normals = np.where(touched[..., None], normal[triangles], 0.0)
    ray = point - source_images(source, triangles, corner, normal)[:, -1]
    length = np.linalg.norm(ray, axis=1)
    arrival = ray / length[:, None]
    departure = arrival.copy()
    for bounce in reversed(range(triangles.shape[1])):
        departure -= 2 * np.einsum("pi,pi->p", departure, normals[:, bounce])[:, None] * normals[:, bounce]
    return ImagePaths(length, departure, arrival, normals)


def source_images(
    source: Float[np.ndarray, "#path 3"] | Float[np.ndarray, "3"],
    triangles: Int[np.ndarray, "path depth"],
    corner: Float[np.ndarray, "triangle 3"],
    normal: Float[np.ndarray, "triangle 3"],
) -> Float[np.ndarray, "path images 3"]:
    """The source and its image after each reflection [m]; past the last reflection the image stays.

    Arguments are those of `image_paths`.
    """
    depth = triangles.shape[1]
    images = np.empty((len(triangles), depth + 1, 3))
    images[:, 0] = source
    for bounce in range(depth):
        plane = triangles[:, bounce]
        normals = np.where((plane >= 0)[:, None], normal[plane], 0.0)
        offset = np.einsum("pi,pi->p", images[:, bounce] - corner[plane], normals)
        images[:, bounce + 1] = images[:, bounce] - 2 * offset[:, None] * normals
    return images


def fermat_points(
    source: Float[np.ndarray, "path 3"],
    target: Float[np.ndarray, "path 3"],
    origin: Float[np.ndarray, "path 3"],
    direction: Float[np.ndarray, "path 3"],
) -> Float[np.ndarray, "path 3"]:
    """Where the shortest path from source to target over a straight line meets it [m].

    Unfolded about the line the path is straight: t = (z_s ρ_t + z_t ρ_s)/(ρ_s + ρ_t) in cylindrical coordinates.
    """
    (source_along, source_away), (along, away) = (
        _cylindrical(end - origin, direction) for end in (source, target)
    )
    where = (source_along * away + along * source_away) / np.maximum(source_away + away, 1e-9)
    return origin + where[:, None] * direction


def _cylindrical(
    offset: Float[np.ndarray, "path 3"], axis: Float[np.ndarray, "path 3"]
) -> tuple[Float[np.ndarray, " path"], Float[np.ndarray, " path"]]:
    """Position along an axis and distance from it."""
    along = np.einsum("pi,pi->p", offset, axis)
    return along, np.linalg.norm(offset - along[:, None] * axis, axis=1)
