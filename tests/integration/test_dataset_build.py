"""Datasets: built whole, resumed to the same bytes after a kill, redrawn, and free of leaks."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from network_fixtures import (
    analytic_world_maps,
    deployment,
    free_space_maps,
    save_analytic_place,
    small_configuration,
)
from raylocus.datasets.build import build_dataset
from raylocus.datasets.building import world_tasks
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.plan import redraw_world
from raylocus.datasets.schema import FeatureMoments
from raylocus.datasets.store import open_report_dataset
from raylocus.errors import PlaceError, StoreError
from raylocus.network.channel.links import channel_at
from raylocus.network.reports.features import FEATURE_INDEX
from raylocus.network.reports.token_cells import token_cells
from raylocus.scenes.place import load_place

#: Builds the dataset of a folder of places, slowly enough to be killed between two worlds.
BUILD = """
import sys, time
from pathlib import Path
sys.path[:0] = {paths!r}
from network_fixtures import analytic_world_maps, small_configuration
from raylocus.datasets import build
from raylocus.datasets.building import world_tasks
def slow_maps(place, world):
    time.sleep(0.3)
    return analytic_world_maps(place, world)
world_tasks.world_radio_maps = slow_maps
build.build_dataset(small_configuration(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    save_analytic_place(folder / "north-0", sites=3)
    save_analytic_place(folder / "south", sites=2)
    return folder


@pytest.fixture
def configuration(places: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetConfiguration:
    # The analytic place has no path atlas, so the worlds' maps come from the closed form.
    monkeypatch.setattr(world_tasks, "world_radio_maps", analytic_world_maps)
    return small_configuration(places)


@pytest.fixture(scope="module")
def built(places: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, to be read; its units lie in the same folder."""
    path = tmp_path_factory.mktemp("built") / "d.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world_tasks, "world_radio_maps", analytic_world_maps)
        build_dataset(small_configuration(places), path)
    return path


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(built.parent, tmp_path / "own")
    return tmp_path / "own" / built.name


def contents(store: Path) -> dict[str, bytes]:
    return {str(file.relative_to(store)): file.read_bytes() for file in store.rglob("*") if file.is_file()}


def test_a_dataset_reads_back_with_its_splits_worlds_and_laws(
    configuration: DatasetConfiguration, tmp_path: Path
) -> None:
    steps: list[tuple[str, int, int]] = []
    build_dataset(
        configuration,
        tmp_path / "d.zarr",
        lambda units: lambda done, total: steps.append((units, done, total)),
    )
    dataset = open_report_dataset(tmp_path / "d.zarr")
    assert steps == [("worlds", done, 5) for done in range(1, 6)]
    assert dataset.configuration == configuration
    assert dataset.places == tuple(place.folder for place in configuration.places)
    assert dict(zip(*np.unique(dataset.split, return_counts=True), strict=True)) == {
        "train": 12, "validation": 4, "test": 10,
    }  # fmt: skip
    for split, place, world in zip(dataset.split, dataset.place_index, dataset.world_index, strict=True):
        assert (dataset.worlds[world].split, dataset.worlds[world].place_index) == (split, place)
    assert len(dataset.reports) == len(dataset) == 26


def test_nothing_leaks_from_the_test_city(
    configuration: DatasetConfiguration, built: Path, tmp_path: Path
) -> None:
    dataset = open_report_dataset(built)
    train, test = (dataset.select(dataset.split == split) for split in ("train", "test"))
    assert not set(train.place_index) & set(test.place_index)
    assert not set(train.world_index) & set(dataset.select(dataset.split == "validation").world_index)
    alone = FeatureMoments.of(train.reports.features).statistics
    np.testing.assert_allclose(dataset.statistics.mean, alone.mean, rtol=1e-12)
    np.testing.assert_allclose(dataset.statistics.standard_deviation, alone.standard_deviation, rtol=1e-12)
    # The statistics do not move when the test city does.
    other = dataclasses.replace(configuration, test=dataclasses.replace(configuration.test, sequences=20))
    build_dataset(other, tmp_path / "other.zarr")
    np.testing.assert_array_equal(
        open_report_dataset(tmp_path / "other.zarr").statistics.mean, dataset.statistics.mean
    )


def test_worlds_are_redrawn_exactly(built: Path) -> None:
    dataset = open_report_dataset(built)
    starts, ends = dataset.reports.report_offsets[:-1], dataset.reports.last_report
    walked = np.linalg.norm(dataset.reports.position[ends] - dataset.reports.position[starts], axis=1)
    sample = int(walked[:12].argmax())  # one that sees the residual change
    record = dataset.worlds[dataset.world_index[sample]]
    place = load_place(dataset.places[record.place_index])
    maps = analytic_world_maps(place, redraw_world(place.deployment, record))
    one = dataset.reports.select(np.array([sample]))
    token = (one.beam < 0) & one.serving
    cell = token_cells(one, place.deployment)[token]

    def error(levels: np.ndarray) -> float:
        truth = levels.max(axis=-1)[np.arange(len(one.time)), cell]
        return float(np.std(one.features[token, FEATURE_INDEX["rsrp"]] - truth))

    # What is left after the right world is noise and filter lag; the nominal maps miss the residual.
    assert error(channel_at(maps, one.position).rsrp_beam) < 2.5
    nominal = free_space_maps(deployment(3))
    assert error(channel_at(maps, one.position).rsrp_beam) < error(
        channel_at(nominal, one.position).rsrp_beam
    )


def test_every_world_has_its_own_random_stream(built: Path) -> None:
    dataset = open_report_dataset(built)
    first = np.unique(dataset.world_index, return_index=True)[1]
    starts = dataset.reports.position[dataset.reports.report_offsets[first], :2]
    assert len(np.unique(starts, axis=0)) == len(dataset.worlds)
    place = deployment(3)
    levels = {redraw_world(place, record).level_error_db.tobytes() for record in dataset.worlds}
    assert len(levels) == len(dataset.worlds)


def test_a_build_killed_at_any_moment_ends_with_the_same_bytes(
    configuration: DatasetConfiguration, built: Path, places: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed.zarr"
    script = BUILD.format(paths=[str(Path(__file__).parents[1]), str(Path(world_tasks.__file__).parents[3])])
    units, moments = tmp_path / "killed.zarr.units", np.random.default_rng(1).uniform(0, 0.3, 2)
    made: dict[str, int] = {}
    for kill, moment in enumerate(moments):
        process = subprocess.Popen([sys.executable, "-c", script, str(places), str(out)])
        deadline = time.monotonic() + 120
        while len(list(units.glob("[!.]*"))) <= kill and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(moment)
        process.kill()
        process.wait()
        found = {unit.name: unit.stat().st_mtime_ns for unit in units.glob("[!.]*")}
        assert made.items() <= found.items(), "a whole unit was made again"
        made = found
    assert len(made) >= 2
    # As if the last kill had come in the middle of a write.
    (units / f".half.npz.{process.pid}.partial").write_bytes(b"PK")
    build_dataset(configuration, out)
    assert contents(out) == contents(built)
    assert contents(units) == contents(built.with_name("d.zarr.units"))


def test_a_second_build_observes_nothing(
    configuration: DatasetConfiguration, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_tasks, "observe_world", lambda *_: pytest.fail("observed again"))
    build_dataset(configuration, own)
    with pytest.raises(BaseException, match="observed again"):
        build_dataset(dataclasses.replace(configuration, seed=4), own)


def test_more_worlds_reuse_those_that_are_there(
    configuration: DatasetConfiguration, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(
        world_tasks, "world_radio_maps", lambda *args: drawn.append(1) or analytic_world_maps(*args)
    )
    more = dataclasses.replace(configuration, test=dataclasses.replace(configuration.test, worlds=3))
    build_dataset(more, own)
    assert len(drawn) == 1 and len(open_report_dataset(own)) == 31


def test_a_changed_place_is_observed_again(configuration: DatasetConfiguration, tmp_path: Path) -> None:
    folders = [tmp_path / place.folder.name for place in configuration.places]
    for folder in folders:
        save_analytic_place(folder, sites=3)
    moved = small_configuration(tmp_path)
    build_dataset(moved, tmp_path / "d.zarr")
    save_analytic_place(folders[0], sites=4)
    build_dataset(moved, tmp_path / "d.zarr")
    dataset = open_report_dataset(tmp_path / "d.zarr")
    heard = [set(dataset.select(dataset.place_index == place).reports.pci // 10) for place in (0, 1)]
    assert heard == [{0, 1, 2, 3}, {0, 1, 2}]


def test_a_place_that_is_not_there_or_not_traced_is_named(
    configuration: DatasetConfiguration, tmp_path: Path
) -> None:
    with pytest.raises(PlaceError, match="scene build"):
        build_dataset(small_configuration(tmp_path / "nowhere"), tmp_path / "d.zarr")
    folder = tmp_path / "north-0"
    save_analytic_place(folder, sites=3)
    (folder / "radio.zarr" / "manifest.json").unlink()
    with pytest.raises(PlaceError, match="maps trace"):
        build_dataset(small_configuration(tmp_path), tmp_path / "d.zarr")
    assert not list(tmp_path.glob("d.zarr*"))


def test_a_truncated_or_foreign_dataset_is_refused(
    configuration: DatasetConfiguration, own: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="schema"):
        open_report_dataset(configuration.places[0].folder / "geometry.zarr")
    next((own / "feature_rsrp").rglob("c/*")).unlink()
    with pytest.raises(StoreError, match="truncated"):
        open_report_dataset(own)
    with pytest.raises(StoreError, match="does not exist"):
        open_report_dataset(tmp_path / "absent.zarr")
