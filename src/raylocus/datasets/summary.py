"""What a dataset holds, in numbers: counts, availability, histograms, heard cells, line of sight, coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.datasets.schema import FeatureStatistics
from raylocus.datasets.splits import NO_SPLIT_NAME, SPLITS
from raylocus.datasets.store import PlaceSequences, ReportDataset
from raylocus.network.reports.features import ReportFeature, features_named


@dataclass(frozen=True)
class TextTable:
    """Rows of text under a heading."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def place_table(summary: DatasetSummary) -> TextTable:
    """One row a place: what was observed there, how much of it is covered and in line of sight."""
    rows = []
    for place in summary.places:
        sequences = ", ".join(f"{name} {count}" for name, count in place.sequences.items())
        shares = (percent(place.covered), percent(place.line_of_sight))
        rows.append((place.name, sequences, str(place.worlds), str(place.reports), *shares))
    return TextTable(
        "Places", ("place", "sequences", "worlds", "reports", "covered", "in sight"), tuple(rows)
    )


def split_table(summary: DatasetSummary) -> TextTable:
    """One row a split."""
    rows = []
    for split in summary.splits:
        heard = split.heard_cells @ np.arange(len(split.heard_cells)) / max(split.heard_cells.sum(), 1)
        counts = (split.places, split.worlds, split.sequences, split.reports, split.tokens)
        rows.append((split.name, *map(str, counts), f"{heard:.1f}", percent(split.line_of_sight)))
    head = ("split", "places", "worlds", "sequences", "reports", "tokens", "heard", "in sight")
    return TextTable("Splits", head, tuple(rows))


def feature_table(summary: DatasetSummary, statistics: FeatureStatistics) -> TextTable:
    """One row a feature: share of the tokens of its kind that have it, and the training split's statistics."""
    rows = []
    for index, feature in enumerate(summary.features):
        shares = (percent(float(split.availability[index])) for split in summary.splits)
        mean, deviation = statistics.mean[index], statistics.standard_deviation[index]
        rows.append((feature.name, feature.unit, *shares, f"{mean:.3g}", f"{deviation:.3g}"))
    names = (split.name for split in summary.splits)
    return TextTable("Features", ("feature", "unit", *names, "mean", "σ"), tuple(rows))


def percent(share: float) -> str:
    """A share in percent; a dash where it is unknown."""
    return "–" if np.isnan(share) else f"{share:.0%}"


#: Side of the ground cells that coverage is counted in [m].
COVERAGE_RESOLUTION = 8.0
#: Bins of a feature's histogram.
BINS = 48
#: Reports of more cells than this are counted as reports of so many.
MOST_HEARD = 32


@dataclass(frozen=True)
class SplitSummary:
    """What one split holds."""

    name: str
    places: int
    worlds: int
    sequences: int
    reports: int
    tokens: int
    availability: Float[np.ndarray, " feature"]
    """Share of the tokens of a feature's kind (cell, serving cell, beam) that have it; NaN where there are none."""
    histograms: Int[np.ndarray, "feature bin"]
    """Values of each feature, over `DatasetSummary.edges`."""
    heard_cells: Int[np.ndarray, " cells"]
    """Reports by the number of cells they name."""
    line_of_sight: float
    """Share of the reports whose serving site is in line of sight, of those of which it is known."""


@dataclass(frozen=True)
class PlaceSummary:
    """What is observed at one place."""

    index: int
    name: str
    sequences: dict[str, int]
    """By the split's name, those in none included."""
    worlds: int
    reports: int
    covered: float
    """Share of the outdoor ground, in cells of about `COVERAGE_RESOLUTION`, in which there is a report."""
    line_of_sight: float
    """Share of its reports in line of sight."""


@dataclass(frozen=True)
class DatasetSummary:
    """What a dataset holds."""

    features: tuple[ReportFeature, ...]
    edges: Float[np.ndarray, "feature edge"]
    """Edges of each feature's histogram, the same for all splits; NaN where no token has it."""
    splits: tuple[SplitSummary, ...]
    """Those that hold anything."""
    places: tuple[PlaceSummary, ...]


def summarise(dataset: ReportDataset) -> DatasetSummary:
    """Reads the dataset twice, part by part: once for the ranges of features, once to count."""
    features = features_named(dataset.feature_names)
    edges = _edges(dataset.parts(), features)
    names = [name for name in (*SPLITS, NO_SPLIT_NAME) if (dataset.split == name).any()]
    return DatasetSummary(
        features=features,
        edges=edges,
        splits=tuple(_split(dataset, name, features, edges) for name in names),
        places=tuple(_place(dataset, int(index)) for index in np.unique(dataset.place_index)),
    )


