"""A place on disk is traced whole or resumed, with the same bytes either way."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from propagation_fixtures import ETOILE
from raylocus.cli.main import main
from raylocus.errors import PlaceError, StoreError
from raylocus.execution.side_by_side import worker_count
from raylocus.propagation.antennas.panels import Panel
from raylocus.propagation.atlas.atlas import COLUMNS, PathAtlas
from raylocus.propagation.atlas.atlas_store import StoredAtlas
from raylocus.propagation.atlas.channel_response import impulse_response
from raylocus.propagation.atlas.ue_paths import ground_cell_points, paths_at
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.radio_files import bytes_of_rows, paths_of_rows, row_pieces, save_radio_maps
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.rays.launcher import BYTES_PER_RAY, directions_for
from raylocus.propagation.rays.pieces import GIBIBYTE, piece_length, piece_slices
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import atlas_provenance, radio_provenance, trace_place
from raylocus.scenes.build import SceneConfiguration, build_place
from raylocus.scenes.place import save_place
from raylocus.scenes.sites import AntennaArray, Carrier, ElementPattern
from raylocus.xarray_store import load_dataset, save_dataset_by_rows

TRACE = TraceConfiguration(depth=2, rays_per_cell=4.0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "etoile"
    build_place("etoile", folder, ETOILE)
    return folder


def files_of(store: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(store)): file.read_bytes() for file in sorted(store.rglob("*")) if file.is_file()
    }


def test_a_place_is_built_with_equal_bytes(built: Path, tmp_path: Path) -> None:
    build_place("etoile", tmp_path / "etoile", ETOILE)
    assert files_of(tmp_path / "etoile") == files_of(built)


def test_plain_sionna_loads_the_scene_without_raylocus(built: Path) -> None:
    program = (
        "import ctypes, os, sys\n"
        "for name in sys.argv[3:]: ctypes.CDLL(name, mode=ctypes.RTLD_LOCAL)\n"
        "if sys.argv[2]: os.environ['DRJIT_LIBLLVM_PATH'] = sys.argv[2]\n"
        "import sionna.rt as rt\n"
        "scene = rt.load_scene(sys.argv[1], merge_shapes=False)\n"
        "assert 'raylocus' not in sys.modules\n"
        "print(sorted(scene.objects))"
    )
    from raylocus.propagation.runtime.runtime import find_runtime

    library = find_runtime().library
    companions = [str(path) for path in library.companions] if library else []
    arguments = [str(built / "scene.xml"), str(library.path) if library else "", *companions]
    shown = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert "terrain-concrete" in shown.stdout


@pytest.fixture(scope="module")
def traced(built: Path, tmp_path_factory: pytest.TempPathFactory) -> TracedPlace:
    folder = tmp_path_factory.mktemp("traced") / "etoile"
    shutil.copytree(built, folder)
    return trace_place(folder, TRACE)


def test_a_killed_trace_resumes_to_the_same_bytes(built: Path, traced: TracedPlace, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(built, broken)
    program = (
        "import sys, pathlib\n"
        "from raylocus.propagation.tracing.trace_configuration import TraceConfiguration\n"
        "from raylocus.propagation.tracing.trace_folders import trace_place\n"
        "trace_place(pathlib.Path(sys.argv[1]), TraceConfiguration(depth=2, rays_per_cell=4.0))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", program, str(broken)], env=environment)
    while process.poll() is None and not list(broken.glob(".atlas.*.parts/site-0")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "atlas.zarr").exists(), "the process was to be killed before it was done"
    seen: list[tuple[int, int]] = []
    trace_place(broken, TRACE, lambda done, total: seen.append((done, total)))
    for store in ("atlas.zarr", "radio.zarr"):
        assert files_of(broken / store) == files_of(traced.folder / store)
    assert seen[-1][0] == seen[-1][1] > 1
    assert not list(broken.glob(".*"))


def columns_of(atlas: PathAtlas) -> dict[str, bytes]:
    return {name: getattr(atlas, name).tobytes() for name in COLUMNS if name != "site"}


def test_the_cut_into_pieces_changes_no_byte_of_the_paths(built: Path) -> None:
    place = open_place(built)
    position = place.deployment.site_positions[0]
    surface, reach = place.geometry_maps["terrain"].values + TRACE.ue_height, TRACE.reach * place.tile.size
    rays = directions_for(position[2], surface, reach, place.tile.resolution**2, TRACE.rays_per_cell).count
    found = []
    for pieces in (1, 3, 17):
        budget = -(-rays // pieces) * BYTES_PER_RAY * worker_count() / GIBIBYTE
        assert len(piece_slices(rays, piece_length(budget, BYTES_PER_RAY, "one ray"))) == pieces
        configuration = dataclasses.replace(TRACE, memory_budget=budget)
        found.append(columns_of(tracer_of(place, configuration).trace(0, position)))
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_the_cut_into_pieces_changes_no_byte_of_the_maps(traced: TracedPlace, tmp_path: Path) -> None:
    atlas, maps = StoredAtlas.open(traced.atlas_file), RadioMapConfiguration()
    sizes = bytes_of_rows(paths_of_rows(atlas, traced), traced.deployment)
    budget = 1.001 * 5 * sizes.max() * worker_count() / GIBIBYTE
    pieces = [(piece.start, piece.stop) for piece in row_pieces(traced.tile, sizes, budget)]
    assert [row for piece in pieces for row in range(*piece)] == list(range(traced.tile.count))
    assert max(sizes[slice(*piece)].sum() for piece in pieces) <= budget * GIBIBYTE / worker_count()
    assert len(pieces) > len(list(row_pieces(traced.tile, sizes, TRACE.memory_budget)))
    elsewhere = dataclasses.replace(traced, folder=tmp_path)
    (tmp_path / "atlas.zarr").symlink_to(traced.atlas_file)
    provenance = radio_provenance(traced, atlas_provenance(traced, TRACE), maps)
    save_radio_maps(elsewhere, maps, provenance, budget)
    assert files_of(elsewhere.radio_file) == files_of(traced.radio_file)


@pytest.mark.parametrize("rows", [[1] * 10, [3, 3, 4], [4, 4, 2], [7, 3]])
def test_rows_are_stored_with_the_same_bytes_however_they_are_cut(rows: list[int], tmp_path: Path) -> None:
    values = np.arange(30.0, dtype=np.float32).reshape(10, 3)
    whole = xr.Dataset({"level": (("y", "x"), values)}, {"y": np.arange(10.0), "x": np.arange(3.0)})
    ends = np.cumsum(rows)
    pieces = [whole.isel(y=slice(end - count, end)) for end, count in zip(ends, rows, strict=True)]
    for name, cut in (("whole", [whole]), ("cut", pieces)):
        save_dataset_by_rows(cut, tmp_path / name, "raylocus.test.v1", 4)
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")
    assert load_dataset(tmp_path / "cut", "raylocus.test.v1").equals(whole)


def test_the_order_and_number_of_sites_change_no_byte(built: Path) -> None:
    place = open_place(built)
    first, second = place.deployment.site_positions[:2]
    forth, back = tracer_of(place, TRACE), tracer_of(place, TRACE)
    expected = [columns_of(forth.trace(0, first)), columns_of(forth.trace(1, second))]
    assert [columns_of(back.trace(0, second)), columns_of(back.trace(1, first))] == expected[::-1]


def test_the_number_of_receivers_asked_changes_no_byte(traced: TracedPlace) -> None:
    terrain = traced.geometry_maps["terrain"].values.astype(float)
    points = ground_cell_points(traced.tile, terrain)
    asked = points[::37] + np.array([0.7, -0.4, 0.0])
    together = impulse_response(
        paths_at(traced.atlas, 0, asked, points), Panel(2, 2), Panel(polarization="VH")
    )
    for ue in range(0, len(asked), 5):
        alone = impulse_response(
            paths_at(traced.atlas, 0, asked[[ue]], points), Panel(2, 2), Panel(polarization="VH")
        )
        np.testing.assert_array_equal(alone.delay, together.delay[together.ue == ue])
        np.testing.assert_array_equal(alone.amplitude, together.amplitude[together.ue == ue])


def test_other_antennas_powers_and_layers_cost_no_trace(traced: TracedPlace, tmp_path: Path) -> None:
    folder = tmp_path / "etoile"
    shutil.copytree(traced.folder, folder)
    place, before = open_place(folder), files_of(folder / "atlas.zarr")
    written = {file: file.stat().st_mtime_ns for file in (folder / "atlas.zarr").rglob("*")}
    arrays = (AntennaArray(2, 4, 4, "cross"), AntennaArray(8, 8, 6), AntennaArray(1, 1, 1, "H"))
    cells = tuple(
        dataclasses.replace(
            cell,
            downtilt=0.2,
            azimuth=cell.azimuth + 1,
            power_dbm=40.0 + number,
            array=array,
            pattern=ElementPattern(beamwidth_azimuth=40.0 + number, side_lobe_floor=20.0),
        )
        for number, (cell, array) in enumerate(
            zip(place.deployment.cells, itertools.cycle(arrays), strict=False)
        )
    )
    save_place(dataclasses.replace(place, deployment=dataclasses.replace(place.deployment, cells=cells)))
    program = (
        "import sys\n"
        "from raylocus.cli.main import main\n"
        "words = ['--trace.depth=2', '--trace.rays_per_cell=4', '--maps.layers=[channel]', '--maps.ue.columns=1']\n"
        "assert main(['maps', 'trace', sys.argv[1], *words]) == 0\n"
        "assert not {'mitsuba', 'drjit', 'sionna'} & set(sys.modules), 'a tracer was loaded'"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, str(folder)], env=environment, check=True)
    assert files_of(folder / "atlas.zarr") == before
    assert {file: file.stat().st_mtime_ns for file in (folder / "atlas.zarr").rglob("*")} == written
    maps = open_place(folder).radio_maps
    assert maps.sizes["beam"] == 6
    assert "cqi" not in maps
    expected = radio_maps(traced.atlas, open_place(folder).deployment)
    for name in expected.data_vars:
        np.testing.assert_array_equal(maps[name].values, expected[name].values)


def test_geometry_carrier_and_site_positions_do_cost_a_trace(built: Path) -> None:
    place = open_place(built)
    digest = atlas_provenance(place, TRACE).digest
    assert atlas_provenance(place, dataclasses.replace(TRACE, memory_budget=7.0)).digest == digest
    deployment = place.deployment
    raised = (dataclasses.replace(deployment.sites[0], position=(1.0, 2.0, 50.0)), *deployment.sites[1:])
    for other in (
        dataclasses.replace(deployment, sites=raised),
        dataclasses.replace(deployment, carriers=(Carrier(frequency=28e9),)),
    ):
        assert atlas_provenance(dataclasses.replace(place, deployment=other), TRACE).digest != digest
    assert atlas_provenance(place, dataclasses.replace(TRACE, depth=3)).digest != digest


def test_too_little_memory_is_one_sentence(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "etoile"
    shutil.copytree(built, folder)
    assert main(["maps", "trace", str(folder), "--trace.memory_budget", "1e-6"]) == 2
    error = capsys.readouterr().err
    assert "a memory budget of 1e-06 GiB does not hold one path" in error
    assert "raise memory_budget to" in error
    assert error.count("\n") == 1
    assert not list(folder.glob(".*")) and not (folder / "atlas.zarr").exists()


def test_bad_places_are_named(tmp_path: Path, built: Path) -> None:
    with pytest.raises(PlaceError, match="unknown place 'atlantis'"):
        build_place("atlantis", tmp_path / "atlantis", ETOILE)
    assert not list(tmp_path.iterdir())
    with pytest.raises(PlaceError, match="lies outside the source's terrain"):
        build_place("etoile", tmp_path / "far", SceneConfiguration(centre=(5000.0, 0.0)))
    assert not list(tmp_path.iterdir())
    with pytest.raises(PlaceError, match="no place at"):
        open_place(tmp_path / "nowhere")
    untraced = open_place(built)
    with pytest.raises(StoreError, match="does not exist; build it first"):
        _ = untraced.atlas
