"""The spine, end to end through the front door, on places small enough for a test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from raylocus.cli.main import SLEEPING_THREADS, main
from raylocus.evaluation.baselines.fitted_classics import CLASSICS_FILE
from raylocus.models.checkpoint import load_network
from raylocus.training.cli import LOCATOR_FILE

NUMBERS = {"p50", "p67", "p80", "p90", "p95", "mean", "coverage_50", "coverage_90", "coverage_95", "nll"}
#: Inside the tiny recipe's tile of 160 m.
HALF = 80


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, demonstrated: Path) -> Path:
    """A folder in which the tiny demo has run."""
    return shutil.copytree(demonstrated, tmp_path_factory.mktemp("demo") / "finished")


def test_everything_is_there(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {"places", "datasets", "runs"}
    run = finished / "runs" / "tiny"
    assert {"locator.ckpt", "metrics.json", "report.html", "table.txt", "reports.zarr"} <= set(
        path.name for path in run.iterdir()
    )
    assert not list(finished.rglob("*.partial"))


def test_metrics_hold_every_method_and_number(finished: Path) -> None:
    metrics = json.loads((finished / "runs" / "tiny" / "metrics.json").read_text())["methods"]
    assert {
        "raylocus",
        "strongest cell",
        "TA + azimuth",
        "kNN on R",
        "grid-Bayes",
        "bound",
        "true maps",
    } <= set(metrics)
    for method in metrics.values():
        assert NUMBERS | {"error_over_bound"} <= set(method)
        assert 0 < method["p50"] <= method["p90"] <= method["p95"] < 2 * HALF * 1.5
    assert metrics["bound"]["error_over_bound"] == 1.0


@pytest.mark.usefixtures("few_cases", "in_this_process")
def test_a_second_run_makes_again_what_is_not_whole_and_ends_with_the_same_table(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished / "runs" / "tiny"
    before, table = (run / LOCATOR_FILE).stat().st_mtime_ns, (run / "table.txt").read_bytes()
    for name in ("metrics.json", "table.txt", CLASSICS_FILE):
        (run / name).unlink()
    monkeypatch.chdir(finished)
    assert main(["demo", "--recipe", "tiny"]) == 0
    ended = [
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("[") and not line.endswith("…")
    ]
    assert [line.split()[1] for line in ended] == ["dataset:", "train:", "evaluate:"]
    assert [line.endswith("already complete") for line in ended] == [True, True, False]
    assert (run / LOCATOR_FILE).stat().st_mtime_ns == before
    assert (run / "table.txt").read_bytes() == table


def test_two_trainings_end_with_the_same_weights(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = finished / "runs" / "again"
    folders = [f"--trainer.default_root_dir={again}", f"--trainer.logger.init_args.save_dir={again}"]
    monkeypatch.chdir(finished)
    assert main(["train", "fit", "--config", "tiny", *folders]) == 0
    one, two = (load_network(finished / "runs" / name / LOCATOR_FILE) for name in ("tiny", "again"))
    assert one.calibration == two.calibration
    for name, weight in one.network.state_dict().items():
        assert torch.equal(weight, two.network.state_dict()[name]), name


def test_its_model_locates_its_reports(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    words = ["locate", "runs/tiny/reports.zarr", "--place", "places/tiny-slabs"]
    assert main([*words, "--model", "runs/tiny/locator.ckpt", "--out", "fixes.json"]) == 0
    fixes = json.loads((finished / "fixes.json").read_text())
    assert len(fixes) == 8
    for fix in fixes:
        assert abs(fix["x_m"]) < HALF
        assert abs(fix["y_m"]) < HALF
        assert 0 <= fix["ellipse_compass_degrees"] < 180
    (finished / "fixes.json").unlink()


def test_reports_of_another_place_are_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    words = ["locate", "runs/tiny/reports.zarr", "--place", "places/tiny-core"]
    assert main([*words, "--model", "runs/tiny/locator.ckpt"]) == 2
    assert "PCI" in capsys.readouterr().err


def test_the_dataset_says_what_it_holds(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    assert main(["dataset", "inspect", "datasets/tiny.zarr"]) == 0
    output = capsys.readouterr().out
    assert "severity 0.5" in output
    assert "tiny-slabs" in output


def test_an_unknown_recipe_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--recipe", "enormous"]) == 2
    assert main(["dataset", "build", "enormous", "--out", "d.zarr"]) == 2
    error = capsys.readouterr().err
    assert (
        error.count("\n") == 2 and error.count("recipes are cities, demo, pretrained, robustness, tiny") == 2
    )
    assert not list(tmp_path.iterdir())


def test_waiting_threads_are_put_to_sleep_before_any_library_is_loaded(repository: Path) -> None:
    code = (
        "import os, sys; import raylocus.cli.main as m; "
        "assert not {'torch', 'numpy'} & set(sys.modules), 'too late'; "
        "assert all(os.environ[name] == value for name, value in m.SLEEPING_THREADS.items())"
    )
    environment = {name: value for name, value in os.environ.items() if name not in SLEEPING_THREADS}
    environment["PYTHONPATH"] = str(repository / "src")
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_the_viewer_shows_the_phones_of_the_demo_over_time(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = finished / "runs" / "tiny", tmp_path / "page.html"
    words = ["--reports", run / "reports.zarr", "--model", run / "locator.ckpt", "--sequences", "[2,0]"]
    assert main(["view", *map(str, [finished / "places" / "tiny-slabs", *words, "--out", out])]) == 0
    record = json.loads(re.search(r'type="application/json">(.*?)</script>', out.read_text(), re.DOTALL)[1])
    assert [track["sequence"] for track in record["tracks"]] == [2, 0]
    for track in record["tracks"]:
        assert len(track["fixes"]) == len(track["time"]) == len(track["heard"]) > 1
        assert all(0 < fix["radius50"] <= fix["radius90"] for fix in track["fixes"])
        heard = [each for report in track["heard"] for each in report]
        assert any(each["truth"] is not None for each in heard)
    assert (
        main(["view", *map(str, [finished / "places" / "tiny-slabs", *words[:-1], "[99]", "--out", out])])
        == 2
    )
    assert "there is no sequence 99" in capsys.readouterr().err
