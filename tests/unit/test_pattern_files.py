"""Measured antenna patterns of the MSI form: read, combined, refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from raylocus.cli.main import main
from raylocus.errors import InputError
from raylocus.propagation.antennas.antennas import element_gain_db
from raylocus.scenes.area import open_area
from raylocus.scenes.site_import.pattern_files import read_pattern, read_patterns
from raylocus.scenes.sites import AntennaArray

#: 3 dB down at 32.5° to either side; 25 dB behind; 5 dB more at 90° clockwise.
HORIZONTAL = np.minimum(12 * ((np.arange(360) + 180) % 360 - 180.0) ** 2 / 65**2, 20.0)
HORIZONTAL[90] = 25.0
#: 7° wide, tilted down by 6°.
VERTICAL = np.minimum(12 * ((np.arange(360) + 174) % 360 - 180.0) ** 2 / 7**2, 30.0)


def msi(path: Path, vertical: np.ndarray = VERTICAL, gain: str = "GAIN 15.5 dBd", **keys: object) -> Path:
    lines = [f"NAME {path.stem}", "FREQUENCY 1800", gain, *(f"{key} {value}" for key, value in keys.items())]
    for key, cut in (("HORIZONTAL", HORIZONTAL), ("VERTICAL", vertical)):
        lines += [f"{key} {len(cut)}", *(f"{angle}.0\t{loss:.2f}" for angle, loss in enumerate(cut))]
    path.write_text("\r\n".join(lines) + "\r\n")
    return path


def gain(path: Path, azimuth: float, below: float) -> float:
    """dBi towards compass degrees off boresight and degrees below the horizon."""
    pattern = read_pattern(path)
    zenith = np.array([np.pi / 2 + np.deg2rad(below)])
    return float(element_gain_db(zenith, np.deg2rad([-azimuth]), pattern)[0])


def test_cuts_add_up_and_angles_run_clockwise_and_down(tmp_path: Path) -> None:
    path = msi(tmp_path / "a.msi")
    assert gain(path, 0, 6) == pytest.approx(15.5 + 2.15)
    assert gain(path, 32.5, 6) == pytest.approx(17.65 - 3.0, abs=0.1)
    assert gain(path, 0, 9.5) == pytest.approx(17.65 - 3.0, abs=0.1)
    assert gain(path, 32.5, 9.5) == pytest.approx(17.65 - 6.0, abs=0.2)
    assert gain(path, 90, 6) == pytest.approx(gain(path, -90, 6) - 5.0)
    # Never below the deepest loss of the file.
    assert gain(path, 180, -40) == pytest.approx(17.65 - 30.0)


def test_gains_and_directions_are_as_the_file_says(tmp_path: Path) -> None:
    assert gain(msi(tmp_path / "i.pln", gain="GAIN 17.0 dBi"), 0, 6) == pytest.approx(17.0)
    assert gain(msi(tmp_path / "d.pln", gain="gain 14.85"), 0, 6) == pytest.approx(17.0)
    upward = np.roll(VERTICAL[::-1], 1)
    assert gain(msi(tmp_path / "u.msi", upward, ELECTRICAL_TILT=6), 0, 6) == pytest.approx(17.65)
    assert gain(msi(tmp_path / "v.msi", -VERTICAL), 0, 6) == pytest.approx(17.65)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("GAIN 15.5 dBd", "GAIN many", ["line 3", "GAIN 'many'"]),
        ("GAIN 15.5 dBd", "GAIN 99 dBi", ["line 3", "99 dBi"]),
        ("GAIN 15.5 dBd", "PAIN 15.5 dBd", ["no line GAIN"]),
        ("HORIZONTAL 360", "HORIZONTAL wide", ["no line 'HORIZONTAL 360'"]),
        ("VERTICAL 360", "VERTICAL 400", ["VERTICAL has not 400 lines"]),
        ("7.0\t", "8.0\t", ["angles of HORIZONTAL"]),
        ("90.0\t25.00", "90.0\t-25.00", ["HORIZONTAL are not between 0 and 100 dB"]),
        ("90.0\t25.00", "90.0\tnan", ["HORIZONTAL are not between 0 and 100 dB"]),
    ],
)
def test_what_is_no_pattern_is_one_sentence(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    path = msi(tmp_path / "a.msi")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_patterns(tmp_path)
    message = str(caught.value)
    assert "a.msi" in message and "\n" not in message and all(word in message for word in words)


def test_a_folder_without_patterns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file that ends with"):
        read_patterns(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        read_patterns(tmp_path / "absent")


def test_a_list_names_its_antennas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    msi(tmp_path / "K80010647.msi")
    sites = tmp_path / "sites.csv"
    sites.write_text(
        "site,lat,lon,azimuth,pci,earfcn,antenna\nA,47.5,9.5,0,1,6300,K80010647\nA,47.5,9.5,90,2,6300,\n"
    )
    words = ["scene", "build", "sites", "--sites", str(sites), "--out", str(tmp_path / "area")]
    assert main([*words, "--patterns", str(tmp_path)]) == 0
    assert "cells with a measured antenna pattern: 1" in capsys.readouterr().out
    record = json.loads((tmp_path / "area" / "area.json").read_text())
    assert len(record["cells"][0]["pattern"]["cuts"]["azimuth"]) == 360
    sites.write_text(sites.read_text().replace("K80010647", "other"))
    assert main([*words, "--patterns", str(tmp_path)]) == 2
    assert "no pattern of the antenna 'other'; the patterns are k80010647" in capsys.readouterr().err


def test_a_place_keeps_measured_patterns(tmp_path: Path) -> None:

    msi(tmp_path / "x.msi")
    (tmp_path / "sites.csv").write_text("lat,lon,pci,azimuth,antenna\n47.5,9.5,1,90,x.msi\n")
    words = [
        "--sites",
        str(tmp_path / "sites.csv"),
        "--patterns",
        str(tmp_path),
        "--out",
        str(tmp_path / "area"),
    ]
    assert main(["scene", "build", "sites", *words]) == 0
    (cell,) = open_area(tmp_path / "area").deployment.cells
    assert (cell.pattern, cell.array) == (read_pattern(tmp_path / "x.msi"), AntennaArray(1, 1, 1))
