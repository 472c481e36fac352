"""The arrays of a dataset store, and the first pass over its parts: their sizes, value ranges, mean and spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int, Shaped

from raylocus.datasets.columns import ColumnSurvey, Encoding, StoredColumn
from raylocus.datasets.splits import SPLITS
from raylocus.errors import InputError
from raylocus.network.reports.features import ReportFeature, features_named
from raylocus.network.reports.reports import OFFSETS, REPORT_FIELDS, TOKEN_FIELDS, Reports

#: Version of a dataset store.
DATASET_SCHEMA = "raylocus.dataset.v2"


def _fixed(
    name: str, rows: str, dtype: str, meaning: str, units: str = "1", classes: Sequence[str] = ()
) -> StoredColumn:
    named = {"classes": list(classes)} if classes else {}
    return StoredColumn(name, (rows,), dtype, {"units": units, "long_name": meaning} | named)


#: How the columns of tokens that say whose a token is are stored.
STORED_TYPES = {
    "pci": "int16", "technology": "int8", "channel": "int32",
    "identity": "int64", "serving": "bool", "beam": "int16",
}  # fmt: skip
#: Columns that are the same in every dataset. Offsets have one row more than what they point from.
FIXED_COLUMNS = (
    _fixed("report_offsets", "sample_plus_1", "int64", OFFSETS["report_offsets"][1]),
    _fixed("split", "sample", "int8", "index into classes; -1 for none of them", classes=SPLITS),
    _fixed("place_index", "sample", "int32", "index into the places"),
    _fixed("world_index", "sample", "int32", "index into the planned worlds"),
    _fixed(
        "start_time", "sample", "float64", "when the sequence starts, after the dataset's first midnight", "s"
    ),
    _fixed("token_offsets", "report_plus_1", "int64", OFFSETS["token_offsets"][1]),
    *(_fixed(name, "token", dtype, TOKEN_FIELDS[name][1]) for name, dtype in STORED_TYPES.items()),
)
#: Columns of reports that are stored as the survey finds best, and the step that their values lie on.
REPORT_NUMBERS = {"time": 0.0, "position": 0.0, "line_of_sight": 1.0}


def report_column(name: str, encoding: Encoding) -> StoredColumn:
    """One of `REPORT_NUMBERS`."""
    units, meaning = REPORT_FIELDS[name]
    axes, trailing = (("report", "axis"), (3,)) if name == "position" else (("report",), ())
    return _encoded(StoredColumn(name, axes, "", {"units": units, "long_name": meaning}, trailing), encoding)


def feature_column(feature: ReportFeature, encoding: Encoding) -> StoredColumn:
    """The column of a report feature."""
    attributes = {
        "units": feature.unit,
        "long_name": feature.meaning,
        "report_step": feature.step,
        "clause": feature.clause,
    }
    return _encoded(StoredColumn(feature_name(feature.name), ("token",), "", attributes), encoding)


def censored_column(features: Sequence[ReportFeature]) -> StoredColumn:
    """Which values lie outside their report range, for all features."""
    attributes = {
        "units": "1",
        "long_name": TOKEN_FIELDS["censored"][1],
        "features": [feature.name for feature in features],
    }
    return StoredColumn("censored", ("token", "feature"), "int8", attributes, (len(features),))


def feature_name(name: str) -> str:
    """The array that holds a feature."""
    return f"feature_{name}"


def _encoded(column: StoredColumn, encoding: Encoding) -> StoredColumn:
    fill = float("nan") if encoding.missing is None else encoding.missing
    attributes = column.attributes | encoding.attributes
    return replace(column, dtype=encoding.dtype, attributes=attributes, fill=fill)


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
    counts: Counter[str] = field(default_factory=Counter)
    """Samples, reports and tokens."""
    numbers: dict[str, ColumnSurvey] = field(default_factory=dict)
    """By array name."""

    @classmethod
    def of(cls, parts: Iterable[Reports]) -> PartSurvey:
        """Reads all parts, one at a time."""
        survey: PartSurvey | None = None
        for part in parts:
            if survey is None:
                numbers = {name: ColumnSurvey(step) for name, step in REPORT_NUMBERS.items()}
                for each in features_named(part.feature_names):
                    numbers[feature_name(each.name)] = ColumnSurvey(each.step, each.low)
                survey = cls(part.feature_names, part.absent, numbers=numbers)
            if part.feature_names != survey.feature_names:
                raise InputError("worlds were observed with different feature sets; observe all with one set")
            survey.counts.update(sample=len(part), report=len(part.time), token=len(part.pci))
            for name, values in numbers_of(part):
                survey.numbers[name].add(values)
        if survey is None or not survey.counts["sample"]:
            raise InputError(
                "no UE was detected anywhere, so there is nothing to store; check the deployments"
            )
        return survey

    @property
    def rows(self) -> dict[str, int]:
        """Length of every first dimension."""
        ends = {f"{name}_plus_1": self.counts[name] + 1 for name in ("sample", "report")}
        return {**self.counts, **ends}


def numbers_of(part: Reports) -> Iterator[tuple[str, Shaped[np.ndarray, "row ..."]]]:
    """The columns of a part that are stored as a survey finds best, by array name."""
    for name in REPORT_NUMBERS:
        yield name, getattr(part, name)
    for index, name in enumerate(part.feature_names):
        yield feature_name(name), part.features[:, index]
