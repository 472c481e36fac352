"""An area from a map: tiles that join, masts outside them, windows across their edges, and kills."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from area_fixtures import AREA, SCENE, TRACE, build_town, trace_town
from map_fixtures import OsmText, rectangle
from raylocus.cli.main import main
from raylocus.errors import PlaceError
from raylocus.execution.task import Task, TaskOutcome, ThisProcess
from raylocus.geo import Grid
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_area import TracedArea
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.search.far_sites import FAR, TRACED
from raylocus.scenes.area import is_area, open_area
from raylocus.scenes.build import build_source
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.place import Place


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> TracedArea:
    folder = tmp_path_factory.mktemp("areas") / "town"
    build_town(folder)
    return trace_town(folder)


def test_the_network_reaches_beyond_the_extent_and_tiles_hold_what_is_heard(area: TracedArea) -> None:
    assert [tile.folder for tile in area.tiles] == ["tiles/0-0", "tiles/1-0", "tiles/0-1", "tiles/1-1"]
    position = area.deployment.site_positions
    assert area.extent.size == (256.0, 256.0)
    assert (
        not area.extent.contains(position).all() and area.extent.widened(AREA.reach).contains(position).all()
    )
    for tile in area.tiles:
        place = area.place(tile)
        assert [cell.pci for cell in place.deployment.cells] == area.deployment.pcis[
            list(tile.cells)
        ].tolist()
        back = place.deployment.site_positions[:, :2] + tile.centre
        assert np.abs(back[:, None] - position[:, :2]).sum(axis=-1).min(axis=1).max() < 1e-9


def test_the_scenes_page_opens_a_window_of_an_area(
    area: TracedArea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    text = (repository / "docs" / "scenes.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "areas").mkdir()
    (tmp_path / "areas" / "berlin").symlink_to(area.folder)
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    # The page's area is larger.
    exec(text.replace("(120.0, -60.0), 512.0", "(20.0, -10.0), 128.0"), known)
    window = known["window"]
    assert "512" in text and window.tile.size == 128.0
    assert window.radio_maps["rsrp"].sizes["cell"] == len(window.deployment.cells) == len(window.cells)


def test_masts_are_traced_near_and_over_the_roofs_from_afar(area: TracedArea) -> None:
    treatments: set[str] = set()
    for tile in area.tiles:
        place = area.place(tile)
        near = np.abs(place.deployment.site_positions[:, :2]).max(axis=1) < SCENE.tile_size / 2 + AREA.near
        kinds = place.radio_maps.attrs["site_treatment"]
        assert kinds == [TRACED if each else FAR for each in near]
        treatments.update(kinds)
        lit = np.isfinite(place.radio_maps["path_gain"].values).mean(axis=(1, 2))
        outdoors = 1 - float(place.geometry_maps["footprint"].mean())
        # But for what lies too far behind roofs, more or less by the town, which other processors draw otherwise.
        assert np.all(lit[~near] < outdoors + 1e-3) and np.all(lit[~near] > 0.8 * outdoors)
    assert treatments == {TRACED, FAR}


def test_a_window_on_a_tile_is_the_tile(area: TracedArea) -> None:
    tile = area.tiles[2]
    place, window = area.place(tile), area.window(Grid(128.0, 4.0, tile.centre))
    assert window.deployment == place.deployment and window.tile == place.tile
    for layer in ("rsrp_beam", "path_gain", "toa", "sinr"):
        np.testing.assert_array_equal(window.radio_maps[layer].values, place.radio_maps[layer].values)
    np.testing.assert_array_equal(window.geometry_maps["height"].values, place.geometry_maps["height"].values)
    there = (
        window.frame.to_local(*place.frame.to_wgs84(np.zeros(2)))
        if window.frame.georeferenced
        else np.zeros(2)
    )
    assert np.abs(there).max() < 1e-3


def test_levels_at_a_point_are_those_of_its_tile(area: TracedArea) -> None:
    for tile in area.tiles:
        place = area.place(tile)
        rsrp = place.radio_maps["rsrp"].values.reshape(len(tile.cells), -1)
        ground = int(np.isfinite(rsrp).any(axis=0).argmax())
        levels = area.levels_at(place.tile.centres[ground] + tile.centre)
        assert np.array_equal(levels[list(tile.cells)], rsrp[:, ground], equal_nan=True)
        assert np.isfinite(levels).sum() == np.isfinite(rsrp[:, ground]).sum() > 0
    assert np.isnan(area.levels_at(np.array([1e6, 0.0]))).all()
    assert np.isnan(area.levels_at(np.full(2, np.nan))).all()


def test_a_window_across_edges_has_each_tiles_own_values(area: TracedArea) -> None:
    window = area.window(area.window_at((12.0, -20.0), 128.0))
    assert window.centre == (12.0, -20.0)
    whole = window.radio_maps["rsrp"].values
    for tile in area.tiles:
        place = area.place(tile)
        columns, rows = (
            np.isin(np.round(axis + there, 6), np.round(own + here, 6)).nonzero()[0]
            for axis, there, own, here in zip(
                (window.tile.x_coordinates, window.tile.y_coordinates),
                window.centre,
                (place.tile.x_coordinates, place.tile.y_coordinates),
                tile.centre,
                strict=True,
            )
        )
        of_tile = place.tile.index(
            np.stack(
                np.meshgrid(window.tile.x_coordinates[columns], window.tile.y_coordinates[rows]), axis=-1
            )
            + np.array(window.centre)
            - tile.centre
        )
        for cell, whose in enumerate(window.cells):
            here = whole[cell][np.ix_(rows, columns)]
            if whose in tile.cells:
                own = place.radio_maps["rsrp"].values[tile.cells.index(whose)].ravel()[of_tile]
                np.testing.assert_array_equal(here, own)
            else:
                assert np.isnan(here).all()


def test_seams_are_small_where_a_mast_is_seen_from_both_tiles_or_from_none(area: TracedArea) -> None:
    # Steps from column to column of masts heard on both sides: across the seam as within the tiles. Over coarse ground,
    # by which a tile sees masts far from it, sight along a street can be lost.
    window = area.window(area.window_at((0.0, 0.0), 240.0))
    both = set.intersection(*(set(tile.cells) for tile in area.tiles))
    assert len(both) > 3
    heard = [index for index, cell in enumerate(window.cells) if cell in both]
    seen = window.radio_maps["line_of_sight"].values[window.deployment.site_of_cell[heard]] > 0
    alike = seen[..., 1:] == seen[..., :-1]
    step = np.where(alike, np.abs(np.diff(window.radio_maps["rsrp"].values[heard], axis=2)), np.nan)
    seam = window.tile.count // 2 - 1
    across, within = np.nanmedian(step[..., seam]), np.nanmedian(np.delete(step, seam, axis=2))
    assert across < within + 2.5
    assert np.mean(~alike[..., seam]) < 0.2


def test_what_is_no_window_is_refused(area: TracedArea) -> None:
    with pytest.raises(PlaceError, match="partly outside"):
        area.window(Grid(128.0, 4.0, (100.0, 0.0)))
    with pytest.raises(PlaceError, match="window_at"):
        area.window(Grid(128.0, 4.0, (1.0, 0.0)))
    assert area.window_at((1000.0, 0.0), 128.0).centre == (64.0, 0.0)


class Killed(Exception):
    """What ends a build half-way."""


class DiesHalfWay(ThisProcess):
    """Performs the last half of what it is given, from the end, and dies."""

    def run(self, tasks: Sequence[Task]) -> Iterator[TaskOutcome]:
        for task in reversed(tasks[len(tasks) // 2 :]):
            yield from super().run([task])
        raise Killed


def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(area: TracedArea, tmp_path: Path) -> None:
    def killed(place: Place) -> None:
        if place.folder.name == "0-1":
            raise Killed

    folder = tmp_path / "town"
    with pytest.raises(Killed):
        build_town(folder, killed)
    assert not is_area(folder)
    first = (folder / "tiles" / "0-0" / "scene.xml").stat().st_mtime_ns
    build_town(folder)
    assert (folder / "tiles" / "0-0" / "scene.xml").stat().st_mtime_ns == first
    of_trace = ("atlas.zarr", "radio.zarr")
    whole = {
        name: text for name, text in contents(area.folder).items() if not any(t in name for t in of_trace)
    }
    assert contents(folder) == whole
    # Another network: other tiles, and no area in between.
    with pytest.raises(Killed):
        build_town(folder, killed, seed=4)
    assert not is_area(folder)


def test_a_killed_trace_goes_on_and_ends_with_the_same_bytes(area: TracedArea, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(area.folder, tmp_path / "town"))
    record = json.loads((folder / "area.json").read_text())
    record["tiles"] = record["tiles"][1:2]
    (folder / "area.json").write_text(json.dumps(record))
    window = folder / "tiles" / "1-0"
    for store in ("atlas.zarr", "radio.zarr"):
        shutil.rmtree(window / store)
    with pytest.raises(Killed):
        trace_town(folder, DiesHalfWay())
    assert not (window / "atlas.zarr").exists() and list(window.glob(".atlas.*.parts/site-*"))
    trace_town(folder)
    assert contents(window) == contents(area.folder / "tiles" / "1-0")


def test_the_command_line_builds_an_area(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = OsmText().bounds(256)
    text.way(rectangle(-150, -150, 30, 20), {"building": "house"})
    source = str(text.write(tmp_path / "edge.osm"))
    folder = tmp_path / "areas" / "edge"
    small = [
        "--scene.tile_size",
        "256",
        "--scene.resolution",
        "16",
        "--area.reach",
        "300",
        "--area.near",
        "32",
    ]
    assert main(["scene", "build", source, "--out", str(folder), *small]) == 0
    said = capsys.readouterr().out
    assert "4 tiles" in said and f"next: raylocus maps trace {folder}" in said
    area = open_area(folder)
    assert area.ground is not None and area.ground.sizes["x"] * 16 >= 512 + 600
    assert float(area.ground["built"].sum()) * 256 == pytest.approx(600, rel=0.1)
    houses = [json.loads((folder / tile.folder / "meshes" / "buildings.json").read_text())
              for tile in area.tiles if (folder / tile.folder / "meshes" / "buildings.json").exists()]  # fmt: skip
    assert len(houses) == 1


def test_an_area_larger_than_the_disk_is_refused(tmp_path: Path) -> None:
    text = OsmText().bounds(20_000)
    text.way([(-100.0, 0.0), (100.0, 20.0)], {"highway": "residential"}, closed=False)
    source, folder = str(text.write(tmp_path / "wide.osm")), tmp_path / "wide"
    fine = SceneConfiguration(resolution=0.25)
    with pytest.raises(PlaceError, match="GiB free; take a smaller map"):
        build_source(source, folder, (fine, AreaConfiguration()), heard_cells)
    # Said before a town is generated or a map fetched, which would take hours.
    for huge, side in (("procedural:european-core", 1e6), ("5,45,15,55", None)):
        with pytest.raises(PlaceError, match="GiB free; take a smaller map"):
            build_source(huge, folder, (fine, AreaConfiguration(side=side)), heard_cells)
    assert not folder.exists()


def test_an_area_without_a_map_is_not_traced(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("lat,lon\n59.9,10.7\n")
    folder = tmp_path / "open"
    assert (
        main(["scene", "build", "sites", "--sites", str(tmp_path / "sites.csv"), "--out", str(folder)]) == 0
    )
    with pytest.raises(PlaceError, match="nothing to trace"):
        trace_town(folder)
    with pytest.raises(PlaceError, match="is an area, and a place is needed"):
        open_place(folder)
    assert TRACE.depth == 1
