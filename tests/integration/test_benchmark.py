"""`raylocus benchmark` and `raylocus ablate` through the front door: whole, killed and gone on with, refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from raylocus.cli.console import recipes
from raylocus.cli.main import main
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.location_network import LocationNetwork
from raylocus.provenance import Provenance

pytestmark = pytest.mark.usefixtures("few_ways")

#: The tiny recipe, smaller still: few phones, short sequences, the one feature set that all methods take part in, the
#: demo's towns and one more.
SMALLER = (
    (r"(?<=places/)benchmark-(tiny-core.*seed: )801", r"\g<1>1"),
    (r"(?<=places/)benchmark-(tiny-slabs.*seed: )902", r"\g<1>2"),
    (r"  seed: 9", "  seed: 9\n  mobility: {fewest_reports: 2, most_reports: 3}"),
    (r"severities: .*", "severities: [0.5, 1.0]"),
    (r"train: \{.*", "train: {worlds: 2, sequences: 3}"),
    (r"test: \{.*", "test: {worlds: 2, sequences: 3}"),
    (r"(?s)  critical: .*?  positioning:", "  positioning:"),
    (r"locunet: .*", "locunet: {sequences: 0}"),
)
ABLATION = """
question: What do neighbours and a turned map say?
seeds: [1, 2, 3]
test:
  places:
    - {folder: places/tiny-slabs, split: test, source: "procedural:high-rise-slabs", seed: 2}
  seed: 9
  mobility: {fewest_reports: 2, most_reports: 3}
  severities: [0.5, 1.0]
  test: {worlds: 2, sequences: 3}
  SCENE
variants:
  - {name: all}
  - {name: serving cell only, given: {neighbours: 0}}
  - {name: antennas off by 30°, given: {turn: 30.0}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, demonstrated: Path) -> Path:
    """A folder with the demo's towns, models that know nothing yet, and two recipes."""
    folder = tmp_path_factory.mktemp("benchmark")
    shutil.copytree(demonstrated / "places", folder / "places")
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = LocationNetwork(LocationNetworkConfiguration(token_width=16, fusion_width=8))
        trained = TrainedNetwork(network, PosteriorCalibration(), Provenance.collect({}, seed, {}))
        save_network(trained, folder / f"model-{seed}.ckpt")
    text = recipes("benchmark")["tiny"].read_text()
    scene = re.search(r"  scene:.*?(?=feature_sets)", text, re.DOTALL)
    assert scene is not None
    for pattern, replacement in SMALLER:
        text, changed = re.subn(pattern, replacement, text)
        assert changed == 1, pattern
    (folder / "smaller.yaml").write_text(text)
    (folder / "ablation.yaml").write_text(ABLATION.replace("  SCENE\n", scene[0]))
    return folder


def benchmark(*words: str) -> int:
    return main(["benchmark", *words, "--size", "smaller.yaml", "--workers", "1", "--out", "out"])


def table_without_times(folder: Path) -> list[list[str]]:
    """Words of every line of the table, the last one left out: the processor time."""
    return [line.split()[:-1] for line in (folder / "out" / "benchmark.txt").read_text().splitlines()]


