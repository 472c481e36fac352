"""`Evaluation`: what one method did on one set of sequences, and the numbers drawn from it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.evaluation.observations import observations
from raylocus.execution.threads import one_thread
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Columns

#: Reports and the place that they were made in, one pair a place.
TrainingPlaces = Iterable[tuple[Reports, MappedPlace]]


@runtime_checkable
class Method(Protocol):
    """A way of locating, learned or classical."""

    @property
    def name(self) -> str:
        """What tables and figures call it."""

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position, on the grid of the place."""


@dataclass(frozen=True)
class Contestant:
    """A trained model that is put to a test."""

    method: Method
    digest: str
    """Of its weights and all else that decides its answers."""


@dataclass(frozen=True)
class Outcome:
    """One method's posterior and its evaluation."""

    posterior: Posterior
    evaluation: Evaluation


def truth_of(reports: Reports, place: MappedPlace) -> Truth:
    """What is true of each sequence's last report."""
    last = reports.last_report
    return Truth(
        position=np.asarray(reports.position[last, :2]),
        heard_cells=observations(reports, place.deployment).heard[last],
        line_of_sight=np.asarray(reports.line_of_sight[last], float),
    )


def evaluate(method: Method, reports: Reports, place: MappedPlace) -> Outcome:
    """Locates all sequences with one method and scores the answers; its cost is the calling thread's.

    Raises:
        InputError: a true position lies outside the tile.
        PlaceError: the reports name a cell that the place does not have.
    """
    with one_thread():
        started = time.thread_time()
        posterior = method.locate(reports, place)
        seconds = time.thread_time() - started
    return Outcome(posterior, evaluation_of(method.name, posterior, truth_of(reports, place), seconds))


#: Probability mass, of the whole tile, that every method is granted as a uniform floor in the NLL:
#: a truth where the method gives less costs as much as if this mass were spread over the tile.
NLL_FLOOR = 1e-6
#: Percentiles of the error that tables quote.
PERCENTILES = (50, 67, 80, 90, 95)
#: Nominal masses of the highest-density regions whose coverage is quoted.
REGIONS = (0.5, 0.9, 0.95)


def horizontal_errors(
    estimate: Float[np.ndarray, "sample 2"], truth: Float[np.ndarray, "sample 2"]
) -> Float[np.ndarray, " sample"]:
    """Distance from estimate to truth on the ground [m]."""
    return np.hypot(*(estimate - truth).T)


def negative_log_likelihood(
    posterior: Posterior, truth: Float[np.ndarray, "sample 2"]
) -> Float[np.ndarray, " sample"]:
    """−ln of the density per m² at the truth [nats], with the floor `NLL_FLOOR`.

    Raises:
        InputError: a truth lies outside the tile.
    """
    mass = _mass_at(posterior, truth)
    floor = NLL_FLOOR / posterior.density[0].size if len(posterior.density) else 0.0
    return -np.log(np.maximum(mass, floor) / posterior.grid.resolution**2)


def region_ranks(
    posterior: Posterior, truth: Float[np.ndarray, "sample 2"]
) -> tuple[Float[np.ndarray, " sample"], Float[np.ndarray, " sample"]]:
    """Mass of the cells denser than the truth's, and mass of the cells that tie with it, itself included.

    The truth enters the highest-density region of mass p, as it grows, when p passes from the first
    number to the sum of both.

    Raises:
        InputError: a truth lies outside the tile.
    """
    flat = posterior.density.reshape(len(posterior.density), -1).astype(np.float64)
    at_truth = _mass_at(posterior, truth)[:, None]
    return np.where(flat > at_truth, flat, 0).sum(axis=1), np.where(flat == at_truth, flat, 0).sum(axis=1)


