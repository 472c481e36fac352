"""From a style and a seed to a town."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry import LineString

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame
from raylocus.provenance import check_seed
from raylocus.scenes.towns import dense_styles, open_styles
from raylocus.scenes.towns.frames import PRECISION, on_grid, polygons_of, square
from raylocus.scenes.towns.landscape import draw_terrain, draw_water, dry_land, plant, quay_streets
from raylocus.scenes.towns.style import Street, Structure, TownStyle
from raylocus.scenes.vector_map import Building, Road, VectorMap

#: Source of a height, share of the buildings, and its standard deviation as (constant [m], relative).
#: The shares are those of well-mapped OSM cities; a nominal height is always the drawn one.
HEIGHT_SOURCES = (("height", 0.25, (0.5, 0.0)), ("levels", 0.50, (1.0, 0.08)), ("prior", 0.25, (1.0, 0.30)))


def as_mapped(structures: list[Structure], generator: np.random.Generator) -> tuple[Building, ...]:
    """Buildings of the map, each with the source and the standard deviation of its height."""
    shares = [share for _, share, _ in HEIGHT_SOURCES]
    drawn = generator.choice(len(HEIGHT_SOURCES), size=len(structures), p=shares)
    pairs = zip(structures, drawn.tolist(), strict=True)
    return tuple(_building(number, structure, source) for number, (structure, source) in enumerate(pairs))


def _building(number: int, structure: Structure, source: int) -> Building:
    name, _, (constant, relative) = HEIGHT_SOURCES[source]
    return Building(
        identifier=f"generated/{number}",
        footprint=structure.footprint,
        height=structure.height,
        height_deviation=round(constant + relative * structure.height, 2),
        height_source=name,
        wall_material=structure.wall_material,
        roof_material=structure.roof_material,
        roof_shape=structure.roof_shape,
        roof_height=structure.roof_height,
    )


#: Every style by its name, as in `procedural:NAME`.
STYLES = {
    style.name: style
    for style in (
        dense_styles.EUROPEAN_CORE,
        dense_styles.PERIMETER_BLOCKS,
        dense_styles.TOWER_GRID,
        open_styles.LOW_RISE_GRID,
        open_styles.DETACHED_SUBURB,
        open_styles.VILLAGE,
        dense_styles.ASIAN_LOW_RISE,
        open_styles.HIGH_RISE_SLABS,
        open_styles.INDUSTRIAL,
        open_styles.CAMPUS,
        dense_styles.WATERFRONT,
        dense_styles.HILL_TOWN,
    )
}


#: Town generated about the tile, so that the tile's edge has neighbours [m].
MARGIN = 100.0
#: Blocks reach this far beyond the town and are cut off there, so that none is built against the edge [m].
OVERHANG = 80.0
#: Smaller blocks are left open [m²].
SMALLEST_BLOCK = 80.0
#: Tolerance of block outlines [m]; far below the width of a pavement.
BLOCK_TOLERANCE = 0.4


def generate_town(style: str, seed: int, tile_size: float) -> VectorMap:
    """A town over the tile and a margin of `MARGIN` metres around it.

    Args:
        style: name of a style of `catalogue.STYLES`.
        seed: any number from 0; each seed is another town, and the same seed is the same town.
        tile_size: side of the tile [m].

    Raises:
        PlaceError: there is no such style, or the tile's size is not positive.
        InputError: no generator takes the seed.
    """
    if style not in STYLES:
        raise PlaceError(f"there is no town style {style!r}; the styles are {', '.join(STYLES)}")
    check_seed("the seed of a town", seed)
    if not 0 < tile_size < np.inf:
        raise PlaceError(f"a town needs a positive tile size, not {tile_size} m")
    generator = np.random.default_rng([seed, zlib.crc32(style.encode())])
    return _town(STYLES[style], tile_size + 2 * MARGIN, {"style": style, "seed": str(seed)}, generator)


def _town(
    style: TownStyle, side: float, parameters: dict[str, str], generator: np.random.Generator
) -> VectorMap:
    orientation = float(generator.uniform(-np.pi, np.pi))
    terrain = draw_terrain(side, style.relief, orientation, generator)
    reach = side + 2 * OVERHANG
    water = draw_water(reach, style.water_share, orientation, generator)
    land = dry_land(style, water, reach)
    drawn = _varied(style.streets.draw(reach, orientation, generator), generator)
    streets = _on_land(drawn, land) + quay_streets(water, reach)
    structures, parks = _built_up(style, _blocks(streets, land, side), side, generator)
    buildings = as_mapped(structures, generator)
    roads = _roads(streets, side)
    seen_water = tuple(
        part for area in water for part in polygons_of(shapely.intersection(area, square(side)))
    )
    obstacles = [*(one.footprint for one in buildings), *_carriageways(roads), *seen_water]
    vegetation = plant(side, style.greenery, streets, parks, obstacles, generator)
    return VectorMap(
        frame=GeoFrame(),
        buildings=buildings,
        roads=roads,
        terrain=terrain,
        water=seen_water,
        vegetation=vegetation,
        notes=(f"a generated town: {style.description}",),
        parameters=parameters,
    )


def _varied(streets: list[Street], generator: np.random.Generator) -> list[Street]:
    """Streets with pavements of their own width each, so that no two streets are equally wide."""
    factors = generator.uniform(0.75, 1.4, len(streets)).tolist()
    return [
        replace(street, corridor=street.width + factor * (street.corridor - street.width))
        for street, factor in zip(streets, factors, strict=True)
    ]


def _on_land(streets: list[Street], land: shapely.Geometry) -> list[Street]:
    """Streets cut off where the land ends; what is left of one may be several."""
    dry = []
    for street in streets:
        for part in shapely.get_parts(shapely.intersection(street.line, land)):
            if isinstance(part, LineString) and part.length > 1.0:
                dry.append(replace(street, line=part))
    return dry


def _blocks(streets: list[Street], land: shapely.Geometry, side: float) -> list[Polygon]:
    """What the streets leave of the land, as far as it reaches into the town's square."""
    lines = np.array([street.line for street in streets])
    halves = np.array([street.corridor / 2 for street in streets])
    corridors = shapely.union_all(shapely.buffer(lines, halves, quad_segs=2))
    blocks = polygons_of(on_grid(shapely.simplify(shapely.difference(land, corridors), BLOCK_TOLERANCE)))
    near = square(side)
    return [block for block in blocks if block.area > SMALLEST_BLOCK and block.intersects(near)]


