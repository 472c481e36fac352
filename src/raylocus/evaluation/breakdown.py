"""Errors by what made the case easy or hard: heard cells, line of sight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from raylocus.evaluation.evaluation import Evaluation, Truth

#: Bounds of the groups by number of heard cells, each from the first to the second, inclusive.
HEARD_GROUPS = ((1, 2), (3, 4), (5, 6), (7, 99))


@dataclass(frozen=True)
class Group:
    """Some of the evaluated sequences."""

    label: str
    members: Bool[np.ndarray, "sample"]

    def median(self, evaluation: Evaluation) -> float:
        """Median error of a method on the group [m]; NaN for an empty group."""
        return float(np.median(evaluation.error[self.members])) if self.members.any() else float("nan")


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
