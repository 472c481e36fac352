"""The ways of saying what should be measured at a point, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from raylocus.errors import InputError
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.physics.expected import FeatureField
from raylocus.models.physics.live import LiveFeatures, SolverRays, image_rays
from raylocus.models.physics.looked_up import MapLookup, by_drjit, by_torch
from raylocus.propagation.maps.traced_place import TracedPlace, open_place

#: `bilinear` and `drjit` look R up; `images` follows the atlas's paths; `path_solver` traces again.
PhysicsVariant = Literal["bilinear", "drjit", "images", "path_solver"]


def feature_field(variant: PhysicsVariant, maps: PlaceMaps, place: TracedPlace | Path | None) -> FeatureField:
    """The expected features of a place.

    Args:
        variant: how.
        maps: of the place.
        place: the place itself or its folder, which `images` and `path_solver` need with its atlas and scene.

    Raises:
        InputError: it needs a place, and none is given.
        PlaceError: there is no place in the folder.
    """
    if variant in ("bilinear", "drjit"):
        return MapLookup(maps, by_torch if variant == "bilinear" else by_drjit)
    if place is None:
        raise InputError(
            f"physics by {variant} follows paths, so it needs the folder of a traced place; take bilinear"
        )
    traced = open_place(place) if isinstance(place, Path) else place
    return LiveFeatures(traced, image_rays if variant == "images" else SolverRays())
