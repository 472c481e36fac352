"""What of a town's shape matters to radio, as a few numbers that any vector map has."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon, STRtree

from raylocus.scenes.vector_map import Building, Road, VectorMap

#: With fewer buildings of known height, a window's heights are unknown.
FEWEST_HEIGHTS = 5


@dataclass(frozen=True)
class TownStatistics:
    """Statistics of one window of a town; NaN where they are unknown."""

    built_share: float
    """Share of the ground under buildings."""
    footprint: float
    """Median footprint [m²]."""
    height: float
    """Median height [m] of the ground under buildings; heights guessed from a prior do not count."""
    tall: float
    """90th percentile of the height [m], likewise."""
    street_width: float
    """Median distance between the façades of a street [m], where there are façades on both sides."""
    block_side: float
    """Root of the median block's area [m]: half of the ground lies in larger blocks."""

    def features(self) -> Float[np.ndarray, " statistic"]:
        """The logarithms; of the built share, the logarithm of the odds."""
        values = np.array(dataclasses.astuple(self))
        values[0] = values[0] / (1 - values[0])
        return np.log(np.where(values > 0, values, np.nan))

    @classmethod
    def of_features(cls, features: Float[np.ndarray, " statistic"]) -> TownStatistics:
        """The inverse of `features`."""
        values = np.exp(features)
        values[0] = values[0] / (1 + values[0])
        return cls(*values.tolist())


def window_statistics(vector_map: VectorMap, window: Polygon) -> TownStatistics:
    """Statistics of the part of a map in a window.

    Args:
        vector_map: the map.
        window: rectangle in the map's frame [m].
    """
    inside = [one for one in vector_map.buildings if window.contains(one.footprint.representative_point())]
    footprints = [one.footprint for one in inside]
    roads = [road for road in vector_map.roads if road.line.intersects(window)]
    known_heights = _heights(inside)
    # The union, because the parts of one building lie over each other in some maps.
    covered = shapely.intersection(shapely.union_all(footprints), window).area
    return TownStatistics(
        built_share=covered / window.area,
        footprint=float(np.median(shapely.area(footprints))) if footprints else np.nan,
        height=_weighted_quantile(known_heights, 0.5),
        tall=_weighted_quantile(known_heights, 0.9),
        street_width=_median(street_widths(roads, footprints, window)),
        block_side=_area_weighted_median(block_sides(roads, window)),
    )


def mean_statistics(
    windows: Sequence[TownStatistics], weights: Float[np.ndarray, " window"]
) -> TownStatistics:
    """Geometric mean over windows, by weight; what is unknown in a window is left out there."""
    features = np.stack([window.features() for window in windows])
    weight = np.where(np.isnan(features), 0.0, weights[:, None])
    total = weight.sum(axis=0)
    mean = np.nansum(features * weight, axis=0) / np.where(total > 0, total, np.nan)
    return TownStatistics.of_features(mean)


def statistics_distance(
    one: TownStatistics, other: TownStatistics, scale: Float[np.ndarray, " statistic"]
) -> float:
    """Root mean square difference of the features both know, each over its scale."""
    return float(np.sqrt(np.nanmean(((one.features() - other.features()) / scale) ** 2)))


def _heights(buildings: Sequence[Building]) -> Float[np.ndarray, "building 2"]:
    """(height, footprint area) of the buildings whose height is more than a guess."""
    known = [one for one in buildings if one.height_source != "prior"]
    if len(known) < FEWEST_HEIGHTS:
        return np.zeros((0, 2))
    return np.array([(one.height, one.footprint.area) for one in known])


def _weighted_quantile(pairs: Float[np.ndarray, "item 2"], share: float) -> float:
    """Smallest value that this share of the weight does not exceed; NaN of nothing."""
    if not len(pairs):
        return np.nan
    value, weight = pairs[np.argsort(pairs[:, 0], kind="stable")].T
    return float(value[np.searchsorted(np.cumsum(weight), share * weight.sum())])


def _area_weighted_median(sides: Float[np.ndarray, " block"]) -> float:
    return _weighted_quantile(np.stack([sides, sides**2], axis=-1), 0.5)


def _median(values: Float[np.ndarray, " value"]) -> float:
    return float(np.median(values)) if len(values) else np.nan


#: Classes of road that part one block from the next.
STREET_CLASSES = ("motorway", "primary", "residential")
#: Distance between the points of a street where its width is measured [m].
MEASURE_STEP = 12.0
#: A façade further than this from the middle of the street does not belong to it [m].
FARTHEST_FACADE = 40.0


def street_widths(
    roads: Sequence[Road], footprints: Sequence[Polygon], window: Polygon
) -> Float[np.ndarray, " place"]:
    """Façade to façade [m] along the streets in the window, wherever both sides are built up."""
    points, normals = _along(roads, window)
    if not len(points) or not len(footprints):
        return np.zeros(0)
    tree = STRtree(footprints)
    left, right = (_facade_distance(points, sign * normals, tree) for sign in (1.0, -1.0))
    width = left + right
    return width[np.isfinite(width)]


def block_sides(roads: Sequence[Road], window: Polygon) -> Float[np.ndarray, " block"]:
    """Roots of the areas [m] of the blocks between street centres, cut off at the window's border."""
    lines = [road.line for road in roads if road.road_class in STREET_CLASSES]
    network = shapely.intersection(shapely.union_all([*lines, window.boundary]), window)
    faces = shapely.get_parts(shapely.polygonize([shapely.node(network)]))
    return np.sqrt(shapely.area(faces))


def _along(
    roads: Sequence[Road], window: Polygon
) -> tuple[Float[np.ndarray, "place 2"], Float[np.ndarray, "place 2"]]:
    """Points along the streets in the window, and the unit normals to their left."""
    points, normals = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for road in roads:
        if road.road_class not in STREET_CLASSES:
            continue
        distances = np.arange(MEASURE_STEP / 2, road.line.length - 1.0, MEASURE_STEP)
        here = shapely.get_coordinates(shapely.line_interpolate_point(road.line, distances))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(road.line, distances + 1.0))
        inside = shapely.contains_xy(window, here) if len(here) else np.zeros(0, bool)
        points.append(here[inside])
        normals.append(((ahead - here) @ np.array([[0.0, 1.0], [-1.0, 0.0]]))[inside])
    return np.concatenate(points), np.concatenate(normals)


def _facade_distance(
    points: Float[np.ndarray, "place 2"], directions: Float[np.ndarray, "place 2"], tree: STRtree
) -> Float[np.ndarray, " place"]:
    """Distance [m] to the first building in a direction; NaN where there is none, or the point is in one."""
    rays = shapely.linestrings(np.stack([points, points + FARTHEST_FACADE * directions], axis=1))
    ray, building = tree.query(rays, predicate="intersects")
    meeting = shapely.intersection(rays[ray], tree.geometries[building])
    reached = shapely.distance(shapely.points(points[ray]), meeting)
    nearest = np.full(len(points), np.inf)
    np.minimum.at(nearest, ray, reached)
    return np.where((nearest > 0) & np.isfinite(nearest), nearest, np.nan)
