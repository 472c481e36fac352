"""Fixes as GeoJSON (RFC 7946): the estimate, and the circle that holds the phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raylocus.errors import InputError
from raylocus.inference.fix import Fix

#: Corners of a circle.
CORNERS = 48


def fixes_geojson(
    fixes: Sequence[Fix], records: Sequence[Mapping[str, Any]], confidence: float
) -> dict[str, Any]:
    """A point and a circle a fix, both with the fix's record as properties.

    Args:
        fixes: the fixes.
        records: their properties.
        confidence: probability that the circle holds the phone.

    Raises:
        InputError: the place has no latitude and longitude.
    """
    features = []
    for fix, record in zip(fixes, records, strict=True):
        if fix.latlon is None or fix.frame is None:
            raise InputError(
                "GeoJSON is in latitude and longitude, which this place has not; use --out for its metres"
            )
        angle = np.linspace(0, 2 * np.pi, CORNERS + 1)
        circle = fix.position + fix.radius(confidence) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        latitude, longitude = fix.frame.to_wgs84(circle)
        ring = [
            [round(x, 7), round(y, 7)] for x, y in zip(longitude.tolist(), latitude.tolist(), strict=True)
        ]
        ring[-1] = ring[0]
        point = [round(fix.latlon[1], 7), round(fix.latlon[0], 7)]
        features += [_feature("Point", point, record), _feature("Polygon", [ring], record)]
    return {"type": "FeatureCollection", "features": features}


def _feature(kind: str, coordinates: list[Any], record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": dict(record),
    }
