"""Writing a dataset: one pass over its parts to size and survey the columns, another to write them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr
from jaxtyping import Shaped

from raylocus.datasets.columns import ColumnWriter, Encoding
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.folders import folder_at, folder_written_whole
from raylocus.datasets.plan import assign_splits, plan_worlds, start_times
from raylocus.datasets.schema import (
    DATASET_SCHEMA,
    FIXED_COLUMNS,
    REPORT_NUMBERS,
    STORED_TYPES,
    FeatureMoments,
    PartSurvey,
    censored_column,
    feature_column,
    feature_name,
    numbers_of,
    report_column,
)
from raylocus.datasets.splits import SPLITS
from raylocus.datasets.stored_place import group_names, write_stored_place
from raylocus.geo import Grid
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import open_place
from raylocus.provenance import Provenance
from raylocus.storage import write_manifest
from raylocus.xarray_store import consolidating


@dataclass(frozen=True)
class Skipped:
    """A place that could not be built or traced."""

    place_index: int
    reason: str
    """One sentence."""


def save_report_dataset(
    parts: Iterable[Reports],
    configuration: DatasetConfiguration,
    provenance: Provenance,
    path: Path | str,
    skipped: Sequence[Skipped] = (),
) -> None:
    """Writes a dataset whole from the reports of its planned worlds, in the plan's order.

    Parts are read twice, one at a time, so memory does not grow with their number. The places' maps
    are copied from their folders.

    Parts are the reports of each planned world, except for those of the places that were skipped.

    Raises:
        InputError: there are no reports at all, or worlds have different features.
        StorageFullError: the disk filled up.
        StoreUnreachableError: the store behind the URL does not answer.
    """
    left_out = {each.place_index for each in skipped}
    survey = PartSurvey.of(parts)
    with folder_written_whole(folder_at(path)) as folder, consolidating():
        root = zarr.create_group(folder, zarr_format=3)
        tiles = _write_places(configuration, left_out, folder)
        moments = _write_parts(root, survey, _labelled(parts, tiles, configuration))
        _write_statistics(root, moments)
        root.attrs.update(
            {
                "schema": DATASET_SCHEMA,
                "provenance": provenance.to_json(),
                "feature_names": list(survey.feature_names),
                "absent_features": [list(pair) for pair in survey.absent],
                "skipped_places": [dataclasses.asdict(each) for each in skipped],
            }
        )
        zarr.consolidate_metadata(root.store)
        write_manifest(folder)


def _labelled(
    parts: Iterable[Reports], tiles: dict[int, Grid], configuration: DatasetConfiguration
) -> Iterator[tuple[Reports, dict[str, Shaped[np.ndarray, " sample"]]]]:
    """The reports of each world of the places that have a tile here, and the columns over its sequences."""
    planned = enumerate(plan_worlds(configuration))
    worlds = [(index, world) for index, world in planned if world.place_index in tiles]
    for part, (index, world) in zip(parts, worlds, strict=True):
        start = start_times(world, len(part))
        split = assign_splits(configuration.splits, world, tiles[world.place_index], part, start)
        of_place, of_world = np.full(len(part), world.place_index), np.full(len(part), index)
        yield part, {"split": split, "place_index": of_place, "world_index": of_world, "start_time": start}


def _write_places(configuration: DatasetConfiguration, left_out: set[int], folder: Path) -> dict[int, Grid]:
    """Writes every place; returns the tile of each, by index."""
    groups = group_names([place.folder for place in configuration.places])
    tiles = {}
    for index, choice in enumerate(configuration.places):
        if index not in left_out:
            place = open_place(choice.folder)
            write_stored_place(place, place.radio_maps, folder, groups[index])
            tiles[index] = place.tile
    return tiles


def _write_parts(
    root: zarr.Group,
    survey: PartSurvey,
    parts: Iterator[tuple[Reports, dict[str, Shaped[np.ndarray, " sample"]]]],
) -> FeatureMoments:
    """Writes all columns part by part; returns the moments of the training split's features."""
    encodings = {name: column.encoding for name, column in survey.numbers.items()}
    writers = _writers(root, survey, encodings)
    moments = FeatureMoments.of(np.empty((0, len(survey.feature_names))))
    reports = tokens = 0
    writers["report_offsets"].append(np.zeros(1))
    writers["token_offsets"].append(np.zeros(1))
    for found, labels in parts:
        writers["report_offsets"].append(found.report_offsets[1:] + reports)
        writers["token_offsets"].append(found.token_offsets[1:] + tokens)
        reports, tokens = reports + len(found.time), tokens + len(found.pci)
        for name, values in labels.items():
            writers[name].append(values)
        for name in (*STORED_TYPES, "censored"):
            writers[name].append(getattr(found, name))
        for name, values in numbers_of(found):
            writers[name].append(encodings[name].encode(values))
        training = found.select(labels["split"] == SPLITS.index("train"))
        moments = moments.merged(FeatureMoments.of(training.features))
    for writer in writers.values():
        writer.finish()
    return moments


def _writers(root: zarr.Group, survey: PartSurvey, encodings: dict[str, Encoding]) -> dict[str, ColumnWriter]:
    features = features_named(survey.feature_names)
    columns = [
        *FIXED_COLUMNS,
        *(report_column(name, encodings[name]) for name in REPORT_NUMBERS),
        *(feature_column(feature, encodings[feature_name(feature.name)]) for feature in features),
        censored_column(features),
    ]
    return {column.name: ColumnWriter(root, column, survey.rows[column.dimensions[0]]) for column in columns}


def _write_statistics(root: zarr.Group, moments: FeatureMoments) -> None:
    for name, values in dataclasses.asdict(moments.statistics).items():
        root.create_array(
            f"feature_{name}",
            data=values,
            fill_value=float("nan"),
            attributes={"units": "see each feature", "long_name": f"{name} over the training split"},
            dimension_names=("feature",),
        )
