"""Maps as other tools leave them, through the real command: what is built, what is said, and the real cases."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from map_fixtures import OsmText, rectangle
from raylocus.cli.main import main

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
COARSE = ("--scene.resolution", "16")


def built(
    source: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[list[dict[str, object]], str]:
    """The records of the buildings, and what the command said."""
    code = main(["scene", "build", str(source), "--out", str(folder / "place"), *COARSE])
    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    return json.loads((folder / "place" / "meshes" / "buildings.json").read_text()), captured.out


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *words: object) -> str:
    """The one sentence that the command ends with, and nothing left behind."""
    code = main(["scene", "build", *map(str, words), "--out", str(folder / "place"), *COARSE])
    captured = capsys.readouterr()
    assert code == 2 and captured.err.startswith("raylocus: ") and captured.err.count("\n") == 1
    assert not (folder / "place").exists()
    return captured.err


def town(path: Path) -> Path:
    text = OsmText().bounds(200)
    for x in range(-120, 120, 60):
        text.way(rectangle(x, 0, 30, 30), {"building": "yes", "height": "9"})
    return text.write(path)


@pytest.mark.parametrize("option", ["terrain", "roads", "vegetation", "sites"])
def test_a_missing_file_is_named_with_its_option(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, absent = town(tmp_path / "town.osm"), tmp_path / "nowhere" / "file.tif"
    said = refused(capsys, tmp_path, source, f"--{option}", absent)
    assert (
        f"--{option}: there is no file or folder {absent}; {tmp_path} is there, but nothing of that name"
        in said
    )
    said = refused(capsys, tmp_path, source, f"--{option}", tmp_path)
    assert f"--{option}: {tmp_path} is a folder; give the file in it" in said


def test_a_tile_outside_the_map_says_how_to_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, tmp_path, town(tmp_path / "town.osm"), "--tile", "9000,0")
    assert "move the tile (--tile X,Y)" in said


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not next to this checkout")
@pytest.mark.parametrize(
    ("case", "buildings", "courtyards"),
    [
        ("overpass_order/in.osm", 11, 3),
        ("overpass_order/all_qt.osm", 11, 3),
        ("overpass_order/backwards.osm", 10, 1),
        ("overpass_order/twice.osm", 10, 1),
        ("overpass_order/twice_nodes_first.osm", 10, 1),
        ("overpass_geom/in.osm", 9, 1),
        ("overpass_geom/ways_geom.osm", 8, 0),
        ("overpass_geom/geom.json", 8, 0),
        ("overpass_geom/skel.json", 8, 0),
        ("overpass_geom/skel.osm.json", 8, 0),
        ("josm_delete/in.osm", 9, 0),
        ("josm_delete/in_visible_false.osm", 8, 0),
        ("mixed_geojson/in.geojson", 10, 1),
        ("mixed_geojson/buildings_only.geojson", 10, 1),
        ("mixed_geojson/camel.geojson", 11, 0),
        ("overture_parquet/in.parquet", 10, 0),
        ("overture_parquet/in.geojson", 10, 0),
        ("overture_parquet/in.geojsonl", 10, 0),
        ("overture_parquet/flat.parquet", 10, 0),
        ("overture_parquet/list_column.parquet", 2, 0),
        ("overture_parquet/list_property.geojson", 2, 0),
        ("roof_levels/in.osm", 15, 0),
    ],
)  # fmt: skip
def test_cases(
    case: str, buildings: int, courtyards: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records, said = built(CASES / case, tmp_path, capsys)
    assert len(records) == buildings
    assert sum("), (" in str(record["footprint"]) for record in records) == courtyards
    stated, storeys, drawn = map(
        int, re.findall(r"heights of solids: (\d+) as .*, (\d+) from .*, (\d+) drawn", said)[0]
    )
    assert (stated + storeys, drawn) == (buildings, 0)


HEIGHTS = {
    "josm_delete/in.osm": {"way/50": (10.0, 0.0, 0.0)},
    "mixed_geojson/camel.geojson": {
        "building/8": (60.0, 45.0, 9.0), "building/9": (27.0, 0.0, 0.0), "building/10": (27.0, 9.0, 0.0),
    },
    "overture_parquet/flat.parquet": {
        "building/0": (12.0, 0.0, 0.0), "building/9": (90.0, 0.0, 0.0), "building/10": (90.0, 0.0, 20.0),
    },
    "roof_levels/in.osm": {
        "way/45": (6.0, 0.0, 0.0), "way/50": (8.5, 0.0, 2.5), "way/75": (5.5, 0.0, 2.5), "way/60": (9.0, 0.0, 3.0),
        "way/65": (11.0, 0.0, 5.0), "way/70": (9.0, 0.0, 2.5),
    },
}  # fmt: skip


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not next to this checkout")
@pytest.mark.parametrize("case", HEIGHTS)
def test_heights_of_cases(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, _ = built(CASES / case, tmp_path, capsys)
    found = {
        each["identifier"]: (each["height"], each["min_height"], each["roof_height"]) for each in records
    }
    assert {name: found[name] for name in HEIGHTS[case]} == HEIGHTS[case]
