"""Detached houses and rows of slabs or halls along streets, with the plans and distances that they keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float, Int
from shapely import Polygon, STRtree

from raylocus.scenes.towns.frames import Boxes, rotate, shrink
from raylocus.scenes.towns.style import BuildingType, Structure, pick


def keep_apart(footprints: Sequence[Polygon], land: shapely.Geometry, gap: float) -> Int[np.ndarray, " kept"]:
    """Indices of footprints that lie on the land and keep `gap` metres apart; the earlier one stays."""
    if not footprints or land.is_empty:
        return np.zeros(0, dtype=np.int64)
    shapely.prepare(land)
    standing = shapely.contains(land, np.array(footprints))
    first, second = STRtree(footprints).query(footprints, predicate="dwithin", distance=gap)
    for early, late in sorted(zip(first.tolist(), second.tolist(), strict=True)):
        if early < late and standing[early]:
            standing[late] = False
    return np.flatnonzero(standing)


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
    return Polygon(rotate(corners, angle, centre))


@dataclass(frozen=True)
class StreetHouses:
    """Detached or terraced houses that face the street, and sheds or barns behind them."""

    house: BuildingType
    frontage: float = 20.0
    """Street front of a lot [m]."""
    setback: float = 6.0
    """From the block's border to the house [m]."""
    width: tuple[float, float] = (9.0, 14.0)
    """Range of widths along the street [m]."""
    depth: tuple[float, float] = (8.0, 11.0)
    """Range of depths [m]."""
    gap: float = 2.5
    """Least distance between houses [m]."""
    angled: float = 0.25
    """Share of the houses with an L-shaped plan."""
    turned: float = 0.0
    """Standard deviation of a house's direction about its street's [rad]."""
    empty: float = 0.08
    """Share of the lots without a house."""
    shed: BuildingType | None = None
    """Type of the buildings behind the houses."""
    shed_share: float = 0.0
    """Share of the lots with a shed."""
    shed_scale: float = 0.6
    """Size of a shed relative to a house."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        middle = self.setback + self.depth[1] / 2
        houses = self._row(block, middle, 1.0, 1 - self.empty, generator)
        behind = middle + self.depth[1] * (0.7 + 0.5 * self.shed_scale)
        sheds = self._row(block, behind, self.shed_scale, self.shed_share, generator) if self.shed else []
        garden = shrink([block], min(1.0, 0.5 * self.setback))[0]
        kept = keep_apart(houses + sheds, garden, self.gap)
        structures = self.house.erect([houses[index] for index in kept if index < len(houses)], generator)
        if self.shed is not None:
            far = [sheds[index - len(houses)] for index in kept if index >= len(houses)]
            structures += self.shed.erect(far, generator)
        return structures

    def _row(
        self, block: Polygon, inset: float, scale: float, share: float, generator: np.random.Generator
    ) -> list[Polygon]:
        """Plans along the block's border, `inset` metres inside it."""
        footprints = []
        for centre, angle in _along(shrink([block], inset)[0], self.frontage, generator):
            width, depth = scale * generator.uniform(*self.width), scale * generator.uniform(*self.depth)
            name = "l" if generator.random() < self.angled else "bar"
            turn = angle + self.turned * generator.standard_normal()
            if generator.random() < share:
                footprints.append(place(plan(name, width, depth, 0.55 * depth), centre, turn))
        return footprints


def _along(
    land: Polygon, step: float, generator: np.random.Generator
) -> list[tuple[Float[np.ndarray, "2"], float]]:
    """Points about every `step` metres along a polygon's outline, and the outline's direction there [rad]."""
    if land.is_empty:
        return []
    outline = land.exterior
    count = max(1, int(outline.length / step))
    distances = (np.arange(count) + generator.uniform()) * outline.length / count
    before = shapely.get_coordinates(shapely.line_interpolate_point(outline, distances - 1.0))
    here = shapely.get_coordinates(shapely.line_interpolate_point(outline, distances))
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(outline, np.minimum(distances + 1.0, outline.length))
    )
    direction = np.arctan2(*(after - before).T[::-1])
    return [(point, float(angle)) for point, angle in zip(here, direction, strict=True)]


@dataclass(frozen=True)
class BuildingRows:
    """Rows across a block, aligned with it."""

    building: BuildingType
    length: tuple[float, float]
    """Range of building lengths along the row [m]."""
    width: tuple[float, float]
    """Range of building widths across the row [m]."""
    row_gap: float
    """Open ground between rows [m]."""
    end_gap: float = 12.0
    """Open ground between buildings of a row [m]."""
    setback: float = 6.0
    """From the block's border to the buildings [m]."""
    plans: tuple[tuple[str, float], ...] = (("bar", 1.0),)
    """(plan, share), see `plan`."""
    wing: float = 14.0
    """Depth of the wings of L- and U-shaped plans [m]."""
    empty: float = 0.1
    """Share of the places in a row that stay open."""
    turned: float = 0.0
    """Share of the blocks whose rows run across the block instead of along it."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """See `Filling`."""
        boxes = Boxes.around([block])
        centre, angle = boxes.centre[0], float(boxes.angle[0])
        along, wide = float(boxes.length[0]), float(boxes.width[0])
        if generator.random() < self.turned:
            angle, along, wide = angle + np.pi / 2, wide, along
        footprints: list[Polygon] = []
        y = -wide / 2 + self.setback
        while y + self.width[0] <= wide / 2:
            width = generator.uniform(*self.width)
            footprints += self._row(centre, angle, along, (y, width), generator)
            y += width + self.row_gap
        land = shrink([block], 0.9 * self.setback)[0]
        kept = keep_apart(footprints, land, 0.5 * min(self.end_gap, self.row_gap))
        return self.building.erect([footprints[index] for index in kept], generator)

    def _row(
        self,
        middle: Float[np.ndarray, "2"],
        angle: float,
        along: float,
        row: tuple[float, float],
        generator: np.random.Generator,
    ) -> list[Polygon]:
        """Plans along one row, given by its lower edge from the middle of the block and its width [m]."""
        footprints = []
        forward, sideways = (
            np.array([np.cos(angle), np.sin(angle)]),
            np.array([-np.sin(angle), np.cos(angle)]),
        )
        x = -along / 2 + self.setback * generator.uniform(1.0, 2.0)
        while x + self.length[0] <= along / 2:
            length = generator.uniform(*self.length)
            centre = middle + (x + length / 2) * forward + (row[0] + row[1] / 2) * sideways
            turn = angle + (np.pi if generator.random() < 0.5 else 0.0)
            corners = plan(pick(self.plans, 1, generator)[0], length, row[1], self.wing)
            if generator.random() >= self.empty:
                footprints.append(place(corners, centre, turn))
            x += length + self.end_gap * generator.uniform(0.8, 1.6)
        return footprints
