"""A GPX track and one CSV of power a link become reports of a place, matched by their clocks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from raylocus.errors import InputError
from raylocus.geo import GeoFrame
from raylocus.network.formats.gpx_links import read_gpx, reports_of_links
from raylocus.scenes.place import Place
from stack_fixtures import free_space_place

POINT = '<trkpt lat="{lat}" lon="{lon}"><time>2026-05-01T10:00:{second:02d}Z</time></trkpt>'
GPX = '<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{points}</trkseg></trk></gpx>'


def georeferenced() -> Place:
    place = free_space_place(2)
    made = dataclasses.replace(place, frame=GeoFrame(48.0, 11.0))
    made.__dict__.update(geometry_maps=place.geometry_maps)
    return made


def files(folder: Path, rows: str) -> tuple[Path, dict[int, Path]]:
    points = "".join(POINT.format(lat=48 + second * 1e-5, lon=11.0, second=second) for second in range(4))
    gpx, link = folder / "track.gpx", folder / "0.csv"
    gpx.write_text(GPX.format(points=points))
    link.write_text(rows)
    return gpx, {0: link}


def test_samples_are_taken_at_the_nearest_point_in_time(tmp_path: Path) -> None:
    start = read_gpx(files(tmp_path, "")[0]).time[0]
    rows = f"timestamp,power_dbm\n{start + 2.2},-71\n{start + 2.9},-72\n{start + 60},-99\n"
    reports = reports_of_links(*files(tmp_path, rows), georeferenced())
    assert reports.features[:, 0].tolist() == [-71.0, -72.0]
    assert np.allclose(reports.position[:, 1], [2.2, 3.3], atol=0.3)
    assert reports.pci.tolist() == [0, 0]


def test_rows_without_times_are_the_points(tmp_path: Path) -> None:
    reports = reports_of_links(*files(tmp_path, "rsrp\n-70\n-71\n-72\n-73\n"), georeferenced())
    assert reports.features[:, 0].tolist() == [-70.0, -71.0, -72.0, -73.0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("rsrp\n-70\n", "give times in both files"),
        ("a,b\n1,2\n", "no column of power"),
        ("time,power\n0,x\n", "no number"),
        ("time,power\n0,-70\n", "compare their clocks"),
    ],
)
def test_what_cannot_be_matched_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        reports_of_links(*files(tmp_path, rows), georeferenced())


def test_other_files_are_no_gpx(tmp_path: Path) -> None:
    (tmp_path / "x.gpx").write_text("not xml")
    with pytest.raises(InputError, match="no GPX file"):
        read_gpx(tmp_path / "x.gpx")
