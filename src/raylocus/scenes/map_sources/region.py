"""The part of the world a place lies in, as far as building customs differ."""

from __future__ import annotations

from raylocus.geo import GeoFrame

#: Regions with customs of their own; everything else is `elsewhere`.
REGIONS = ("north_america", "europe", "east_asia", "elsewhere")

#: (south, north, west, east) [degrees] of each region, coarse: only customs hang on it.
_BOXES = {
    "north_america": (24.0, 72.0, -170.0, -50.0),
    "europe": (35.0, 72.0, -25.0, 45.0),
    "east_asia": (18.0, 50.0, 100.0, 150.0),
}


def region_of(frame: GeoFrame) -> str:
    """One of `REGIONS`; `elsewhere` for a purely local frame."""
    latitude, longitude = frame.origin_latitude, frame.origin_longitude
    if latitude is None or longitude is None:
        return "elsewhere"
    for name, (south, north, west, east) in _BOXES.items():
        if south <= latitude <= north and west <= longitude <= east:
            return name
    return "elsewhere"
