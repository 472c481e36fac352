"""A style of town as data: which streets, which fillings of its blocks, which ground, trees and water."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import shapely
from jaxtyping import Bool
from shapely import Polygon
from shapely.geometry import LineString

from raylocus.scenes.towns.frames import Boxes

#: Share of its bounding rectangle that a footprint must fill to carry a pitched roof.
RECTANGULAR_SHARE = 0.97


@dataclass(frozen=True)
class Structure:
    """One building before it is given an identifier and a map's uncertainty."""

    footprint: Polygon
    """Outline with courtyards as holes [m]."""
    height: float
    """Top above the ground [m]."""
    wall_material: str
    """One of MATERIALS."""
    roof_material: str
    """One of MATERIALS."""
    roof_shape: str
    """`flat`, `gabled` or `hipped`."""
    roof_height: float
    """Part of the height that is roof [m]."""


@dataclass(frozen=True)
class BuildingType:
    """The law of heights, materials and roofs of one kind of building."""

    storeys: float
    """Median number of storeys."""
    walls: tuple[tuple[str, float], ...]
    """(material, share) of the walls."""
    spread: float = 0.2
    """Standard deviation of the logarithm of the number of storeys from building to building."""
    fewest: int = 1
    """Smallest number of storeys."""
    most: int = 60
    """Largest number of storeys."""
    storey_height: float = 3.0
    """m."""
    roofs: tuple[tuple[str, float], ...] = (("concrete", 1.0),)
    """(material, share) of the roofs."""
    pitched: float = 0.0
    """Share of the rectangular buildings that carry a gabled or hipped roof."""
    pitch: float = 0.45
    """Rise of a pitched roof over half of its span."""

    def erect(self, footprints: Sequence[Polygon], generator: np.random.Generator) -> list[Structure]:
        """Buildings of this type on the footprints."""
        count = len(footprints)
        if not count:
            return []
        drawn = self.storeys * np.exp(self.spread * generator.standard_normal(count))
        storeys = np.clip(np.rint(drawn), self.fewest, self.most)
        bodies = storeys * self.storey_height + generator.uniform(0.0, 1.0, count)
        pitched = (generator.random(count) < self.pitched) & rectangular(footprints)
        rises = np.where(pitched, self.pitch * Boxes.around(footprints).width / 2, 0.0)
        shapes = np.where(pitched, np.where(generator.random(count) < 0.3, "hipped", "gabled"), "flat")
        walls, roofs = pick(self.walls, count, generator), pick(self.roofs, count, generator)
        heights = np.round(bodies + rises, 2)
        return [
            Structure(footprint, float(height), wall, roof, str(shape), round(float(rise), 2))
            for footprint, height, wall, roof, shape, rise in zip(
                footprints, heights, walls, roofs, shapes, rises, strict=True
            )
        ]


def pick(shares: tuple[tuple[str, float], ...], count: int, generator: np.random.Generator) -> list[str]:
    """Some of the names, by their shares, which need not sum to one."""
    weights = np.array([share for _, share in shares])
    chosen = generator.choice(len(shares), size=count, p=weights / weights.sum())
    return [shares[index][0] for index in chosen]


def rectangular(footprints: Sequence[Polygon]) -> Bool[np.ndarray, " footprint"]:
    """Which footprints are nearly rectangles, so that they can carry a pitched roof."""
    boxes = Boxes.around(footprints)
    return shapely.area(footprints) >= RECTANGULAR_SHARE * boxes.length * boxes.width


_STONE = (("brick", 0.6), ("concrete", 0.25), ("marble", 0.15))
_MODERN = (("concrete", 0.6), ("glass", 0.4))
_TILES = (("brick", 0.8), ("metal", 0.2))
_SHEET_METAL = (("metal", 1.0),)

