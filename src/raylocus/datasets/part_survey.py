"""The first pass over a dataset's parts: rows and value ranges of every column, mean and spread of every feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Shaped

from raylocus.datasets.columns import ColumnSurvey
from raylocus.datasets.schema import REPORT_NUMBERS, feature_name
from raylocus.errors import InputError
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import Reports


@dataclass(frozen=True)
class FeatureStatistics:
    """What features are standardised with; columns are the reports' `feature_names`."""

    mean: Float[np.ndarray, " feature"]
    """Mean over the tokens that have the feature; NaN where none has."""
    standard_deviation: Float[np.ndarray, " feature"]
    """Standard deviation over the same tokens."""


@dataclass(frozen=True)
class FeatureMoments:
    """Count, mean and sum of squared deviations of every feature: all that a pass must remember."""

    count: Int[np.ndarray, " feature"]
    """Tokens that have the feature."""
    mean: Float[np.ndarray, " feature"]
    """Their mean; 0 where there are none."""
    deviation: Float[np.ndarray, " feature"]
    """Their sum of squared deviations from the mean."""

    @classmethod
    def of(cls, features: Float[np.ndarray, "token feature"]) -> FeatureMoments:
        """The moments of some tokens, in float64; NaN is missing."""
        present = ~np.isnan(features)
        count = present.sum(axis=0)
        values = np.where(present, features, 0).astype(np.float64)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        deviation = (np.where(present, values - mean, 0) ** 2).sum(axis=0)
        return cls(count, mean, deviation)

    def merged(self, other: FeatureMoments) -> FeatureMoments:
        """The moments of both sets of tokens together (Chan, Golub and LeVeque 1983, eq. 2.1)."""
        count = self.count + other.count
        step = other.mean - self.mean
        share = other.count / np.maximum(count, 1)
        deviation = self.deviation + other.deviation + step**2 * self.count * share
        return FeatureMoments(count, self.mean + step * share, deviation)

    @property
    def statistics(self) -> FeatureStatistics:
        """Mean and standard deviation (of the population); NaN where no token has the feature."""
        known = np.where(self.count > 0, self.count, np.nan)
        return FeatureStatistics(np.where(self.count > 0, self.mean, np.nan), np.sqrt(self.deviation / known))


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
            raise InputError(
                "no UE was detected anywhere, so there is nothing to store; check the deployments"
            )
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
