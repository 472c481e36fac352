"""The dataset on disk: reports of many places and worlds in one zarr v3 store, opened lazily."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.datasets.columns import decoded
from raylocus.datasets.configuration import DatasetConfiguration, stored_dataset_configuration
from raylocus.datasets.folders import Folder, check_files, folder_at
from raylocus.datasets.plan import WorldRecord, plan_worlds
from raylocus.datasets.schema import DATASET_SCHEMA, FeatureStatistics, feature_name
from raylocus.datasets.splits import split_names
from raylocus.datasets.store_writing import Skipped
from raylocus.datasets.stored_place import StoredPlace, group_names, stored_place
from raylocus.errors import RaylocusError, StoreError
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import REPORT_FIELDS, TOKEN_KINDS, Reports
from raylocus.provenance import Provenance
from raylocus.ragged import Rows
from raylocus.storage import MANIFEST

#: Sequences that are read at once.
PART_SEQUENCES = 2048


@dataclass(frozen=True)
class PlaceSequences:
    """Some sequences of one place."""

    place_index: int
    samples: Int[np.ndarray, " selected"]
    """Their indices in the dataset, ascending."""
    reports: Reports


@dataclass(frozen=True)
class ReportDataset:
    """Reports of many places, with what is needed to learn from them and to judge the result.

    Reports and maps are read when asked for; what is held before is a few numbers a sequence.
    """

    folder: Folder
    """Where the store is."""
    places: tuple[Path, ...]
    """Folder that each place was observed in; `place` opens what the dataset itself holds of it."""
    worlds: tuple[WorldRecord, ...]
    """Every world that was planned; `plan.redraw_world` draws one again."""
    samples: Int[np.ndarray, " sample"]
    """Which of the store's sequences these are."""
    split: Shaped[np.ndarray, " sample"]
    """'train', 'validation', 'test' or 'none', of each sequence."""
    place_index: Int[np.ndarray, " sample"]
    """Index into `places`."""
    world_index: Int[np.ndarray, " sample"]
    """Index into `worlds`."""
    start_time: Float[np.ndarray, " sample"]
    """When each sequence starts [s], after the dataset's first midnight."""
    statistics: FeatureStatistics
    """Of the training split's features, whatever was selected since."""
    configuration: DatasetConfiguration
    """What the dataset was built from: the laws of worlds, mobility and observation."""
    provenance: Provenance
    skipped: tuple[Skipped, ...] = ()
    """Places that could not be built or traced."""
    feature_names: tuple[str, ...] = ()
    """Columns of the reports' features."""
    absent: tuple[tuple[str, str], ...] = ()
    """Features among them that the band, network or UE cannot give, each with its reason."""
    _opened: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Arrays that were opened; shared by selections, left behind when the dataset travels."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def digest(self) -> str:
        """SHA-256 of the list of the dataset's files and their hashes: what distinguishes one dataset from another."""
        return hashlib.sha256(self.folder.read(MANIFEST) or b"").hexdigest()

    @property
    def sequence_lengths(self) -> Int[np.ndarray, " sample"]:
        """Number of reports of each sequence."""
        lengths: Int[np.ndarray, " _"] = np.diff(self._array("report_offsets"))
        return lengths[self.samples]

    @cached_property
    def reports(self) -> Reports:
        """All reports of these sequences."""
        return self.read(np.arange(len(self)))

    def select(self, mask: Bool[np.ndarray, " sample"]) -> ReportDataset:
        """The sequences where the mask is true, e.g. `dataset.select(dataset.split == "test")`."""
        columns = ("samples", "split", "place_index", "world_index", "start_time")
        rows = {name: getattr(self, name)[mask] for name in columns}
        return dataclasses.replace(self, **rows)

    def by_place(self, split: str) -> Iterator[ReportDataset]:
        """The sequences of a split, place by place."""
        for index in np.unique(self.place_index[self.split == split]):
            yield self.select((self.split == split) & (self.place_index == index))

    def parts(self, chosen: Bool[np.ndarray, " sample"] | None = None) -> Iterator[PlaceSequences]:
        """The sequences, or those where `chosen` is true, place by place, few enough at once for any memory."""
        wanted = np.ones(len(self), bool) if chosen is None else chosen
        for place in np.unique(self.place_index[wanted]):
            samples = np.flatnonzero(wanted & (self.place_index == place))
            for start in range(0, len(samples), PART_SEQUENCES):
                some = samples[start : start + PART_SEQUENCES]
                yield PlaceSequences(int(place), some, self.read(some))

    def read(self, samples: Int[np.ndarray, " chosen"]) -> Reports:
        """The reports of some of these sequences, by index; only the chunks that hold them are read.

        Raises:
            StoreError: a chunk cannot be read.
            StoreUnreachableError: the store behind a URL does not answer.
        """
        try:
            return self._read(self.samples[samples])
        except (RaylocusError, MemoryError):
            raise
        except Exception as error:  # codecs, zarr and each protocol's client have their own
            raise self.folder.unreadable(error) from error

    def place(self, index: int) -> StoredPlace:
        """A place as the dataset holds it.

        Raises:
            StoreError: the place was skipped.
        """
        group = group_names(list(self.places))[index]
        try:
            attributes = dict(self._root[group].attrs)
        except KeyError as error:
            raise StoreError(f"{self.folder.name} does not hold {self.places[index]}") from error
        return stored_place(self.folder, group, attributes)

    def _read(self, samples: Int[np.ndarray, " chosen"]) -> Reports:
        reports, report_rows = Rows(self._array("report_offsets")).select(samples)
        starts, stops = (self._array("token_offsets").oindex[reports + end] for end in (0, 1))
        token_rows = Rows.of(stops - starts)
        tokens = starts[token_rows.row] + token_rows.rank

        of_tokens = partial(self._values, rows=tokens)
        columns = [of_tokens(feature_name(feature.name)) for feature in features_named(self.feature_names)]
        return Reports(
            report_offsets=report_rows.offsets,
            token_offsets=token_rows.offsets,
            **{name: self._values(name, reports) for name in REPORT_FIELDS},
            **{name: of_tokens(name).astype(kind) for name, kind in TOKEN_KINDS.items()},
            features=np.stack(columns, axis=1),
            censored=of_tokens("censored"),
            feature_names=self.feature_names,
            absent=self.absent,
        )

    def _values(self, name: str, rows: Int[np.ndarray, " row"]) -> Shaped[np.ndarray, "row ..."]:
        """Rows of a column, decoded where it is encoded; only the chunks that hold them are read."""
        array = self._array(name)
        return decoded(np.asarray(array.oindex[rows]), dict(array.attrs))

    def _array(self, name: str) -> Any:
        if name not in self._opened:
            array: Any = self._root[name]
            # Which reports a sequence has is asked for at every read.
            self._opened[name] = array[:] if name == "report_offsets" else array
        return self._opened[name]

    @property
    def _root(self) -> zarr.Group:
        if "/" not in self._opened:
            self._opened["/"] = zarr.open_group(self.folder.zarr_store(), mode="r")
        root: zarr.Group = self._opened["/"]
        return root

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}