def outdoor_cells(footprint: Float[np.ndarray, "y x"], step: int) -> Bool[np.ndarray, "row column"]:
    """Whether any of the `step` × `step` ground cells of each coarse one is free of buildings."""
    rows, columns = (length // step for length in footprint.shape)
    return ~np.all(footprint.reshape(rows, step, columns, step) > 0, axis=(1, 3))


def _edges(
    parts: Iterator[PlaceSequences], features: tuple[ReportFeature, ...]
) -> Float[np.ndarray, "feature edge"]:
    low, high = np.full(len(features), np.inf), np.full(len(features), -np.inf)
    for part in parts:
        low = np.fmin(low, np.nanmin(part.reports.features, axis=0, initial=np.inf))
        high = np.fmax(high, np.nanmax(part.reports.features, axis=0, initial=-np.inf))
    return np.stack([_bins(*row) for row in zip(features, low, high, strict=True)])


def _bins(feature: ReportFeature, low: float, high: float) -> Float[np.ndarray, " edge"]:
    """Edges from `low` to `high` or beyond: of whole report steps, so that no bin holds one more than its neighbour."""
    if not low <= high:
        return np.full(BINS + 1, np.nan)
    if not feature.step:
        return np.linspace(low, high if high > low else low + 1, BINS + 1)
    start = feature.low + np.floor((low - feature.low) / feature.step + 1e-6) * feature.step
    steps = np.floor((high - start) / feature.step + 1e-6) + 1
    return start + np.ceil(steps / BINS) * feature.step * np.arange(BINS + 1)


def _split(
    dataset: ReportDataset,
    name: str,
    features: tuple[ReportFeature, ...],
    edges: Float[np.ndarray, "feature edge"],
) -> SplitSummary:
    chosen = dataset.split == name
    reports = tokens = 0
    present, possible = np.zeros(len(features)), np.zeros(len(features))
    histograms, heard = np.zeros((len(features), BINS), np.int64), np.zeros(MOST_HEARD + 1, np.int64)
    sight: list[Float[np.ndarray, " report"]] = []
    for part in dataset.parts(chosen):
        found = part.reports
        reports, tokens = reports + len(found.time), tokens + len(found.pci)
        sight.append(found.line_of_sight)
        heard += np.bincount(np.minimum(found.heard_cells, MOST_HEARD), minlength=MOST_HEARD + 1)
        cell = found.beam < 0
        kinds = {"cell": cell, "serving": cell & found.serving, "beam": ~cell}
        for index, feature in enumerate(features):
            known = found.features[found.present[:, index], index]
            possible[index] += kinds[feature.token].sum()
            present[index] += len(known)
            if len(known):
                histograms[index] += np.histogram(known, edges[index])[0]
    with np.errstate(invalid="ignore"):
        return SplitSummary(
            name=name,
            places=len(np.unique(dataset.place_index[chosen])),
            worlds=len(np.unique(dataset.world_index[chosen])),
            sequences=int(chosen.sum()),
            reports=reports,
            tokens=tokens,
            availability=present / possible,
            histograms=histograms,
            heard_cells=heard,
            line_of_sight=_share(sight),
        )


def _share(sight: Sequence[Float[np.ndarray, " report"]]) -> float:
    """Share of the reports in line of sight, of those of which it is known."""
    known = np.concatenate(sight)
    return float(np.nanmean(known)) if np.isfinite(known).any() else float("nan")


def _place(dataset: ReportDataset, index: int) -> PlaceSummary:
    here = dataset.place_index == index
    place = dataset.place(index)
    step = max(round(COVERAGE_RESOLUTION / place.tile.resolution), 1)
    step = step if place.tile.count % step == 0 else 1
    coarse = place.tile.coarsen(step * place.tile.resolution)
    outdoors = outdoor_cells(place.geometry_maps["footprint"].values, step)
    visited = np.zeros(coarse.count**2, bool)
    sight: list[Float[np.ndarray, " report"]] = []
    for part in dataset.parts(here):
        cells = coarse.index(part.reports.position)
        visited[cells[cells >= 0]] = True
        sight.append(part.reports.line_of_sight)
    counts = {name: int((dataset.split[here] == name).sum()) for name in (*SPLITS, NO_SPLIT_NAME)}
    return PlaceSummary(
        index=index,
        name=dataset.configuration.places[index].name,
        sequences={name: count for name, count in counts.items() if count},
        worlds=len(np.unique(dataset.world_index[here])),
        reports=sum(map(len, sight)),
        covered=float((visited & outdoors.ravel()).sum() / max(outdoors.sum(), 1)),
        line_of_sight=_share(sight),
    )
