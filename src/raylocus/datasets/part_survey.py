"""The first pass over a dataset's parts: how many rows every column has, and what values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Shaped

from raylocus.datasets.encoding import ColumnSurvey
from raylocus.datasets.schema import REPORT_NUMBERS, feature_name
from raylocus.errors import InputError
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import Reports


@dataclass
class PartSurvey:
    """Sizes and value ranges of all parts."""

    feature_names: tuple[str, ...]
    absent: tuple[tuple[str, str], ...]
    samples: int = 0
    reports: int = 0
    tokens: int = 0
    numbers: dict[str, ColumnSurvey] = field(default_factory=dict)
    """By array name."""

    @classmethod
    def of(cls, parts: Iterable[Reports]) -> PartSurvey:
        """Reads all parts, one at a time."""
        survey: PartSurvey | None = None
        for part in parts:
            survey = survey or cls._started(part)
            survey._add(part)
        if survey is None or not survey.samples:
            raise InputError("no UE was heard anywhere, so there is nothing to store; check the deployments")
        return survey

    @classmethod
    def _started(cls, part: Reports) -> PartSurvey:
        numbers = {name: ColumnSurvey(step) for name, (_, _, step) in REPORT_NUMBERS.items()}
        for feature in features_named(part.feature_names):
            numbers[feature_name(feature.name)] = ColumnSurvey.of_feature(feature)
        return cls(part.feature_names, part.absent, numbers=numbers)

    def _add(self, part: Reports) -> None:
        if part.feature_names != self.feature_names:
            raise InputError("worlds were observed with different feature sets; observe all with one set")
        self.samples += len(part)
        self.reports += len(part.time)
        self.tokens += len(part.pci)
        for name, values in numbers_of(part):
            self.numbers[name].add(values)

    @property
    def rows(self) -> dict[str, int]:
        """Length of every first dimension."""
        counts = {"sample": self.samples, "report": self.reports, "token": self.tokens}
        return counts | {"sample_plus_1": self.samples + 1, "report_plus_1": self.reports + 1}


def numbers_of(part: Reports) -> Iterator[tuple[str, Shaped[np.ndarray, "row ..."]]]:
    """The columns of a part that are stored as a survey finds best, by array name."""
    for name in REPORT_NUMBERS:
        yield name, getattr(part, name)
    for index, name in enumerate(part.feature_names):
        yield feature_name(name), part.features[:, index]
