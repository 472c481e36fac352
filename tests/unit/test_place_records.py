"""What place.json says: read back as it was written, and refused where it says what cannot be."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.geo import MOST_CELLS, GeoFrame, Grid
from raylocus.provenance import Provenance
from raylocus.scenes.foreign_files import (
    absence,
    archive,
    deepmimo_folder,
    deepmimo_parts,
    names_in_zip,
    parquet_parts,
)
from raylocus.scenes.place import (
    Place,
    deployment_of_record,
    deployment_record,
    load_place,
    place_of_record,
    place_record,
    save_place,
)
from raylocus.scenes.place_checks import check_maps
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, ElementPattern, PatternCuts, Site


def any_network(seed: int) -> Deployment:
    """Carriers, sites and cells with whatever they may have."""
    random = np.random.default_rng(seed)

    def number(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    def perhaps(value: Any) -> Any:
        return value if random.random() < 0.5 else None

    carriers = [
        Carrier(
            frequency=float(random.uniform(1e8, 9e11)),
            numerology=number(0, 6),
            resource_blocks=number(1, 275),
            technology=str(random.choice(["NR", "LTE", "NB-IoT"])),
            channel=perhaps(number(0, 3_279_165)),
            operator=str(random.choice(["", "262-1"])),
        )
        for _ in range(number(1, 3))
    ]
    sites = [
        Site(f"site {index}", tuple(random.normal(0, 500, 3).tolist()), float(random.uniform(0, 50)))
        for index in range(number(1, 3))
    ]
    cells = [
        Cell(
            pci=number(0, 1007),
            site=number(0, len(sites) - 1),
            azimuth=float(random.uniform(-4, 4)),
            downtilt=float(random.uniform(-0.1, 0.3)),
            array=AntennaArray(number(1, 16), number(1, 16), number(1, 64), "cross"),
            pattern=ElementPattern(
                cuts=perhaps(PatternCuts(tuple(random.uniform(0, 60, 3).tolist()), (0.0, 7.5)))
            ),
            carrier=number(0, len(carriers) - 1),
            identity=perhaps(number(0, 2**36 - 1)),
        )
        for _ in range(number(1, 5))
    ]
    return Deployment(tuple(carriers), tuple(sites), tuple(cells))


def place(folder: Path = Path("nowhere")) -> Place:
    network = Deployment(
        (Carrier(),), (Site("mast", (1.0, 2.0, 30.0)),), (Cell(pci=7, site=0, azimuth=0.5, downtilt=0.1),)
    )
    return Place(folder, "town", GeoFrame(), Grid(64.0, 4.0), network, Provenance.collect({"source": "x"}, 3))


@pytest.mark.parametrize("seed", range(12))
def test_a_network_is_read_back_as_it_was_written(seed: int) -> None:
    network = any_network(seed)
    record = json.loads(json.dumps(deployment_record(network)))
    assert deployment_of_record(record) == network


def test_a_place_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = place(tmp_path)
    save_place(written)
    assert load_place(tmp_path) == written
    assert [file.name for file in tmp_path.iterdir()] == ["place.json"]


def changed(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets what a path such as `cells.0.pci` leads to; removes it where the value is ... ."""

    def change(record: dict[str, Any]) -> None:
        *ways, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for way in ways:
            record = record[way]
        if value is ...:
            del record[last]
        else:
            record[last] = value

    return change


