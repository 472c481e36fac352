"""Paths at any UE position, from the atlas and without tracing.

A path over plane reflectors comes from a fixed image of the site, and one over a straight edge obeys
Fermat's principle on it: length, delay, phase and both directions follow exactly anywhere the path
exists. Only a path over the roofs, whose edges are cells of a raster, is moved to first order,
L ← L + k·dx. `first_order_error` says what a first-order step leaves out, here and in any use of k·dx:
|dx⊥|²/2ρ, which in a ground cell of 4 m (|dx| ≤ 2.8 m) is 40 mm at ρ = 100 m, half a wavelength at 3.5 GHz.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import (
    DIFFRACTED,
    OVER_ROOFTOP,
    REFRACTED,
    SCATTERED,
    SPECULAR,
    PathAtlas,
    reorder,
)
from raylocus.propagation.geometry.images import fermat_points
from raylocus.ragged import Rows
from raylocus.scenes.sites import UE_HEIGHT

#: Away from its ground cell's centre a path is taken to exist where it reaches at least this share of the cell:
#: compared with PathSolver at random points, the rule with the smallest error by far.
PRESENT_SHARE = 0.5
#: Up to here from the centre [sides of the ground cell] it exists where it reaches the centre itself.
CENTRAL = 0.25


@dataclass(frozen=True)
class UePaths:
    """Paths from one site to UE positions, sorted by UE."""

    ue: Int[np.ndarray, " path"]
    """Index of the UE position."""
    ue_count: int
    paths: PathAtlas
    """The atlas's paths with length and directions as they are at the UE, which all of them reach."""


def ground_cell_points(
    grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float = UE_HEIGHT
) -> Float[np.ndarray, "ground_cell 3"]:
    """Where the atlas's paths end: each ground cell's centre on the UE surface [m]."""
    return np.column_stack([grid.centres, terrain.ravel() + ue_height])


def paths_at(
    atlas: PathAtlas,
    site: int,
    position: Float[np.ndarray, "ue 3"],
    points: Float[np.ndarray, "ground_cell 3"],
) -> UePaths:
    """Paths from a site to UE positions: those that reach its ground cell's centre, or, away from it, most of the cell.

    Args:
        atlas: paths to the ground cells' centres.
        site: index of the site.
        position: UE antennas [m], in the ground cells whose paths they take.
        points: where the atlas's paths end, see `ground_cell_points`.

    Raises:
        InputError: a position lies outside the tile.
    """
    cell = atlas.grid.index(position)
    if np.any(cell < 0):
        x, y = position[np.argmax(cell < 0), :2]
        raise InputError(
            f"a UE at ({x:.0f}, {y:.0f}) m is outside the {atlas.grid.size:.0f} m tile; move it inside"
        )
    ue, paths = _to_cells(atlas, site, cell)
    offset = np.abs(position - points[cell])[:, :2].max(axis=1) / atlas.grid.resolution
    central = offset[ue] <= CENTRAL
    present = np.flatnonzero(np.where(central, reaches_centre(paths), paths.visible >= PRESENT_SHARE))
    ue, paths = ue[present], reorder(paths, present)
    return UePaths(ue, len(position), moved_paths(paths, points[cell[ue]], position[ue]))


def _to_cells(
    atlas: PathAtlas, site: int, cell: Int[np.ndarray, " ue"]
) -> tuple[Int[np.ndarray, " path"], PathAtlas]:
    """All paths from a site to each UE's ground cell, and the UE of each."""
    own = np.flatnonzero(atlas.site == site)
    first = np.searchsorted(atlas.ground_cell[own], cell, side="left")
    count = np.searchsorted(atlas.ground_cell[own], cell, side="right") - first
    rows = Rows.of(count)
    return rows.row, reorder(atlas, own[first[rows.row] + rows.rank])


def reaches_centre(paths: PathAtlas) -> Bool[np.ndarray, " path"]:
    """Whether each path exists at its ground cell's centre, which only specular ones are probed for."""
    return np.where(paths.kind == SPECULAR, paths.at_centre, paths.visible >= PRESENT_SHARE)


def first_order_error(
    length: Float[np.ndarray, " path"],
    arrival: Float[np.ndarray, "path 3"],
    offset: Float[np.ndarray, "path 3"],
) -> Float[np.ndarray, " path"]:
    """What the first order leaves out of a length [m], to leading order: |dx⊥|²/2L.

    Args:
        length: distance that the wave has spread over since its last edge, or since the site [m].
        arrival: unit propagation vector at the ground cell's centre.
        offset: step from the centre [m].
    """
    along = np.einsum("pi,pi->p", arrival, offset)
    return (np.einsum("pi,pi->p", offset, offset) - along**2) / (2 * length)


