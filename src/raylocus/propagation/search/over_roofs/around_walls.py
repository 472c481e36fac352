"""The paths around both ends of a thin wall: one knife edge upright at each side.

First-order diffraction bends a path at one edge only, and a wall of any thickness has two upright edges at each
of its ends. As over the roofs, a string is stretched in a plane, here through the straight line from site to UE and
level across it; the two edges are one where the string's lines before and after them meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.materials.knife_edge import fresnel_parameter, knife_edge_loss
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.over_roofs.over_rooftop import RooftopPaths
from raylocus.propagation.search.over_roofs.string_rays import Fans, silhouettes
from raylocus.ragged import Columns

#: An obstacle that takes more of the straight line is no thin wall [m]; one of 5 m may be seen at 60°.
THICKEST = 10.0
#: Slopes of the rays among which the first one that is clear is looked for, to either side of the straight line.
SLOPES = np.geomspace(0.02, 10.24, 19)
#: Rays begin and end this far from site and UE [m], and the line between the edges lies this far off the wall.
MARGIN = 0.01


@dataclass(frozen=True)
class AroundPaths:
    """Paths around one end of a wall each."""

    cell: Int[np.ndarray, " path"]
    """Index of the point that each leads to."""
    paths: RooftopPaths
    """Each of them; its one obstacle stands upright."""


@dataclass(frozen=True)
class _Lines(Columns):
    """Straight lines between sites and UEs, with the level direction across."""

    site: Float[np.ndarray, "line 3"]
    point: Float[np.ndarray, "line 3"]
    length: Float[np.ndarray, " line"]
    forward: Float[np.ndarray, "line 3"]
    across: Float[np.ndarray, "line 3"]

    def fans(self, from_site: bool, side: float) -> Fans:
        """Fans from either end, to the left (1) or right (−1) as seen from the site."""
        start = np.full(len(self.length), MARGIN)
        pivot, forward = (self.site, self.forward) if from_site else (self.point, -self.forward)
        return Fans(pivot, forward, side * self.across, start, self.length - MARGIN)


def around_paths(
    scene: RayScene, site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"], wavelength: float
) -> list[AroundPaths]:
    """The paths around thin walls from a site to points out of its sight: those to the left, and to the right.

    Args:
        scene: what stands in the way.
        site: antenna centre [m].
        point: UE positions [m].
        wavelength: wavelength [m].
    """
    lines = _lines(site, point)
    thin = np.flatnonzero(_thickness(scene, lines) <= THICKEST)
    lines = lines.select(thin)
    return [_around(scene, lines, thin, side, wavelength) for side in (1.0, -1.0)]


def _lines(site: Float[np.ndarray, "3"], point: Float[np.ndarray, "cell 3"]) -> _Lines:
    span = point - site
    length = np.linalg.norm(span, axis=1)
    forward = span / np.maximum(length, MARGIN)[:, None]
    across = np.column_stack([-forward[:, 1], forward[:, 0], np.zeros(len(forward))])
    across /= np.maximum(np.linalg.norm(across, axis=1), 1e-9)[:, None]
    return _Lines(np.broadcast_to(site, point.shape), point, length, forward, across)


def _thickness(scene: RayScene, lines: _Lines) -> Float[np.ndarray, " line"]:
    """How much of each line lies between the first and last thing it hits [m]; inf where it hits nothing."""
    level = np.zeros(len(lines.length))
    ends = [lines.fans(from_site, 1.0).hits(scene, level) for from_site in (True, False)]
    return np.where(np.isfinite(ends[0] + ends[1]), lines.length - ends[0] - ends[1], np.inf)


@dataclass(frozen=True)
class _Edges:
    """The edge that each fan comes clear of first."""

    slope: Float[np.ndarray, " fan"]
    distance: Float[np.ndarray, " fan"]
    there: Bool[np.ndarray, " fan"]


def _around(
    scene: RayScene, lines: _Lines, cell: Int[np.ndarray, " line"], side: float, wavelength: float
) -> AroundPaths:
    """Paths on one side."""
    ahead, back = (lines.fans(from_site, side) for from_site in (True, False))
    first, last = (_edges(scene, each) for each in (ahead, back))
    corners = ahead.at(first.slope, first.distance), back.at(last.slope, last.distance)
    between = lines.length - first.distance - last.distance
    found = np.flatnonzero(first.there & last.there & (between > -MARGIN) & (between <= THICKEST))
    aside = MARGIN * side * lines.across[found]
    found = found[_clear(scene, corners[0][found] + aside, corners[1][found] + aside)]
    loss = _loss(lines.length[found], first.slope[found], last.slope[found], wavelength)
    return AroundPaths(cell[found], _paths(lines.select(found), corners[0][found], corners[1][found], loss))


def _edges(scene: RayScene, fans: Fans) -> _Edges:
    clear = np.isinf(fans.hits_of_each(scene, np.broadcast_to(SLOPES, (len(fans.end), len(SLOPES)))))
    found, first = np.flatnonzero(clear.any(axis=1)), clear.argmax(axis=1)
    high, low = SLOPES[first], np.where(first > 0, SLOPES[first - 1], 0.0)
    slope, distance = np.zeros(len(low)), np.full(len(low), np.inf)
    slope[found], distance[found] = silhouettes(scene, fans.select(found), low[found], high[found])
    there = np.isfinite(distance)
    return _Edges(slope, np.where(there, distance, 0.0), there)


def _clear(
    scene: RayScene, low: Float[np.ndarray, "line 3"], high: Float[np.ndarray, "line 3"]
) -> Bool[np.ndarray, " line"]:
    """Whether nothing lies between two points."""
    span = high - low
    length = np.maximum(np.linalg.norm(span, axis=1), 1e-6)
    distance, _ = scene.first_hit(low, span / length[:, None])
    return distance >= length


def _loss(
    length: Float[np.ndarray, " line"],
    before: Float[np.ndarray, " line"],
    after: Float[np.ndarray, " line"],
    wavelength: float,
) -> Float[np.ndarray, " line"]:
    """J(ν) of the knife edge where lines of these slopes from both ends meet [dB]."""
    met = after * length / np.maximum(before + after, 1e-9)
    nu = fresnel_parameter(before * met, np.maximum(met, 1e-6), np.maximum(length - met, 1e-6), wavelength)
    return knife_edge_loss(np.asarray(nu))


def _paths(
    lines: _Lines,
    first: Float[np.ndarray, "line 3"],
    last: Float[np.ndarray, "line 3"],
    loss: Float[np.ndarray, " line"],
) -> RooftopPaths:
    legs = (first - lines.site, last - first, lines.point - last)
    lengths = [np.linalg.norm(leg, axis=1) for leg in legs]
    return RooftopPaths(
        loss_db=loss,
        obstacles=np.ones(len(loss), np.int64),
        length=np.sum(lengths, axis=0),
        departure=legs[0] / lengths[0][:, None],
        arrival=legs[2] / lengths[2][:, None],
    )
