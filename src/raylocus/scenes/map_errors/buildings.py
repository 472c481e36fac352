"""Buildings as they may stand: other heights, some gone, some new."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import affinity

from raylocus.geo import Grid
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.vector_map import Building

#: No building is lower than this after its height has erred [m].
LOWEST = 2.2
#: Places tried for a new building.
TRIES = 40
#: New buildings keep this distance from others, and from roads and water as far as a ground cell shows [m].
CLEARANCE = 3.0


@dataclass(frozen=True)
class BuildingErrors:
    """Every draw about buildings, by identifier."""

    height: dict[str, float] = field(default_factory=dict)
    """True minus mapped height [m]."""
    missing: tuple[str, ...] = ()
    """Mapped buildings that do not stand."""
    added: dict[str, str] = field(default_factory=dict)
    """Footprints (well-known text, m) of buildings that the map lacks."""


def draw_buildings(
    buildings: Sequence[Building],
    carrying: frozenset[str],
    free: Bool[np.ndarray, "y x"],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> tuple[tuple[Building, ...], BuildingErrors]:
    """The buildings that stand, and how they were drawn.

    Parts that stand on each other err together and go together.

    Args:
        buildings: as mapped.
        carrying: identifiers of buildings that carry a site and stand for sure.
        free: ground without building, road or water, on which new buildings may stand.
        grid: its grid.
        law: how wrong the map is.
        generator: decides everything.
    """
    group = stacked_groups(buildings)
    groups = group.max(initial=-1) + 1
    normal, gone = generator.standard_normal(groups), generator.random(groups)
    errors = BuildingErrors()
    standing = []
    missing = []
    for building, own in zip(buildings, group.tolist(), strict=True):
        if gone[own] < law.severity * law.missing_share and building.identifier not in carrying:
            missing.append(building.identifier)
            continue
        changed = _with_height(building, law.severity * law.height_deviations * normal[own])
        errors.height[building.identifier] = round(changed.height - building.height, 3)
        standing.append(changed)
    added = _new_buildings(standing, free, grid, law, generator)
    footprints = {each.identifier: shapely.to_wkt(each.footprint, rounding_precision=3) for each in added}
    errors = dataclasses.replace(errors, missing=tuple(missing), added=footprints)
    return (*standing, *added), errors


def stacked_groups(buildings: Sequence[Building]) -> Int[np.ndarray, " building"]:
    """A number for each building, the same for parts that stand on one another."""
    shapes = np.empty(len(buildings), object)
    shapes[:] = [building.footprint for building in buildings]
    raised = np.flatnonzero([building.min_height > 0 for building in buildings])
    upper, lower = shapely.STRtree(shapes).query(shapes[raised], predicate="intersects")
    links = coo_array((np.ones(len(upper)), (raised[upper], lower)), shape=(len(shapes), len(shapes)))
    groups: Int[np.ndarray, " building"] = connected_components(links, directed=False)[1]
    return groups


def _with_height(building: Building, normal: float) -> Building:
    """The building higher by `normal` of its own deviations; a raised part moves with what carries it."""
    error = building.height_deviation * normal
    lowest = max(LOWEST, building.roof_height + 1.0) + building.min_height
    if building.min_height > 0:
        error = max(error, 0.5 - building.min_height)
        return dataclasses.replace(
            building, height=building.height + error, min_height=building.min_height + error
        )
    return dataclasses.replace(building, height=max(building.height + error, min(building.height, lowest)))


def _new_buildings(
    standing: Sequence[Building],
    free: Bool[np.ndarray, "y x"],
    grid: Grid,
    law: MapErrorLaw,
    generator: np.random.Generator,
) -> list[Building]:
    """Copies of standing buildings, turned, on free ground inside the tile."""
    wanted = generator.poisson(law.severity * law.added_share * len(standing))
    models = [each for each in standing if each.min_height == 0 and grid.contains(_middle(each))]
    cells = np.flatnonzero(free)
    tree = shapely.STRtree([each.footprint for each in standing])
    added: list[Building] = []
    for number in range(wanted if models and len(cells) else 0):
        model = models[int(generator.integers(len(models)))]
        for _ in range(TRIES):
            angle, cell = generator.uniform(0, 360), int(generator.choice(cells))
            shape = affinity.rotate(model.footprint, angle)
            shape = affinity.translate(shape, *(grid.centres[cell] - _middle(model)))
            if _fits(shape, tree, added, free, grid):
                added.append(dataclasses.replace(model, identifier=f"added/{number}", footprint=shape))
                break
    return added


def _fits(
    shape: shapely.Polygon,
    tree: shapely.STRtree,
    added: Sequence[Building],
    free: Bool[np.ndarray, "y x"],
    grid: Grid,
) -> bool:
    wide = shape.buffer(CLEARANCE)
    if not shapely.box(*[-grid.size / 2] * 2, *[grid.size / 2] * 2).contains(wide):
        return False
    inside = shapely.contains_xy(wide, grid.centres)
    if not free.ravel()[inside].all() or len(tree.query(wide, predicate="intersects")):
        return False
    return not any(each.footprint.intersects(wide) for each in added)


def _middle(building: Building) -> Float[np.ndarray, "2"]:
    return np.array(building.footprint.centroid.coords[0])
