"""The second line: the posterior on the true world's own maps, what perfect maps would buy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from raylocus.evaluation.bound.bound import side_by_side
from raylocus.evaluation.bound.calibration import TRUE_MAPS_CALIBRATION, Calibration
from raylocus.evaluation.bound.known_maps import KnownMaps, KnownSequence
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.observation_law import ObservationLaw
from raylocus.evaluation.bound.search import Found, Search
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.reports.reports import Reports


@dataclass(frozen=True)
class TrueMaps:
    """The posterior with the maps of the world that the reports were made in, residual and all.

    What is left is the receiver's noise after the L3 filter, report bins, the beams' errors, the device's
    bias (integrated out), T_A's bins and noise, neighbours that are dropped, and the law of mobility. It is
    what perfect maps would buy, no bound for anyone who has the nominal maps only.
    """

    truth: xr.Dataset
    """Maps of the true world."""
    network: NetworkConfiguration
    """At the severity of the world."""
    movement: Movement
    """Ways through the place by the dataset's law of mobility."""
    seed: int = 0
    motions: int = 48
    """Draws of speed and stops."""
    ways: int = 128
    """Ways of each motion, in each round."""
    calibration: Calibration = TRUE_MAPS_CALIBRATION
    name: str = "true maps"

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of sequences of that one world. Raises PlaceError for an unknown PCI."""
        grid = self.movement.grid
        density = [self.calibration.apply(found) for found in self.found(reports, place)]
        return posterior_of(grid, np.array(density, np.float32).reshape(-1, *grid.shape))

    def found(self, reports: Reports, place: MappedPlace) -> list[Found]:
        """The posterior of each sequence before calibration, and that of its last report."""
        law = ObservationLaw.of(self.network, place.deployment)
        maps = KnownMaps.of(self.truth, place.deployment)
        observed = observations(reports, place.deployment)
        search = Search(self.movement, self.motions, self.ways)

        def located(sample: int) -> Found:
            rows = np.arange(observed.report_offsets[sample], observed.report_offsets[sample + 1])
            sequence = KnownSequence.of(observed, rows, maps, law)
            return search.density(sequence, np.random.default_rng([self.seed, sample]))

        return side_by_side(located, len(observed))
