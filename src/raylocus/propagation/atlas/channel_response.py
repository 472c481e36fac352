"""The coherent channel at any UE position: impulse and frequency response between two panels.

The phase of every path is that of its length at the UE (`ue_paths`), so it runs on along a trajectory,
across the borders of ground cells too, as long as the path persists.

Where paths meet walls and edges on the way follows from their directions and length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float, Int
from scipy.sparse import csr_matrix

from raylocus.propagation.antennas.panels import Panel, port_responses
from raylocus.propagation.atlas.atlas import DIFFRACTED, SCATTERED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.atlas.ue_paths import UePaths
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.units import SPEED_OF_LIGHT

#: Legs are distinguished where the smallest singular value of their directions is above this; two parallel
#: walls leave open where between them a path turns.
SMALLEST_SINGULAR_VALUE = 1e-3


@dataclass(frozen=True)
class PointPaths:
    """Paths from one site to points, sorted by point."""

    point: Int[np.ndarray, " path"]
    """Index of the point."""
    point_count: int
    wavelength: float
    """m."""
    length: Float[np.ndarray, " path"]
    """m."""
    departure: Float[np.ndarray, "path 3"]
    """Unit vector from the site along the path's first segment."""
    arrival: Float[np.ndarray, "path 3"]
    """Unit propagation vector at the point."""
    field: Complex[np.ndarray, "path 2 2"]
    """Transfer between isotropic antennas without the phase of the length, see `fields.path_fields`."""
    line_of_sight: Bool[np.ndarray, " path"]

    @property
    def gain(self) -> Float[np.ndarray, " path"]:
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


@dataclass(frozen=True)
class ImpulseResponse:
    """Coherent channel impulse response between the ports of two panels, one tap a path, sorted by UE."""

    ue: Int[np.ndarray, " path"]
    ue_count: int
    delay: Float[np.ndarray, " path"]
    """s."""
    amplitude: Complex[np.ndarray, "path receive transmit"]
    """Baseband amplitude, the carrier's phase exp(−j2πfτ) included; |amplitude|² is a power gain."""
    doppler: Float[np.ndarray, " path"]
    """Frequency shift by the UE's velocity [Hz]; positive when it moves towards the path."""


def impulse_response(
    ue_paths: UePaths,
    transmitter: Panel,
    receiver: Panel,
    velocity: Float[np.ndarray, "ue 3"] | None = None,
    materials: RadioMaterials | None = None,
) -> ImpulseResponse:
    """Taps of the atlas's paths at UE positions, see `path_taps`.

    Args:
        ue_paths: paths at the UEs.
        transmitter: the cell's panel.
        receiver: the UE's panel, the same for all UEs.
        velocity: of each UE [m/s]; standing still where left out.
        materials: other materials than the atlas's nominal ones.
    """
    return path_taps(point_paths(ue_paths, materials), transmitter, receiver, velocity)


def path_taps(
    paths: PointPaths,
    transmitter: Panel,
    receiver: Panel,
    velocity: Float[np.ndarray, "ue 3"] | None = None,
) -> ImpulseResponse:
    """Taps h = C_rᵀ F C_t exp(−j2πL/λ) of every path (TR 38.901 eq. 7.5-22 for traced paths).

    Args:
        paths: from the atlas (`point_paths`) or from PathSolver (`reference.reference_paths`).
        transmitter: the cell's panel.
        receiver: the UE's panel, the same at all points.
        velocity: at each point [m/s]; standing still where left out.
    """
    seen = -paths.arrival
    phase = np.exp(-2j * np.pi * ((paths.length / paths.wavelength) % 1))
    sent = np.einsum("pab,ptb->pat", paths.field, port_responses(transmitter, paths.departure))
    amplitude = phase[:, None, None] * np.einsum("pra,pat->prt", port_responses(receiver, seen), sent)
    speed = np.zeros((paths.point_count, 3)) if velocity is None else velocity
    doppler = np.einsum("pi,pi->p", seen, speed[paths.point]) / paths.wavelength
    return ImpulseResponse(paths.point, paths.point_count, paths.length / SPEED_OF_LIGHT, amplitude, doppler)


def frequency_response(
    response: ImpulseResponse, frequencies: Float[np.ndarray, " frequency"], time: float = 0.0
) -> Complex[np.ndarray, "ue frequency receive transmit"]:
    """H(t, f) = Σ h exp(j2π(νt − fτ)); zero where a UE has no path.

    Args:
        response: taps.
        frequencies: of the subcarriers, from the carrier [Hz].
        time: after the moment of the impulse response [s]; short, for paths do not change meanwhile.
    """
    ports = response.amplitude.reshape(len(response.ue), math.prod(response.amplitude.shape[1:]))
    bounds = np.searchsorted(response.ue, np.arange(response.ue_count + 1))
    shape = response.ue_count, len(response.ue)
    out = np.empty((len(frequencies), response.ue_count, ports.shape[1]), np.complex128)
    for row, frequency in enumerate(frequencies):
        turns = np.exp(2j * np.pi * (response.doppler * time - response.delay * frequency))
        # The sparse matrix that turns every path's phase and sums the paths of each UE.
        out[row] = csr_matrix((turns, np.arange(len(turns)), bounds), shape) @ ports
    return np.moveaxis(out, 0, 1).reshape(response.ue_count, len(frequencies), *response.amplitude.shape[1:])


