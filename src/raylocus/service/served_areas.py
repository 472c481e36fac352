"""What can be served: traced places with a network trained on maps, and areas of which only the sites are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import Extent, GeoFrame
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.fix import Fix
from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.scenes.area import Area, is_area, open_area
from raylocus.scenes.place import Place
from raylocus.scenes.sites import Deployment


@runtime_checkable
class OpenArea(Protocol):
    """An area with all that locating in it needs."""

    def fixes(self, reports: Reports) -> list[Fix]:
        """One fix a sequence; every report names cells of the area."""

    def mapped_levels(self, position: Float[np.ndarray, "2"]) -> list[float | None]:
        """RSRP of the map at a position [dBm], of every cell; None where it has none."""


@dataclass(frozen=True)
class ServedArea:
    """A place or an area as it is found before anything is located in it."""

    name: str
    folder: Path
    frame: GeoFrame
    deployment: Deployment
    extent: Extent
    network: TrainedNetwork | None
    """What locates by maps; None where the sites alone do."""

    @property
    def distinct_pcis(self) -> int:
        """Number of different PCIs."""
        return len(np.unique(self.deployment.pcis))

    @property
    def heavy(self) -> bool:
        """Whether its maps take memory."""
        return self.network is not None

    def opened(self, by_sites: AreaLocator | None) -> OpenArea:
        """The area, ready to locate; by its maps, or else by its sites alone."""
        if self.network is not None:
            return OpenPlace(open_place(self.folder), Locator(self.network))
        assert by_sites is not None
        return OpenNetwork(self, by_sites)


@dataclass(frozen=True)
class OpenPlace:
    """A traced place with a locator of its own, so that maps and their encoding go together."""

    place: TracedPlace
    locator: Locator

    def fixes(self, reports: Reports) -> list[Fix]:
        """By the trained network, together; whether the map fits a phone is judged by that one alone."""
        return self.locator.separate_fixes(reports, self.place)

    def mapped_levels(self, position: Float[np.ndarray, "2"]) -> list[float | None]:
        """Of R, in the ground cell of the position."""
        row, column = np.divmod(max(int(self.place.tile.index(position)), 0), self.place.tile.count)
        levels = self.place.radio_maps["rsrp"].values[:, row, column].tolist()
        return [None if math.isnan(level) else level for level in levels]


@dataclass(frozen=True)
class OpenNetwork:
    """An area of which the sites are known."""

    area: ServedArea
    locator: AreaLocator

    def fixes(self, reports: Reports) -> list[Fix]:
        """Each alone: a stream of several phones would make the answer of one depend on the others."""
        alone = [reports.select(np.array([number])) for number in range(len(reports))]
        return [self.locator.fixes(one, self.area, self.area.extent)[0] for one in alone]

    def mapped_levels(self, position: Float[np.ndarray, "2"]) -> list[float | None]:
        """There is no map."""
        return [None] * len(self.area.deployment.cells)


def served_area(folder: Path, network: TrainedNetwork | None) -> ServedArea:
    """What lies in a folder.

    Args:
        folder: of a place or an area.
        network: locates in traced places; without it, their sites alone do.

    Raises:
        PlaceError: there is neither, or it has no latitude and longitude.
    """
    found: Area | Place = open_area(folder) if is_area(folder) else open_place(folder)
    if not found.frame.georeferenced:
        raise PlaceError(
            f"{folder} has no latitude and longitude, in which the service answers; serve a place or area that was "
            "built from a map or a list of sites"
        )
    if isinstance(found, Area):
        return ServedArea(found.name, folder, found.frame, found.deployment, found.extent, None)
    half = found.tile.size / 2
    extent = Extent(west=-half, south=-half, east=half, north=half)
    return ServedArea(found.name, folder, found.frame, found.deployment, extent, network)
