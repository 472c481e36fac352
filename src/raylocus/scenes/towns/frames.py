"""Plane geometry of street patterns and plots: rotation, smooth bends, local frames, blocks cut into lots.

Sines, matrix products and round buffers differ in the last bit from processor to processor, and where it decides which
side of a lot is cut, another town grows. So what comes from them is put on a grid before anything is decided by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Shaped
from shapely import Polygon

#: Grid of all coordinates and heights [m].
PRECISION = 1e-3


def rounded(lengths: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Coordinates or heights on the grid [m]."""
    return np.round(lengths, 3)


def on_grid(shapes: Any) -> Any:
    """Shapes with their corners on the grid; later operations on them are exact again, which is twice as fast."""
    return shapely.set_precision(shapely.set_precision(shapes, PRECISION), 0.0)


def rotate(
    points: Float[np.ndarray, "*batch 2"], angle: float, centre: Float[np.ndarray, "2"] | float = 0.0
) -> Float[np.ndarray, "*batch 2"]:
    """Points turned counter-clockwise about the origin by an angle [rad] and moved to a centre; on the grid [m]."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return rounded(points @ np.array([[cosine, sine], [-sine, cosine]]) + centre)


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
        sides = np.linalg.norm(np.stack([first, second], axis=1), axis=-1)
        longer = np.where((sides[:, 0] >= sides[:, 1])[:, None], first, second)
        centre = (corners[:, 0] + corners[:, 2]) / 2
        return cls(centre, np.arctan2(longer[:, 1], longer[:, 0]), sides.max(axis=1), sides.min(axis=1))

    def to_map(self, points: Float[np.ndarray, "box corner 2"]) -> Float[np.ndarray, "box corner 2"]:
        """Map coordinates [m], on the grid, of points given along and across each box from its centre."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turn = np.stack([np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)], axis=1)
        return rounded(points @ turn + self.centre[:, None, :])


def polygons_of(geometry: shapely.Geometry | Shaped[np.ndarray, " geometry"]) -> list[Polygon]:
    """The polygons in any geometry, or in any of several, in their order."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and not part.is_empty]


#: Lots smaller than this are left open [m²].
SMALLEST_LOT = 20.0


def cut_into_lots(
    block: Polygon, area: float, narrowest: float, generator: np.random.Generator, jitter: float = 0.12
) -> list[Polygon]:
    """Lots that tile the block.

    Args:
        block: the land.
        area: a lot larger than 1.5 times this is cut again [m²].
        narrowest: a cut never makes pieces narrower than this [m].
        generator: draws the cuts.
        jitter: largest shift of a cut from the middle, relative to the side that is cut.

    Source: recursive subdivision along the oriented bounding box, Vanegas et al., "Procedural
    generation of parcels in urban modeling", Computer Graphics Forum 31 (2012), §4.
    """
    pending = [block]
    lots: list[Polygon] = []
    while pending:
        boxes = Boxes.around(pending)
        whole = (shapely.area(pending) < 1.5 * area) | (boxes.length < 2.4 * narrowest)
        lots += [pending[index] for index in np.flatnonzero(whole)]
        large = [pending[index] for index in np.flatnonzero(~whole)]
        shift = jitter * generator.uniform(-1, 1, len(large))
        pending = [half for half in _halves(large, shift) if half.area >= SMALLEST_LOT]
    return lots


def _halves(pieces: Sequence[Polygon], shift: Float[np.ndarray, " piece"]) -> list[Polygon]:
    """The parts of pieces on both sides of lines across their boxes, shifted by this share of the box."""
    if not pieces:
        return []
    boxes = Boxes.around(pieces)
    long, wide, cut = boxes.length, boxes.width, boxes.length * shift
    left = np.stack([[-long, -wide], [cut, -wide], [cut, wide], [-long, wide]]).transpose(2, 0, 1)
    right = np.stack([[cut, -wide], [long, -wide], [long, wide], [cut, wide]]).transpose(2, 0, 1)
    halves = [shapely.intersection(pieces, shapely.polygons(boxes.to_map(side))) for side in (left, right)]
    return polygons_of(np.stack(halves, axis=1).ravel())


def shrink(polygons: Sequence[Polygon], distance: float) -> list[Polygon]:
    """The largest part of each polygon that keeps this distance [m] from its border; may be empty."""
    kept = on_grid(shapely.buffer(np.array(polygons, dtype=object), -distance, join_style="mitre"))
    return [max(polygons_of(each), key=lambda part: part.area, default=Polygon()) for each in kept]


def fit_to_build(polygons: Sequence[Polygon], narrowest: float) -> list[Polygon]:
    """The polygons that can carry a building: at least `narrowest` metres in their narrow direction, no slivers."""
    large = [polygon for polygon in polygons if polygon.area >= narrowest**2]
    if not large:
        return []
    wide = Boxes.around(large).width >= narrowest
    core = ~shapely.is_empty(shapely.buffer(large, -0.35 * narrowest, join_style="mitre"))
    return [polygon for polygon, fits in zip(large, wide & core, strict=True) if fits]