OLD_HOUSE = BuildingType(
    storeys=4.5, spread=0.2, fewest=2, most=7, storey_height=3.4, walls=_STONE, roofs=_TILES, pitched=0.6
)
TENEMENT = BuildingType(
    storeys=5.5, spread=0.1, fewest=4, most=7, storey_height=3.4, walls=_STONE, roofs=_TILES, pitched=0.5
)
OFFICE = BuildingType(storeys=8.0, spread=0.5, fewest=3, most=25, storey_height=3.6, walls=_MODERN)
TOWER = BuildingType(storeys=30.0, spread=0.45, fewest=14, most=80, storey_height=3.8, walls=_MODERN)
MID_RISE = BuildingType(storeys=6.0, spread=0.3, fewest=4, most=14, walls=(("concrete", 1.0),))
SLAB = BuildingType(
    storeys=15.0, spread=0.25, fewest=8, most=30, storey_height=2.9, walls=(("concrete", 0.9), ("glass", 0.1))
)
HILL_HOUSE = BuildingType(
    storeys=5.5,
    spread=0.65,
    fewest=2,
    most=25,
    storey_height=3.1,
    walls=(("concrete", 0.6), ("brick", 0.4)),
    roofs=_TILES,
    pitched=0.4,
)
CITY_HOUSE = BuildingType(
    storeys=2.0, spread=0.2, most=3, walls=(("brick", 0.8), ("wood", 0.2)), pitched=0.3, pitch=0.3
)
LIGHT_HOUSE = BuildingType(
    storeys=2.3, spread=0.2, most=4, walls=(("wood", 0.6), ("concrete", 0.4)), pitched=0.4
)
BUNGALOW = BuildingType(
    storeys=1.5, spread=0.3, most=2, storey_height=2.9, walls=(("wood", 0.7), ("brick", 0.3)), pitched=0.9
)
FARMHOUSE = BuildingType(
    storeys=1.6, spread=0.3, most=3, walls=(("brick", 0.7), ("wood", 0.3)), roofs=_TILES, pitched=0.95
)
BARN = BuildingType(
    storeys=1.7, spread=0.2, most=2, walls=(("wood", 0.7), ("metal", 0.3)), roofs=_TILES, pitched=0.9
)
GARAGE = BuildingType(
    storeys=1.0, spread=0.0, most=1, storey_height=2.6, walls=(("wood", 0.6), ("concrete", 0.4))
)
HALL = BuildingType(
    storeys=2.0,
    spread=0.3,
    most=4,
    storey_height=4.5,
    walls=(("metal", 0.7), ("concrete", 0.3)),
    roofs=_SHEET_METAL,
    pitched=0.3,
    pitch=0.15,
)
TANK = BuildingType(
    storeys=3.0, spread=0.2, most=5, storey_height=4.0, walls=_SHEET_METAL, roofs=_SHEET_METAL
)
INSTITUTE = BuildingType(
    storeys=3.2,
    spread=0.45,
    most=8,
    storey_height=3.7,
    walls=(("brick", 0.6), ("concrete", 0.2), ("glass", 0.2)),
)


@dataclass(frozen=True)
class Street:
    """One street before it becomes a road of the map."""

    line: LineString
    """Centre line [m]."""
    road_class: str
    """One of ROAD_CLASSES."""
    width: float
    """Carriageway [m]."""
    corridor: float
    """Between the plots on both sides, pavements included [m]; wider than the carriageway."""


@runtime_checkable
class StreetPattern(Protocol):
    """The layout of streets."""

    def draw(self, side: float, orientation: float, generator: np.random.Generator) -> list[Street]:
        """Streets over a square of this side [m] about the origin, main direction at `orientation` [rad]."""
        ...


@runtime_checkable
class Filling(Protocol):
    """How one block is built up."""

    def fill(self, block: Polygon, generator: np.random.Generator) -> list[Structure]:
        """Disjoint buildings inside the block."""
        ...


@dataclass(frozen=True)
class Relief:
    """Ground that is not flat."""

    rise: float
    """Height gained across the town along its main slope [m]."""
    hills: float
    """Standard deviation of the hills added to the slope [m]."""
    wavelength: float = 450.0
    """Typical distance from hill to hill [m]."""


@dataclass(frozen=True)
class Greenery:
    """Trees: along streets, and scattered over the open land of blocks."""

    street_tree_spacing: float | None = None
    """Distance between trees along a street [m]; None for bare streets."""
    trees_per_hectare: float = 0.0
    """Trees sown over the whole town; those that would touch a building or a road are not planted."""
    crown_radius: tuple[float, float] = (2.0, 4.5)
    """Range of crown radii [m]."""


@dataclass(frozen=True)
class TownStyle:
    """One style of town."""

    name: str
    """As in `procedural:NAME`."""
    description: str
    """One line: what it is like, and what that means to radio."""
    streets: StreetPattern
    fillings: tuple[tuple[Filling, float], ...]
    """(filling, share of the blocks)."""
    park_share: float = 0.03
    """Share of the blocks that are parks or squares with trees."""
    greenery: Greenery = Greenery()
    relief: Relief | None = None
    """None for flat ground."""
    water_share: float = 0.0
    """Share of the town's side that is sea or river."""
    settled_radius: float | None = None
    """Distance from the centre at which half of the plots are empty [m]; None for a town without an end."""
