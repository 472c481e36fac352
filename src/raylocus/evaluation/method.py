"""What can be evaluated: anything that answers reports in a place with a posterior."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import xarray as xr

from raylocus.geo import Grid
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.scenes.sites import Deployment


@runtime_checkable
class MappedPlace(Protocol):
    """What a method may know of a place: its nominal deployment, G and R."""

    @property
    def tile(self) -> Grid:
        """Extent of the tile and the grid of G."""

    @property
    def deployment(self) -> Deployment:
        """Sites and cells as the operator lists them."""

    @property
    def geometry_maps(self) -> xr.Dataset:
        """G."""

    @property
    def radio_maps(self) -> xr.Dataset:
        """R, with the layers of `propagation.maps.radio_maps.LAYERS`."""


#: Reports and the place that they were made in, one pair a place.
TrainingPlaces = Iterable[tuple[Reports, MappedPlace]]


@runtime_checkable
class Method(Protocol):
    """A way of locating, learned or classical."""

    @property
    def name(self) -> str:
        """What tables and figures call it."""

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position, on the grid of the place's R."""


def map_grid(place: MappedPlace) -> Grid:
    """The grid of a place's R, on which every method answers."""
    return Grid(place.tile.size, place.tile.size / place.radio_maps.sizes["x"])
