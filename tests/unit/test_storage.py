from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from raylocus.errors import StorageFullError, StoreError
from raylocus.storage import schema_fault, written_whole
from raylocus.xarray_store import open_dataset, save_dataset

SCHEMA = "raylocus.example.v1"


def example(value: float = 1.0, side: int = 64) -> xr.Dataset:
    values = np.full((side, side), value, np.float32)
    return xr.Dataset({"level": (("y", "x"), values, {"units": "dBm"})})


def test_a_store_there_and_back(tmp_path: Path) -> None:
    save_dataset(example(), tmp_path / "a.zarr", SCHEMA)
    found = open_dataset(tmp_path / "a.zarr", SCHEMA)
    xr.testing.assert_equal(found.load(), example())
    assert found["level"].attrs["units"] == "dBm"
    assert zarr.open_group(tmp_path / "a.zarr", mode="r").metadata.zarr_format == 3


def test_missing_values_stay_missing(tmp_path: Path) -> None:
    dataset = example()
    dataset["level"][3, 4] = np.nan
    save_dataset(dataset, tmp_path / "a.zarr", SCHEMA)
    assert np.flatnonzero(np.isnan(open_dataset(tmp_path / "a.zarr", SCHEMA)["level"].values)).tolist() == [
        196
    ]


def test_same_content_same_bytes(tmp_path: Path) -> None:
    for name in ("a.zarr", "b.zarr"):
        save_dataset(example(), tmp_path / name, SCHEMA)
    first, second = (
        {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("a.zarr", "b.zarr")
    )
    assert first == second


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        open_dataset(tmp_path / "a.zarr", SCHEMA)


@pytest.mark.parametrize("damage", ["cut", "lost chunk", "lost manifest", "added"])
def test_a_damaged_store_is_refused(tmp_path: Path, damage: str) -> None:
    store = tmp_path / "a.zarr"
    save_dataset(example(), store, SCHEMA)
    chunk = next(file for file in store.rglob("c/*/*") if file.is_file())
    if damage == "cut":
        os.truncate(chunk, chunk.stat().st_size // 2)
    elif damage == "lost chunk":
        chunk.unlink()
    elif damage == "lost manifest":
        (store / "manifest.json").unlink()
    else:
        (store / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="build it again"):
        open_dataset(store, SCHEMA)


def test_a_foreign_store_is_refused(tmp_path: Path) -> None:
    example().to_zarr(tmp_path / "foreign.zarr", zarr_format=2)
    with pytest.raises(StoreError, match="not written by raylocus"):
        open_dataset(tmp_path / "foreign.zarr", SCHEMA)


def test_a_file_in_place_of_a_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").write_text("not a store")
    with pytest.raises(StoreError, match="not written by raylocus"):
        open_dataset(tmp_path / "a.zarr", SCHEMA)


@pytest.mark.parametrize(
    ("found", "needed", "problem"),
    [
        ("raylocus.reports.v1", "raylocus.dataset.v2", "holds reports where a dataset should be"),
        ("raylocus.dataset.v1", "raylocus.dataset.v2", "has schema 'raylocus.dataset.v1' where"),
        ("raylocus.atlas.v6.site", "raylocus.radio.v3", "holds a path atlas where radio maps should be"),
        ("other.reports.v1", "raylocus.reports.v1", "has schema 'other.reports.v1' where"),
        ("reports", "raylocus.reports.v1", "has schema 'reports' where"),
        (None, "raylocus.reports.v1", "has schema None where"),
    ],
)
def test_a_store_of_something_else_says_what_it_holds(found: object, needed: str, problem: str) -> None:
    fault = schema_fault(found, needed)
    assert fault is not None and fault[0].startswith(problem)
    assert schema_fault(needed, needed) is None


def test_another_schema_is_refused(tmp_path: Path) -> None:
    save_dataset(example(), tmp_path / "a.zarr", "raylocus.example.v0")
    with pytest.raises(StoreError, match=r"raylocus\.example\.v0.*raylocus\.example\.v1"):
        open_dataset(tmp_path / "a.zarr", SCHEMA)


def test_an_error_while_writing_leaves_the_old_whole(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), written_whole(target) as aside:
        aside.write_text("new, but")
        raise RuntimeError("the power went")
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_killed_while_writing_leaves_the_old_whole_and_the_next_write_cleans_up(
    tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "artefact"
    write = (
        "aside.mkdir(); (aside / 'part').write_text('new')" if kind == "folder" else "aside.write_text('new')"
    )
    if kind == "folder":
        target.mkdir()
        (target / "part").write_text("old")
    else:
        target.write_text("old")
    script = f"""
        import pathlib, time
        from raylocus.storage import written_whole
        with written_whole(pathlib.Path({str(target)!r})) as aside:
            {write}
            print("half", flush=True)
            time.sleep(60)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "half\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    old = target / "part" if kind == "folder" else target
    assert old.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2  # the artefact and what the killed process left
    with written_whole(tmp_path / "artefact") as aside:
        if kind == "folder":
            aside.mkdir()
            (aside / "part").write_text("newer")
        else:
            aside.write_text("newer")
    assert [file.name for file in tmp_path.iterdir()] == ["artefact"]


def test_an_artefact_taken_away_by_a_killed_writer_comes_back(tmp_path: Path) -> None:
    # A writer killed between the two renames of a folder leaves only the old one, under its aside name.
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    (tmp_path / f".place.{finished.pid}.old").mkdir()
    with contextlib.suppress(KeyError), written_whole(tmp_path / "place"):
        assert (tmp_path / "place").is_dir()
        raise KeyError
    assert [file.name for file in tmp_path.iterdir()] == ["place"]


def test_another_writer_at_work_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        theirs = tmp_path / f".notes.txt.{other.pid}.partial"
        theirs.write_text("theirs")
        with written_whole(tmp_path / "notes.txt") as aside:
            aside.write_text("ours")
        assert theirs.read_text() == "theirs"
    finally:
        other.kill()
        other.wait()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mount.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def incompressible(megabytes: int) -> xr.Dataset:
    values = np.random.default_rng(1).random((megabytes, 2**17))
    return xr.Dataset({"level": (("y", "x"), values)})


def test_what_is_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("ten years")
    with (
        pytest.raises(StoreError, match="mine is a folder and is kept"),
        written_whole(tmp_path / "mine") as aside,
    ):
        aside.write_text("fixes")
    with pytest.raises(StoreError, match="folder of something else"):
        save_dataset(example(), tmp_path / "mine", SCHEMA)
    with pytest.raises(StoreError, match=r"thesis\.txt is a file and is kept"):
        save_dataset(example(), tmp_path / "mine" / "thesis.txt", SCHEMA)
    with pytest.raises(StoreError, match="device"), written_whole(Path(os.devnull)) as aside:
        aside.write_text("fixes")
    assert [file.name for file in tmp_path.rglob("*")] == ["mine", "thesis.txt"]
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "ten years" and not Path(os.devnull).is_file()
    (tmp_path / "empty").mkdir()
    save_dataset(example(), tmp_path / "empty", SCHEMA)
    (tmp_path / "empty" / "manifest.json").unlink()  # a damaged store is built again
    save_dataset(example(2.0), tmp_path / "empty", SCHEMA)
    assert open_dataset(tmp_path / "empty", SCHEMA)["level"].max() == 2


def test_an_error_names_what_the_user_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as refused, written_whole(tmp_path / "fixes.json"):
        pass
    assert refused.value.filename == str(tmp_path / "fixes.json")


def test_a_full_disk_is_one_sentence_and_leaves_the_old_whole(small_disk: Path) -> None:
    store = small_disk / "a.zarr"
    save_dataset(example(), store, SCHEMA)
    with pytest.raises(StorageFullError, match="no space left while writing .*a.zarr; free some"):
        save_dataset(incompressible(4), store, SCHEMA)
    xr.testing.assert_equal(open_dataset(store, SCHEMA).load(), example())
    assert [file.name for file in small_disk.iterdir()] == ["a.zarr"]


def test_a_full_disk_without_a_small_file_system(tmp_path: Path) -> None:
    # /dev/full answers every write with ENOSPC, for those who are not root.
    target = tmp_path / "a.txt"
    with pytest.raises(StorageFullError), written_whole(target), open("/dev/full", "w") as full:
        full.write("x" * 100_000)
    assert not target.exists()


def test_other_errors_of_the_system_pass_through(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), written_whole(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "not yours")