def _built_up(
    style: TownStyle, blocks: list[Polygon], side: float, generator: np.random.Generator
) -> tuple[list[Structure], list[Polygon]]:
    """Structures and parks within the town's square."""
    shares = np.array([share for _, share in style.fillings])
    structures: list[Structure] = []
    parks: list[Polygon] = []
    for block in blocks:
        choice = int(generator.choice(len(shares), p=shares / shares.sum()))
        if generator.random() < style.park_share:
            parks.append(block)
        else:
            structures += style.fillings[choice][0].fill(block, generator)
    inside = [one for one in structures if max(map(abs, one.footprint.bounds)) <= side / 2]
    return _settled(_to_millimetres(inside), style.settled_radius, generator), parks


def _to_millimetres(structures: list[Structure]) -> list[Structure]:
    """The structures on the grid, where all that is done with their footprints stays.

    Party walls that differ by rounding alone (10⁻¹⁵ m) make GEOS return wrong intersections and unions.
    """
    footprints = shapely.set_precision([one.footprint for one in structures], PRECISION)
    pairs = zip(structures, footprints, strict=True)
    return [replace(one, footprint=footprint) for one, footprint in pairs if isinstance(footprint, Polygon)]


def _settled(
    structures: list[Structure], radius: float | None, generator: np.random.Generator
) -> list[Structure]:
    """Thins a village out towards its fields."""
    if radius is None:
        return structures
    distances = np.array([np.hypot(*one.footprint.centroid.coords[0]) for one in structures])
    stays = generator.random(len(structures)) < 0.5 ** ((distances / radius) ** 3)
    return [one for one, kept in zip(structures, stays, strict=True) if kept]


def _roads(streets: list[Street], side: float) -> tuple[Road, ...]:
    roads = []
    for street in streets:
        for part in shapely.get_parts(shapely.intersection(street.line, square(side))):
            if isinstance(part, LineString) and part.length > 1.0:
                roads.append(Road(part, street.road_class, street.width))
    return tuple(roads)


def _carriageways(roads: tuple[Road, ...]) -> list[Polygon]:
    return [shapely.buffer(road.line, road.width / 2, quad_segs=4, cap_style="flat") for road in roads]
