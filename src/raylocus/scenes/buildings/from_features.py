"""Tagged shapes to buildings: what is left out, parts instead of outlines, heights, materials, overlaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float
from scipy.spatial import cKDTree
from shapely import Polygon

from raylocus.scenes.buildings.height_prior import building_type, height_prior
from raylocus.scenes.buildings.heights import (
    CANOPY_THICKNESS,
    HeightEstimate,
    below_ground,
    bottom_height,
    is_canopy,
    prior_height,
    tagged_height,
)
from raylocus.scenes.buildings.materials import roof_material, wall_material
from raylocus.scenes.buildings.overlaps import without_overlaps
from raylocus.scenes.buildings.parts import OUTLINE, replace_outlines_by_parts
from raylocus.scenes.buildings.roof_tags import Roof, roof_of
from raylocus.scenes.tagged.features import Feature
from raylocus.scenes.tagged.named_random import NamedRandom
from raylocus.scenes.vector_map import Building

#: Footprints below this are left out [m²].
SMALLEST_FOOTPRINT = 1.0
#: Values of `building` of what does not stand there.
NOT_STANDING = ("demolished", "razed", "removed", "destroyed", "dismantled", "proposed", "planned")
#: Radius within which the built share is taken [m].
SURROUNDINGS = 100.0


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
