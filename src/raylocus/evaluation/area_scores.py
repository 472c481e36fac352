"""How well phones are located in an area: scores at true positions, and tables next to what naming a site gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.evaluation.evaluation import PERCENTILES, REGIONS, coverage, horizontal_errors
from raylocus.models.area.anchors import amplitude_centroid
from raylocus.models.area.ground_masses import Located
from raylocus.network.field.heard import HeardNetwork
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment


def strongest_site(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Site of the strongest cell of each report [m]."""
    return network.cells.position[network.cell[network.rows.offsets[:-1]]]


def serving_site(network: HeardNetwork) -> Float[np.ndarray, "report 2"]:
    """Site of the serving cell of each report, of the strongest where none is marked [m]."""
    chosen = network.rows.offsets[:-1].copy()
    marked = np.flatnonzero(network.serving)
    chosen[network.report[marked]] = marked
    return network.cells.position[network.cell[chosen]]


#: By name, in the order of tables.
REFERENCES: dict[str, Callable[[HeardNetwork], Float[np.ndarray, "report 2"]]] = {
    "serving site": serving_site,
    "strongest cell": strongest_site,
    "RSRP centroid": amplitude_centroid,
}


#: Density that a posterior is granted anywhere [1/m²]: one UE in 10,000 km².
LEAST_DENSITY = 1e-10


