"""The same bytes from every engine, in parts, after kills and lost workers, on a disk or behind S3."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from network_fixtures import analytic_world_maps, save_analytic_place, small_configuration
from raylocus.cli.console import recipe_file
from raylocus.cli.main import main
from raylocus.datasets.build import BuildPart, build_dataset, build_part
from raylocus.datasets.building import world_tasks
from raylocus.datasets.building.true_places import drawn_places
from raylocus.datasets.configuration import DatasetConfiguration, SplitSize, load_dataset_configuration
from raylocus.datasets.folders import require_intact, verify_store
from raylocus.datasets.splits import PlaceChoice
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.errors import InputError, PlaceError, StorageFullError, StoreError, StoreUnreachableError
from raylocus.evaluation.bound.bound import BoundRefused
from raylocus.evaluation.references import References
from raylocus.execution.engines import LocalProcesses, RayCluster
from raylocus.execution.task import Engine, Task, TaskOutcome, ThisProcess
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import is_perturbed

RECIPE = recipe_file("dataset", "tiny")


def contents(store: Path) -> dict[str, bytes]:
    return {str(file.relative_to(store)): file.read_bytes() for file in store.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def tiny() -> DatasetConfiguration:
    return load_dataset_configuration(RECIPE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, demonstrated: Path) -> Path:
    """A folder with what the demo built of the tiny recipe: places and tiny.zarr."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(demonstrated / "places", folder / "places")
    shutil.copytree(demonstrated / "datasets", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def traced(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder with the places, to build in."""
    shutil.copytree(whole / "places", tmp_path / "places")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_recipe_builds_its_towns_and_ends_with_a_whole_dataset(
    whole: Path, tiny: DatasetConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(whole)
    dataset = open_report_dataset("tiny.zarr")
    assert {choice.style for choice in dataset.configuration.places} == {
        "european-core", "high-rise-slabs",
    }  # fmt: skip
    assert set(dataset.split) == {"train", "validation", "test"}
    assert verify_store("tiny.zarr") == []
    before = contents(whole)
    build_dataset(tiny, Path("tiny.zarr"), engine=Forbidden())
    assert contents(whole) == before


def test_worker_processes_of_the_command_end_with_the_same_bytes(whole: Path, traced: Path) -> None:
    shutil.rmtree("places/tiny-slabs")
    assert main(["dataset", "build", str(RECIPE), "--out", "tiny.zarr", "--workers", "2"]) == 0
    assert contents(traced) == contents(whole)


def test_ray_ends_with_the_same_bytes(whole: Path, traced: Path, tiny: DatasetConfiguration) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with the extra 'ray'")
    with RayCluster(2) as engine:
        build_dataset(tiny, Path("tiny.zarr"), engine=engine)
    assert contents(traced) == contents(whole)


def test_parts_in_any_order_end_with_the_same_bytes(
    whole: Path, traced: Path, tiny: DatasetConfiguration
) -> None:
    left = [build_part(tiny, Path("tiny.zarr"), BuildPart(number, 3)).worlds for number in (3, 1, 2)]
    assert left == [2, 1, 0]
    assert not Path("tiny.zarr").exists()
    build_dataset(tiny, Path("tiny.zarr"), engine=Forbidden())
    assert contents(traced) == contents(whole)


def test_a_part_leaves_worlds_whose_place_another_part_traces(
    traced: Path, tiny: DatasetConfiguration
) -> None:
    shutil.rmtree("places/tiny-core")
    # The four worlds are three of the first place and one of the second.
    remaining = build_part(tiny, Path("tiny.zarr"), BuildPart(2, 2))
    assert (remaining.places, remaining.worlds) == (1, 3)


@pytest.mark.parametrize("number", [0, 4])
def test_a_part_that_does_not_exist_is_refused(number: int) -> None:
    with pytest.raises(InputError, match=f"no part {number} of 3"):
        BuildPart(number, 3)


class Forbidden(ThisProcess):
    """An engine for builds that have nothing to do."""

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        assert not tasks
        return iter(())


def test_a_flipped_byte_a_missing_chunk_and_another_schema_are_named(whole: Path, tmp_path: Path) -> None:
    def damaged(name: str) -> Path:
        return Path(shutil.copytree(whole / "tiny.zarr", tmp_path / name))

    flipped = damaged("flipped.zarr")
    chunk = next((flipped / "feature_rsrp" / "c").iterdir())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    (finding,) = verify_store(flipped)
    assert finding.name.startswith("feature_rsrp/c/") and "other bytes" in finding.problem
    assert "dataset build" in finding.fix
    with pytest.raises(StoreError, match=r"feature_rsrp.*other bytes.*dataset build"):
        require_intact(flipped)

    missing = damaged("missing.zarr")
    gone = next((missing / "places" / "tiny-core" / "radio" / "rsrp_beam").rglob("c/*/*/*/*"))
    gone.unlink()
    assert [finding.problem for finding in verify_store(missing)] == ["is missing"]
    gone.mkdir()
    assert [finding.problem for finding in verify_store(missing)] == ["is missing"]
    with pytest.raises(StoreError, match="truncated"):
        open_report_dataset(missing)

    older = damaged("older.zarr")
    metadata = older / "zarr.json"
    metadata.write_text(metadata.read_text().replace("raylocus.dataset.v", "raylocus.dataset.w"))
    with pytest.raises(StoreError, match=r"dataset\.w"):
        open_report_dataset(older)
    assert any("schema" in finding.problem for finding in verify_store(older))


def test_a_damaged_unit_is_removed_and_made_again(
    whole: Path, traced: Path, tiny: DatasetConfiguration
) -> None:
    shutil.copytree(whole / "tiny.zarr.units", "tiny.zarr.units")
    unit = sorted(Path("tiny.zarr.units").iterdir())[0]
    unit.write_bytes(unit.read_bytes()[:-40])
    with pytest.raises(StoreError, match=f"{unit.name}.*run the command again"):
        build_dataset(tiny, Path("tiny.zarr"))
    assert not Path("tiny.zarr").exists() and not unit.exists()
    build_dataset(tiny, Path("tiny.zarr"))
    assert contents(traced) == contents(whole)


def test_a_place_that_fails_is_skipped_counted_and_reported(
    traced: Path, tiny: DatasetConfiguration, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = PlaceChoice(Path("places/lost"), "train", source="procedural:atlantis")
    wanted = dataclasses.replace(tiny, places=(tiny.places[0], lost, tiny.places[1]), max_failed_share=0.4)
    (skipped,) = build_dataset(wanted, Path("tiny.zarr"))
    assert skipped.place_index == 1 and "atlantis" in skipped.reason
    dataset = open_report_dataset("tiny.zarr")
    assert dataset.skipped == (skipped,)
    assert set(dataset.place_index) == {0, 2}
    assert dataset.place(2).name == "tiny-slabs"
    with pytest.raises(StoreError, match="lost"):
        dataset.place(1)
    with pytest.raises(PlaceError, match=r"1 of 3 places failed, more than the share of 0\.1 .*atlantis"):
        build_dataset(dataclasses.replace(wanted, max_failed_share=0.1), Path("other.zarr"))


def test_places_traced_by_different_versions_are_not_mixed(traced: Path, tiny: DatasetConfiguration) -> None:
    metadata = Path("places/tiny-core/radio.zarr/zarr.json")
    version = __import__("importlib.metadata").metadata.version("sionna-rt")
    metadata.write_text(metadata.read_text().replace(f'sionna-rt\\": \\"{version}', 'sionna-rt\\": \\"1.0'))
    given = tuple(dataclasses.replace(place, source=None) for place in tiny.places)
    with pytest.raises(InputError, match=r"tiny-core was traced by sionna-rt 1\.0 and .*tiny-slabs by"):
        build_dataset(dataclasses.replace(tiny, places=given), Path("tiny.zarr"))


@pytest.mark.usefixtures("few_ways")
def test_an_outdated_map_is_what_the_dataset_holds_and_not_what_is_observed(
    tiny: DatasetConfiguration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # A quarter of a town, as six such places are traced.
    (core, _) = tiny.places
    outdated = dataclasses.replace(core, folder=Path("places/quarter"), map_error=1.0)
    scene = dataclasses.replace(tiny.scene, tile_size=80.0)
    observed_in: set[Path] = set()
    opened = world_tasks._opened

    def seen(folder: Path, digest: str) -> TracedPlace:
        observed_in.add(folder)
        return opened(folder, digest)

    monkeypatch.setattr(world_tasks, "_opened", seen)
    small = dataclasses.replace(tiny, places=(outdated,), scene=scene, train=SplitSize(1, 4))
    build_dataset(small, Path("tiny.zarr"))
    dataset = open_report_dataset("tiny.zarr")
    nominal, truth = open_place("places/quarter"), open_place("places/quarter.true")
    held = dataset.place(0).geometry_maps["surface"].values
    np.testing.assert_allclose(held, nominal.geometry_maps["surface"].values, atol=0.005)
    assert np.abs(held - truth.geometry_maps["surface"].values).max() > 1
    assert truth.map_error["law"]["severity"] == 1.0
    assert observed_in == {truth.folder}
    check_bound_by_draws(dataset, outdated, truth.map_error["seed"])


def check_bound_by_draws(dataset: ReportDataset, choice: PlaceChoice, observed_seed: int) -> None:
    """Draws of what may stand there are made once, are not what was observed, and give the bound what it lacked."""
    lines: list[str] = []
    law = dataset.configuration.map_errors_of(choice)
    draws = drawn_places(choice, law, 3, dataset.configuration.trace, lines.append)
    assert [line.split(", ")[1] for line in lines] == [f"draw {number} of 3" for number in (1, 2, 3)]
    assert len({observed_seed, *(each.map_error["seed"] for each in draws)}) == 4
    before = [contents(each.folder) for each in draws]
    drawn_places(choice, law, 3, dataset.configuration.trace, lines.append)
    assert [contents(each.folder) for each in draws] == before
    # What is kept is no more than a saving of work: whatever of it is broken is made again.
    mesh = max((draws[0].folder / "meshes").glob("*.ply"), key=lambda file: file.stat().st_size)
    mesh.write_bytes(mesh.read_bytes()[:-100])
    chunks = (file for file in (draws[1].folder / "radio.zarr").rglob("c/**/*") if file.is_file())
    chunk = max(chunks, key=lambda file: file.stat().st_size)
    chunk.write_bytes(bytes(chunk.stat().st_size))
    drawn_places(choice, law, 3, dataset.configuration.trace, lines.append)
    assert [contents(each.folder) for each in draws] == before
    seed = draws[0].map_error["seed"]
    laws = MapErrorLaw(severity=1.0), MapErrorLaw(severity=0.5)
    assert [is_perturbed(choice.folder, draws[0].folder, law, seed) for law in laws] == [True, False]
    test = dataset.select(dataset.place_index == 0)
    with pytest.raises(BoundRefused, match="--true-places 9"):
        References(test, open_place(choice.folder)).bound()
    posterior = References(test, open_place(choice.folder), draws).bound().locate(test.reports, draws[0])
    assert len(posterior.density) == len(test) and np.isfinite(posterior.density).all()


@pytest.fixture
def analytic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetConfiguration:
    monkeypatch.setattr(world_tasks, "world_radio_maps", analytic_world_maps)
    save_analytic_place(tmp_path / "north-0", sites=3)
    save_analytic_place(tmp_path / "south", sites=2)
    return small_configuration(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MiB."""
    import subprocess

    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_the_build_resumes(
    analytic: DatasetConfiguration, small_disk: Path, tmp_path: Path
) -> None:
    build_dataset(analytic, tmp_path / "whole.zarr")
    filler = small_disk / "filler"
    filler.write_bytes(bytes(4 * 2**20 - 300_000))
    with pytest.raises(StorageFullError, match="no space left while writing .*; free some and run"):
        build_dataset(analytic, small_disk / "d.zarr")
    assert not (small_disk / "d.zarr").exists()
    filler.unlink()
    build_dataset(analytic, small_disk / "d.zarr")
    assert contents(small_disk / "d.zarr") == contents(tmp_path / "whole.zarr")
    assert not list(small_disk.rglob("*.partial"))


class Server:
    """An S3 server on this machine that can go away and come back."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        self._make = ThreadedMotoServer
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        self._server.stop()

    def come_back(self) -> None:
        self._server = self._make(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    pytest.importorskip("s3fs", reason="s3fs is not installed; it comes with the extra 's3'")
    import boto3
    import s3fs

    # One request a connection, so that a server that stops is gone for those who were connected, too.
    monkeypatch.setattr("werkzeug.serving.WSGIRequestHandler.protocol_version", "HTTP/1.0")
    server = Server()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    boto3.client("s3").create_bucket(Bucket="data")
    yield server
    server.stop()


def test_a_dataset_behind_s3_has_the_same_content(
    analytic: DatasetConfiguration, s3: Server, tmp_path: Path
) -> None:
    build_dataset(analytic, tmp_path / "d.zarr")
    build_dataset(analytic, "s3://data/d.zarr")
    assert verify_store("s3://data/d.zarr") == []
    near, far = open_report_dataset(tmp_path / "d.zarr"), open_report_dataset("s3://data/d.zarr")
    assert near.folder.read("manifest.json") == far.folder.read("manifest.json")
    chosen = np.array([7, 2])
    np.testing.assert_array_equal(near.read(chosen).features, far.read(chosen).features)
    assert far.place(0).radio_maps.sizes == near.place(0).radio_maps.sizes
    far.folder.remove("feature_rsrp/c/0")
    with pytest.raises(StoreError, match="truncated"):
        open_report_dataset("s3://data/d.zarr")


class LosingTheServer(ThisProcess):
    """Goes on without the store after the first unit."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        for outcome in super().run(tasks):
            yield outcome
            self._server.stop()


def test_a_store_that_drops_out_is_one_sentence_and_the_build_resumes(
    analytic: DatasetConfiguration, s3: Server
) -> None:
    # The server keeps its objects between tests, so this one has a name of its own.
    with pytest.raises(
        StoreUnreachableError, match="cannot reach s3://data/.*continues from what is complete"
    ):
        build_dataset(analytic, "s3://data/dropped.zarr", engine=LosingTheServer(s3))
    s3.come_back()
    with pytest.raises(StoreError, match="does not exist"):
        open_report_dataset("s3://data/dropped.zarr")
    steps: list[int] = []
    build_dataset(analytic, "s3://data/dropped.zarr", lambda units: lambda done, total: steps.append(total))
    assert steps == [4] * 4
    assert verify_store("s3://data/dropped.zarr") == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--part", "0/2"], "no part 0 of 2"),
        (["--part", "half"], "I/N"),
        (["--workers", "0"], "1 or more"),
        (["--address", "somewhere:6379"], "--engine ray"),
        (["--engine", "slurm"], "slurm"),
    ],
)
def test_bad_options_are_one_sentence(
    words: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", "build", str(RECIPE), "--out", str(tmp_path / "d.zarr"), *words]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_engines_are_what_the_build_takes() -> None:
    assert all(isinstance(engine, Engine) for engine in (ThisProcess(), LocalProcesses(1), RayCluster(1)))
