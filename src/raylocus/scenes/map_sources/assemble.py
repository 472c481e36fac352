"""Tagged shapes in longitude and latitude to a vector map in a frame of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame
from raylocus.scenes.buildings.from_features import SURROUNDINGS, buildings_of
from raylocus.scenes.buildings.heights import region_of
from raylocus.scenes.ground.from_features import pavements_of, roads_of, sea_of, vegetation_of, water_of
from raylocus.scenes.ground.terrain import flat_terrain, read_terrain
from raylocus.scenes.map_sources.elevation_tiles import elevation_for
from raylocus.scenes.tagged import (
    REPAIRED,
    Bounds,
    Feature,
    NamedRandom,
    TaggedMap,
    in_frame,
    notes_of,
)
from raylocus.scenes.vector_map import Building, VectorMap

#: Ground around a map's bounds that its terrain covers too [m].
TERRAIN_MARGIN = 400.0
#: What places with trees say.
VEGETATION_NOTE = (
    "crowns 3 to 12 m above woods, orchards and single trees attenuate by ITU-R P.833 when traced, "
    "unless: raylocus maps trace --trace.vegetation false"
)
#: Poleward of this latitude UTM ends [degrees].
UTM_LIMIT = 84.0


@dataclass(frozen=True)
class Window:
    """A square of a map, in its frame."""

    centre: tuple[float, float]
    """m."""
    side: float
    """m."""

    def touched(self, features: Sequence[Feature]) -> list[Feature]:
        """The features that matter to the square: those in it, and those around it that its buildings look at."""
        reach = self.side / 2 + 2 * SURROUNDINGS
        (x, y), shapes = self.centre, np.empty(len(features), object)
        shapes[:] = [feature.geometry for feature in features]
        near = shapely.intersects(shapes, shapely.box(x - reach, y - reach, x + reach, y + reach))
        return [feature for feature, close in zip(features, near, strict=True) if close]


@dataclass(frozen=True)
class MapExtent:
    """What a map covers: a rectangle in its frame, centred on the origin."""

    width: float
    """From west to east [m]."""
    depth: float
    """From south to north [m]."""


def frame_of(bounds: Bounds) -> tuple[GeoFrame, MapExtent]:
    """The frame centred on a box of longitude and latitude, and the box's extent in it.

    Raises:
        PlaceError: the box is empty, crosses the antimeridian, or reaches a pole.
    """
    west, south, east, north = bounds
    if not (-180 <= west < east <= 180):
        raise PlaceError(
            f"the box from longitude {west:g} to {east:g} is empty or crosses the antimeridian; give two boxes "
            "W,S,E,N, one on each side of 180 degrees"
        )
    if not (-UTM_LIMIT < south < north < UTM_LIMIT):
        raise PlaceError(
            f"the box from latitude {south:g} to {north:g} is empty or too near a pole; correct its S and N"
        )
    frame = GeoFrame((south + north) / 2, (west + east) / 2)
    corners = frame.to_local(np.array([south, south, north, north]), np.array([west, east, west, east]))
    width, depth = np.ptp(corners, axis=0)
    return frame, MapExtent(float(width), float(depth))


def assemble_map(
    tagged: TaggedMap,
    frame: GeoFrame,
    extent: MapExtent,
    terrain_file: Path | None,
    generator: np.random.Generator,
    window: Window | None = None,
) -> VectorMap:
    """The vector map of features in longitude and latitude.

    Args:
        tagged: buildings, water, vegetation, pavements, roads and coastlines, with OSM's tags.
        frame: the frame to put them into.
        extent: what the map covers.
        terrain_file: elevation, `AUTO` for what is fetched, or None for flat ground recorded as unknown.
        generator: decides heights and materials that no tag states.
        window: the only part wanted, or None for all.
    """
    tally = Counter(tagged.tally)
    areas, lines = in_frame(tagged.areas, frame), in_frame(tagged.lines, frame)
    side = max(extent.width, extent.depth) + 2 * TERRAIN_MARGIN
    sea = sea_of(lines, extent.width, extent.depth)
    if window is not None:
        areas, lines = window.touched(areas), window.touched(lines)
    region = region_of(frame)
    buildings = buildings_of(areas, region, NamedRandom.of(generator), tally)
    vegetation = vegetation_of([*areas, *lines])
    notes = [_count_note(areas, len(buildings)), _height_note(buildings), *notes_of(tally), *tagged.notes]
    if vegetation:
        notes.append(VEGETATION_NOTE)
    elevation = elevation_for(terrain_file, frame, side) if terrain_file else None
    notes += elevation.notes if elevation else ["the ground's height is not known and taken as flat"]
    notices = [tagged.attribution, elevation.attribution if elevation else ""]
    return VectorMap(
        frame=frame,
        buildings=buildings,
        roads=roads_of(lines),
        terrain=read_terrain(elevation.path, frame, side) if elevation else flat_terrain(side),
        water=water_of(areas) + sea,
        vegetation=vegetation,
        pavements=pavements_of(areas),
        notes=tuple(notes),
        attribution="; ".join(notice for notice in notices if notice),
        parameters={"region": region},
    )


def _height_note(buildings: Sequence[Building]) -> str:
    """How many heights are the source's and how many are drawn."""
    counts = Counter(building.height_source for building in buildings)
    drawn, storeys = counts["prior"], counts["levels"]
    stated = len(buildings) - drawn - storeys
    return f"heights of solids: {stated} as stated, {storeys} from storeys, {drawn} drawn by type and surroundings"


def _count_note(areas: Sequence[Feature], kept: int) -> str:
    """How many buildings were read and how many solids became of them; the other notes explain the difference."""
    outlines = [area for area in areas if area.tags.get("building", "no") != "no"]
    repaired = sum(REPAIRED in area.tags for area in outlines)
    parts = sum(area.tags.get("building:part", "no") != "no" for area in areas)
    incomplete = f", {repaired} of them not whole in the source and repaired," if repaired else ""
    return f"{len(outlines)} buildings{incomplete} and {parts} building parts read, {kept} solids kept"
