"""Errors by what made the case easy or hard, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.evaluation.evaluation import Evaluation, Truth

#: Bounds of the groups by number of heard cells, each from the first to the second, inclusive.
HEARD_GROUPS = ((1, 2), (3, 4), (5, 6), (7, 99))
#: Resamples of the bootstrap and their seed.
RESAMPLES, SEED = 1000, 0
#: Mass of an interval; it leaves as much below as above.
INTERVAL = 0.95
#: Percentiles of the error that are given intervals.
QUOTED = (50, 90)


@dataclass(frozen=True)
class Circumstances:
    """Where and in which world each evaluated sequence was observed."""

    place: Shaped[np.ndarray, " sample"]
    """Name of the place."""
    style: Shaped[np.ndarray, " sample"]
    """Style of the city; "" where the dataset does not say it."""
    severity: Float[np.ndarray, " sample"]
    """Severity of the world's law."""
    world: Int[np.ndarray, " sample"]
    """Number of the world; sequences of one world share its errors."""

    @classmethod
    def concatenate(cls, parts: Sequence[Circumstances]) -> Circumstances:
        """The sequences of all parts, one after the other."""
        names = ("place", "style", "severity", "world")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the evaluated sequences."""

    label: str
    members: Bool[np.ndarray, " sample"]

    def median(self, evaluation: Evaluation) -> float:
        """Median error of a method on the group [m]; NaN for an empty group."""
        return float(np.median(evaluation.error[self.members])) if self.members.any() else float("nan")


@dataclass(frozen=True)
class Quoted:
    """A percentile of the error and its bootstrap interval [m]."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f}–{self.high:.1f})"


def all_groups(truth: Truth, circumstances: Circumstances) -> dict[str, tuple[Group, ...]]:
    """Groups by what they are divided by: place, city style, severity, heard cells and line of sight."""
    return {
        "place": _groups_of(circumstances.place),
        "city style": _groups_of(circumstances.style),
        "severity": _groups_of(np.array([f"{severity:g}" for severity in circumstances.severity])),
        "cells heard": heard_groups(truth),
        "line of sight": sight_groups(truth),
    }


def heard_groups(truth: Truth) -> tuple[Group, ...]:
    """Groups by the number of cells heard in the last report; empty ones are left out."""
    groups = (
        Group(
            f"{low} or more cells" if high == 99 else f"{low}–{high} cells",
            (truth.heard_cells >= low) & (truth.heard_cells <= high),
        )
        for low, high in HEARD_GROUPS
    )
    return tuple(group for group in groups if group.members.any())


def sight_groups(truth: Truth) -> tuple[Group, ...]:
    """Groups by line of sight to the serving site; sequences where it is unknown belong to neither."""
    groups = (
        Group("line of sight", truth.line_of_sight == 1),
        Group("no line of sight", truth.line_of_sight == 0),
    )
    return tuple(group for group in groups if group.members.any())


def quoted(
    evaluations: Sequence[Evaluation], group: Group, world: Int[np.ndarray, " sample"]
) -> dict[str, Mapping[int, Quoted]]:
    """Percentiles of `QUOTED` with their intervals, by method, on one group.

    Whole worlds are drawn with replacement, because sequences of one world share its errors (the cluster
    bootstrap: Davison and Hinkley 1997, §3.8); where there is one world, sequences.
    """
    weight = _resampled(world[group.members])
    return {
        one.name: {percent: _percentile(one.error[group.members], weight, percent) for percent in QUOTED}
        for one in evaluations
    }


def _groups_of(values: Shaped[np.ndarray, " sample"]) -> tuple[Group, ...]:
    return tuple(Group(str(value), values == value) for value in np.unique(values) if value != "")


def _resampled(world: Int[np.ndarray, " sample"]) -> Float[np.ndarray, "resample sample"]:
    """How often each sequence is in each resample."""
    drawn, cluster = np.unique(world, return_inverse=True)
    if len(drawn) == 1:
        cluster = np.arange(len(world))
    count = int(cluster.max()) + 1
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return draws[:, cluster].astype(float)


def weighted_percentile(
    error: Float[np.ndarray, " sample"], weight: Float[np.ndarray, "resample sample"], percent: int
) -> Float[np.ndarray, " resample"]:
    """A percentile of the error in each resample [m], interpolated as numpy's is.

    Args:
        error: of each sequence [m].
        weight: how often each sequence is in each resample.
        percent: which percentile.
    """
    order = np.argsort(error, kind="stable")
    below = np.cumsum(weight[:, order], axis=1)
    position = percent / 100 * (below[:, -1:] - 1)
    first, second = (
        error[order][(below >= np.minimum(rank, below[:, -1:])).argmax(axis=1)]
        for rank in (np.floor(position) + 1, np.floor(position) + 2)
    )
    found: Float[np.ndarray, " resample"] = first + (position % 1)[:, 0] * (second - first)
    return found


def with_interval(value: float, resampled: Float[np.ndarray, " resample"]) -> Quoted:
    """A number and the interval of mass `INTERVAL` of what it is in resamples."""
    low, high = np.percentile(resampled, [50 * (1 - INTERVAL), 50 * (1 + INTERVAL)])
    return Quoted(value, float(low), float(high))


def _percentile(
    error: Float[np.ndarray, " sample"], weight: Float[np.ndarray, "resample sample"], percent: int
) -> Quoted:
    return with_interval(float(np.percentile(error, percent)), weighted_percentile(error, weight, percent))
