"""Plane geometry of street patterns and plots: rotation, smooth bends, local frames of polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float, Shaped
from shapely import Polygon


def rotate(points: Float[np.ndarray, "*batch 2"], angle: float) -> Float[np.ndarray, "*batch 2"]:
    """Points turned counter-clockwise about the origin by an angle [rad]."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return points @ np.array([[cosine, sine], [-sine, cosine]])


def square(side: float) -> Polygon:
    """The square of this side [m] about the origin."""
    return shapely.box(-side / 2, -side / 2, side / 2, side / 2)


@dataclass(frozen=True)
class Warp:
    """A smooth displacement of the plane that bends straight streets without folding them."""

    amplitude: float
    """m."""
    waves: Float[np.ndarray, "wave 2"]
    """Wave vectors [rad/m]."""
    phases: Float[np.ndarray, "wave 2"]
    """Phases of the x and y displacements [rad]."""

    @classmethod
    def sample(cls, amplitude: float, generator: np.random.Generator) -> Warp:
        """Three waves; long enough that the plane is never stretched by more than half."""
        shortest = max(240.0, 4 * np.pi * amplitude)
        lengths = generator.uniform(shortest, 2 * shortest, 3)
        directions = generator.uniform(-np.pi, np.pi, 3)
        waves = 2 * np.pi / lengths[:, None] * np.stack([np.cos(directions), np.sin(directions)], axis=-1)
        return cls(amplitude, waves, generator.uniform(-np.pi, np.pi, (3, 2)))

    def __call__(self, points: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
        """The points [m] after the displacement."""
        angle = (points @ self.waves.T)[..., None] + self.phases
        return points + self.amplitude * np.sin(angle).mean(axis=1)


@dataclass(frozen=True)
class Boxes:
    """The smallest rectangle about each of some polygons, as local frames along their longer sides."""

    centre: Float[np.ndarray, "box 2"]
    """m."""
    angle: Float[np.ndarray, " box"]
    """Direction of the longer side [rad]."""
    length: Float[np.ndarray, " box"]
    """Longer side [m]."""
    width: Float[np.ndarray, " box"]
    """Shorter side [m]."""

    @classmethod
    def around(cls, polygons: Sequence[Polygon]) -> Boxes:
        """The boxes of polygons of positive area."""
        corners = shapely.get_coordinates(shapely.oriented_envelope(np.array(polygons, dtype=object)))
        corners = corners.reshape(len(polygons), 5, 2)
        first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
        sides = np.stack([np.hypot(*first.T), np.hypot(*second.T)], axis=-1)
        longer = np.where((sides[:, 0] >= sides[:, 1])[:, None], first, second)
        centre = (corners[:, 0] + corners[:, 2]) / 2
        return cls(centre, np.arctan2(longer[:, 1], longer[:, 0]), sides.max(axis=1), sides.min(axis=1))

    def to_map(self, points: Float[np.ndarray, "box corner 2"]) -> Float[np.ndarray, "box corner 2"]:
        """Map coordinates [m] of points given along and across each box from its centre."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turn = np.stack([np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)], axis=1)
        return points @ turn + self.centre[:, None, :]


def polygons_of(geometry: shapely.Geometry | Shaped[np.ndarray, " geometry"]) -> list[Polygon]:
    """The polygons in any geometry, or in any of several, in their order."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and not part.is_empty]
