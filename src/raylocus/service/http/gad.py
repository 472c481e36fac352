"""Geographical area descriptions of TS 29.572 §6.1.6.2 (TS 23.032) of an answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.inference.fix import Ellipse
from raylocus.service.answers import Answer
from raylocus.service.http.rich_answer import axes_of
from raylocus.service.regions import arc_about, ellipse_at, ellipse_outline

#: Corners of a polygon; TS 23.032 §5.4 has at most 15.
CORNERS = 12

Shape = dict[str, Any]


def area_of(found: Answer, confidence: int, supported: list[str] | None) -> Shape | None:
    """The first of `SHAPES` that a client supports, None where it supports none.

    Of one cell with a timing advance an arc comes first: it is the posterior's own shape.

    Args:
        found: the answer.
        confidence: probability that the phone is in the area [%]; of shapes that say none as well.
        supported: names of shapes; None for any.
    """
    for name in sorted(SHAPES, key=lambda each: each != "ELLIPSOID_ARC") if _ring(found) else SHAPES:
        if supported is None or name in supported:
            made = SHAPES[name](found, confidence)
            if made is not None:
                return {"shape": name, **made}
    return None


def _ring(found: Answer) -> bool:
    """Whether all that is known is the distance from one site."""
    return len(found.known) == 1 and not math.isnan(found.known[0].measured.timing_advance)


def _ellipse(found: Answer, confidence: int) -> Shape:
    axes = axes_of(ellipse_at(found.fix, confidence / 100))
    uncertainty = {
        "semiMajor": axes["semiMajor"],
        "semiMinor": axes["semiMinor"],
        "orientationMajor": round(axes["orientation"]),
    }
    return {
        "point": _point(found, found.fix.position),
        "uncertaintyEllipse": uncertainty,
        "confidence": confidence,
    }


def _circle(found: Answer, confidence: int) -> Shape:
    radius = round(found.fix.radius(confidence / 100), 1)
    return {"point": _point(found, found.fix.position), "uncertainty": radius}


def _polygon(found: Answer, confidence: int) -> Shape:
    """Corners of a polygon around the ellipse, so that it holds no less."""
    ellipse = ellipse_at(found.fix, confidence / 100)
    wider = 1 / math.cos(math.pi / CORNERS)
    around = Ellipse(ellipse.major * wider, ellipse.minor * wider, ellipse.azimuth)
    outline = ellipse_outline(found.fix.position, around, CORNERS)[:-1]
    return {"pointList": [_point(found, corner) for corner in outline]}


def _arc(found: Answer, confidence: int) -> Shape | None:
    """About the site of the serving cell, where that is known."""
    serving = found.serving
    if serving is None or serving.site is None:
        return None
    arc = arc_about(found.fix, serving.site, confidence / 100)
    # Whole numbers that hold no less; radii in steps of 5 m (TS 23.032 §6.6).
    inner = 5 * math.floor(arc.inner / 5)
    start = math.floor(arc.start)
    return {
        "point": _point(found, np.array(serving.site)),
        "innerRadius": min(inner, 327675),
        "uncertaintyRadius": round(arc.inner + arc.width - inner + 0.05, 1),
        "offsetAngle": start,
        "includedAngle": min(math.ceil(arc.start + arc.opening) - start, 360),
        "confidence": confidence,
    }


def _bare_point(found: Answer, confidence: int) -> Shape:
    return {"point": _point(found, found.fix.position)}


#: Makers of shapes, from the one that says most to the one that says least.
SHAPES: dict[str, Callable[[Answer, int], Shape | None]] = {
    "POINT_UNCERTAINTY_ELLIPSE": _ellipse,
    "ELLIPSOID_ARC": _arc,
    "POLYGON": _polygon,
    "POINT_UNCERTAINTY_CIRCLE": _circle,
    "POINT": _bare_point,
}


def _point(found: Answer, position: Float[np.ndarray, "2"]) -> dict[str, float]:
    assert found.fix.frame is not None
    latitude, longitude = found.fix.frame.to_wgs84(position)
    return {"lon": round(float(longitude), 7), "lat": round(float(latitude), 7)}
