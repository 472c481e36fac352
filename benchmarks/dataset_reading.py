"""Reading during training, and the store compared with one file a sample and LMDB, all in one run.

    python benchmarks/dataset_reading.py [DATASET] [--rounds 1] [--steps 6]

Prints samples per second through the loader with one spawned worker over what a training step consumes
on this machine, the same of the other layouts of the same sequences, their size on disk, and how much of
a dense batch is padding. Without DATASET it reads datasets/demo.zarr, or builds a small one of a
generated village where that is not there.

The other layouts hold one pickled record a sequence, in float32, in a file each or under a key each; the
batches, their order, and everything after a record is read are the same for all three. Files are in the
page cache. The first epoch reads a layout for the first time; later ones find the store's groups in the
worker's memory where they fit.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import lmdb
import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from raylocus.models.inputs.packed import packed_sequences
from raylocus.models.inputs.place_batches import (
    BatchIndex,
    BatchPart,
    MapGroupedBatches,
    PackedPart,
    SequenceGroup,
    sequence_groups,
)
from raylocus.network.reports.reports import REPORT_FIELDS, TOKEN_FIELDS, Reports
from raylocus.scenes.sites import Deployment
from raylocus.training.averaging import moved_average
from raylocus.training.data import ReportData
from raylocus.training.module import LocationModule

#: Sequences of a training batch, as the demo's training recipe has them.
BATCH_SIZE = 16
#: Largest LMDB database [bytes]; only what is written takes space.
MAP_SIZE = 2**36


class RecordDataset(Dataset[list[PackedPart]], ABC):
    """One record a sequence; a layout says how a record is found."""

    def __init__(
        self, folder: Path, groups: Sequence[SequenceGroup], deployments: dict[int, Deployment]
    ) -> None:
        self.folder, self.groups, self.deployments = folder, groups, deployments

    @abstractmethod
    def record(self, sample: int) -> Any:
        """The reports of one sequence."""

    def __getitem__(self, index: BatchIndex) -> list[PackedPart]:
        return [self._part(part) for part in index]

    def _part(self, part: BatchPart) -> PackedPart:
        group = self.groups[part.group]
        reports = Reports.concatenate([self.record(int(group.samples[row])) for row in part.rows])
        return PackedPart(group.place, packed_sequences(reports, self.deployments[group.place]))


class FileDataset(RecordDataset):
    """One file a sequence."""

    def record(self, sample: int) -> Any:
        """Reads its file."""
        return pickle.loads((self.folder / f"{sample}.pickle").read_bytes())


class LmdbDataset(RecordDataset):
    """One key a sequence; opened in the process that reads."""

    @lru_cache(maxsize=1)  # noqa: B019
    def _transaction(self) -> Any:
        environment = lmdb.open(str(self.folder), readonly=True, lock=False, map_size=MAP_SIZE)
        return environment.begin(buffers=True)

    def record(self, sample: int) -> Any:
        """Reads its value."""
        return pickle.loads(self._transaction().get(str(sample).encode()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--rounds", type=int, default=1, help="interleaved repetitions of every layout")
    parser.add_argument("--steps", type=int, default=6, help="training steps that are timed a round")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = ReportData(given.dataset or dataset_at_hand(folder), batch_size=BATCH_SIZE, num_workers=1)
        data.setup()
        loaders = {"raylocus store": data.train_dataloader(), **other_layouts(data, folder)}
        print_padding(data)
        print_sizes(data, folder)
        compare(data, loaders, given.rounds, given.steps)


def dataset_at_hand(folder: Path) -> str:
    """The demo's dataset, or a small one built here through the command line."""
    if Path("datasets/demo.zarr").is_dir():
        return "datasets/demo.zarr"
    from raylocus.cli.main import main as raylocus

    place, configuration = folder / "village", folder / "small.yaml"
    configuration.write_text(
        f"places: [{{folder: {place}, split: train}}]\nseed: 1\ntrain: {{worlds: 8, sequences: 60}}\n"
        "validation: {worlds: 1, sequences: 20}\n"
    )
    raylocus(["scene", "build", "procedural:village", "--out", str(place), "--scene.resolution", "8"])
    raylocus(["maps", "trace", str(place), "--trace.diffraction", "false", "--trace.depth", "3"])
    raylocus(["dataset", "build", str(configuration), "--out", str(folder / "small.zarr")])
    return str(folder / "small.zarr")


def other_layouts(data: ReportData, folder: Path) -> dict[str, DataLoader[list[PackedPart]]]:
    """Writes the training sequences as files and as LMDB; gives loaders over both."""
    groups = training_groups(data)
    deployments = {group.place: data.stored.place(group.place).deployment for group in groups}
    files, database = folder / "files", folder / "lmdb"
    files.mkdir()
    environment = lmdb.open(str(database), map_size=MAP_SIZE)
    for group in groups:
        reports = data.stored.read(group.samples)
        with environment.begin(write=True) as transaction:
            for row, sample in enumerate(group.samples):
                record = pickle.dumps(slim(reports.select(np.array([row]))), protocol=5)
                (files / f"{sample}.pickle").write_bytes(record)
                transaction.put(str(sample).encode(), record)
    environment.close()
    layouts: dict[str, RecordDataset] = {
        "one file a sample": FileDataset(files, groups, deployments),
        "LMDB": LmdbDataset(database, groups, deployments),
    }
    return {
        name: DataLoader(
            dataset,
            sampler=MapGroupedBatches(groups, BATCH_SIZE, np.random.default_rng(data.seed)),
            batch_size=None,
            collate_fn=list,
            num_workers=1,
            multiprocessing_context="spawn",
            persistent_workers=True,
        )
        for name, dataset in layouts.items()
    }


