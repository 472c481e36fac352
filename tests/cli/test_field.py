"""Real networks through the front door: an area of a measurement's own sites, import, locate, evaluate; training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from raylocus.cli.main import main
from raylocus.inference.area_locator import AreaLocator

#: Degrees of latitude a metre.
DEGREE = 1 / 111_195.0
#: Sites of a small Oslo: eNodeB identities and (north, east) [m].
SITES = {101: (0, 0), 102: (0, 600), 103: (600, 0), 104: (600, 600), 105: (300, 1100)}


def where(north: float, east: float) -> tuple[float, float]:
    return 59.92 + north * DEGREE, 10.74 + east * DEGREE / float(np.cos(np.deg2rad(59.92)))


def oslo(path: Path) -> Path:
    """Forty points in two campaigns, whose clocks differ, as the MATLAB file has them."""
    rng = np.random.default_rng(0)
    clock = rng.uniform(1000, 9000, (3, len(SITES)))
    table = np.empty((40, 12), dtype=object)
    for number in range(40):
        north, east = rng.uniform(0, 600), rng.uniform(0, 1000)
        campaign = 1 + number % 2
        links = []
        for site, (enb, (y, x)) in enumerate(SITES.items()):
            distance = np.hypot(north - y, east - x) + 10
            level = -40 - 35 * np.log10(distance / 10) + 4 * rng.standard_normal()
            toa = clock[campaign, site] + distance / 299.792458
            links.append([enb % 7, enb, -60, 5, level, -11, toa, 1, campaign])
        row = [*map(float, where(north, east)), np.array(sorted(links, key=lambda link: -link[4])[:4])]
        table[number] = [*row, *[0] * 9]
    best = np.array([[enb, *where(*at)] for enb, at in SITES.items()])
    mean = best + np.array([0, 30 * DEGREE, 0])
    content = {"dataSet": table, "eNodeB_best_pos_estimates": best, "eNodeB_mean_pos_estimates": mean}
    scipy.io.savemat(path, content)
    return path


def powder(folder: Path) -> Path:
    folder.mkdir()
    positions = {"roof-a": where(0, 0), "roof-b": where(0, 500), "bus-1": None, "roof-c": where(500, 0)}
    (folder / "location_coordinates.json").write_text(repr(positions))
    path = folder / "single_tx.csv"
    lines = ["timestamp,roof-a,roof-b,bus-1_rss,bus-1_x,bus-1_y,roof-c,tx_x_coord,tx_y_coord"]
    for minute, (a, b, c) in enumerate([(-60, -80, -101), (-75.5, -62, -90)]):
        latitude, longitude = where(100, 100 + 300 * minute)
        lines.append(
            f"2022-04-25 14:0{minute}:00,{a},{b},-50,{latitude},{longitude},{c},{latitude},{longitude}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def test_oslo_from_its_file_to_scores_and_fixes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, area, reports = oslo(tmp_path / "log.mat"), tmp_path / "area", tmp_path / "reports.zarr"
    assert main(["reports", "area", str(file), "--out", str(area)]) == 0
    assert "5 sites, 5 cells, no map" in capsys.readouterr().out
    recorded = json.loads((area / "area.json").read_text())
    # The lists differ by 30 m: one √2-th of it an axis, but no less than 25 m.
    assert {site["deviation"] for site in recorded["sites"]} == {25.0}
    words = [
        "reports",
        "import",
        str(file),
        "--place",
        str(area),
        "--out",
        str(reports),
        "--device",
        "campaign-2",
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "rows not used, other devices: 80" in said and "20 sequences, 20 reports" in said
    assert (
        main(["reports", "inspect", str(reports), "--place", str(area), "--out", str(tmp_path / "look")]) == 0
    )
    assert (
        "cells of the place heard: 5 of 5" in capsys.readouterr().out
        and (tmp_path / "look" / "truth.png").exists()
    )
    out = str(tmp_path / "scores.json")
    assert main(["reports", "evaluate", str(reports), "--place", str(area), "--out", out]) == 0
    said = capsys.readouterr().out
    assert "RSRP centroid" in said and "20 of 20 sequences" in said and "90% region holds" in said
    errors = json.loads((tmp_path / "scores.json").read_text())["errors"]
    # Levels without much noise and one clock a site: better than naming a site.
    assert np.median(errors["raylocus area"]) < np.median(errors["strongest cell"])
    along = ["reports", "evaluate", str(reports), "--place", str(area), "--every"]
    assert main([*along, "10"]) == 0 and "20 of 20 sequences" in capsys.readouterr().out
    assert main([*along, "0"]) == 2 and "seconds above 0" in capsys.readouterr().err
    made = tmp_path / "fixes.geojson"
    assert main(["locate", str(reports), "--place", str(area), "--geojson", str(made)]) == 0
    features = json.loads(made.read_text())["features"]
    assert len(features) == 40
    assert features[0]["properties"]["fit"] is None and "no map is traced here" in capsys.readouterr().out
    longitude, latitude = features[0]["geometry"]["coordinates"]
    assert abs(latitude - 59.92) < 0.05 and abs(longitude - 10.74) < 0.1
    online = ["locate", str(reports), "--place", str(area), "--online", str(tmp_path / "levels.npz")]
    assert main([*online, "--undo", "1"]) == 2 and not (tmp_path / "levels.npz").exists()
    assert main(online) == 0 and main([*online, "--undo", "15"]) == 0
    assert "learned from" in capsys.readouterr().out


def test_powder_has_its_receivers_as_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, area, reports = powder(tmp_path / "data"), tmp_path / "area", tmp_path / "reports.zarr"
    assert main(["reports", "area", str(file), "--out", str(area)]) == 0
    assert "3 sites, 3 cells, no map" in capsys.readouterr().out
    words = ["reports", "import", str(file), "--place", str(area), "--out", str(reports), "--gap", "1"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "rows used: 5" in said and "by identity 5" in said and "2 sequences" in said
    (tmp_path / "data" / "location_coordinates.json").unlink()
    assert main(["reports", "area", str(file), "--out", str(tmp_path / "other")]) == 2
    assert "location_coordinates.json is needed" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_what_lists_no_sites_makes_no_area(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("measured_at,lat,lon,net_type,mcc,mnc,cell_id,pci,rsrp\n1,2,3,LTE,1,1,1,1,-90\n")
    assert main(["reports", "area", str(log), "--out", str(tmp_path / "area"), "--format", "opencellid"]) == 2
    assert "list no sites, those of oslo, powder do" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--training.steps", "-1"), ("--training.rate", "0"), ("--networks", "0")])
def test_training_of_nothing_is_refused(
    tmp_path: Path, words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "area", "--out", str(tmp_path / "area.ckpt"), *words]) == 2
    assert words[0].rpartition(".")[2].strip("-") in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_training_writes_a_locator_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "area.ckpt"
    words = ["train", "area", "--out", str(made), "--networks", "2", "--training.steps", "2"]
    words += ["--training.networks", "2", "--training.shape.width", "16", "--training.shape.layers", "1"]
    assert main(words) == 0
    assert "step 2:" in capsys.readouterr().out
    assert AreaLocator.load(made).trained.temperature >= 1 and not (tmp_path / "area.ckpt.state").exists()
