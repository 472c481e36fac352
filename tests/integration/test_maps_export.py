"""A traced place's maps in other tools: GeoTIFF round trips, pictures of every layer, and bad wishes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from matplotlib.image import imread
from pyproj import Transformer

from propagation_fixtures import ETOILE
from raylocus.cli.main import main
from raylocus.geo import GeoFrame, compass_from_azimuth
from raylocus.propagation.maps.layers.complete import ALL_LAYERS
from raylocus.propagation.maps.radio_files import export_geotiff
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.place import save_place


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> TracedPlace:
    folder = tmp_path_factory.mktemp("places") / "etoile"
    build_place("etoile", folder, ETOILE)
    return trace_place(folder, TraceConfiguration(depth=1, rays_per_cell=4.0, diffraction=False))


@pytest.fixture(scope="module")
def georeferenced(local: TracedPlace) -> TracedPlace:
    folder = local.folder.with_name("paris")
    shutil.copytree(local.folder, folder)
    save_place(dataclasses.replace(local, folder=folder, name="paris", frame=GeoFrame(48.8738, 2.2950)))
    return open_place(folder)


def test_a_place_is_traced_with_all_layers_and_its_crs(local: TracedPlace) -> None:
    maps = local.radio_maps
    assert {layer.name for layer in ALL_LAYERS} == set(maps.data_vars)
    assert maps.attrs["crs"].startswith("LOCAL_CS")
    assert maps.attrs["crs_origin"] == [0, 0]
    assert maps.attrs["load"] == 0.5


def test_geotiff_gives_the_values_back_north_up(local: TracedPlace, tmp_path: Path) -> None:
    files = export_geotiff(local, tmp_path)
    assert {file.stem for file in files} == set(local.radio_maps.data_vars)
    with rasterio.open(tmp_path / "rsrp_beam.tif") as file:
        expected = local.radio_maps["rsrp_beam"].values
        np.testing.assert_array_equal(file.read()[:, ::-1].reshape(expected.shape), expected)
        assert file.units[0] == "dBm"
        cell = local.deployment.cells[1]
        assert file.descriptions[local.deployment.beam_count + 2] == f"cell 1 (PCI {cell.pci}), beam 2"
        assert np.isnan(file.nodata)
        # The value at a point, asked for by its coordinates.
        point = (local.tile.x_coordinates[20], local.tile.y_coordinates[5])
        np.testing.assert_array_equal(next(file.sample([point]))[0], expected[0, 0, 5, 20])


def test_a_local_place_has_a_local_crs_and_its_corners(local: TracedPlace, tmp_path: Path) -> None:
    export_geotiff(local, tmp_path, ("toa",))
    with rasterio.open(tmp_path / "toa.tif") as file:
        assert tuple(file.bounds) == (-64.0, -64.0, 64.0, 64.0)
        assert file.crs.to_wkt().startswith("LOCAL_CS")
        assert not file.crs.is_geographic


def test_a_georeferenced_place_opens_at_its_corners(georeferenced: TracedPlace, tmp_path: Path) -> None:
    export_geotiff(georeferenced, tmp_path, ("rsrp", "best_server"))
    with rasterio.open(tmp_path / "rsrp.tif") as file:
        assert file.crs.to_epsg() == 32631
        to_degrees = Transformer.from_crs(file.crs, "EPSG:4326", always_xy=True)
        corners = np.array([[-64.0, -64.0], [64.0, -64.0], [64.0, 64.0], [-64.0, 64.0]])
        latitude, longitude = georeferenced.frame.to_wgs84(corners)
        left, bottom, right, top = file.bounds
        found = to_degrees.transform([left, right, right, left], [bottom, bottom, top, top])
        np.testing.assert_allclose(found, [longitude, latitude], atol=1e-9)
        # The middle of the first stored pixel is the north-west ground cell's centre.
        row, column = file.index(*file.xy(0, 0))
        assert (row, column) == (0, 0)
        first, northernmost = file.read(1)[0, 0], georeferenced.radio_maps["rsrp"].values[0, -1, 0]
        np.testing.assert_array_equal(first, northernmost)


def test_azimuths_leave_as_compass_degrees(local: TracedPlace, tmp_path: Path) -> None:
    export_geotiff(local, tmp_path, ("aod_azimuth",))
    stored = local.radio_maps["aod_azimuth"].values[0]
    row, column = np.argwhere(np.isfinite(stored))[7]
    with rasterio.open(tmp_path / "aod_azimuth.tif") as file:
        assert file.units[0] == "degree clockwise from north"
        written = file.read(1)[::-1][row, column]
    assert written == pytest.approx(compass_from_azimuth(float(stored[row, column])), abs=1e-4)


def test_commands_write_pictures_and_files(local: TracedPlace, tmp_path: Path) -> None:
    folder = str(local.folder)
    assert (
        main(["maps", "show", folder, "--feature", "all", "--cell", "1", "--out", str(tmp_path / "all.png")])
        == 0
    )
    assert main(["maps", "show", folder, "--feature", "toa", "--out", str(tmp_path / "toa.png")]) == 0
    everything, one = imread(tmp_path / "all.png"), imread(tmp_path / "toa.png")
    assert everything.shape[0] > one.shape[0]
    assert len(np.unique(one.reshape(-1, one.shape[-1]), axis=0)) > 100
    assert (
        main(["maps", "export", folder, "--geotiff", "--feature", "snr", "--out", str(tmp_path / "tif")]) == 0
    )
    assert (tmp_path / "tif" / "snr.tif").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["maps", "trace", "{place}", "--maps.layers", "[phy]"],
            "no group of layers 'phy'; choose from channel",
        ),
        (["maps", "export", "{place}"], "say which format to export to"),
        (["maps", "export", "{place}", "--geotiff", "--feature", "x"], "there is no layer 'x'"),
        (["maps", "show", "{place}", "--cell", "99", "--out", "a.png"], "there is no cell 99"),
        (["maps", "show", "{place}", "--beam", "8", "--out", "a.png"], "there is no beam 8"),
        (["maps", "show", "{place}", "--feature", "y", "--out", "a.png"], "there is no layer 'y'"),
    ],
)
def test_a_bad_wish_is_one_sentence(
    local: TracedPlace, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(place=local.folder) for word in words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