def training_groups(data: ReportData) -> tuple[SequenceGroup, ...]:
    """The groups that the store's loader reads."""
    train, stored = np.flatnonzero(data.stored.split == "train"), data.stored
    return sequence_groups(train, stored.place_index[train], stored.sequence_lengths[train])


def slim(reports: Reports) -> Reports:
    """The same with numbers no wider than a careful hand would store them."""
    narrow = {"pci": np.int16, "channel": np.int32, "beam": np.int8, "censored": np.int8}
    fields = {name: getattr(reports, name) for name in (*REPORT_FIELDS, *TOKEN_FIELDS)}
    for name, values in fields.items():
        kind = narrow.get(name, np.float32 if values.dtype.kind == "f" else values.dtype)
        fields[name] = values.astype(kind)
    return Reports(
        reports.report_offsets.astype(np.int32),
        reports.token_offsets.astype(np.int32),
        **fields,
        feature_names=reports.feature_names,
    )


def print_padding(data: ReportData) -> None:
    """Share of dense (report) and (report, cell) slots that hold nothing, in random and in bucketed batches."""
    stored = data.stored
    train = np.flatnonzero(stored.split == "train")
    lengths = stored.sequence_lengths[train]
    random = np.random.default_rng(1).permutation(len(train))
    batches = [random[start : start + BATCH_SIZE] for start in range(0, len(random), BATCH_SIZE)]
    before = 1 - lengths.sum() / sum(len(batch) * lengths[batch].max() for batch in batches)
    slots = tokens = reports = cells = 0
    for batch in ReportData(data.dataset, BATCH_SIZE).train_dataloader():
        for part in batch:
            each = part.sequences.report_offsets.diff()
            slots += len(each) * int(each.max())
            reports += int(each.sum())
            cells += len(each) * int(each.max()) * part.sequences.layout.cells
            tokens += len(part.sequences.report)
    print(f"padding in time: {before:.1%} in random batches, {1 - reports / slots:.1%} in bucketed ones")
    print(
        f"padding of (report, cell) slots once dense: {1 - tokens / cells:.1%}; of what is read and sent: 0 %"
    )


def print_sizes(data: ReportData, folder: Path) -> None:
    """Bytes on disk a training sequence; the store's are those of all its reports over all its sequences."""
    count = int(np.sum(data.stored.split == "train"))
    sizes = data.stored.folder.sizes().items()
    reports = sum(size for name, size in sizes if not name.startswith("places/")) / len(data.stored)
    files = sum(on_disk(file) for file in (folder / "files").iterdir()) / count
    database = on_disk(folder / "lmdb" / "data.mdb") / count
    print(
        f"bytes a sequence on disk: store {reports:.0f}, one file a sample {files:.0f}, LMDB {database:.0f}"
    )


def on_disk(file: Path) -> int:
    """Bytes of the blocks that a file takes."""
    return 512 * file.stat().st_blocks


def compare(
    data: ReportData, loaders: dict[str, DataLoader[list[PackedPart]]], rounds: int, steps: int
) -> None:
    """Samples per second of every layout and of training, taking turns."""
    first = {name: epoch_rate(loader) for name, loader in loaders.items()}
    rates: dict[str, list[float]] = {name: [] for name in loaders}
    trained = []
    step = TrainingStep(data)
    for _ in range(rounds):
        for name, loader in loaders.items():
            rates[name].append(epoch_rate(loader))
        trained.append(step.rate(steps))
    consumed = median(trained)
    print(f"training consumes {consumed:.0f} samples/s ({torch.get_num_threads()} threads)")
    for name in loaders:
        later = median(rates[name])
        print(
            f"{name:18s} first epoch {first[name]:7.0f} samples/s ({first[name] / consumed:5.1f} x training), "
            f"later {later:7.0f} ({later / consumed:5.1f} x training)"
        )
    mine = first["raylocus store"], median(rates["raylocus store"])
    for name in list(loaders)[1:]:
        print(
            f"store over {name}: first epoch {mine[0] / first[name]:.1f}, later {mine[1] / median(rates[name]):.1f}"
        )


def epoch_rate(loader: DataLoader[list[PackedPart]]) -> float:
    """Samples per second over an epoch, from its first batch on: the start of the worker is left out."""
    batches = iter(loader)
    next(batches)
    start, samples = time.perf_counter(), 0
    for batch in batches:
        samples += sum(len(part.sequences) for part in batch)
    return samples / (time.perf_counter() - start)


class TrainingStep:
    """The demo's training step with its optimiser, on batches that are in memory already."""

    def __init__(self, data: ReportData) -> None:
        self.module = LocationModule()
        self.module.log = lambda *_, **__: None
        self.optimizer = self.module.configure_optimizers()["optimizer"]
        self.average = AveragedModel(self.module.network, avg_fn=partial(moved_average, 0.99))
        reading = ReportData(data.dataset, BATCH_SIZE)
        batches = reading.train_dataloader()
        cpu = torch.device("cpu")
        self.batches = [
            reading.transfer_batch_to_device(batch, cpu, 0)
            for batch, _ in zip(batches, range(8), strict=False)
        ]
        self.rate(len(self.batches))

    def rate(self, steps: int) -> float:
        """Samples per second over some steps."""
        start, samples = time.perf_counter(), 0
        for number in range(steps):
            batch = self.batches[number % len(self.batches)]
            self.optimizer.zero_grad()
            self.module.training_step(batch, number).backward()
            self.optimizer.step()
            self.average.update_parameters(self.module.network)
            samples += sum(len(part.sequences) for part in batch)
        return samples / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