def open_report_dataset(path: Path | str) -> ReportDataset:
    """Opens a dataset; its files and their sizes are checked, not their content.

    Args:
        path: folder, or URL that fsspec knows, such as s3://bucket/name.zarr.

    Raises:
        StoreError: the store is absent, truncated, foreign, or of another schema version.
        StoreUnreachableError: the store behind a URL does not answer.
    """
    folder = folder_at(path)
    check_files(folder)
    try:
        root = zarr.open_group(folder.zarr_store(), mode="r")
        attributes = dict(root.attrs)
        if attributes.get("schema") != DATASET_SCHEMA:
            raise StoreError(
                f"{path} has schema {attributes.get('schema', 'none')!r} where {DATASET_SCHEMA!r} is needed; "
                "build it again"
            )
        return _dataset(folder, root, attributes)
    except RaylocusError:
        raise
    except Exception as error:  # zarr raises many kinds for a broken store
        raise folder.unreadable(error) from error


def _dataset(folder: Folder, root: zarr.Group, attributes: dict[str, Any]) -> ReportDataset:
    provenance = Provenance.from_json(attributes["provenance"])
    configuration = stored_dataset_configuration(provenance.configuration, folder.name)

    def row(name: str) -> Shaped[np.ndarray, "..."]:
        return np.asarray(cast(zarr.Array, root[name])[:])

    split = split_names(row("split"))
    return ReportDataset(
        folder=folder,
        places=tuple(place.folder for place in configuration.places),
        worlds=plan_worlds(configuration),
        samples=np.arange(len(split)),
        split=split,
        place_index=row("place_index"),
        world_index=row("world_index"),
        start_time=row("start_time"),
        statistics=FeatureStatistics(row("feature_mean"), row("feature_standard_deviation")),
        configuration=configuration,
        provenance=provenance,
        skipped=tuple(Skipped(**each) for each in attributes["skipped_places"]),
        feature_names=tuple(attributes["feature_names"]),
        absent=tuple((str(name), str(why)) for name, why in attributes["absent_features"]),
    )
