"""`raylocus maps trace` on places that cannot be traced: one sentence, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from raylocus.cli.main import main
from raylocus.scenes.build import SceneConfiguration, build_place
from raylocus.scenes.building_records import read_building_records


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "town"
    build_place(
        "procedural:perimeter-blocks", folder, SceneConfiguration(tile_size=128.0, resolution=4.0, seed=5)
    )
    return folder


def trace(place: Path, *more: str) -> int:
    return main(["maps", "trace", str(place), "--trace.depth", "1", "--trace.rays_per_cell", "2", *more])


def moved(place: Path, change: Callable[[dict], None]) -> Path:
    record = json.loads((place / "place.json").read_text())
    change(record)
    (place / "place.json").write_text(json.dumps(record))
    return place


def site_at(place: Path, x: float, y: float, z: float) -> Path:
    def change(record: dict) -> None:
        record["sites"][0]["position"] = [x, y, z]

    return moved(place, change)


def highest_roof(place: Path) -> tuple[float, float, float]:
    import xarray as xr

    surface = xr.open_zarr(place / "geometry.zarr").surface.load()
    row, column = np.unravel_index(np.argmax(surface.values), surface.shape)
    return float(surface.x[column]), float(surface.y[row]), float(surface.values[row, column])


def change_building(place: Path, change: Callable[[np.ndarray], np.ndarray]) -> str:
    """Changes the faces of one building, walls and roof, and returns its identifier."""
    record = next(each for each in read_building_records(place) if each["triangles"])
    for name, (first, past) in record["triangles"].items():
        file = place / "meshes" / f"{name}.ply"
        mesh = trimesh.load_mesh(file, process=False)
        faces = np.array(mesh.faces)
        faces[first:past] = change(faces[first:past])
        changed = trimesh.Trimesh(mesh.vertices, faces, process=False)
        file.write_bytes(trimesh.exchange.ply.export_ply(changed, vertex_normal=False))
    return str(record["identifier"])


def refused(place: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """The one sentence that the command says; it exits with 2 and leaves nothing behind."""
    before = sorted(str(file) for file in place.rglob("*"))
    capsys.readouterr()
    assert trace(place, *more) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert sorted(str(file) for file in place.rglob("*")) == before
    return said


@pytest.fixture
def place(town: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(town, tmp_path / "town"))


def test_a_site_inside_a_building(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y, top = highest_roof(place)
    said = refused(site_at(place, x, y, top - 3.0), capsys)
    name = json.loads((place / "place.json").read_text())["sites"][0]["name"]
    assert f"site {name} is inside a building, 3.0 m under its top" in said
    assert f"raise its antenna above {top:.1f} m" in said


def test_a_site_below_ground(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(site_at(place, 0.0, 0.0, -4.0), capsys)
    assert "m below ground; raise its antenna above" in said


def test_a_site_outside_the_tile(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(site_at(place, 500.0, 0.0, 40.0), capsys)
    assert "at x,y = 500.0,0.0 m lies outside the 128 m tile; move it inside" in said


def test_a_band_that_no_material_has(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(record: dict) -> None:
        record["carriers"][0]["frequency"] = 300e9

    said = refused(moved(place, change), capsys)
    assert "no material is known at 300 GHz; choose a carrier from 0.5 to 100 GHz" in said


def test_an_open_mesh(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = change_building(place, lambda faces: np.concatenate([faces[1:2], faces[1:]]))
    said = refused(place, capsys)
    assert f"the mesh of building {name} is open at" in said
    assert "repair its outline in the source and build the place again" in said


def test_an_inverted_mesh(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = change_building(place, lambda faces: faces[:, ::-1])
    assert f"the mesh of building {name} is inverted, its walls face inward" in refused(place, capsys)


def test_an_inverted_terrain(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = next((place / "meshes").glob("terrain-*.ply"))
    mesh = trimesh.load_mesh(file, process=False)
    turned = trimesh.Trimesh(mesh.vertices, np.array(mesh.faces)[:, ::-1], process=False)
    file.write_bytes(trimesh.exchange.ply.export_ply(turned, vertex_normal=False))
    assert f"mesh {file.name} is inverted, its ground faces down" in refused(place, capsys)


def test_a_site_that_covers_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A UE surface under the ground: no path ends on it.
    said = refused(place, capsys, "--trace.ue_height", "-5")
    assert "covers no ground cell" in said
    assert "raise its antenna or move it into the open" in said


def test_a_share_of_scattering_above_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "choose 0 to 1, not 1.5" in refused(place, capsys, "--trace.scattering", "1.5")


@pytest.mark.parametrize(
    "words",
    [
        ("depth", "-3"), ("rays_per_cell", "0"), ("rays_per_cell", "1e300"), ("reach", "-1"), ("edge_mirrors", "-1"),
        ("dynamic_range_db", "-40"), ("refraction", "-1"), ("memory_budget", "0"),
    ],
)  # fmt: skip
def test_numbers_that_no_trace_has(
    place: Path, words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert trace(place, f"--trace.{words[0]}", words[1]) == 2
    assert f"{words[0]} of a trace lies between" in capsys.readouterr().err
    assert not (place / "atlas.zarr").exists()
