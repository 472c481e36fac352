"""What can be served: places and areas, traced or of which only the sites are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from raylocus.errors import PlaceError
from raylocus.geo import Extent, GeoFrame
from raylocus.scenes.area import extent_of, open_network
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class ServedArea:
    """A place or an area as it is found before anything is located in it."""

    name: str
    folder: Path
    frame: GeoFrame
    deployment: Deployment
    extent: Extent

    @cached_property
    def distinct_pcis(self) -> int:
        """Number of different PCIs."""
        return len(np.unique(self.deployment.pcis))


def served_area(folder: Path) -> ServedArea:
    """What lies in a folder.

    Raises:
        PlaceError: there is neither a place nor an area, or it has no latitude and longitude.
    """
    found = open_network(folder)
    if not found.frame.georeferenced:
        raise PlaceError(
            f"{folder} has no latitude and longitude, in which the service answers; serve a place or area that was "
            "built from a map or a list of sites"
        )
    return ServedArea(found.name, folder, found.frame, found.deployment, extent_of(found))


@dataclass(frozen=True)
class ServedAreas:
    """All that one service serves, by names that differ."""

    served: tuple[ServedArea, ...]

    @property
    def areas(self) -> tuple[str, ...]:
        """Names of the areas."""
        return tuple(area.name for area in self.served)

    def folder(self, area: str) -> Path | None:
        """Where an area lies on disk; None where it is not served."""
        return next((each.folder for each in self.served if each.name == area), None)


def served_areas(folders: Sequence[Path]) -> tuple[ServedArea, ...]:
    """What lies in folders.

    Args:
        folders: at least one.

    Raises:
        PlaceError: as `served_area`, or two have one name.
    """
    served = tuple(served_area(folder) for folder in folders)
    names = [area.name for area in served]
    if len(set(names)) < len(names):
        raise PlaceError(f"two areas are called {max(names, key=names.count)}; rename one's folder")
    return served
