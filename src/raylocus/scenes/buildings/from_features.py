"""Tagged shapes to buildings: what is left out, parts instead of outlines, heights, materials, overlaps.

Materials come from tags where they are, else they are drawn by region and type. The shares are raylocus's own
choice: what streets of each region mostly show outwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import shapely
from jaxtyping import Float
from scipy.spatial import cKDTree
from shapely import Polygon

from raylocus.scenes.buildings.heights import (
    CANOPY_THICKNESS,
    HeightEstimate,
    below_ground,
    bottom_height,
    building_type,
    height_prior,
    is_canopy,
    prior_height,
    tagged_height,
)
from raylocus.scenes.buildings.parts import OUTLINE, replace_outlines_by_parts, without_overlaps
from raylocus.scenes.buildings.roof_tags import Roof, roof_of
from raylocus.scenes.tagged import Feature, NamedRandom
from raylocus.scenes.vector_map import Building

#: OSM's values of building:material, building:facade:material and roof:material, by class of MATERIALS.
_VALUES = {
    "concrete": "concrete reinforced_concrete cement_block cement plaster stucco render rendered tar_paper eternit "
    "asphalt gravel rammed_earth adobe mud concrete_blocks panel asbestos bitumen roofing_felt",
    "brick": "brick bricks clay roof_tiles tile tiles masonry terracotta ceramic block",
    "marble": "stone marble limestone sandstone granite slate masonry_stone flint bath_stone limestone_ashlar",
    "metal": "metal steel copper aluminium aluminum zinc tin metal_sheet corrugated_metal iron lead metal_plates",
    "wood": "wood timber thatch timber_framing log shingle grass vinyl vinyl_siding bamboo",
    "glass": "glass mirror curtain_wall plexiglass acrylic_glass glass_curtain",
}
_MATERIAL_OF = {value: material for material, values in _VALUES.items() for value in values.split()}
#: Share of each wall material by region, for houses, town buildings and industry.
_WALLS = {
    "house": {
        "north_america": {"wood": 0.75, "brick": 0.2, "concrete": 0.05},
        "europe": {"brick": 0.6, "concrete": 0.35, "wood": 0.05},
        "east_asia": {"wood": 0.5, "concrete": 0.4, "brick": 0.1},
        "elsewhere": {"brick": 0.5, "concrete": 0.45, "wood": 0.05},
    },
    "town": {
        "north_america": {"brick": 0.45, "concrete": 0.35, "glass": 0.12, "marble": 0.08},
        "europe": {"concrete": 0.4, "brick": 0.35, "marble": 0.2, "glass": 0.05},
        "east_asia": {"concrete": 0.85, "glass": 0.1, "brick": 0.05},
        "elsewhere": {"concrete": 0.65, "brick": 0.3, "glass": 0.05},
    },
    "industry": {
        "north_america": {"metal": 0.6, "concrete": 0.3, "brick": 0.1},
        "europe": {"metal": 0.5, "concrete": 0.3, "brick": 0.2},
        "east_asia": {"metal": 0.55, "concrete": 0.45},
        "elsewhere": {"metal": 0.5, "concrete": 0.3, "brick": 0.2},
    },
}
_GROUP = {"outbuilding": "house", "house": "house", "industrial": "industry"}
#: Towers above this are mostly glass outside [m].
TOWER_HEIGHT = 60.0
_TOWER_WALLS = {"glass": 0.55, "concrete": 0.3, "marble": 0.15}
#: Footprints below this are left out [m²].
SMALLEST_FOOTPRINT = 1.0
#: Values of `building` of what does not stand there.
NOT_STANDING = ("demolished", "razed", "removed", "destroyed", "dismantled", "proposed", "planned")
#: Radius within which the built share is taken [m].
SURROUNDINGS = 100.0


def tagged_material(tags: dict[str, str], *keys: str) -> str | None:
    """The class that the first known value of the keys belongs to; None where there is none."""
    for key in keys:
        for value in tags.get(key, "").lower().split(";"):
            if value.strip() in _MATERIAL_OF:
                return _MATERIAL_OF[value.strip()]
    return None


def wall_material(tags: dict[str, str], kind: str, height: float, region: str, uniform: float) -> str:
    """One of MATERIALS for a building's walls; `uniform` in (0, 1) decides where no tag does."""
    tagged = tagged_material(
        tags, "building:facade:material", "facade:material", "building:material", "material"
    )
    if tagged:
        return tagged
    group = _GROUP.get(kind, "house" if kind == "unknown" and height < 8.0 else "town")
    shares = _TOWER_WALLS if height > TOWER_HEIGHT else _WALLS[group][region]
    for material, edge in zip(shares, accumulate(shares.values()), strict=True):
        if uniform < edge:
            return material
    return next(iter(shares))


def roof_material(tags: dict[str, str], pitched: bool, kind: str) -> str:
    """One of MATERIALS for a building's roof: tiles on pitched ones, sheet metal on industry, else concrete."""
    tagged = tagged_material(tags, "roof:material")
    if tagged:
        return tagged
    if pitched:
        return "brick"
    return "metal" if kind == "industrial" else "concrete"


