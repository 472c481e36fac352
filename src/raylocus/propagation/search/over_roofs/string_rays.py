"""Strings that rays find blocked are pulled over what the surface raster misses.

A wall that is thinner than a ground cell may lie between the points at which a profile is read. Rays along
the pieces of a string hit it all the same; the silhouettes of what they hit, seen from both ends of the
piece, are the edges that the raster lacks.

A fan of rays in one plane finds the silhouette of an obstacle: where it comes clear of what stands in its way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.rays.launcher import RayScene
from raylocus.ragged import Columns

#: Rays of one round between a blocked and a clear one, and rounds: from a right angle to 0.6 mm at 100 m.
RAYS, ROUNDS = 63, 3
#: The steepest ray of a fan [rad], nearly a right angle.
STEEPEST = np.deg2rad(89.9)
#: A string is tried this far above its points [m], so that it does not hit the edge that it lies on.
LIFT = 0.01
#: Points between two edges that are looked at for open ground, as shares of the way.
BETWEEN = np.linspace(0.0, 1.0, 24)
#: Rays down to the ground start this far above the line between the edges [m].
ABOVE = 3.0


@dataclass(frozen=True)
class Fans(Columns):
    """Fans of rays, each in the plane of two directions and from `start` to `end` along the first of them."""

    pivot: Float[np.ndarray, "fan 3"]
    """Where the rays of a fan come from [m]."""
    forward: Float[np.ndarray, "fan 3"]
    """Unit vector; a ray goes one metre along it and its slope along `sideways`."""
    sideways: Float[np.ndarray, "fan 3"]
    """Unit vector, at a right angle to `forward`."""
    start: Float[np.ndarray, " fan"]
    """Where rays begin along `forward` [m]."""
    end: Float[np.ndarray, " fan"]
    """Where they end [m]."""

    def at(
        self, slope: Float[np.ndarray, " fan"], distance: Float[np.ndarray, " fan"]
    ) -> Float[np.ndarray, "fan 3"]:
        """Points of one ray of each fan, this far along `forward` [m]."""
        return self.pivot + distance[:, None] * (self.forward + slope[:, None] * self.sideways)

    def hits(self, scene: RayScene, slope: Float[np.ndarray, " fan"]) -> Float[np.ndarray, " fan"]:
        """Distance along `forward` of the first hit of one ray of each fan [m]; inf where it is clear."""
        return self.hits_of_each(scene, slope[:, None])[:, 0]

    def hits_of_each(
        self, scene: RayScene, slope: Float[np.ndarray, "fan ray"]
    ) -> Float[np.ndarray, "fan ray"]:
        """As `hits`, of several rays of each fan."""
        direction = self.forward[:, None] + slope[..., None] * self.sideways[:, None]
        length = np.linalg.norm(direction, axis=-1)
        origin = self.pivot[:, None] + self.start[:, None, None] * direction
        direction /= length[..., None]
        distance, _ = scene.first_hit(origin.reshape(-1, 3), direction.reshape(-1, 3))
        reached = self.start[:, None] + distance.reshape(length.shape) / length
        return np.where(reached < self.end[:, None], reached, np.inf)


def silhouettes(
    scene: RayScene,
    fans: Fans,
    blocked: Float[np.ndarray, " fan"],
    clear: Float[np.ndarray, " fan"] | None = None,
) -> tuple[Float[np.ndarray, " fan"], Float[np.ndarray, " fan"]]:
    """Slope of the last ray of each fan that is in the way of something, and how far along that is hit [m].

    Args:
        scene: what is in the way.
        fans: where it is looked for.
        blocked: slope of a ray that is blocked.
        clear: slope of one that is clear; nearly a right angle where None.

    Returns:
        Slope, and distance along `forward` [m].
    """
    low = np.arctan(blocked)
    high = np.full_like(low, STEEPEST) if clear is None else np.arctan(clear)
    reached = fans.hits(scene, blocked)
    row, share = np.arange(len(low)), np.arange(RAYS + 2) / (RAYS + 1)
    for _ in range(ROUNDS):
        angle = low[:, None] + share * (high - low)[:, None]
        found = np.column_stack([reached, fans.hits_of_each(scene, np.tan(angle[:, 1:-1])), row + np.inf])
        first_clear = np.isinf(found[:, 1:]).argmax(axis=1) + 1
        reached = found[row, first_clear - 1]
        low, high = angle[row, first_clear - 1], angle[row, first_clear]
    return np.tan(low), reached


@dataclass(frozen=True)
class Pieces(Columns):
    """Straight pieces of strings, each with the string that it belongs to."""

    string: Int[np.ndarray, " piece"]
    along: Float[np.ndarray, "piece 2"]
    """Horizontal distance from the site of both ends [m]."""
    height: Float[np.ndarray, "piece 2"]
    """m."""
    margin: Float[np.ndarray, "piece 2"]
    """How far from each end nothing is looked for [m]."""


@dataclass(frozen=True)
class Edges(Columns):
    """Edges that stand above strings."""

    string: Int[np.ndarray, " edge"]
    """The string that each stands above."""
    along: Float[np.ndarray, " edge"]
    """Horizontal distance from the site [m]."""
    height: Float[np.ndarray, " edge"]
    """m."""


def missed_edges(
    scene: RayScene,
    site: Float[np.ndarray, "3"],
    plan: Float[np.ndarray, "string 2"],
    pieces: Pieces,
) -> Edges:
    """The silhouettes of what is in the way of pieces, from both their ends.

    Args:
        scene: what is hit.
        site: where strings begin [m].
        plan: unit vector of each string's plane, from the site.
        pieces: what is tried.
    """
    fans, slope = _fans(site, plan, pieces, 1)
    blocked = np.flatnonzero(np.isfinite(fans.hits(scene, slope)) & (fans.end > fans.start))
    pieces = pieces.select(blocked)
    # Few rays are traced as fast as many, so both ends go together.
    (back, falling), (ahead, rising) = (_fans(site, plan, pieces, end) for end in (1, 0))
    top, distance = silhouettes(scene, Fans.concatenate([back, ahead]), np.concatenate([falling, rising]))
    sense = np.repeat([-1, 1], len(blocked))
    along = np.concatenate([pieces.along[:, 1], pieces.along[:, 0]]) + sense * distance
    height = np.concatenate([pieces.height[:, 1], pieces.height[:, 0]]) + LIFT + top * distance
    return Edges(np.tile(pieces.string, 2), along, height).select(np.isfinite(distance))


def _fans(
    site: Float[np.ndarray, "3"], plan: Float[np.ndarray, "string 2"], pieces: Pieces, end: int
) -> tuple[Fans, Float[np.ndarray, " piece"]]:
    """Fans from one end of each piece, up from its other end, and the slope of the piece."""
    flat = plan[pieces.string]
    pivot = np.column_stack([site[:2] + pieces.along[:, end, None] * flat, pieces.height[:, end] + LIFT])
    forward = np.column_stack([(1 - 2 * end) * flat, np.zeros(len(flat))])
    upward = np.broadcast_to(np.array([0.0, 0.0, 1.0]), forward.shape)
    length = pieces.along[:, 1] - pieces.along[:, 0]
    slope = (pieces.height[:, 1 - end] - pieces.height[:, end]) / np.maximum(length, 1e-6)
    margin = pieces.margin
    return Fans(pivot, forward, upward, margin[:, end], length - margin[:, 1 - end]), slope


def open_between(
    scene: RayScene,
    points: Float[np.ndarray, "pair 2 3"],
    certain: Bool[np.ndarray, "pair 2"],
    reach: float,
) -> Bool[np.ndarray, " pair"]:
    """Whether open ground lies between two edges.

    Args:
        scene: where they are.
        points: the edges, well above the ground [m].
        certain: which of them stand on something; the others may lie next to it.
        reach: how far from it at most [m].
    """
    plan = (points[:, 1] - points[:, 0]) * np.array([1.0, 1.0, 0.0])
    step = plan / np.maximum(np.linalg.norm(plan, axis=1), 1e-9)[:, None]
    beyond = np.where(certain, 0.0, reach)[..., None]
    first, last = points[:, 0] - beyond[:, 0] * step, points[:, 1] + beyond[:, 1] * step
    between = first[:, None] + BETWEEN[:, None] * (last - first)[:, None]
    built = _built(scene, between.reshape(-1, 3)).reshape(-1, len(BETWEEN))
    built[:, [0, -1]] |= certain
    before, behind = (np.logical_or.accumulate(each, axis=1) for each in (built, built[:, ::-1]))
    # Where rays find nothing at all, what the edges are of is thinner than the distance between rays.
    apart: Bool[np.ndarray, " pair"] = np.any(~built & before & behind[:, ::-1], axis=1) | ~np.any(
        built, axis=1
    )
    return apart


def _built(scene: RayScene, point: Float[np.ndarray, "point 3"]) -> Bool[np.ndarray, " point"]:
    """Whether something other than ground is below points."""
    down = np.broadcast_to(np.array([0.0, 0.0, -1.0]), point.shape)
    _, triangle = scene.first_hit(point + np.array([0.0, 0.0, ABOVE]), down)
    return (triangle >= 0) & ~scene.surfaces.triangles.ground[triangle]