@runtime_checkable
class AreaMethod(Protocol):
    """What locates in an area."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def located(self, reports: Reports, deployment: Deployment) -> Iterator[Located]:
        """Posteriors of the sequences whose last report names a cell of the deployment."""


@dataclass(frozen=True)
class AreaScores:
    """Scores of sequences with a true position and a known cell; one row each."""

    errors: dict[str, Float[np.ndarray, " sample"]]
    """Errors [m] by name: the method's first, then the references'."""
    log_density: Float[np.ndarray, " sample"]
    """ln of the density at the truth [1/m²]."""
    denser: Float[np.ndarray, " sample"]
    tied: Float[np.ndarray, " sample"]
    """Masses that say in which region the truth lies, see `evaluation.evaluation.region_ranks`."""
    radius: Float[np.ndarray, " sample"]
    """90 % radius about the estimate [m]."""
    heard: Float[np.ndarray, " sample"]
    """Known cells of the report."""
    truth: Float[np.ndarray, "sample 2"]

    def select(self, kept: Bool[np.ndarray, " sample"] | Int[np.ndarray, " kept"]) -> AreaScores:
        """Some of the rows, by mask or by index."""
        rest = {name: getattr(self, name)[kept] for name in self.__dataclass_fields__ if name != "errors"}
        return AreaScores({name: each[kept] for name, each in self.errors.items()}, **rest)

    def covered(self, mass: float) -> float:
        """Share of truths in the smallest region of that mass."""
        return coverage(self.denser, self.tied, mass)

    @classmethod
    def concatenate(cls, parts: list[AreaScores]) -> AreaScores:
        """The rows of all parts, of which there is at least one."""
        names = [name for name in cls.__dataclass_fields__ if name != "errors"]
        errors = {name: np.concatenate([part.errors[name] for part in parts]) for name in parts[0].errors}
        return cls(
            errors, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        )


def score_in_area(method: AreaMethod, reports: Reports, deployment: Deployment) -> AreaScores:
    """Locates every sequence and compares with where it was.

    Raises:
        InputError: no sequence that names a known cell has a true position.
    """
    truth = reports.position[reports.last_report, :2]
    rows = [_scored(located, truth) for located in method.located(reports, deployment)]
    found = np.concatenate(rows) if rows else np.zeros((0, 7 + len(REFERENCES)))
    found = found[np.isfinite(found[:, 6])]
    if not len(found):
        raise InputError("no sequence has both a known cell and a true position, which an evaluation needs")
    sequence, log_density, denser, tied, radius, heard, *errors = found.T
    named = dict(zip((method.name, *REFERENCES), errors, strict=True))
    return AreaScores(named, log_density, denser, tied, radius, heard, truth[sequence.astype(np.int64)])


def _scored(located: Located, truth: Float[np.ndarray, "sample 2"]) -> Float[np.ndarray, "report column"]:
    """Sequence, log density, the two masses, radius, heard cells, and errors of some posteriors and references."""
    ground, at = located.ground, truth[located.sequence]
    point = torch.from_numpy(np.nan_to_num(at) - ground.origin).float()
    density, denser, tied = (each.numpy().astype(float) for each in ground.masses.at(point))
    middle = torch.from_numpy(ground.median - ground.origin).float()
    radius = ground.masses.radius(middle, 0.9).numpy()
    positions = [ground.median, *(locate(located.heard) for locate in REFERENCES.values())]
    errors = [horizontal_errors(each, at) for each in positions]
    return np.column_stack([
        located.sequence, np.log(np.maximum(density, LEAST_DENSITY)), denser, tied, radius,
        located.heard.rows.lengths, *errors,
    ])  # fmt: skip


#: Side of the squares of ground that are drawn together [m]: errors of one street are one observation.
BLOCK = 200.0
#: Draws of a bootstrap, and the ends of its interval [%].
DRAWS, ENDS = 200, (5, 95)
#: Groups by the number of heard cells.
GROUPS: dict[str, tuple[float, float]] = {
    "1 cell": (1, 1),
    "2–3 cells": (2, 3),
    "4–7 cells": (4, 7),
    "8 cells or more": (8, np.inf),
}


def percentile_rows(scores: AreaScores, generator: np.random.Generator) -> list[list[str]]:
    """A row a method: its name, percentiles of the error with their 90 % intervals."""
    rows = []
    for name, errors in scores.errors.items():
        intervals = bootstrap(
            scores, lambda kept, errors=errors: np.percentile(errors[kept], PERCENTILES), generator
        )
        values = np.percentile(errors, PERCENTILES)
        cells = [f"{v:.0f} ({a:.0f}–{b:.0f})" for v, a, b in zip(values, *intervals, strict=True)]
        rows.append([name, *cells])
    return rows


def honesty_lines(scores: AreaScores, generator: np.random.Generator) -> list[str]:
    """What the posterior is worth: regions, likelihood, radius."""
    intervals = bootstrap(scores, lambda kept: _coverages(scores, kept), generator)
    values = _coverages(scores, np.arange(len(scores.heard)))
    held = ", ".join(
        f"{mass:.0%} region holds {value:.1%} ({low:.1%}–{high:.1%})"
        for mass, value, low, high in zip(REGIONS, values, *intervals, strict=True)
    )
    cost, radius = -scores.log_density.mean(), np.median(scores.radius)
    return [held, f"−ln density {cost:.2f} nats per m², median 90 % radius {radius:.0f} m"]


def group_rows(scores: AreaScores) -> Iterator[list[str]]:
    """A row a group: share, error percentiles of the method and of the best reference, coverage of 90 %."""
    own, *others = scores.errors
    for name, (low, high) in GROUPS.items():
        kept = (scores.heard >= low) & (scores.heard <= high)
        if not kept.any():
            continue
        part = scores.select(kept)
        median, high_error = np.percentile(part.errors[own], (50, 90))
        best = min(others, key=lambda other: float(np.median(part.errors[other])))
        reference = np.percentile(part.errors[best], (50, 90))
        others_best = f"{best}: {reference[0]:.0f}, {reference[1]:.0f}"
        held = f"{part.covered(0.9):.1%}"
        yield [name, str(int(kept.sum())), f"{median:.0f}", f"{high_error:.0f}", others_best, held]


def bootstrap(
    scores: AreaScores, statistic: Callable[..., Float[np.ndarray, " value"]], generator: np.random.Generator
) -> Float[np.ndarray, "2 value"]:
    """Interval of a statistic of rows, whole blocks of ground drawn with replacement.

    Args:
        scores: the rows.
        statistic: of the indices of rows.
        generator: draws the blocks.
    """
    block = np.unique(np.floor(scores.truth / BLOCK), axis=0, return_inverse=True)[1].reshape(-1)
    members = np.split(np.argsort(block, kind="stable"), np.cumsum(np.bincount(block))[:-1])
    drawn = [
        statistic(
            np.concatenate([members[index] for index in generator.integers(len(members), size=len(members))])
        )
        for _ in range(DRAWS)
    ]
    return np.percentile(np.array(drawn), ENDS, axis=0)


def _coverages(scores: AreaScores, kept: Int[np.ndarray, " kept"]) -> Float[np.ndarray, " region"]:
    part = scores.select(kept)
    return np.array([part.covered(mass) for mass in REGIONS])