def buildings_of(
    features: Sequence[Feature], region: str, random: NamedRandom, tally: Counter[str]
) -> tuple[Building, ...]:
    """Buildings of tagged areas in local metres.

    Args:
        features: areas with `building` or `building:part`; others are passed over.
        region: one of REGIONS, for the priors.
        random: decides heights and materials that no tag states.
        tally: counts what is repaired, merged or left out.
    """
    whole = _above_ground(features, tally)
    standing = replace_outlines_by_parts(_polygons(whole, tally), tally)
    shares = _built_share(standing).tolist()
    drawn = [
        _building(feature, region, share, random, tally)
        for feature, share in zip(standing, shares, strict=True)
    ]
    return without_overlaps([building for building in drawn if building is not None], tally)


def _above_ground(features: Sequence[Feature], tally: Counter[str]) -> list[Feature]:
    kept = []
    for feature in features:
        tags = feature.tags
        if tags.get("building", "no") == "no" and tags.get("building:part", "no") == "no":
            continue
        if tags.get("building") in NOT_STANDING or tags.get("building:part") in NOT_STANDING:
            tally["building left out: gone, or not built yet"] += 1
            continue
        if below_ground(tags):
            tally["building left out: below ground or of no height"] += 1
        else:
            kept.append(feature)
    return kept


def _polygons(features: Sequence[Feature], tally: Counter[str]) -> list[Feature]:
    """One feature a polygon: multipolygons split, invalid rings repaired, crumbs left out."""
    shapes = np.empty(len(features), object)
    shapes[:] = [feature.geometry for feature in features]
    # Places that the projection does not reach are infinite.
    corners, owner = shapely.get_coordinates(shapes, return_index=True)
    shapes[np.unique(owner[~np.isfinite(corners).all(axis=1)])] = Polygon()
    invalid = ~shapely.is_valid(shapes)
    if invalid.any():
        tally["invalid building polygon repaired"] += int(invalid.sum())
        shapes[invalid] = shapely.make_valid(shapes[invalid])
    kept = []
    for feature, shape in zip(features, shapes, strict=True):
        pieces = [piece for piece in _flat_parts(shape) if piece.area >= SMALLEST_FOOTPRINT]
        if not pieces:
            tally[f"building left out: footprint below {SMALLEST_FOOTPRINT:.0f} m²"] += 1
        for number, piece in enumerate(pieces):
            name = feature.identifier if len(pieces) == 1 else f"{feature.identifier}#{number}"
            kept.append(Feature(name, feature.tags, piece))
    return kept


def _flat_parts(shape: shapely.geometry.base.BaseGeometry) -> list[Polygon]:
    if isinstance(shape, Polygon):
        return [shape]
    return [part for part in getattr(shape, "geoms", ()) for part in _flat_parts(part)]


def _built_share(features: Sequence[Feature]) -> Float[np.ndarray, " building"]:
    """Share of the disc around each building that is built over."""
    if not features:
        return np.zeros(0)
    centre = shapely.get_coordinates(shapely.centroid([feature.geometry for feature in features]))
    area = shapely.area([feature.geometry for feature in features])
    one, other = cKDTree(centre).query_pairs(SURROUNDINGS, output_type="ndarray").T
    neighbours = np.bincount(one, area[other], len(area)) + np.bincount(other, area[one], len(area))
    return (area + neighbours) / (np.pi * SURROUNDINGS**2)


def _building(
    feature: Feature, region: str, built_share: float, random: NamedRandom, tally: Counter[str]
) -> Building | None:
    tags, footprint, name = feature.tags, feature.geometry, feature.identifier
    kind, bottom = building_type(tags), bottom_height(tags)
    roof = roof_of(tags, footprint)
    estimate = tagged_height(tags, tally, roof)
    if estimate is None:
        prior = height_prior(kind, footprint.area, built_share, region)
        estimate = prior_height(prior, random.normal(f"height of {name}"), bottom)
    bottom = _checked_bottom(bottom, estimate, tally)
    if is_canopy(tags):
        bottom = max(estimate.height - CANOPY_THICKNESS, 0.0)
    roof_shape, rise = _roof(roof, estimate, bottom)
    if estimate.height - bottom < 0.1:
        tally["building left out: below ground or of no height"] += 1
        return None
    uniform = random.uniform(f"wall of {tags.get(OUTLINE, name)}")
    return Building(
        identifier=name,
        footprint=footprint,
        height=estimate.height,
        height_deviation=estimate.deviation,
        height_source=estimate.source,
        min_height=bottom,
        wall_material=wall_material(tags, kind, estimate.height, region, uniform),
        roof_material=roof_material(tags, roof_shape != "flat", kind),
        roof_shape=roof_shape,
        roof_height=rise,
    )


def _roof(roof: Roof, estimate: HeightEstimate, bottom: float) -> tuple[str, float]:
    """Roof shape and roof height [m]."""
    if estimate.eaves is None:
        return roof.below_top(estimate.height - bottom)
    return roof.above_eaves(estimate.height, estimate.eaves, bottom)


def _checked_bottom(bottom: float, estimate: HeightEstimate, tally: Counter[str]) -> float:
    if bottom < estimate.height:
        return bottom
    tally["min_height ignored: not below the height"] += 1
    return 0.0
