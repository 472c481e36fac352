"""`raylocus network explain` through the real entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from network_fixtures import random_reports
from raylocus.cli.main import main
from raylocus.network.reports.parquet import save_parquet
from raylocus.network.reports.report_files import save_reports
from raylocus.provenance import Provenance


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    reports = random_reports([[2, 3], [1]], seed=3)
    save_reports(reports, folder / "reports.zarr", Provenance.collect({}))
    return folder


def test_it_prints_one_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["network", "explain", str(folder / "reports.zarr"), "--sequence", "0", "--report", "1"]) == 0
    text = capsys.readouterr().out
    assert "PCI" in text and "rsrp" in text and "truly at" in text


def test_it_reads_tables_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    save_parquet(random_reports([[2, 3], [1]], seed=3), folder / "reports.parquet")
    outputs = []
    for name in ("reports.zarr", "reports.parquet"):
        assert main(["network", "explain", str(folder / name), "--sequence", "1"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reports.zarr", "--sequence", "2"], "has no UE 2; it has 0 to 1"),
        (["reports.zarr", "--sequence", "1", "--report", "1"], "UE 1 has no report 1; it has 0 to 0"),
        (["absent.zarr"], "does not exist"),
        (["absent.parquet"], "no Parquet file of reports"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["network", "explain", str(folder / words[0]), *words[1:]]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
