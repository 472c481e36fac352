"""Buildings that share ground: duplicates are merged, lower ones give way to higher ones."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float, Int
from shapely import Polygon

from raylocus.scenes.vector_map import Building


def shared_ground(
    shapes: np.ndarray, others: np.ndarray
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"], Float[np.ndarray, " pair"]]:
    """Every pair of a shape and another whose insides meet.

    Args:
        shapes: polygons.
        others: polygons, the same array for pairs within it.

    Returns:
        Index among `shapes`, by which the pairs are ordered; index among `others`; the area that they share [m²].
    """
    one, other = shapely.STRtree(others).query(shapes)
    if others is shapes:
        once = one < other
        one, other = one[once], other[once]
    shapely.prepare(shapes)
    meeting = shapely.intersects(shapes[one], others[other])
    one, other = one[meeting], other[meeting]
    inside = ~shapely.touches(shapes[one], others[other])
    one, other = one[inside], other[inside]
    shapely.destroy_prepared(shapes)
    common = shapely.intersection(shapes[one], others[other])
    return one, other, shapely.area(common) if len(one) else np.zeros(0)


#: Footprints whose intersection is this share of their union are one building drawn twice.
DUPLICATE = 0.8
#: Overlaps below this are drawing noise [m²].
SMALLEST_OVERLAP = 0.5
#: What an overlap leaves of a building stays where it is at least this large [m²].
SMALLEST_REST = 2.0
#: The better a height's source, the further left.
SOURCES = ("height", "building:height", "levels", "prior")


def without_overlaps(buildings: Sequence[Building], tally: Counter[str]) -> tuple[Building, ...]:
    """The buildings without any two that fill the same space.

    Stacked parts, one starting at or above the top of the other, share their ground rightly and stay.
    """
    shapes = np.empty(len(buildings), object)
    shapes[:] = [building.footprint for building in buildings]
    area = shapely.area(shapes)
    gone: set[int] = set()
    taken: dict[int, list[int]] = {}
    for first, second, shared in zip(*(each.tolist() for each in shared_ground(shapes, shapes)), strict=True):
        if shared <= SMALLEST_OVERLAP:
            continue
        low, high = sorted((first, second), key=lambda index: (buildings[index].height, -index))
        if not _same_space(buildings[low], buildings[high]):
            continue
        if shared / (area[first] + area[second] - shared) > DUPLICATE:
            gone.add(_worse(buildings, first, second))
            tally["building left out: drawn twice"] += 1
        elif buildings[high].min_height <= buildings[low].min_height:
            taken.setdefault(low, []).append(high)
    return tuple(
        piece
        for index, building in enumerate(buildings)
        if index not in gone
        for piece in _remaining(
            building, [buildings[high] for high in taken.get(index, []) if high not in gone], tally
        )
    )


def _same_space(low: Building, high: Building) -> bool:
    return low.min_height < high.height and high.min_height < low.height


def _worse(buildings: Sequence[Building], first: int, second: int) -> int:
    """The one whose height is less surely known; of equals the later."""
    return max(first, second, key=lambda index: (SOURCES.index(buildings[index].height_source), index))


def _remaining(building: Building, higher: list[Building], tally: Counter[str]) -> list[Building]:
    if not higher:
        return [building]
    tally["overlapping building cut back to what a higher one leaves"] += 1
    left = building.footprint.difference(shapely.union_all([each.footprint for each in higher]))
    pieces = [
        piece
        for piece in (left.geoms if hasattr(left, "geoms") else [left])
        if isinstance(piece, Polygon) and piece.area >= SMALLEST_REST
    ]
    # A cut roof has lost its shape.
    changed = dataclasses.replace(building, roof_shape="flat", roof_height=0.0)
    names = (
        [building.identifier]
        if len(pieces) == 1
        else [f"{building.identifier}~{i}" for i in range(len(pieces))]
    )
    return [
        dataclasses.replace(changed, identifier=name, footprint=piece)
        for name, piece in zip(names, pieces, strict=True)
    ]
