"""Reading a dataset part by part, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from raylocus.datasets.store import ReportDataset
from raylocus.network.reports.reports import Reports

#: Sequences that are read at once.
PART_SEQUENCES = 2048


@dataclass(frozen=True)
class PlaceSequences:
    """Some sequences of one place."""

    place_index: int
    samples: Int[np.ndarray, " selected"]
    """Their indices in the dataset, ascending."""
    reports: Reports


def parts_of(
    dataset: ReportDataset, chosen: Bool[np.ndarray, " sample"] | None = None
) -> Iterator[PlaceSequences]:
    """The sequences of a dataset, or those where `chosen` is true, in its order and place by place."""
    wanted = np.ones(len(dataset), bool) if chosen is None else chosen
    for place in np.unique(dataset.place_index[wanted]):
        samples = np.flatnonzero(wanted & (dataset.place_index == place))
        for start in range(0, len(samples), PART_SEQUENCES):
            some = samples[start : start + PART_SEQUENCES]
            yield PlaceSequences(int(place), some, dataset.read(some))