def moved_paths(
    paths: PathAtlas, centre: Float[np.ndarray, "path 3"], position: Float[np.ndarray, "path 3"]
) -> PathAtlas:
    """The paths that end at `centre` as they are at `position` [m]."""
    length, first_leg = paths.length.astype(float), paths.first_leg.astype(float)
    departure, arrival = paths.departure.astype(float), paths.arrival.astype(float)
    moves = {
        SPECULAR: _specular, DIFFRACTED: _diffracted, OVER_ROOFTOP: _over_rooftop, REFRACTED: _refracted,
        SCATTERED: _scattered,
    }  # fmt: skip
    for kind, move in moves.items():
        own = np.flatnonzero(paths.kind == kind)
        moved = move(reorder(paths, own), centre[own], position[own])
        length[own], departure[own], arrival[own], first_leg[own] = moved
    # What is left of the paths exists at the UE, which is the centre of nothing else now.
    return dataclasses.replace(
        paths,
        length=length,
        departure=departure,
        arrival=arrival,
        first_leg=first_leg,
        at_centre=np.ones(len(length), bool),
    )


#: Length, departure, arrival and first leg of some paths.
_Geometry = tuple[
    Float[np.ndarray, " path"],
    Float[np.ndarray, "path 3"],
    Float[np.ndarray, "path 3"],
    Float[np.ndarray, " path"],
]


def _specular(
    paths: PathAtlas, centre: Float[np.ndarray, "path 3"], position: Float[np.ndarray, "path 3"]
) -> _Geometry:
    """From the image of the site, which stays where it is; the departure is the arrival mirrored back."""
    image = centre - paths.length[:, None] * paths.arrival
    length, arrival = _length_and_direction(position - image)
    departure = arrival
    for bounce in reversed(range(paths.normals.shape[1])):
        departure = _mirrored(departure, paths.normals[:, bounce])
    return length, departure, arrival, np.zeros(len(length))


def _diffracted(
    paths: PathAtlas, centre: Float[np.ndarray, "path 3"], position: Float[np.ndarray, "path 3"]
) -> _Geometry:
    """Over Fermat's point of the straight edge: unfolded about it, the path is a straight line.

    Site and edge are taken as they are seen in the mirrors behind the edge.
    """
    bounces = range(paths.normals.shape[1])
    edge, departure = (part.astype(float) for part in (paths.wedges.direction[paths.wedge], paths.departure))
    for bounce in bounces:
        behind = (bounce >= paths.before_edge)[:, None]
        edge = _mirrored(edge, np.where(behind, paths.normals[:, bounce], 0))
        departure = _mirrored(departure, paths.normals[:, bounce])
    met = centre - (paths.length - paths.first_leg)[:, None] * paths.arrival
    source = met - paths.first_leg[:, None] * departure
    where = fermat_points(source, position, met, edge)
    first_leg, departure = _length_and_direction(where - source)
    second_leg, arrival = _length_and_direction(position - where)
    for bounce in reversed(bounces):
        departure = _mirrored(departure, paths.normals[:, bounce])
    return first_leg + second_leg, departure, arrival, first_leg


def _mirrored(
    direction: Float[np.ndarray, "path 3"], normal: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path 3"]:
    along = np.einsum("pi,pi->p", direction, normal.astype(float))
    return direction - 2 * along[:, None] * normal


def _over_rooftop(
    paths: PathAtlas, centre: Float[np.ndarray, "path 3"], position: Float[np.ndarray, "path 3"]
) -> _Geometry:
    arrival = paths.arrival.astype(float)
    length = paths.length + np.einsum("pi,pi->p", arrival, position - centre)
    return length, paths.departure.astype(float), arrival, np.zeros(len(length))


def _refracted(
    paths: PathAtlas, centre: Float[np.ndarray, "path 3"], position: Float[np.ndarray, "path 3"]
) -> _Geometry:
    """Straight from the site."""
    length, direction = _length_and_direction(position - (centre - paths.length[:, None] * paths.arrival))
    return length, direction, direction, np.zeros(len(length))


def _scattered(
    paths: PathAtlas, centre: Float[np.ndarray, "path 3"], position: Float[np.ndarray, "path 3"]
) -> _Geometry:
    """From the patch of the wall, which stays where it is."""
    patch = centre - (paths.length - paths.first_leg)[:, None] * paths.arrival
    second_leg, arrival = _length_and_direction(position - patch)
    return paths.first_leg + second_leg, paths.departure.astype(float), arrival, paths.first_leg.astype(float)


def _length_and_direction(
    ray: Float[np.ndarray, "path 3"],
) -> tuple[Float[np.ndarray, " path"], Float[np.ndarray, "path 3"]]:
    length = np.linalg.norm(ray, axis=1)
    return length, ray / length[:, None]
