"""Every command where what it is to work on is not there, or is something else: one sentence, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from network_fixtures import random_reports
from raylocus.cli.main import VERBS, main
from raylocus.network.reports.report_files import save_reports
from raylocus.provenance import Provenance

#: Commands, and a part of what each says in an empty folder.
ABSENT = {
    "scene build nothing.osm.pbf --out out": "nothing.osm.pbf",
    "scene build procedural:atlantis --out out": "atlantis",
    "scene build munich --out out --scene.resolution 3": "does not divide",
    "scene validate nowhere": "no place at nowhere",
    "scene export nowhere --geotiff out.tif": "no place at nowhere",
    "scene perturb nowhere --out out": "no place at nowhere",
    "scene show nowhere --out out.png": "no place at nowhere",
    "maps trace nowhere": "no place at nowhere",
    "maps show nowhere --out out.png": "no place at nowhere",
    "maps export nowhere --geotiff": "no place at nowhere",
    "dataset build nothing.yaml --out out.zarr": "nothing.yaml",
    "dataset build tiny --out out.zarr --part 3/2": "3",
    "dataset inspect nothing.zarr": "nothing.zarr does not exist",
    "dataset export nothing.zarr --format parquet --out out": "nothing.zarr does not exist",
    "dataset import nothing --out out.zarr": "nothing",
    "reports import nothing.csv --place nowhere --out out.zarr": "no",
    "reports area nothing.mat --out out": "nothing.mat",
    "reports evaluate nothing.zarr --place nowhere": "no",
    "reports inspect nothing.zarr --place nowhere": "no",
    "calibrate check nothing.zarr --place nowhere": "no",
    "calibrate fit nothing.zarr --place nowhere --out out": "no",
    "calibrate materials nothing.zarr --place nowhere": "no",
    "network explain nothing.zarr": "nothing.zarr",
    "train adapt nothing.ckpt nothing.zarr --place nowhere --out out.ckpt": "no",
    "evaluate nowhere nothing.zarr": "no",
    "benchmark nowhere --size tiny --out out": "no checkpoint at nowhere",
    "benchmark --size nothing.yaml --out out": "nothing.yaml",
    "ablate nothing.yaml --out out": "nothing.yaml",
    "demo --recipe nothing": "nothing",
    "view nowhere --out out.html": "nowhere",
    "locate nothing.zarr --place nowhere": "no",
    "serve nowhere": "nowhere",
}
#: The same on a file of reports that is there, where something else is missing.
INCOMPLETE = {
    "network explain phones.zarr --sequence 99": "99",
    "network explain phones.zarr --report 99": "99",
    "locate phones.zarr --place nowhere": "nowhere",
    "reports inspect phones.zarr --place nowhere": "nowhere",
    "reports evaluate phones.zarr --place nowhere": "nowhere",
    "calibrate check phones.zarr --place nowhere": "nowhere",
    "calibrate fit phones.zarr --place nowhere --out out": "nowhere",
    "dataset import phones.zarr --out out.zarr": "phones.zarr",
    "scene validate phones.zarr": "no place at phones.zarr",
    "dataset inspect phones.zarr": "phones.zarr",
    "dataset export phones.zarr --format deepmimo --out out": "phones.zarr",
    "reports import phones.zarr --place nowhere --out out.zarr": "nowhere",
    "view phones.zarr --out out.html": "phones.zarr",
}


def refused(command: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path().rglob("*"))
    assert main(command.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("raylocus: ") and said.count("\n") == 1 and "Traceback" not in said
    assert sentence in said
    assert sorted(Path().rglob("*")) == before


def test_every_command_is_among_them() -> None:
    words = [command.split() for command in ABSENT]
    for verb in VERBS:
        # `doctor` works on nothing, `train` is Lightning's, `train area` draws what it works on.
        if verb.words in (("doctor",), ("train",), ("train", "area")):
            continue
        assert any(tuple(each[: len(verb.words)]) == verb.words for each in words), verb.words


@pytest.mark.parametrize("command", ABSENT)
def test_in_an_empty_folder(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(command, ABSENT[command], capsys)


@pytest.mark.parametrize("command", INCOMPLETE)
def test_with_reports_alone(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_reports(random_reports([[2, 1], [3]], 1), Path("phones.zarr"), Provenance.collect({}))
    refused(command, INCOMPLETE[command], capsys)
