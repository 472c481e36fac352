"""What a report says of distances: levels, timing advance, round trips, time differences, times of arrival."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from raylocus.evaluation.observations import advance_distances, cell_feature, observations
from raylocus.models.inputs.nominal_maps import NominalMaps
from raylocus.network.positioning.timing_measurements import round_trip_range
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.path_loss import umi_nlos_path_loss
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT, energy_per_resource_element


@dataclass(frozen=True)
class Ranges:
    """Distances [m] that the last report of each sequence states, by site; NaN where it does not."""

    level: Float[np.ndarray, "sample site"]
    """By TR 38.901 UMi NLOS, of the site's strongest cell as if its antenna pointed at the UE."""
    round_trip: Float[np.ndarray, "sample site"]
    """Of multi-RTT; of the timing advance where there is none, for the serving site."""
    difference: Float[np.ndarray, "sample site"]
    """RSTD: farther than the serving site by so much."""
    arrival: Float[np.ndarray, "sample site"]
    """UL-RTOA: the distance, up to a length common to all sites."""
    serving: Int[np.ndarray, " sample"]
    """Index of the serving site."""
    site: Float[np.ndarray, "site 2"]
    """Positions of the sites [m]."""
    height: Float[np.ndarray, " site"]
    """Of the sites over the UEs [m], on level ground."""

    def __len__(self) -> int:
        return len(self.serving)


def ranges_of(reports: Reports, maps: NominalMaps) -> Ranges:
    """The ranges of each sequence's last report.

    Raises:
        InputError: the reports lack a critical feature.
        PlaceError: the reports name a PCI that the place does not have.
    """
    deployment, observed = maps.deployment, observations(reports, maps.deployment)
    last = observed.last

    def of_site(name: str) -> Float[np.ndarray, "sample site"]:
        return _of_sites(cell_feature(reports, deployment, name)[last], deployment)

    serving = deployment.site_of_cell[observed.serving[last]]
    advance = advance_distances(observed, last, deployment)
    trip = round_trip_range(of_site("ue_rx_tx"), of_site("gnb_rx_tx"))
    row = np.arange(len(last))
    trip[row, serving] = np.where(np.isnan(trip[row, serving]), advance, trip[row, serving])
    return Ranges(
        level=_of_sites(level_ranges(observed.rsrp[last], maps), deployment, np.fmin),
        round_trip=trip,
        difference=SPEED_OF_LIGHT * of_site("rstd"),
        arrival=SPEED_OF_LIGHT * of_site("ul_rtoa"),
        serving=serving,
        site=deployment.site_positions[:, :2],
        height=deployment.site_positions[:, 2] - float(np.median(maps.terrain)) - maps.ue_height,
    )


def level_ranges(
    rsrp: Float[np.ndarray, "report cell"], maps: NominalMaps
) -> Float[np.ndarray, "report cell"]:
    """Distance [m] at which TR 38.901 UMi NLOS gives each level where the cell's antenna gains most."""
    deployment = maps.deployment
    carriers = [deployment.carriers[cell.carrier] for cell in deployment.cells]
    energy = [
        energy_per_resource_element(cell.power_dbm, carrier.resource_blocks)
        for cell, carrier in zip(deployment.cells, carriers, strict=True)
    ]
    gain = (maps.formula_level - maps.scattered_level).max(axis=(1, 2)) + maps.scatter_gain
    near, far = np.transpose(
        [umi_nlos_path_loss(np.array([100.0, 1000.0]), carrier.frequency) for carrier in carriers]
    )
    found: Float[np.ndarray, "report cell"] = 10 ** (
        2 + (np.array(energy) + gain - rsrp - near) / (far - near)
    )
    return found


def _of_sites(
    values: Float[np.ndarray, "report cell"], deployment: Deployment, join: np.ufunc = np.fmax
) -> Shaped[np.ndarray, "report site"]:
    """Of each site's cells the greatest value, or the least where `join` is fmin; NaN where there is none."""
    found = np.full((len(values), len(deployment.sites)), np.nan)
    for cell, site in enumerate(deployment.site_of_cell):
        found[:, site] = join(found[:, site], values[:, cell])
    return found
