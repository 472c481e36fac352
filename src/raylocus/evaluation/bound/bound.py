"""The bound: the posterior of someone given what the locator is given, who knows the law of worlds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp

from raylocus.datasets.nominal_maps import MappedPlace, nominal_maps
from raylocus.errors import InputError
from raylocus.evaluation.bound.ensemble import WorldMaps, kernel_width, sample_ensemble
from raylocus.evaluation.bound.hypotheses import Walks, class_shares, sample_speeds, sample_walks
from raylocus.evaluation.bound.likelihood import SequenceLikelihood
from raylocus.evaluation.bound.tokens import MOST_REPORTS, sequence_tokens, used_reports
from raylocus.evaluation.observations import Observations, observations
from raylocus.geo import Grid
from raylocus.models.posterior import Posterior
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mobility import MobilityConfiguration, pauses
from raylocus.network.reports import Reports
from raylocus.network.stops import moving_time
from raylocus.scenes.world import WorldLaw

#: Ground distance over which what the earlier reports add is averaged [m].
SMOOTHING = 6.0
#: Places at which the worlds of the ensemble are compared.
PLACES_COMPARED = 300
#: Rounds of trajectories, each proposed by what those before it found.
ROUNDS = 3


class BoundRefused(InputError):
    """The bound does not model the law that the reports were drawn from; the sentence says what."""


@dataclass(frozen=True)
class Bound:
    """The Bayes posterior given nominal R and G and the whole sequence, under the true laws.

    Exact, up to sampling: the law of materials, antenna azimuth and downtilt and scattering (an
    ensemble of worlds); the level common to a world and a device (quadrature); the margins of the
    residual with each cell's level error and noise; T_A's bins; the prior outdoors and the law of
    speeds and turns.

    Approximate: the copula's correlation once the residual is convolved with noise; worlds are
    finitely many, so levels and beam differences are given a kernel's width (`kernel_width`); an antenna
    that points anywhere is one, at most, of the heard, with levels and beams of a wide Gaussian; walks
    are read backwards and do not keep to roads; at most
    `MOST_REPORTS` reports of the last minute are used; the L3 filter's memory is left out; a cell's
    silence counts in the last report only, independently of the others. RSRQ and SINR, which follow
    from the levels, are not used. Every approximation loses: the true bound is a little lower.
    """

    law: WorldLaw
    observation: NetworkConfiguration
    """At the severity of the law, see `NetworkConfiguration.at_severity`."""
    mobility: MobilityConfiguration
    world_maps: WorldMaps
    """Maps of one world: `propagation.maps.world_maps.world_radio_maps`."""
    seed: int = 0
    worlds: int = 32
    """Size of the ensemble."""
    hypotheses: int = 1000
    """Trajectories tried in each round."""
    name: str = "bound"

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position. Raises PlaceError for an unknown PCI."""
        generator = np.random.default_rng(self.seed)
        search = self._search(place, generator)
        observed, grid = observations(reports, place.deployment), place.tile
        with one_thread():
            density = [search.density(observed, sample, generator) for sample in range(len(observed))]
        return posterior_of(grid, np.array(density, np.float32).reshape(-1, *grid.shape))

    def _search(self, place: MappedPlace, generator: np.random.Generator) -> _Search:
        ensemble = sample_ensemble(place, self.law, self.world_maps, self.worlds, generator)
        prior = nominal_maps(place).prior.ravel().astype(np.float64)
        sites = generator.choice(len(prior), PLACES_COMPARED, p=prior)
        likelihood = SequenceLikelihood.of(
            ensemble, kernel_width(ensemble, sites), self.law, self.observation, place.deployment.carrier
        )
        return _Search(
            place=place,
            grid=place.tile,
            prior=prior,
            walks=sample_walks(place, self.mobility, generator),
            likelihood=likelihood,
            mobility=self.mobility,
            hypotheses=self.hypotheses,
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Holds torch to one thread: on matrices this small, threads wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class _Search:
    """Importance sampling of trajectories in one place."""

    place: MappedPlace
    grid: Grid
    prior: Float[np.ndarray, "ground"]
    walks: Walks
    likelihood: SequenceLikelihood
    mobility: MobilityConfiguration
    hypotheses: int

    def density(
        self, observed: Observations, sample: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "ground"]:
        """Mass of each ground cell.

        The last report is scored at every outdoor cell. What the earlier reports add is the ratio of
        the sequence's likelihood to the last report's, averaged over sampled trajectories that end
        nearby; later rounds of trajectories end where the earlier ones found mass, in the speed
        classes that they found likely.
        """
        last, log_last = self._last_report(observed, sample)
        rows = used_reports(observed, sample, MOST_REPORTS)
        if len(rows) == 1:
            return last
        tokens = sequence_tokens(observed, self.place.deployment, rows)
        law = class_shares(self.mobility)
        found, shares = last, law
        ends: list[Int[np.ndarray, "hypothesis"]] = []
        classes: list[Int[np.ndarray, "hypothesis"]] = []
        gains: list[Float[np.ndarray, "hypothesis"]] = []
        for _ in range(ROUNDS):
            proposal = 0.9 * found**0.7 / np.sum(found**0.7) + 0.1 * last
            end = generator.choice(len(proposal), self.hypotheses, p=proposal / proposal.sum())
            speed, kind = sample_speeds(self.mobility, shares, len(end), generator)
            ago = np.broadcast_to(tokens.ago, (len(end), len(tokens.ago)))
            moving = moving_time(ago, *pauses(self.mobility, kind, speed), generator)
            cells = self.walks.cells(end, speed, moving, generator)
            # The last term undoes that some classes are tried more often than the law has them.
            gain = (
                self.likelihood.log_likelihood(tokens, cells)
                - log_last[end]
                + np.log(law[kind] / shares[kind])
            )
            ends, gains, classes = [*ends, end], [*gains, gain], [*classes, kind]
            gathered = np.concatenate(gains)
            found = self._updated(last, np.concatenate(ends), gathered)
            weight = np.bincount(
                np.concatenate(classes), np.exp(gathered - gathered.max()), minlength=len(law)
            )
            shares = 0.5 * law + 0.5 * weight / weight.sum()
        return found

    def _last_report(
        self, observed: Observations, sample: int
    ) -> tuple[Float[np.ndarray, "ground"], Float[np.ndarray, "ground"]]:
        """Posterior given the last report, and its log-likelihood (−inf indoors)."""
        rows = observed.last[[sample]]
        tokens = sequence_tokens(observed, self.place.deployment, rows)
        outdoors = np.flatnonzero(self.prior > 0)
        log_likelihood = np.full(len(self.prior), -np.inf)
        log_likelihood[outdoors] = self.likelihood.log_likelihood(tokens, outdoors[:, None], chunk=4096)
        with np.errstate(divide="ignore"):
            log_mass = log_likelihood + np.log(self.prior)
        return np.exp(log_mass - logsumexp(log_mass)), log_likelihood

    def _updated(
        self,
        last: Float[np.ndarray, "ground"],
        ends: Int[np.ndarray, "hypothesis"],
        gains: Float[np.ndarray, "hypothesis"],
    ) -> Float[np.ndarray, "ground"]:
        """The last report's posterior times the smoothed mean gain of the hypotheses that end nearby."""
        gain = np.bincount(ends, np.exp(gains - gains.max()), minlength=len(last))
        count = np.bincount(ends, minlength=len(last)).astype(float)
        ratio = self._smoothed(gain) / np.maximum(self._smoothed(count), 1e-12)
        # Where no hypothesis ends within reach, nothing was learnt; it was not worth proposing either.
        whole = last * np.where(self._smoothed(count) > 1e-6, ratio, 0)
        return whole / whole.sum()

    def _smoothed(self, values: Float[np.ndarray, "ground"]) -> Float[np.ndarray, "ground"]:
        spread = SMOOTHING / self.grid.resolution
        return gaussian_filter(values.reshape(self.grid.shape), spread, mode="constant", truncate=4.0).ravel()
