"""A place with cells on two carriers: one ray launch a site, and R of each cell as if its carrier stood alone."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from propagation_fixtures import ETOILE
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.search.specular import SpecularSearch
from raylocus.propagation.trace_configuration import TraceConfiguration
from raylocus.propagation.trace_place import is_traced, trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.place import save_place
from raylocus.scenes.sites import AntennaArray, Carrier, Deployment, ElementPattern

TRACE = TraceConfiguration(depth=2, rays_per_cell=4.0, refraction=1, scattering=0.2)
MAPS = RadioMapConfiguration(layers=("channel", "measurements", "system"))
LOW = Carrier(806e6, 0, 50, "LTE", 6300)


def two_carriers(deployment: Deployment) -> Deployment:
    """Every cell again on LTE at 806 MHz, with one wide beam; the order of the cells mixes both."""
    wide = ElementPattern(beamwidth_elevation=10.0, gain=15.0)
    low = [
        dataclasses.replace(
            cell,
            carrier=1,
            pci=cell.pci % 504,
            array=AntennaArray(1, 1, 1),
            pattern=wide,
            identity=256 + number,
        )
        for number, cell in enumerate(deployment.cells)
    ]
    cells = tuple(cell for pair in zip(low, deployment.cells, strict=True) for cell in pair)
    return dataclasses.replace(deployment, carriers=(*deployment.carriers, LOW), cells=cells)


@pytest.fixture(scope="module")
def launches() -> list[int]:
    return []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, launches: list[int]) -> TracedPlace:
    folder = tmp_path_factory.mktemp("places") / "etoile"
    build_place("etoile", folder, ETOILE)
    built = open_place(folder)
    save_place(dataclasses.replace(built, deployment=two_carriers(built.deployment)))
    counted = SpecularSearch.paths

    def counting(*arguments: object, **named: object) -> object:
        launches.append(1)
        return counted(*arguments, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpecularSearch, "paths", counting)
        return trace_place(folder, TRACE, maps=MAPS)


def alone(place: TracedPlace, carrier: int, folder: Path) -> TracedPlace:
    """The same place with the cells of one carrier, traced by itself."""
    shutil.copytree(place.folder, folder, ignore=shutil.ignore_patterns("*radio.zarr", "atlas*.zarr"))
    layer = place.deployment.layers()[carrier]
    save_place(dataclasses.replace(place, folder=folder, deployment=layer.deployment))
    return trace_place(folder, TRACE, maps=MAPS)


def test_two_bands_cost_one_launch_a_site(place: TracedPlace, launches: list[int]) -> None:
    assert len(launches) == len(place.deployment.sites)
    assert is_traced(place, TRACE, MAPS)
    assert [file.name for file in place.atlas_files] == ["atlas.zarr", "atlas-2.zarr"]


@pytest.mark.parametrize("carrier", [0, 1])
def test_maps_are_those_of_each_carrier_alone(place: TracedPlace, carrier: int, tmp_path: Path) -> None:
    single = alone(place, carrier, tmp_path / "alone")
    layer, ours = place.layers()[carrier], place.deployment.layers()[carrier]
    assert layer.deployment == single.deployment
    for name in ("length", "ground_cell", "excess_loss_db", "kind"):
        np.testing.assert_array_equal(getattr(layer.atlas, name), getattr(single.atlas, name))
    for name, expected in single.radio_maps.data_vars.items():
        if "cell" not in expected.dims:
            continue
        found = place.radio_maps[name].isel(cell=ours.cells)
        if "beam" in found.dims:
            assert found.isel(beam=slice(expected.sizes["beam"], None)).isnull().all()
            found = found.isel(beam=slice(expected.sizes["beam"]))
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(layer.radio_maps[name].values, expected.values)
