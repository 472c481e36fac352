"""What a locator is given at test time: maps that are displaced, turned or missing, fewer neighbours and reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from raylocus.errors import InputError
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration, complete_radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import joined_layers, turned_deployment
from raylocus.ragged import Rows
from raylocus.scenes.world import WorldLaw, sample_world


@dataclass(frozen=True)
class Given:
    """How what is given differs from what the dataset holds; by default in nothing."""

    shift: float = 0.0
    """G and R lie displaced by so much [m], in a random direction; sites do not."""
    turn: float = 0.0
    """Standard deviation of the azimuth that R was made with, of each antenna [degrees]."""
    without: tuple[Literal["radio", "geometry"], ...] = ()
    """What is missing: R (nothing was traced), G (no building is known, the ground is level)."""
    neighbours: int | None = None
    """Neighbours in a report at most, the strongest ones."""
    reports: int | None = None
    """Reports of a sequence at most, the last ones."""

    def __post_init__(self) -> None:
        if self.shift < 0 or self.turn < 0:
            raise InputError("maps are displaced and antennas turned by 0 or more")
        if (self.neighbours is not None and self.neighbours < 0) or (
            self.reports is not None and self.reports < 1
        ):
            raise InputError("a report has 0 neighbours or more, a sequence 1 report or more")

    @property
    def is_drawn(self) -> bool:
        """Whether a seed decides anything."""
        return self.shift > 0 or self.turn > 0

    def place(
        self, place: MappedPlace, traced: Callable[[], TracedPlace], generator: np.random.Generator
    ) -> NominalMaps:
        """The maps that are given.

        Args:
            place: as the dataset holds it.
            traced: opens the place's folder, whose paths turned antennas need.
            generator: of direction and azimuths.
        """
        maps = nominal_maps(place)
        geometry, radio = maps.geometry_maps, maps.radio_maps
        if self.turn:
            radio = turned_radio_maps(traced(), self.turn, generator)
        if self.shift:
            angle = generator.uniform(0, 2 * np.pi)
            offset = self.shift * np.array([np.cos(angle), np.sin(angle)])
            geometry, radio = displaced(geometry, offset), displaced(radio, offset)
            geometry = geometry.assign(footprint=geometry["footprint"].round())
        if "radio" in self.without:
            radio = radio.where(False)
        if "geometry" in self.without:
            geometry = flat_ground(geometry)
        return dataclasses.replace(
            maps, geometry_maps=geometry, radio_maps=radio.assign_attrs(maps.radio_maps.attrs)
        )

    def observed(self, reports: Reports) -> Reports:
        """The reports that are given: as many sequences, with the same last reports."""
        if self.reports is not None:
            reports = last_reports(reports, self.reports)
        return (
            reports
            if self.neighbours is None
            else reports.select_tokens(_strongest(reports, self.neighbours))
        )


def turned_radio_maps(place: TracedPlace, degrees: float, generator: np.random.Generator) -> xr.Dataset:
    """R of a place whose site list has other azimuths; what it has of turned antennas is turned from these."""
    nothing = sample_world(place.deployment, WorldLaw(severity=0.0), generator)
    turn = np.deg2rad(degrees) * generator.standard_normal(len(place.deployment.cells))
    deployment = turned_deployment(place.deployment, dataclasses.replace(nothing, azimuth_error=turn))
    parts = [
        complete_radio_maps(layer.atlas, own.deployment, RadioMapConfiguration(("turned",)))
        for layer, own in zip(place.layers(), deployment.layers(), strict=True)
    ]
    return joined_layers(parts, deployment)


def displaced(maps: xr.Dataset, offset: Float[np.ndarray, "2"]) -> xr.Dataset:
    """Rasters displaced by (x, y) [m], interpolated; at the edges they go on as they end."""
    x, y = (maps[name] - one for name, one in zip(("x", "y"), offset, strict=True))
    clipped = {
        name: axis.clip(float(maps[name].min()), float(maps[name].max()))
        for name, axis in (("x", x), ("y", y))
    }
    found = maps.interp(clipped, method="linear")
    return found.assign_coords(x=maps["x"], y=maps["y"])


def flat_ground(geometry: xr.Dataset) -> xr.Dataset:
    """G of someone who has no map: level ground at the place's height, and nothing on it."""
    bare = xr.zeros_like(geometry)
    return bare.assign(terrain=xr.full_like(geometry["terrain"], float(geometry["terrain"].median())))


def last_reports(reports: Reports, most: int) -> Reports:
    """The last reports of each sequence."""
    rows = Rows(reports.report_offsets)
    after = reports.report_offsets[1:][rows.row] - np.arange(len(reports.time))
    return reports.select_reports(np.flatnonzero(after <= most))


def _strongest(reports: Reports, neighbours: int) -> Bool[np.ndarray, " token"]:
    """Tokens of the serving cell and of the strongest neighbours of each report."""
    level = reports.features[:, reports.feature_names.index("rsrp")]
    other = np.flatnonzero(~reports.serving)
    order = other[np.lexsort((-np.nan_to_num(level[other], nan=-np.inf), reports.report_of_token[other]))]
    report = reports.report_of_token[order]
    first = np.searchsorted(report, report, side="left")
    kept = reports.serving.copy()
    kept[order[np.arange(len(order)) - first < neighbours]] = True
    return kept