def coverage(denser: Float[np.ndarray, " sample"], tied: Float[np.ndarray, " sample"], mass: float) -> float:
    """Share of truths inside the smallest region that holds `mass`, from `region_ranks`.

    Cells on the region's edge count by the part of them that is needed to reach the mass exactly, so
    that a correct posterior on a grid has exactly nominal coverage (the mean of the randomised
    probability integral transform of Smith 1985).
    """
    part = np.where(tied > 0, (mass - denser) / np.where(tied > 0, tied, 1), 0.0)
    return float(np.clip(part, 0, 1).mean())


def _mass_at(posterior: Posterior, truth: Float[np.ndarray, "sample 2"]) -> Float[np.ndarray, " sample"]:
    index = posterior.grid.index(truth)
    if (index < 0).any():
        raise InputError("a true position lies outside the tile; evaluate only reports made inside it")
    flat = posterior.density.reshape(len(posterior.density), -1)
    return flat[np.arange(len(flat)), index].astype(np.float64)


@dataclass(frozen=True)
class Truth(Columns):
    """What is true of each sequence's last report."""

    position: Float[np.ndarray, "sample 2"]
    """True position [m]."""
    heard_cells: Int[np.ndarray, " sample"]
    """Cells with an RSRP in the last report."""
    line_of_sight: Float[np.ndarray, " sample"]
    """1 where the serving site is in line of sight, 0 where not, NaN where unknown."""


#: Arrays of an `Evaluation` with one row a sequence.
ROWS = ("error", "negative_log_likelihood", "denser", "tied")


@dataclass(frozen=True)
class Evaluation:
    """Per-sequence results of one method."""

    name: str
    truth: Truth
    error: Float[np.ndarray, " sample"]
    """Horizontal error [m]."""
    negative_log_likelihood: Float[np.ndarray, " sample"]
    """[nats], of a density per m²."""
    denser: Float[np.ndarray, " sample"]
    """Mass denser than the truth's cell, see `region_ranks`."""
    tied: Float[np.ndarray, " sample"]
    """Mass as dense as the truth's cell."""
    seconds: float
    """Processor time of locating all sequences [s], of all threads, the place's preparation included."""

    def __len__(self) -> int:
        return len(self.error)

    def select(self, members: Bool[np.ndarray, " sample"]) -> Evaluation:
        """That of some sequences, with their share of the time."""
        rows = {name: getattr(self, name)[members] for name in ROWS}
        seconds = self.seconds * float(members.mean()) if len(members) else 0.0
        return dataclasses.replace(self, truth=self.truth.select(members), seconds=seconds, **rows)

    @classmethod
    def concatenate(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """One method on the sequences of all parts, one after the other."""
        rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ROWS}
        truth = Truth.concatenate([part.truth for part in parts])
        return cls(name=parts[0].name, truth=truth, seconds=sum(part.seconds for part in parts), **rows)

    def percentile(self, percent: float) -> float:
        """A percentile of the horizontal error [m]."""
        return float(np.percentile(self.error, percent))

    def coverage(self, mass: float) -> float:
        """Share of truths inside the highest-density region of that mass."""
        return coverage(self.denser, self.tied, mass)

    def summary(self, bound: Evaluation | None = None) -> dict[str, float | None]:
        """The numbers of metrics.json; `error_over_bound` is None where no bound was computed."""
        numbers: dict[str, float | None] = {f"p{p}": self.percentile(float(p)) for p in PERCENTILES}
        numbers["mean"] = float(self.error.mean())
        numbers |= {f"coverage_{round(100 * mass)}": self.coverage(mass) for mass in REGIONS}
        numbers["nll"] = float(self.negative_log_likelihood.mean())
        numbers["error_over_bound"] = (
            None if bound is None else self.percentile(50.0) / bound.percentile(50.0)
        )
        return numbers


def evaluation_of(name: str, posterior: Posterior, truth: Truth, seconds: float) -> Evaluation:
    """Scores a posterior against the truth. Raises InputError where a truth lies outside the tile."""
    error = horizontal_errors(posterior.mean, truth.position)
    cost = negative_log_likelihood(posterior, truth.position)
    return Evaluation(name, truth, error, cost, *region_ranks(posterior, truth.position), seconds)
