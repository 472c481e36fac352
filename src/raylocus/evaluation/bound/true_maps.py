"""The second line: the posterior on the true world's own maps, what perfect maps would buy."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from raylocus.evaluation.bound.calibration import TRUE_MAPS_FITTED, Calibration, kind_of_reports
from raylocus.evaluation.bound.ensemble import Ensemble
from raylocus.evaluation.bound.likelihood import SequenceLikelihood
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.search import Found, Search
from raylocus.evaluation.bound.tokens import all_tokens, positioning_of
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import WorldLaw

#: What a beam's level changes over the distance between a UE's way and the nearest that is tried [dB].
WAY_BEAM_ERROR_DB = 1.0


@dataclass(frozen=True)
class TrueMaps:
    """The posterior with the maps of the world that the reports were made in, residual and all.

    The bound's own likelihood in a world that is known: what is left is the receiver's noise, report bins,
    the beams' errors, the device's bias (integrated out), T_A's bins and noise, neighbours that are dropped,
    and the law of mobility. Where antennas point is no map, so UL-AoA is not used. It is what perfect maps would
    buy, no bound for who has the nominal maps only.
    """

    truth: xr.Dataset
    network: NetworkConfiguration
    """At the severity of the world."""
    movement: Movement
    """Ways through the place by the dataset's law of mobility."""
    seed: int = 0
    motions: int = 32
    """Draws of speed and stops."""
    ways: int = 64
    """Ways of each motion, in each round."""
    calibration: Calibration | None = None
    """What corrects the result; where None, what was fitted for what is reported."""
    name: str = "true maps"

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of sequences of that one world. Raises PlaceError for an unknown PCI."""
        calibration = self.calibration or TRUE_MAPS_FITTED[kind_of_reports(self.network)]
        return calibration.posterior(self.found(reports, place), self.movement.grid)

    def found(self, reports: Reports, place: MappedPlace) -> list[Found]:
        """The posterior of each sequence before calibration, and that of its last report."""
        deployment = place.deployment
        observed, positioning = observations(reports, deployment), positioning_of(reports, deployment)
        sequences = all_tokens(observed, deployment, self.network, positioning)
        search = Search(self.likelihood(deployment), self.movement, self.motions, self.ways)
        return search.all(sequences, self.seed)

    def likelihood(self, deployment: Deployment) -> SequenceLikelihood:
        """The law of reports in a world that is known: its only ensemble, where no level and no antenna errs."""
        beams, delay = self.truth["rsrp_beam"].values, self.truth["toa"].values[None]
        world = Ensemble.of(self.movement.grid, deployment, delay, [beams], 1)
        return SequenceLikelihood.of(
            world, WorldLaw(severity=0.0), self.network, WAY_BEAM_ERROR_DB, deployment.carrier
        )