@dataclass(frozen=True)
class _Legs:
    """Directions of the legs of some paths, and what is known of the legs' lengths."""

    direction: Float[np.ndarray, "path 3 leg"]
    summed: Float[np.ndarray, "sum leg"]
    """1 for the legs of each sum."""
    sums: Float[np.ndarray, "path sum"]
    """Their length together [m]."""


def interaction_points(
    ue_paths: UePaths, site: Float[np.ndarray, "3"], position: Float[np.ndarray, "ue 3"]
) -> Float[np.ndarray, "path interaction 3"]:
    """Points of reflection, diffraction and scattering of every path [m], in order from the site.

    Legs t_i along known directions d_i satisfy Σ t_i d_i = u − s and Σ t_i = L (before and after an edge
    apart), which fixes them for up to three reflections unless directions repeat.

    Args:
        ue_paths: paths from one site.
        site: its antenna centre [m].
        position: UE antennas [m] that the paths lead to.

    Returns:
        Points [m]; NaN past a path's last interaction, where the directions leave them open, over roofs and
        through walls.
    """
    paths = ue_paths.paths
    points = np.full((len(paths.site), paths.material.shape[1] + 1, 3), np.nan)
    rough = paths.kind == SCATTERED
    points[rough, 0] = site + paths.first_leg[rough, None] * paths.departure[rough]
    shape = np.stack([paths.kind, paths.interactions, paths.before_edge], axis=1)
    for kind, count, before in np.unique(shape, axis=0).tolist():
        own = np.flatnonzero((shape == (kind, count, before)).all(axis=1))
        some, step = reorder(paths, own), position[ue_paths.ue[own]] - site
        if kind == SPECULAR and count:
            points[own, :count] = site + _points(_mirror_legs(some, count), step)
        elif kind == DIFFRACTED:
            points[own, : count + 1] = site + _points(_edge_legs(some, before, count), step)
    return points


def _mirror_legs(paths: PathAtlas, count: int) -> _Legs:
    """Legs of paths of so many reflections."""
    legs = _onwards(paths, count)
    return _Legs(np.stack(legs, axis=2), np.ones((1, count + 1)), paths.length[:, None].astype(float))


def _edge_legs(paths: PathAtlas, before: int, count: int) -> _Legs:
    """Legs of paths over an edge that comes after `before` of so many reflections."""
    legs = [paths.arrival.astype(float)]
    for bounce in reversed(range(before, count)):
        legs.insert(0, _mirrored(legs[0], paths.normals[:, bounce]))
    legs = _onwards(paths, before) + legs
    of_first = (np.arange(count + 2) <= before).astype(float)
    sums = np.column_stack([paths.first_leg, paths.length - paths.first_leg]).astype(float)
    return _Legs(np.stack(legs, axis=2), np.stack([of_first, 1 - of_first]), sums)


def _onwards(paths: PathAtlas, count: int) -> list[Float[np.ndarray, "path 3"]]:
    """Directions from the site on, over the first so many reflections."""
    legs = [paths.departure.astype(float)]
    for bounce in range(count):
        legs.append(_mirrored(legs[-1], paths.normals[:, bounce]))
    return legs


def _mirrored(
    direction: Float[np.ndarray, "path 3"], normal: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path 3"]:
    return direction - 2 * np.einsum("pi,pi->p", direction, normal.astype(float))[:, None] * normal


def _points(legs: _Legs, step: Float[np.ndarray, "path 3"]) -> Float[np.ndarray, "path interaction 3"]:
    """Ends of all legs but the last, from the site, of paths that lead `step` away; NaN where they are left open."""
    count = legs.direction.shape[2]
    summed = np.broadcast_to(legs.summed, (len(step), *legs.summed.shape))
    equations = np.concatenate([legs.direction, summed], axis=1)
    length = np.einsum("plk,pk->pl", np.linalg.pinv(equations), np.column_stack([step, legs.sums]))
    values = np.linalg.svd(equations, compute_uv=False)
    solved = (values[:, -1] > SMALLEST_SINGULAR_VALUE) & (values.shape[1] == count)
    # In a corner a path at the ground cell's middle may meet the two surfaces in the other order than here.
    solved &= (length >= 0).all(axis=1)
    walked = np.cumsum(length[:, None, :] * legs.direction, axis=2)[:, :, :-1]
    return np.where(solved[:, None, None], np.moveaxis(walked, 2, 1), np.nan)
