"""Scores in an area as tables: percentiles with intervals, regions, groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from raylocus.evaluation.area.scores import AreaScores
from raylocus.evaluation.evaluation import PERCENTILES, REGIONS

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
