"""The spine, end to end through the front door, on places small enough for a test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from raylocus.cli.main import main

DEMO = """
places:
  - {folder: places/munich-0, source: munich, centre: [0, 0], seed: 10}
  - {folder: places/etoile, source: etoile, centre: [0, 0], seed: 40}
scene:
  tile_size: 128.0
  resolution: 4.0
  margin: 20.0
  deployment: {macro: {site_distance: 60.0}, edge_distance: 10.0}
trace: {depth: 1, rays_per_cell: 2.0}
dataset_configuration: dataset.yaml
training_configuration: train.yaml
sequences: 4
"""
DATASET = """
places:
  - {folder: places/munich-0, split: train}
  - {folder: places/etoile, split: test}
seed: 1
train: {worlds: 1, sequences: 12}
validation: {worlds: 1, sequences: 6}
test: {worlds: 2, sequences: 4}
world_law: {severity: 0.5}
"""
NUMBERS = {"p50", "p67", "p80", "p90", "p95", "mean", "coverage_50", "coverage_90", "coverage_95", "nll"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The folder of a demo that has run."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "demo.yaml").write_text(DEMO)
    (folder / "dataset.yaml").write_text(DATASET)
    training = (repository / "configs" / "train" / "demo.yaml").read_text()
    training = re.sub(r"steps: \d+", "steps: 3", re.sub(r"seconds: \d+", "seconds: 10", training))
    (folder / "train.yaml").write_text(training)
    # The installed command: Lightning pickles methods, which the run-time checks of the tests replace.
    command = [Path(sys.executable).with_name("raylocus"), "demo", "--config", "demo.yaml"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return folder


def test_everything_is_there(finished: Path) -> None:
    run = finished / "runs" / "demo"
    assert {"locator.ckpt", "metrics.json", "report.html", "table.txt", "reports.zarr"} <= set(
        path.name for path in run.iterdir()
    )
    assert not list(finished.rglob("*.partial"))


def test_metrics_hold_every_method_and_number(finished: Path) -> None:
    metrics = json.loads((finished / "runs" / "demo" / "metrics.json").read_text())
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
        assert 0 < method["p50"] <= method["p90"] <= method["p95"] < 128 * 1.5
    assert metrics["bound"]["error_over_bound"] == 1.0


def test_a_second_run_reuses_what_is_whole(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    before = (finished / "runs" / "demo" / "locator.ckpt").stat().st_mtime_ns
    assert main(["demo", "--config", "demo.yaml"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert len(lines) == 7
    assert all(line.endswith("whole already") for line in lines)
    assert (finished / "runs" / "demo" / "locator.ckpt").stat().st_mtime_ns == before


def test_its_model_locates_its_reports(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    words = [
        "locate",
        "runs/demo/reports.zarr",
        "--place",
        "places/etoile",
        "--model",
        "runs/demo/locator.ckpt",
    ]
    assert main([*words, "--out", "fixes.json"]) == 0
    fixes = json.loads((finished / "fixes.json").read_text())
    assert len(fixes) == 4
    for fix in fixes:
        assert abs(fix["x_m"]) < 64
        assert abs(fix["y_m"]) < 64
        assert 0 <= fix["ellipse_compass_degrees"] < 180


def test_reports_of_another_place_are_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    words = [
        "locate",
        "runs/demo/reports.zarr",
        "--place",
        "places/munich-0",
        "--model",
        "runs/demo/locator.ckpt",
    ]
    assert main(words) == 2
    assert "PCI" in capsys.readouterr().err


def test_the_dataset_says_what_it_holds(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    assert main(["dataset", "inspect", "datasets/demo.zarr"]) == 0
    output = capsys.readouterr().out
    assert "severity 0.5" in output
    assert "etoile" in output
