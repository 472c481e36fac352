"""The second line: the posterior on the true world's own maps, what perfect maps would buy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.evaluation.baselines.forward_filter import forward_filter
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel, log_likelihood
from raylocus.evaluation.baselines.nominal_maps import nominal_maps
from raylocus.evaluation.density import posterior_of
from raylocus.evaluation.method import MappedPlace
from raylocus.evaluation.observations import observations
from raylocus.geo import Grid
from raylocus.models.posterior import Posterior
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.reports import Reports
from raylocus.scenes.sites import Deployment

#: Error left by report bins and the L3 filter's memory of where the UE was before [dB].
FILTER_ERROR_DB = 1.0


@dataclass(frozen=True)
class PlaceWithMaps:
    """A place whose R is replaced."""

    tile: Grid
    deployment: Deployment
    geometry_maps: xr.Dataset
    radio_maps: xr.Dataset


@dataclass(frozen=True)
class TrueMaps:
    """Grid filtering with the maps of the world that the reports were made in, residual and all.

    What is left is the receiver's noise, the device's bias (integrated out) and T_A's bins. It is no
    bound for anyone who has the nominal maps only.
    """

    truth: xr.Dataset
    """Maps of the true world."""
    observation: NetworkConfiguration
    name: str = "true maps"

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of sequences of that one world. Raises PlaceError for an unknown PCI."""
        known = PlaceWithMaps(place.tile, place.deployment, place.geometry_maps, self.truth)
        maps, observed = nominal_maps(known), observations(reports, place.deployment)
        density = []
        for sample in range(len(observed)):
            rows = np.arange(observed.report_offsets[sample], observed.report_offsets[sample + 1])
            levels = log_likelihood(observed, rows, maps, self._model(maps.timing_step))
            density.append(forward_filter(levels, observed.time[rows], maps.prior, maps.grid, 1.0))
        return posterior_of(maps.grid, _stacked(density, maps.grid))

    def _model(self, timing_step: float) -> LikelihoodModel:
        law = self.observation
        noise = float(np.hypot(law.receiver_noise_db, FILTER_ERROR_DB))
        timing = float(np.hypot(timing_step / np.sqrt(12), 3e8 * law.timing_noise))
        return LikelihoodModel(noise, law.device_bias_db, law.detection_rsrp - 20.0, timing)


def _stacked(density: list[Float[np.ndarray, "ground"]], grid: Grid) -> Float[np.ndarray, "sample y x"]:
    return np.array(density, np.float32).reshape(-1, *grid.shape)
