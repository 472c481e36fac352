"""Plans of free-standing buildings, in a frame along their longer side."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from shapely import Polygon

from raylocus.scenes.towns.frames import rotate

#: Names of the plans that `plan` knows.
PLANS = ("bar", "l", "u", "round")


def plan(name: str, length: float, width: float, depth: float) -> Float[np.ndarray, "corner 2"]:
    """Corners [m] of a plan in a box of length × width about the origin.

    Args:
        name: `bar` fills the box, `l` and `u` are wings about a court, `round` is a tank.
        length: along x [m].
        width: along y [m].
        depth: depth of a wing [m].
    """
    x, y = length / 2, width / 2
    wing, arm = min(depth, 0.6 * width), min(depth, 0.4 * length)
    if name == "l":
        return np.array([(-x, -y), (x, -y), (x, wing - y), (arm - x, wing - y), (arm - x, y), (-x, y)])
    if name == "u":
        low = wing - y
        return np.array(
            [(-x, -y), (x, -y), (x, y), (x - arm, y), (x - arm, low), (arm - x, low), (arm - x, y), (-x, y)]
        )
    if name == "round":
        angle = np.arange(16) * np.pi / 8
        return min(x, y) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.array([(-x, -y), (x, -y), (x, y), (-x, y)])


def place(corners: Float[np.ndarray, "corner 2"], centre: Float[np.ndarray, "2"], angle: float) -> Polygon:
    """The plan turned by an angle [rad] and moved to its centre [m]."""
    return Polygon(rotate(corners, angle) + centre)