CANNOT_BE = [
    ("schema", "raylocus.place.v0", "place schema 'raylocus.place.v0'"),
    ("cells.0.pci", 1008, "PCI 1008"),
    ("cells.0.pci", -1, "PCI -1"),
    ("cells.0.pci", "7", "pci '7'"),
    ("cells.0.pci", True, "pci True"),
    ("cells.0.site", 1, "at site 1"),
    ("cells.0.carrier", 1, "on no carrier"),
    ("cells.0.identity", 2**36, "identity"),
    ("cells.0.array.columns", 0, "cannot have"),
    ("cells.0.array.beams", 2000, "cannot have"),
    ("cells.0.pattern.beamwidth_azimuth", 0.0, "cannot have"),
    ("cells.0.pattern.back_lobe_floor", 101.0, "cannot have"),
    ("cells.0.pattern.cuts", {"azimuth": [], "elevation": [0.0]}, "cannot have"),
    ("cells.0.pattern.cuts", {"azimuth": [-1.0], "elevation": [0.0]}, "cannot have"),
    ("cells.0.azimuth", None, "azimuth None"),
    ("cells.0.colour", "red", "TypeError"),
    ("cells", ..., "KeyError: 'cells'"),
    ("carriers.0.frequency", 0.0, "no carrier is"),
    ("carriers.0.frequency", 1e13, "no carrier is"),
    ("carriers.0.frequency", float("inf"), "frequency inf"),
    ("carriers.0.resource_blocks", 0, "no carrier is"),
    ("carriers.0.numerology", 7, "numerology 7"),
    ("carriers.0.technology", "GSM", "technology 'GSM'"),
    ("carriers.0.channel", 3_279_166, "channel 3279166"),
    ("sites.0.deviation", -1.0, "negative deviation"),
    ("sites.0.position", [1.0, 2.0], "position"),
    ("sites.0.position", [1.0, 2.0, "high"], "position"),
    ("tile.resolution", 0.0, "place.json"),
    ("tile.size", 1e9, "cells a side"),
    ("name", ..., "KeyError: 'name'"),
]


@pytest.mark.parametrize(
    ("path", "value", "sentence"), CANNOT_BE, ids=[f"{path}={value}" for path, value, _ in CANNOT_BE]
)
def test_what_no_place_can_be_is_one_sentence(path: str, value: Any, sentence: str) -> None:
    record = copy.deepcopy(json.loads(json.dumps(place_record(place()))))
    changed(path, value)(record)
    with pytest.raises(PlaceError) as refused:
        place_of_record(record, Path("places/town"))
    assert sentence in str(refused.value) and "build" in str(refused.value) and "\n" not in str(refused.value)


def test_a_place_of_the_version_before_has_one_carrier() -> None:
    record = json.loads(json.dumps(place_record(place())))
    carriers = record.pop("carriers")
    old = {
        **record,
        "schema": "raylocus.place.v2",
        "carrier": {**carriers[0], "numerology": 0, "resource_blocks": 50},
    }
    try:
        found = place_of_record(old, Path("nowhere"))
    except PlaceError as error:
        pytest.fail(str(error))
    assert found.deployment.carrier.technology == "LTE"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no place at"),
        ("{", "not valid JSON"),
        ("[1, 2]", "no record of a place"),
        ("[" * 100_000, "not valid JSON"),
    ],
    ids=["nothing", "cut short", "a list", "too deep"],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "place.json").write_text(content)
    with pytest.raises(PlaceError, match=sentence):
        load_place(tmp_path)


def test_a_folder_of_places_names_them(tmp_path: Path) -> None:
    for name in ("west", "east"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "place.json").write_text("{}")
    with pytest.raises(PlaceError, match=f"but in it: east, west; give {tmp_path / 'east'}"):
        load_place(tmp_path)


def test_an_area_and_a_file_are_no_place(tmp_path: Path) -> None:
    (tmp_path / "area.json").write_text("{}")
    with pytest.raises(PlaceError, match="is an area, and a place is needed"):
        load_place(tmp_path)
    with pytest.raises(PlaceError, match="is a file and no place"):
        load_place(tmp_path / "area.json")


@pytest.mark.parametrize("count", [0, MOST_CELLS + 1])
def test_a_tile_has_some_cells_and_not_too_many(count: int) -> None:
    with pytest.raises(InputError, match="cells a side"):
        Grid(4.0 * count, 4.0)


