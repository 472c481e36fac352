"""`raylocus calibrate`: through the front door, from reports on disk to a place that other commands open."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calibration_fixtures import TURNED, observed, rough, saved_place, turned_world, wooded
from raylocus.calibration.calibrated_place import CALIBRATION_FILE
from raylocus.cli.main import main
from raylocus.network.reports.report_files import save_reports
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.provenance import Provenance
from stack_fixtures import free_space_place


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[TracedPlace, Path]:
    """Reports of a world whose fifth antenna is turned by 57°, trees cost 80 % more, and walls scatter 5 dB more."""
    folder = tmp_path_factory.mktemp("calibrate")
    place = saved_place(rough(wooded(free_space_place(2))), folder / "listed")
    true = rough(wooded(free_space_place(2), 0.8), 5.0)
    reports = observed(true, turned_world(true, 3, turned=-1.0), 60, 5)
    save_reports(reports, folder / "reports.zarr", Provenance.collect({}, 5))
    save_reports(reports.select(np.arange(20)), folder / "some.zarr", Provenance.collect({}, 5))
    save_reports(reports.select(np.arange(3)), folder / "few.zarr", Provenance.collect({}, 5))
    return place, folder


def test_a_fit_is_a_place_with_its_own_maps(network: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    place, folder = network
    before = {file: file.stat().st_mtime_ns for file in place.folder.rglob("*") if file.is_file()}
    words = [str(folder / "reports.zarr"), "--place", str(place.folder), "--out", str(folder / "fitted")]
    assert main(["calibrate", "fit", *words]) == 0
    assert "kept: level, azimuth" in capsys.readouterr().out
    fitted = open_place(folder / "fitted")
    turn = fitted.deployment.cells[TURNED].azimuth - place.deployment.cells[TURNED].azimuth
    assert np.cos(turn + 1.0) > np.cos(np.deg2rad(3))
    mapped = radio_maps(fitted.atlas, fitted.deployment)["rsrp"].values
    assert np.allclose(fitted.radio_maps["rsrp"].values, mapped, atol=0.01, equal_nan=True)
    record = json.loads((fitted.folder / CALIBRATION_FILE).read_text())
    carrier = record["carriers"][0]
    assert "crowns" in carrier["kept"] and carrier["network"]["crowns"]["estimate"] == pytest.approx(
        0.8, abs=0.25
    )
    assert "walls" in carrier["kept"] and carrier["network"]["walls"]["estimate"] == pytest.approx(5, abs=1.5)
    assert fitted.atlas.materials.scattering == pytest.approx(0.4 * 10**0.25, rel=0.2)
    more = fitted.atlas.excess_loss_db / np.maximum(place.atlas.excess_loss_db, 1e-3)
    assert np.median(more[place.atlas.excess_loss_db > 1]) == pytest.approx(1.8, abs=0.25)
    assert record["points"] == 60 and record["carriers"][0]["cells"][0]["level_db"]["deviation"] > 0
    assert before == {file: file.stat().st_mtime_ns for file in place.folder.rglob("*") if file.is_file()}


def test_a_check_says_how_wrong(network: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    place, folder = network
    words = [str(folder / "some.zarr"), "--place", str(place.folder), "--out", str(folder / "check.html")]
    assert main(["calibrate", "check", *words]) == 0
    said = capsys.readouterr().out
    assert "severity: " in said and "correlation distance" in said
    page = (folder / "check.html").read_text()
    assert page.count("<img") == 5 and "azimuth" in page


def test_too_few_points_change_nothing(network: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    place, folder = network
    words = [str(folder / "few.zarr"), "--place", str(place.folder), "--out", str(folder / "none")]
    assert main(["calibrate", "fit", *words]) == 2
    assert "too few to calibrate by" in capsys.readouterr().err
    assert not (folder / "none").exists()


def test_the_place_itself_is_not_overwritten(network: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    place, folder = network
    words = [str(folder / "reports.zarr"), "--place", str(place.folder), "--out", str(place.folder)]
    assert main(["calibrate", "fit", *words]) == 2
    assert "another folder" in capsys.readouterr().err
