"""The bound: the posterior of someone given what the locator is given, who knows the law of worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from raylocus.evaluation.bound.calibration import Calibration
from raylocus.evaluation.bound.ensemble import Physics, sample_ensemble
from raylocus.evaluation.bound.likelihood import ScoredTokens, SequenceLikelihood
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.observation_law import ObservationLaw
from raylocus.evaluation.bound.search import Found, Search
from raylocus.evaluation.bound.tokens import sequence_tokens
from raylocus.evaluation.density import posterior_of
from raylocus.evaluation.method import MappedPlace
from raylocus.evaluation.observations import observations
from raylocus.models.posterior import Posterior
from raylocus.network.impairments import ObservationConfiguration
from raylocus.network.mobility import MobilityConfiguration
from raylocus.network.reports import Reports
from raylocus.scenes.world import WorldLaw

#: Lasting error of a beam beside the nearest world's, as a share of what the worlds differ by.
NEAREST_WORLD = 0.4
#: Sequences located side by side.
WORKERS = 2


@dataclass(frozen=True)
class Bound:
    law: WorldLaw
    network: ObservationConfiguration
    """At the severity of the law, see `ObservationConfiguration.at_severity`."""
    movement: Movement
    """Ways through the place by the dataset's law of mobility."""
    physics: Physics
    """Beams of some worlds of the place: `physics.atlas_physics`."""
    seed: int = 0
    worlds: int = 32
    """Size of the ensemble."""
    motions: int = 32
    """Draws of speed and stops."""
    ways: int = 40
    """Ways of each motion, in each round."""
    calibration: Calibration = Calibration()
    name: str = "bound"

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position. Raises PlaceError for an unknown PCI."""
        everything = self.found(reports, place)
        grid = self.movement.grid
        density = [self.calibration.apply(found) for found in everything]
        return posterior_of(grid, np.array(density, np.float32).reshape(-1, *grid.shape))

    def found(
        self, reports: Reports, place: MappedPlace
    ) -> list[Found]:
        """The posterior of each sequence before calibration, and that of its last report."""
        law = ObservationLaw.of(self.network, place.deployment)
        observed = observations(reports, place.deployment)
        likelihood, search = self._likelihood(place, law), Search(self.movement, self.motions, self.ways)

        def located(sample: int) -> Found:
            tokens = sequence_tokens(
                observed, place.deployment, sample, law.receiver_noise_db, law.filter_coefficient
            )
            return search.density(ScoredTokens(likelihood, tokens), np.random.default_rng([self.seed, sample]))

        return side_by_side(located, len(observed))

    def _likelihood(self, place: MappedPlace, law: ObservationLaw) -> SequenceLikelihood:
        ensemble = sample_ensemble(
            place, self.law, self.physics, self.worlds, np.random.default_rng(self.seed)
        )
        differences = ensemble.beam_spread(self.movement.start, np.random.default_rng(self.seed))
        return SequenceLikelihood.of(
            ensemble, self.law, law, NEAREST_WORLD * differences, place.deployment.carrier
        )


def side_by_side(located: Callable[[int], Found], count: int) -> list[Found]:
    """Locates sequences by their index, some at a time; what comes out does not depend on how many."""
    with one_thread(), ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(located, range(count)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Holds torch to one thread: on matrices this small, threads wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