def test_maps_are_of_their_tile() -> None:
    tile = Grid(16.0, 4.0)

    def maps(**changes: Any) -> xr.Dataset:
        layers = {"rsrp": (("cell", "y", "x"), np.zeros((2, 4, 4), np.float32))} | changes
        return xr.Dataset(layers, {"y": tile.y_coordinates, "x": tile.x_coordinates})

    check_maps(maps(), Path("radio.zarr"), tile, {"cell": 2}, ["rsrp"])
    for broken, sizes, sentence in (
        (maps().rename(rsrp="level"), {"cell": 2}, "no layer 'rsrp'"),
        (maps(), {"cell": 3}, "not of its place"),
        (maps(note=(("y", "x"), np.full((4, 4), "a"))), {"cell": 2}, "not of its place"),
        (maps(turned=(("y", "cell"), np.zeros((4, 2)))), {"cell": 2}, "not of its place"),
        (maps().assign_coords(x=tile.x_coordinates + 4), {"cell": 2}, "lies elsewhere"),
    ):
        with pytest.raises(StoreError, match=sentence):
            check_maps(broken, Path("radio.zarr"), tile, sizes, ["rsrp"])


# Paths that are something else.


def test_the_nearest_folder_of_what_is_missing_is_named(tmp_path: Path) -> None:
    assert absence(tmp_path) is None
    assert "check the path" in str(absence(tmp_path / "town"))
    assert f"{tmp_path} is there, but nothing" in str(absence(tmp_path / "a" / "b"))


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"BZh91", "bzip2"),
        (b"7z\xbc\xaf\x27", "7-Zip"),
        (b"Rar!\x1a", "RAR"),
        (b"\xfd7zXZ", "xz"),
    ],
)
def test_archives_are_known_by_how_they_begin(tmp_path: Path, start: bytes, kind: str) -> None:
    (tmp_path / "packed").write_bytes(start + b"...")
    assert f"is compressed ({kind})" in str(archive(tmp_path / "packed"))
    (tmp_path / "plain").write_bytes(b"plain")
    assert archive(tmp_path / "plain") is None and archive(tmp_path) is None


def test_a_zip_says_what_lies_in_it(tmp_path: Path) -> None:
    path = tmp_path / "town.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in ("town/place.json", "town/scene.xml", "town/meshes/a.ply"):
            packed.writestr(name, "")
    assert names_in_zip(path) == ["town/place.json", "town/scene.xml", "town/meshes/a.ply"]
    assert "of town/place.json, town/scene.xml …; unpack it and give the folder in it" in str(archive(path))
    assert names_in_zip(tmp_path / "none.zip") == []


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["params.json"], "DeepMIMO 4"),
        (["power_t001_tx000_r000.mat"], "DeepMIMO 4"),
        (["O1_60.1.CIR.mat"], "DeepMIMO 3"),
        (["BS1_UE_0-1024.mat", "BS1_BS.mat"], "DeepMIMO 3"),
        (["readme.txt", "a.mat"], None),
        ([], None),
    ],
)
def test_scenarios_are_known_by_their_files(tmp_path: Path, names: list[str], kind: str | None) -> None:
    folder = tmp_path / "scenario"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    assert deepmimo_folder(folder) == kind
    if kind is None:
        assert deepmimo_parts(tmp_path) is None
        return
    file = folder / names[0]
    assert f"give its folder, {folder}" in str(deepmimo_parts(file))
    assert f"give one of them, such as {folder}" in str(deepmimo_parts(tmp_path))
    assert deepmimo_parts(folder) is None and deepmimo_folder(file) is None


def test_a_folder_of_parts_of_a_table_is_no_table(tmp_path: Path) -> None:
    assert parquet_parts(tmp_path) is None
    for part in range(3):
        (tmp_path / f"part-{part}.parquet").touch()
    assert "folder of Parquet files (3); join them" in str(parquet_parts(tmp_path))
