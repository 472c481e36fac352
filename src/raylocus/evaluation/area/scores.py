"""Scores of an area's posteriors at the true positions of reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.evaluation.area.references import REFERENCES
from raylocus.evaluation.evaluation import coverage, horizontal_errors
from raylocus.models.area.ground_masses import Located
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment

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
