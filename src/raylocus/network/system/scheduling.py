"""Share of a cell that its scheduler gives one UE, which changes with the other UEs' load."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

from raylocus.errors import InputError
from raylocus.network.random_streams import RandomSource, correlated_normal


@dataclass(frozen=True)
class Scheduler:
    """The law of a UE's share of the slots: uniform between two ends, and slow to change."""

    least: float = 0.05
    most: float = 0.5
    memory: float = 5.0
    """Correlation time of the share [s]: how long other UEs' sessions last; an engineering choice."""

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= 1 or self.memory <= 0:
            raise InputError("a scheduled share lies between 0 and 1, and its correlation time is above 0 s")


def scheduled_share(
    time: Float[np.ndarray, "report"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    scheduler: Scheduler,
    random: RandomSource,
) -> Float[np.ndarray, "report"]:
    """Share of the slots in which each UE is scheduled: a Gauss–Markov process made uniform."""
    level = ndtr(correlated_normal(time, report_offsets, scheduler.memory, random))
    return scheduler.least + (scheduler.most - scheduler.least) * level
