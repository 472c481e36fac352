"""Where a place lies, so that points and sites of different places can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.scenes.place import Place

#: Prefix of the source of a generated town; two seeds are two towns.
_GENERATED = "procedural:"


@dataclass(frozen=True)
class Whereabouts:
    """A place's origin and sites in a frame that it may share with others."""

    frame: str
    """Name of the frame; points of places of one frame can be compared."""
    origin: Float[np.ndarray, "2"]
    """Origin of the place in it (x, y) [m]."""
    sites: Float[np.ndarray, "site 3"]
    """Sites of the place in it [m]."""


def whereabouts(place: Place) -> Whereabouts:
    """Where a place lies.

    A georeferenced place lies in its UTM zone. One cut out of a scene that is not, such as a built-in
    city, lies in the scene's own frame. Any other has a frame to itself.
    """
    frame, origin = _frame(place)
    sites = place.deployment.site_positions.astype(float)
    return Whereabouts(frame, origin, sites + np.array([*origin, 0.0]))


def _frame(place: Place) -> tuple[str, Float[np.ndarray, "2"]]:
    if place.frame.georeferenced:
        return f"EPSG:{place.frame.crs.to_epsg()}", np.array(place.frame.origin_projected)
    source = str(place.provenance.configuration.get("source", ""))
    scene = place.provenance.configuration.get("scene") or {}
    centre = scene.get("centre")
    if not source or centre is None:
        return str(place.folder), np.zeros(2)
    town = f" seed {place.provenance.seed}" if source.startswith(_GENERATED) else ""
    return source + town, np.array(centre, float)
