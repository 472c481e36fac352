"""The exact path over an edge, with mirrors on either side: image method and Fermat's principle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.geometry.images import fermat_points, source_images
from raylocus.propagation.search.edge_chains import EdgeChains
from raylocus.propagation.search.edge_scene import EdgeScene


@dataclass(frozen=True)
class DiffractedPaths:
    """Paths from one site over one edge each, exact at the ground cells' centres."""

    ground_cell: Int[np.ndarray, "path"]
    chains: EdgeChains
    """Mirrors and edge of each path."""
    length: Float[np.ndarray, "path"]
    """m."""
    first_leg: Float[np.ndarray, "path"]
    """From the site to the edge, over the mirrors before it [m]."""
    departure: Float[np.ndarray, "path 3"]
    arrival: Float[np.ndarray, "path 3"]


def diffracted_paths(
    scene: EdgeScene,
    source: Float[np.ndarray, "3"],
    chains: EdgeChains,
    ground_cell: Int[np.ndarray, "path"],
    point: Float[np.ndarray, "path 3"],
) -> DiffractedPaths:
    """Paths over the given chains, in double precision; that they exist must be known.

    Args:
        scene: planes and edges.
        source: position of the site [m].
        chains: mirrors and edge of each path.
        ground_cell: where each ends.
        point: the UE's position there [m].
    """
    image = source_images(source, chains.before, scene.corner, scene.normal)
    # The UE is mirrored in the last mirror first; where a row is not full its −1 mirror nothing.
    mirrored = source_images(point, chains.after[:, ::-1], scene.corner, scene.normal)[:, -1]
    wedges, image = scene.wedges, image[:, -1]
    met = fermat_points(image, mirrored, wedges.origin[chains.wedge], wedges.direction[chains.wedge])
    first_leg, second_leg = np.linalg.norm(met - image, axis=1), np.linalg.norm(mirrored - met, axis=1)
    departure = (met - image) / first_leg[:, None]
    for mirror in reversed(chains.before.T):
        departure = _turned(departure, mirror, scene)
    arrival = (mirrored - met) / second_leg[:, None]
    for mirror in chains.after.T:
        arrival = _turned(arrival, mirror, scene)
    return DiffractedPaths(ground_cell, chains, first_leg + second_leg, first_leg, departure, arrival)


def _turned(
    direction: Float[np.ndarray, "path 3"], mirror: Int[np.ndarray, "path"], scene: EdgeScene
) -> Float[np.ndarray, "path 3"]:
    """Directions between edge and image, as they are at the path's end."""
    normal = np.where((mirror >= 0)[:, None], scene.normal[mirror], 0.0)
    return direction - 2 * np.einsum("pi,pi->p", direction, normal)[:, None] * normal
