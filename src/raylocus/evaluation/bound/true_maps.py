"""The second line: the posterior on the true world's own maps, what perfect maps would buy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from raylocus.datasets.nominal_maps import NO_SCATTERING, MappedPlace, nominal_maps
from raylocus.evaluation.baselines.grid_bayes import SequenceGridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel
from raylocus.models.posterior import Posterior
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.reports import Reports
from raylocus.units import timing_advance_distance

#: Error left by report bins and the L3 filter's memory of where the UE was before [dB].
FILTER_ERROR_DB = 1.0


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
        maps = replace(nominal_maps(place), radio_maps=self.truth, scatter_gain=NO_SCATTERING)
        step = timing_advance_distance(maps.deployment.carrier.numerology)
        return SequenceGridBayes(self.name, self._model(step), 1.0).locate(reports, maps)

    def _model(self, timing_step: float) -> LikelihoodModel:
        law = self.observation
        noise = float(np.hypot(law.receiver_noise_db, FILTER_ERROR_DB))
        timing = float(np.hypot(timing_step / np.sqrt(12), 3e8 * law.timing_noise))
        return LikelihoodModel(noise, law.device_bias_db, timing)