def test_a_benchmark_is_gone_on_with_and_ends_with_the_same_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert benchmark("model-0.ckpt") == 0
    assert {"benchmark.txt", "benchmark.json", "benchmark.png", "positioning"} == {
        path.name for path in (folder / "out").iterdir()
    }
    whole, record = table_without_times(folder), json.loads((folder / "out" / "benchmark.json").read_text())
    assert [block["severity"] for block in record["blocks"]] == [0.5, 1.0]
    methods = record["blocks"][0]["methods"]
    assert {"raylocus", "serving site", "RSRP centroid", "multilateration", "TDOA", "TA + azimuth"} <= set(
        methods
    )
    assert {"kNN on R", "random forest on R", "grid-Bayes"} <= set(methods)
    assert {"bound", "true maps"} <= set(methods)
    for numbers in methods.values():
        assert 0 < numbers["p50"] <= numbers["p95"] < 300 and set(numbers["p50_by_place"]) == {
            "tiny-slabs",
            "benchmark-tiny-hill",
        }
    capsys.readouterr()

    # Killed after the first place: what is whole is not made again, and the table is the same.
    (folder / "out" / "benchmark.txt").unlink()
    (folder / "out" / "positioning" / "places" / "tiny-slabs.npz").unlink()
    assert benchmark("model-0.ckpt") == 0
    said = capsys.readouterr().out
    assert said.count("tiny-slabs\n") == 1 and "benchmark-tiny-hill\n" not in said
    assert "fitting" not in said
    assert table_without_times(folder) == whole

    # Another model is a row more; the peers stand.
    assert benchmark("model-0.ckpt", "--model", "model-1.ckpt") == 0
    said = capsys.readouterr().out
    assert (
        "model-0 " in said and "model-1 " in said and "true maps\n" not in said.partition("severity 0.5")[0]
    )
    # One place less is said below the table; the other has the worlds that it had, so that its scores stand.
    assert benchmark("model-0.ckpt", "--only", "benchmark-tiny-hill") == 0
    said = capsys.readouterr().out
    assert "Left out by --only: tiny-slabs." in said and "benchmark-tiny-hill\n" not in said
    only = json.loads((folder / "out" / "benchmark.json").read_text())["blocks"][0]["methods"]["grid-Bayes"]
    assert only["p50"] == methods["grid-Bayes"]["p50_by_place"]["benchmark-tiny-hill"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-run"], "no checkpoint at no-run"),
        (["model-0.ckpt", "--only", "atlantis"], "no place atlantis"),
        (["model-0.ckpt", "--places", "."], "holds no place"),
        (["model-0.ckpt", "--model", "model-0.ckpt"], "two of the runs"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    folder: Path,
    words: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert benchmark(*words) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_an_ablation_of_what_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    words = ["ablate", "ablation.yaml", "--workers", "1", "--out", "ablation"]
    assert main([*words, "--model", "model-0.ckpt"]) == 0
    lines = json.loads((folder / "ablation" / "ablation.json").read_text())["lines"]
    assert [line["seeds"] for line in lines] == [1, 1, 3, 1, 1, 3]
    assert lines[0]["change"] is None and np.isfinite(lines[2]["change"]["value"])
    assert len(list((folder / "ablation" / "trials").iterdir())) == 5
    table = (folder / "ablation" / "ablation.txt").read_text()
    assert main([*words, "--model", "model-0.ckpt"]) == 0
    assert (folder / "ablation" / "ablation.txt").read_text() == table


def test_an_ablation_that_trains(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = recipes("ablation")["tiny"].read_text()
    text = re.sub(r".*name: the map itself.*\n", "", text)
    text = text.replace("name: worlds that err}", "name: worlds that err, train: {model.schedule.steps: 2}}")
    text = text.replace("given: {shift: 10.0}", "given: {shift: 10.0}, train: {model.schedule.steps: 2}")
    text = text.replace("{worlds: 2, sequences: 8}", "{worlds: 1, sequences: 3}")
    text = text.replace("{worlds: 1, sequences: 4}", "{worlds: 1, sequences: 2}")
    text = text.replace("{worlds: 4, sequences: 6}", "{worlds: 2, sequences: 2}")
    assert text.count("sequences: 2") == 2 and text.count("sequences: 3") == 1
    assert text.count("steps: 2") == text.count("name: ") == 2
    (folder / "training.yaml").write_text(text)
    monkeypatch.chdir(folder)
    assert main(["ablate", "training.yaml", "--workers", "1", "--out", "trained"]) == 0
    # Three seeds of one model: what is given at test time asks for none of its own.
    assert len(list((folder / "trained" / "runs").iterdir())) == 3
    lines = json.loads((folder / "trained" / "training.json").read_text())["lines"]
    assert [line["variant"] for line in lines[:2]] == ["worlds that err", "R displaced by 10 m"]
    assert all(line["seeds"] == 3 for line in lines)
