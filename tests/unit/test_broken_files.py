"""Files that are whole but say what cannot be: one sentence, whatever reads them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from network_fixtures import random_reports, save_analytic_place
from raylocus.errors import CheckpointError, PlaceError, StoreError
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, load_network, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.location_network import LocationNetwork
from raylocus.network.reports.report_files import REPORTS_SCHEMA, load_reports, reports_to_dataset
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.propagation.maps.traced_place import open_place
from raylocus.provenance import Provenance
from raylocus.scenes.triangles import read_place_scene
from raylocus.storage import write_manifest
from raylocus.xarray_store import load_dataset, save_dataset

PROVENANCE = Provenance.collect({}, 0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    save_analytic_place(tmp_path / "place", 2)
    return tmp_path / "place"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("tile", "size"), float("nan")),
        (("tile", "resolution"), 256.0 / 2**20),
        (("cells", 0, "site"), 2),
        (("cells", 1, "pci"), "1"),
        (("cells", 0, "pci"), 1008),
        (("cells", 0, "array", "beams"), 0),
        (("cells", 0, "azimuth"), None),
        (("sites", 0, "position"), [0.0, 1.0]),
        (("sites", 0, "position"), "abc"),
        (("carriers", 0, "frequency"), -3.5e9),
        (("carriers",), []),
        (("carriers", 0, "technology"), "GSM"),
        (("cells", 0, "carrier"), 1),
        (("cells", 0, "identity"), 2**36),
        (("cells", 0, "pattern", "beamwidth_azimuth"), 0.0),
        (("sites", 0, "deviation"), -1.0),
        (("frame",), None),
        (("materials",), {"concrete": 5}),
        (("provenance",), "none"),
    ],
)
def test_a_record_that_no_place_can_have_is_refused(
    place: Path, keys: tuple[Any, ...], value: object
) -> None:
    record = json.loads((place / "place.json").read_text())
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (place / "place.json").write_text(json.dumps(record))
    with pytest.raises(
        PlaceError, match=r"place\.json|tile of|no cell|no carrier|needs at least|no site|cannot have"
    ):
        open_place(place)


def test_a_record_that_is_no_record_is_refused(place: Path) -> None:
    for text in ("[]", '"place"', "{}", "[" * 100_000):
        (place / "place.json").write_text(text)
        with pytest.raises(PlaceError):
            open_place(place)


def test_maps_of_another_place_are_refused(place: Path) -> None:
    maps = open_place(place).radio_maps
    broken = {
        "sites": maps.isel(site=[0]),
        "rows": maps.isel(y=slice(0, 32)),
        "words": maps.assign(toa=maps["toa"].astype(str)),
        "elsewhere": maps.assign_coords(x=maps["x"] + 100),
        "turned": maps.assign(toa=maps["toa"].transpose("y", "x", "site")),
    }
    for dataset in broken.values():
        save_dataset(dataset, place / "radio.zarr", RADIO_SCHEMA)
        with pytest.raises(StoreError, match="of its place|lies elsewhere"):
            _ = open_place(place).radio_maps


def test_a_chunk_that_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "values.zarr"
    save_dataset(xr.Dataset({"values": ("x", np.arange(1000.0))}), path, "values")
    chunk = next(each for each in (path / "values").rglob("*") if each.is_file() and each.name != "zarr.json")
    chunk.write_bytes(bytes(len(chunk.read_bytes())))
    write_manifest(path)
    with pytest.raises(StoreError, match="cannot be read"):
        load_dataset(path, "values")


def test_columns_of_reports_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    reports, path = random_reports([[2, 1], [3]], 1), tmp_path / "reports.zarr"
    broken = {
        "pci": reports.pci.astype(float),
        "time": reports.time[:-1],
        "token_offsets": reports.token_offsets[::-1].copy(),
        "report_offsets": reports.report_offsets + 1,
    }
    for name, values in broken.items():
        dataset = reports_to_dataset(reports)
        stored = dataset.drop_vars(name).assign({name: (f"{name}_rows", values)})
        save_dataset(stored, path, REPORTS_SCHEMA)
        with pytest.raises(StoreError, match="the column|offsets that do not fit"):
            load_reports(path)


def saved_network(path: Path, **changes: object) -> Path:
    network = LocationNetwork(LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8))
    save_network(TrainedNetwork(network, PosteriorCalibration(), PROVENANCE), path)
    content = torch.load(path, weights_only=True)
    content["raylocus"] |= changes
    torch.save(content, path)
    return path


def test_checkpoints_that_no_training_gives_are_refused(tmp_path: Path) -> None:
    assert load_network(saved_network(tmp_path / "whole.ckpt")).calibration == PosteriorCalibration()
    sizes = dataclasses.asdict(LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8))
    weights = torch.load(tmp_path / "whole.ckpt", weights_only=True)["raylocus"]["weights"]
    changes: list[dict[str, object]] = [
        {"calibration": {"temperature": "1", "estimator": "mean"}},
        {"calibration": {"temperature": 0.0, "estimator": "mean"}},
        {"calibration": []},
        {"network": {**sizes, "token_width": 2**40}},
        {"network": {**sizes, "head_ages": 3}},
        {"weights": {name: torch.full_like(each, torch.nan) for name, each in weights.items()}},
        {"weights": None},
        {"provenance": 7},
    ]
    for number, change in enumerate(changes):
        with pytest.raises(CheckpointError):
            load_network(saved_network(tmp_path / f"{number}.ckpt", **change))


def test_a_scene_that_is_no_xml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scene.xml").write_text("<scene version='2.1.0'><shape")
    with pytest.raises(PlaceError, match=r"scene\.xml is no XML, or is damaged"):
        read_place_scene(tmp_path / "scene.xml")
