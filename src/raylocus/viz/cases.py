"""Which single answers to show: some good, some typical, some bad, chosen by rank and not by taste."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raylocus.evaluation.evaluation import Evaluation

#: Percentiles of the error that cases are taken at, and what they are called.
RANKS = ((10, "good"), (30, "good"), (50, "typical"), (70, "typical"), (90, "bad"), (98, "bad"))


@dataclass(frozen=True)
class Case:
    """One sequence worth a look."""

    sample: int
    """Index of the sequence."""
    label: str
    """Why it was chosen."""


def choose_cases(evaluation: Evaluation) -> tuple[Case, ...]:
    """Sequences at fixed percentiles of a method's error, and the one it was most sure of and wrong about."""
    order = np.argsort(evaluation.error, kind="stable")
    chosen: dict[int, str] = {}
    for percent, word in RANKS:
        sample = int(order[round(percent / 100 * (len(order) - 1))])
        chosen.setdefault(sample, f"{word}: {percent}th percentile of the error")
    surest = int(np.argmax(evaluation.negative_log_likelihood))
    chosen.setdefault(surest, "most surely wrong: the highest NLL")
    return tuple(Case(sample, label) for sample, label in chosen.items())
