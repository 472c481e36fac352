"""What is wrong with a whole log: levels in another unit, positions of elsewhere or with their parts exchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from raylocus.errors import InputError
from raylocus.network.formats.measurements import Measurements
from raylocus.network.formats.sequences import contains
from raylocus.network.reports.features import features_named
from raylocus.network.reports.report_checks import INDICES
from raylocus.scenes.area import Area
from raylocus.scenes.place import Place

#: Share of a column's values from which it is all of another unit.
MOST = 0.9
#: Farther than this outside of a place [m] no cell of it is received on the ground (an LTE cell reaches to 100 km).
OUT_OF_REACH = 100e3
#: Mean radius of the Earth [m].
EARTH_RADIUS = 6_371_000.0


def unit_of_levels(values: Float[np.ndarray, " row"], name: str) -> str:
    """What values that are mostly out of range may be meant as, as the end of a sentence; empty where nobody knows.

    Args:
        values: of a log, NaN where missing.
        name: the feature, one of `report_checks.INDICES`.
    """
    (feature,) = features_named((name,))
    known = values[~np.isnan(values)]

    def fits(tried: Float[np.ndarray, " row"]) -> bool:
        return len(tried) > 0 and float(np.mean((tried >= feature.low) & (tried <= feature.high))) >= MOST

    if fits(known):
        return ""
    middle = f"{name} lies about {np.median(known):g}" if len(known) else ""
    if fits(-known) and feature.high < 0:
        return f"{middle}: its sign was lost, or it is an index ({INDICES[name]})"
    if fits(known - 141) and name == "rsrp":
        return f"{middle}: {INDICES[name]}"
    if fits(known / 10):
        return f"{middle}: it is in tenths of a dB, divide it by 10"
    return ""


def check_positions(measured: Measurements, place: Place | Area, source: Path) -> None:
    """Refuses a log all of whose positions are far from its place, or lie in it with their parts exchanged.

    Raises:
        InputError: they do.
    """
    latitude, longitude = measured.latitude, measured.longitude
    known = ~np.isnan(latitude)
    if not known.any() or not place.frame.georeferenced:
        return
    latitude, longitude = latitude[known], longitude[known]
    xy = place.frame.to_local(latitude, longitude)
    if contains(place, xy).any():
        return
    turned = _inside(place, longitude, latitude)
    if turned.mean() >= MOST:
        raise InputError(
            f"{source} has latitude and longitude exchanged: its positions lie in {place.name} only the other way "
            "round; exchange the two columns"
        )
    away = _away(place, latitude, longitude)
    nearest = float(away.min())
    if nearest > OUT_OF_REACH + _half(place):
        raise InputError(
            f"{source} was made elsewhere: its nearest position, latitude {latitude[away.argmin()]:.4f} and longitude "
            f"{longitude[away.argmin()]:.4f}, lies {nearest / 1000:.0f} km from the middle of {place.name}; give the "
            "place that it was made in"
        )


def _inside(
    place: Place | Area, latitude: Float[np.ndarray, " row"], longitude: Float[np.ndarray, " row"]
) -> Bool[np.ndarray, " row"]:
    possible = np.abs(latitude) <= 90
    found = np.zeros(len(latitude), bool)
    if possible.any():
        found[possible] = contains(place, place.frame.to_local(latitude[possible], longitude[possible]))
    return found


def _away(
    place: Place | Area, latitude: Float[np.ndarray, " row"], longitude: Float[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """Distance along a sphere from the origin of a place's frame [m], by haversines: a UTM zone ends."""
    origin = np.deg2rad(np.array([place.frame.origin_latitude, place.frame.origin_longitude], float))
    step = np.deg2rad([latitude, longitude]) - origin[:, None]
    half = np.sin(step / 2) ** 2
    both = np.cos(origin[0]) * np.cos(np.deg2rad(latitude))
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(half[0] + both * half[1]))


def _half(place: Place | Area) -> float:
    """Half of the longest side of a place [m], from the middle of its frame."""
    if isinstance(place, Area):
        extent = place.extent
        return float(np.hypot(*extent.centre)) + max(extent.size)
    return float(place.tile.size)
