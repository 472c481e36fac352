"""The dataset on disk: reports of many places and worlds in one zarr v3 store."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Shaped

from raylocus.datasets.configuration import DatasetConfiguration, parse_dataset_configuration
from raylocus.datasets.plan import WorldRecord, plan_worlds
from raylocus.datasets.splits import SPLITS
from raylocus.datasets.statistics import FeatureStatistics, feature_statistics
from raylocus.network.report_store import reports_from_dataset, reports_to_dataset
from raylocus.network.reports import Reports
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.provenance import Provenance
from raylocus.storage import open_dataset, save_dataset

#: Version of a dataset store.
DATASET_SCHEMA = "raylocus.dataset.v1"


@dataclass(frozen=True)
class ReportDataset:
    """Reports of many places, with what is needed to learn from them and to judge the result."""

    places: tuple[Path, ...]
    """Folder of each place."""
    worlds: tuple[WorldRecord, ...]
    """Every world that was observed; `plan.redraw_world` draws one again."""
    split: Shaped[np.ndarray, "sample"]
    """'train', 'validation' or 'test', of each sequence."""
    place_index: Int[np.ndarray, "sample"]
    """Index into `places`."""
    world_index: Int[np.ndarray, "sample"]
    """Index into `worlds`."""
    reports: Reports
    statistics: FeatureStatistics
    """Of the training split's features, whatever was selected since."""
    configuration: DatasetConfiguration
    """What the dataset was built from: the laws of worlds, mobility and observation."""
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.split)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Features of the reports, in the order of columns."""
        return self.reports.feature_names

    @property
    def sequence_lengths(self) -> Int[np.ndarray, "sample"]:
        """Reports of each sequence."""
        return np.diff(self.reports.report_offsets)

    def read(self, samples: Int[np.ndarray, "selected"]) -> Reports:
        """The reports of some sequences, and only those."""
        return self.reports.select(samples)

    def place(self, index: int) -> TracedPlace:
        """A place of the dataset."""
        return open_place(self.places[index])

    def select(self, mask: Bool[np.ndarray, "sample"]) -> ReportDataset:
        """The sequences where the mask is true, e.g. `dataset.select(dataset.split == "test")`."""
        return dataclasses.replace(
            self,
            split=self.split[mask],
            place_index=self.place_index[mask],
            world_index=self.world_index[mask],
            reports=self.reports.select(mask),
        )


def save_report_dataset(
    parts: list[Reports], configuration: DatasetConfiguration, provenance: Provenance, path: Path
) -> None:
    """Writes a dataset whole from the reports of each of its planned worlds, in the plan's order.

    Raises:
        StorageFullError: the disk filled up.
    """
    worlds = plan_worlds(configuration)
    world_index = np.repeat(np.arange(len(worlds)), [len(part) for part in parts])
    place_index = np.array([world.place_index for world in worlds])[world_index]
    split = np.array([SPLITS.index(world.split) for world in worlds])[world_index]
    reports = Reports.concatenate(parts)
    statistics = feature_statistics([reports.select(split == SPLITS.index("train"))])
    dataset = reports_to_dataset(reports).assign(
        split=("sample", split.astype(np.int8), {"classes": list(SPLITS)}),
        place_index=("sample", place_index.astype(np.int32)),
        world_index=("sample", world_index.astype(np.int32)),
        feature_mean=("feature", statistics.mean),
        feature_standard_deviation=("feature", statistics.standard_deviation),
    )
    save_dataset(dataset.assign_attrs(provenance=provenance.to_json()), path, DATASET_SCHEMA)


def open_report_dataset(path: Path) -> ReportDataset:
    """Opens a dataset.

    Raises:
        StoreError: the store is absent, truncated, foreign, or of another schema version.
    """
    dataset = open_dataset(path, DATASET_SCHEMA)
    reports = reports_from_dataset(dataset, path)
    provenance = Provenance.from_json(dataset.attrs["provenance"])
    configuration = parse_dataset_configuration(json.dumps(provenance.configuration), str(path))
    return ReportDataset(
        places=tuple(place.folder for place in configuration.places),
        worlds=plan_worlds(configuration),
        split=np.array(SPLITS)[dataset["split"].values],
        place_index=dataset["place_index"].values,
        world_index=dataset["world_index"].values,
        reports=reports,
        statistics=FeatureStatistics(
            dataset["feature_mean"].values, dataset["feature_standard_deviation"].values
        ),
        configuration=configuration,
        provenance=provenance,
    )
