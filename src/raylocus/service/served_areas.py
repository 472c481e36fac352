"""What can be served: traced places, areas with traced tiles, and networks of which only the sites are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import Extent, GeoFrame
from raylocus.inference.area_locator import AreaLocator, fixes_in
from raylocus.inference.area_windows import WindowLocator
from raylocus.inference.fix import Fix
from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_area import open_traced_area
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.scenes.area import is_area
from raylocus.scenes.networks import extent_of, open_network
from raylocus.scenes.sites import Deployment


@runtime_checkable
class OpenArea(Protocol):
    """An area with all that locating in it needs."""

    def fixes(self, reports: Reports) -> list[Fix]:
        """One fix a sequence, each as if it were the only one; every report names cells of the area."""

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

    @property
    def distinct_pcis(self) -> int:
        """Number of different PCIs."""
        return len(np.unique(self.deployment.pcis))

    @property
    def traced_place(self) -> bool:
        """Whether it is a place with radio maps."""
        return not is_area(self.folder) and open_place(self.folder).radio_file.exists()


@dataclass(frozen=True)
class Methods:
    """What locates, by what is known of an area."""

    maps: TrainedNetwork | None
    """On the maps of places and windows; None where nothing that is served has any."""
    sites: AreaLocator | None
    """By sites, levels and timing; None where every area has maps."""

    def opened(self, area: ServedArea) -> OpenArea:
        """An area, ready to locate."""
        if area.traced_place and self.maps is not None:
            return OpenPlace(open_place(area.folder), Locator(self.maps))
        assert self.sites is not None
        if is_area(area.folder) and self.maps is not None:
            traced = open_traced_area(area.folder)
            windows = WindowLocator(self.sites, Locator(self.maps), traced, traced.tile.size)
            return OpenNetwork(area, windows)
        return OpenNetwork(area, self.sites)


@dataclass(frozen=True)
class OpenPlace:
    """A traced place with a locator of its own, so that maps and their encoding go together."""

    place: TracedPlace
    locator: Locator

    def fixes(self, reports: Reports) -> list[Fix]:
        """By the trained network, together; whether the map fits is judged by each alone."""
        return self.locator.separate_fixes(reports, self.place)

    def mapped_levels(self, position: Float[np.ndarray, "2"]) -> list[float | None]:
        """Of R, in the ground cell of the position."""
        row, column = np.divmod(max(int(self.place.tile.index(position)), 0), self.place.tile.count)
        levels = self.place.radio_maps["rsrp"].values[:, row, column].tolist()
        return [None if math.isnan(level) else level for level in levels]


@dataclass(frozen=True)
class OpenNetwork:
    """An area of which the sites are known, and perhaps windows."""

    area: ServedArea
    method: AreaLocator | WindowLocator

    def fixes(self, reports: Reports) -> list[Fix]:
        """Each alone: a stream of several phones would make the answer of one depend on the others."""
        return [self._fix(reports.select(np.array([number]))) for number in range(len(reports))]

    def mapped_levels(self, position: Float[np.ndarray, "2"]) -> list[float | None]:
        """There is no map of the whole."""
        return [None] * len(self.area.deployment.cells)

    def _fix(self, reports: Reports) -> Fix:
        area = self.area
        return fixes_in(self.method.located(reports, area.deployment), 1, area.frame, area.extent)[0]


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


def methods_for(areas: tuple[ServedArea, ...], checkpoint: Path | None) -> Methods:
    """What locates in areas: a checkpoint on their maps, or what comes with raylocus.

    Raises:
        CheckpointError: the checkpoint cannot be read.
    """
    places = [area.traced_place for area in areas]
    maps = Locator.load(checkpoint) if checkpoint else Locator.pretrained() if any(places) else None
    sites = None if all(places) else AreaLocator.pretrained()
    return Methods(None if maps is None else maps.trained, sites)
