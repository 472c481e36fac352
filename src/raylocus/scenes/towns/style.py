"""A style of town as data: which streets, which fillings of its blocks, which ground, trees and water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from shapely import Polygon
from shapely.geometry import LineString

from raylocus.scenes.towns.structures import Structure


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
    """How streets are laid out."""

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
    """Standard deviation of the hills laid over the slope [m]."""
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
