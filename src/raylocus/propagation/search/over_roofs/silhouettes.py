"""Where a fan of rays comes clear of what stands in its way: the silhouette of an obstacle in one plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.rays.launcher import RayScene

#: Rays of one round between a blocked and a clear one, and rounds: from a right angle to 0.6 mm at 100 m.
RAYS, ROUNDS = 63, 3
#: The steepest ray of a fan [rad], nearly a right angle.
STEEPEST = np.deg2rad(89.9)


@dataclass(frozen=True)
class Fans:
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

    def select(self, chosen: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " fan"]) -> Fans:
        """Some of the fans."""
        parts = (self.pivot, self.forward, self.sideways, self.start, self.end)
        return Fans(*(part[chosen] for part in parts))

    def and_also(self, others: Fans) -> Fans:
        """These fans, and others behind them."""
        names = ("pivot", "forward", "sideways", "start", "end")
        return Fans(*(np.concatenate([getattr(self, name), getattr(others, name)]) for name in names))

    def at(
        self, slope: Float[np.ndarray, " fan"], distance: Float[np.ndarray, " fan"]
    ) -> Float[np.ndarray, "fan 3"]:
        """Points of one ray of each fan, this far along `forward` [m]."""
        return self.pivot + distance[:, None] * self._direction(slope)

    def hits(self, scene: RayScene, slope: Float[np.ndarray, " fan"]) -> Float[np.ndarray, " fan"]:
        """Distance along `forward` of the first hit of one ray of each fan [m]; inf where it is clear."""
        direction = self._direction(slope)
        length = np.linalg.norm(direction, axis=1)
        distance, _ = scene.first_hit(self.at(slope, self.start), direction / length[:, None])
        reached = self.start + distance / length
        return np.where(reached < self.end, reached, np.inf)

    def hits_of_each(
        self, scene: RayScene, slope: Float[np.ndarray, "fan ray"]
    ) -> Float[np.ndarray, "fan ray"]:
        """As `hits`, of several rays of each fan."""
        repeated = self.select(np.repeat(np.arange(len(slope)), slope.shape[1]))
        return repeated.hits(scene, slope.ravel()).reshape(slope.shape)

    def _direction(self, slope: Float[np.ndarray, " fan"]) -> Float[np.ndarray, "fan 3"]:
        return self.forward + slope[:, None] * self.sideways


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
