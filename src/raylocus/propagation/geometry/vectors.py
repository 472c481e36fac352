"""Vectors as arrays of components, [..., 3, path]: array code then runs along paths and not along three numbers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped


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
