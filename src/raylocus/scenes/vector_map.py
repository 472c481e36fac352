"""A place as vectors, before it becomes meshes and grids: what every source but a ready mesh delivers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from shapely import Polygon
from shapely.geometry import LineString

from raylocus.geo import GeoFrame, Grid

#: Height source of parked cars and the like, which are meshed as buildings and are none.
CLUTTER = "clutter"


@dataclass(frozen=True)
class Building:
    """One building or building part, in the local frame."""

    identifier: str
    """Unique in the map, e.g. `way/1234`."""
    footprint: Polygon
    """Outline with courtyards as holes [m]."""
    height: float
    """Top above the lowest ground under it [m]."""
    height_deviation: float
    """Standard deviation of the height [m]."""
    height_source: str
    """`height`, `building:height`, `levels` or `prior`; `CLUTTER` for what is no building."""
    min_height: float = 0.0
    """Bottom above the lowest ground [m]; above 0 for passages and overhangs."""
    wall_material: str = "concrete"
    """One of MATERIALS."""
    roof_material: str = "concrete"
    """One of MATERIALS."""
    roof_shape: str = "flat"
    """`flat`, `gabled`, `hipped`, `pyramidal` or `skillion` (OSM's roof:shape)."""
    roof_height: float = 0.0
    """Part of the height that is roof [m]; 0 for flat roofs."""


@dataclass(frozen=True)
class Road:
    """One road or path."""

    line: LineString
    """Centre line [m]."""
    road_class: str
    """One of ROAD_CLASSES."""
    width: float
    """m."""


@dataclass(frozen=True)
class Terrain:
    """Ground height on a regular grid that covers the tile and its margin."""

    grid: Grid
    height: Float[np.ndarray, "y x"]
    """m above the frame's zero."""
    source: str
    """`flat (unknown)`, `surface model, smoothed`, `terrain model` or `generated`."""


#: Classes of the `road` layer, by index: what UEs and reflections can tell apart.
ROAD_CLASSES = ("motorway", "primary", "residential", "service", "pedestrian")


@dataclass(frozen=True)
class VectorMap:
    """Everything known of a place's ground, in the local frame centred on the tile."""

    frame: GeoFrame
    buildings: tuple[Building, ...]
    roads: tuple[Road, ...]
    terrain: Terrain
    water: tuple[Polygon, ...] = ()
    vegetation: tuple[Polygon, ...] = ()
    """Areas with trees."""
    pavements: tuple[Polygon, ...] = ()
    """Squares and paved areas for people."""
    notes: tuple[str, ...] = ()
    """What was repaired, merged, dropped or assumed, one sentence each, counted."""
    attribution: str = ""
    """Licence notice to be kept with anything derived, e.g. ODbL."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Source parameters for the provenance."""
