"""Paths to given points with their fields: the one type behind the atlas and behind PathSolver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.atlas.ue_paths import UePaths
from raylocus.propagation.materials.materials import RadioMaterials


@dataclass(frozen=True)
class PointPaths:
    """Paths from one site to points, sorted by point."""

    point: Int[np.ndarray, "path"]
    """Index of the point."""
    point_count: int
    wavelength: float
    """m."""
    length: Float[np.ndarray, "path"]
    """m."""
    departure: Float[np.ndarray, "path 3"]
    """Unit vector from the site along the path's first segment."""
    arrival: Float[np.ndarray, "path 3"]
    """Unit propagation vector at the point."""
    field: Complex[np.ndarray, "path 2 2"]
    """Transfer between isotropic antennas without the phase of the length, see `fields.path_fields`."""
    line_of_sight: Bool[np.ndarray, "path"]

    @property
    def gain(self) -> Float[np.ndarray, "path"]:
        """Power gain from a vertical isotropic transmitter to a dual-polarised isotropic receiver."""
        return (np.abs(self.field[:, :, 0]) ** 2).sum(axis=1)


def point_paths(found: UePaths, materials: RadioMaterials | None = None) -> PointPaths:
    """The atlas's paths at UE positions, with their fields.

    Args:
        found: see `ue_paths.paths_at`.
        materials: other materials than the atlas's nominal ones.
    """
    paths = found.paths
    materials = materials or paths.materials
    return PointPaths(
        found.ue,
        found.ue_count,
        materials.wavelength,
        paths.length,
        paths.departure.astype(float),
        paths.arrival.astype(float),
        path_fields(paths, materials),
        paths.line_of_sight,
    )
