"""The front door, through the real entry point: bad input is one sentence, exit code 2, nothing left."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from document_fixtures import commands
from network_fixtures import random_reports, save_analytic_place
from raylocus.cli.main import GARBAGE_THRESHOLD, VERBS, main
from raylocus.network.reports.report_files import save_reports
from raylocus.provenance import Provenance

RAYLOCUS = Path(sys.executable).with_name("raylocus")


def raylocus(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the installed command."""
    command = [str(RAYLOCUS), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one sentence that a command answers bad input with."""
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("raylocus: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err.removeprefix("raylocus: ").strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "analytic"
    save_analytic_place(folder, sites=2)
    return folder


def test_help_names_every_command() -> None:
    answer = raylocus("--help")
    assert answer.returncode == 0
    assert all(" ".join(verb.words) in answer.stdout for verb in VERBS)
    assert answer.stderr == ""


def test_a_command_seldom_looks_for_garbage() -> None:
    gc.set_threshold(700)
    assert main(["doctor", "--help"]) == 0
    assert gc.get_threshold()[0] == GARBAGE_THRESHOLD


def test_help_is_quick() -> None:
    fastest = min(_seconds("--help") for _ in range(3))
    assert fastest < 1.0


def _seconds(*words: str) -> float:
    before = os.times()
    raylocus(*words)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb.words != ("train",)], ids=lambda verb: verb.function
)
def test_every_command_has_help(verb: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.words, "--help"]) == 0
    text = capsys.readouterr().out
    assert "usage: raylocus" in text and "<class" not in text
    # No option says of itself but its type and default.
    assert not re.findall(r"^  (--\S+(?: [A-Z_]+)?)\s+\((?:required, )?(?:type|default):", text, re.MULTILINE)
    # Options that the documents give are options. What a part of a configuration takes is listed by a help of its own,
    # as in --scene.deployment.macro.help.
    known, given = set(re.findall(r"--[a-z][\w.-]*", text)), commands().get(verb.words, set())
    assert not [each for each in given - known if f"{each.rpartition('.')[0]}.help" not in known]


def test_help_of_training_calls_the_command_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: raylocus train ")
    assert "give a whole number from 0" in refused(
        capsys, "train", "fit", "--config", "tiny", "--seed_everything=-5"
    )


@pytest.mark.parametrize(
    "group", sorted({verb.words[0] for verb in VERBS if len(verb.words) > 1} - {"train"})
)
def test_help_of_a_group_lists_its_commands_alone(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([group, "--help"]) == 0
    listed = re.findall(r"^  ([a-z]+ [a-z]+)  ", capsys.readouterr().out, re.MULTILINE)
    assert listed == [" ".join(verb.words) for verb in VERBS if verb.words[0] == group]


def test_the_real_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    answer = raylocus("scene", "build", "atlantis.osm", "--out", "places/atlantis", folder=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "atlantis" in answer.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["fly"], ["scene"], ["scene", "fly"], ["maps", "--foo"]], ids=" ".join)
def test_unknown_commands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no command" in refused(capsys, *words)


@pytest.mark.parametrize(
    "words",
    [
        ["doctor", "--fast"],
        ["scene", "build", "munich"],
        ["scene", "build", "munich", "--out", "x", "--seed", "one"],
        ["scene", "build", "munich", "--out", "x", "--tile", "1"],
        ["maps", "show", "x"],
    ],
    ids=" ".join,
)
def test_bad_options_point_to_help(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sentence = refused(capsys, *words)
    assert "--help" in sentence or "--tile takes" in sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["maps", "trace"], ["scene", "show"], ["maps", "show"]], ids=" ".join)
def test_an_absent_place(words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = [] if words[1] == "trace" else ["--out", tmp_path / "a.png"]
    assert "raylocus scene build" in refused(capsys, *words, tmp_path / "nowhere", *out)


def test_a_place_of_another_schema(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = json.loads((place / "place.json").read_text()) | {"schema": "raylocus.place.v0"}
    (tmp_path / "place.json").write_text(json.dumps(record))
    assert "build it again" in refused(capsys, "scene", "show", tmp_path, "--out", tmp_path / "a.png")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--feature", "colour"], "there is no layer 'colour'"),
        (["--feature", "toa", "--cell", "99"], "there is no cell 99"),
        (["--feature", "rsrp_beam", "--beam", "99"], "there is no beam 99"),
    ],
)
def test_maps_that_are_not_there(
    options: list[str], part: str, place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert part in refused(capsys, "maps", "show", place, *options, "--out", tmp_path / "a.png")


def test_pictures_of_unknown_kind(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert ".png" in refused(capsys, "scene", "show", place, "--out", tmp_path / "a.doc")
    assert not list(tmp_path.iterdir())


def test_pictures_are_drawn(place: Path, tmp_path: Path) -> None:
    assert main(["scene", "show", str(place), "--out", str(tmp_path / "a.png")]) == 0
    assert (
        main(
            ["maps", "show", str(place), "--feature", "toa", "--cell", "1", "--out", str(tmp_path / "b.png")]
        )
        == 0
    )
    for name in ("a.png", "b.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_truncated_store(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    save_analytic_place(tmp_path / "cut", sites=2)
    chunk = next(file for file in (tmp_path / "cut" / "radio.zarr").rglob("c/*") if file.is_file())
    os.truncate(chunk, 3)
    sentence = refused(capsys, "maps", "show", tmp_path / "cut", "--out", tmp_path / "a.png")
    assert "truncated" in sentence
    assert "build it again" in sentence


def test_a_foreign_dataset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "foreign.zarr").mkdir()
    (tmp_path / "foreign.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    assert "not written by raylocus" in refused(capsys, "dataset", "inspect", tmp_path / "foreign.zarr")


def test_a_dataset_without_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["dataset", "build", tmp_path / "no.yaml", "--out", tmp_path / "a.zarr"]
    assert "no dataset recipe of that name" in refused(capsys, *words)
    assert not list(tmp_path.iterdir())


def test_a_dataset_of_places_that_are_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"places: [{{folder: {tmp_path}/nowhere, split: train}}]\nseed: 1\n")
    assert "no place at" in refused(
        capsys, "dataset", "build", tmp_path / "a.yaml", "--out", tmp_path / "a.zarr"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"]


def test_a_file_that_is_no_checkpoint(
    place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.ckpt").write_text("no checkpoint")
    save_reports(random_reports([[2, 3]], seed=1), tmp_path / "reports.zarr", Provenance.collect({}))
    words = [
        "locate",
        tmp_path / "reports.zarr",
        "--place",
        place,
        "--out",
        tmp_path / "fixes.json",
        "--model",
    ]
    assert "checkpoint" in refused(capsys, *words, tmp_path / "a.ckpt")
    assert "no checkpoint" in refused(capsys, *words, tmp_path / "absent.ckpt")
    assert not (tmp_path / "fixes.json").exists()


def test_an_interrupted_command_says_so(tmp_path: Path) -> None:
    # A job started in the background ignores the interrupt, and its children inherit that.
    code = "import os, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from raylocus.cli import main, doctor\n"
    code += "doctor.run_doctor = lambda words: os.kill(os.getpid(), signal.SIGINT)\nsys.exit(main.main(['doctor']))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 130
    assert answer.stderr.startswith("raylocus: interrupted")
    assert signal.SIGINT == 2


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{RAYLOCUS} doctor | head -1"
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert answer.stdout.startswith("raylocus")
    assert "Traceback" not in answer.stderr


def test_a_fault_of_raylocus_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from raylocus.cli import doctor

    def fail(words: list[str]) -> int:
        raise ValueError("a bug")

    monkeypatch.setattr(doctor, "run_doctor", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["doctor"])


@pytest.mark.parametrize("allocate", [lambda: torch.empty(1 << 60), lambda: np.empty(1 << 50)])
def test_memory_that_runs_out(
    allocate: Callable[[], object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from raylocus.cli import doctor

    monkeypatch.setattr(doctor, "run_doctor", lambda words: allocate())
    assert "--data.batch_size" in refused(capsys, "doctor")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(full_disk: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (full_disk / "filler").write_bytes(np.random.default_rng(1).bytes(48 * 1024))
    sentence = refused(capsys, "scene", "show", place, "--out", full_disk / "a.png")
    assert "no space left" in sentence
    assert "free some" in sentence
    assert [file.name for file in full_disk.iterdir()] == ["filler"]


def test_the_doctor_traces_a_ray_and_is_content() -> None:
    answer = raylocus("doctor")
    assert answer.returncode == 0, answer.stderr
    assert "meets a box at 2.000 m" in answer.stdout
    for name in ("sionna-rt", "mitsuba", "drjit", "tracing", "library", "cores", "memory", "free disk"):
        assert name in answer.stdout


def test_the_doctor_of_a_machine_that_cannot_trace_has_the_fix() -> None:
    code = """
from raylocus.propagation.runtime import runtime
runtime.library_from_pypi = runtime.library_from_system = lambda: None
runtime._cuda_driver_answers = lambda: False
import sys
from raylocus.cli.main import main
sys.exit(main(["doctor"]))
"""
    environment = {name: value for name, value in os.environ.items() if name != "DRJIT_LIBLLVM_PATH"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 2
    assert "fix: no libLLVM" in answer.stdout
    assert "pip install karellen-llvm-core" in answer.stdout


def test_a_missing_package_is_answered_with_the_extra_that_brings_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tokens.parquet").write_bytes(b"PAR1")
    for module in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, module)
    # What Python itself does where a package is not installed, by the same exception and name.
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = refused(capsys, "network", "explain", tmp_path / "tokens.parquet")
    assert error == "the package 'pyarrow' is not installed; run: pip install 'raylocus[parquet]'"
