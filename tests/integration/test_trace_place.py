"""A place on disk is traced whole or resumed, with the same bytes either way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from raylocus.errors import PlaceError, StoreError
from raylocus.propagation.trace import TraceConfiguration
from raylocus.propagation.trace_place import trace_place
from raylocus.propagation.traced_place import open_place
from raylocus.scenes.build import SceneConfiguration, build_place
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.siting.macro import MacroLayout

TRACE = TraceConfiguration(depth=2, rays_per_cell=4.0)
SCENE = SceneConfiguration(
    tile_size=128.0,
    resolution=4.0,
    seed=3,
    deployment=DeploymentConfiguration(macro=MacroLayout(site_distance=60.0), edge_distance=10.0),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "etoile"
    build_place("etoile", folder, SCENE)
    return folder


def files_of(store: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(store)): file.read_bytes() for file in sorted(store.rglob("*")) if file.is_file()
    }


def test_a_place_is_built_with_equal_bytes(built: Path, tmp_path: Path) -> None:
    build_place("etoile", tmp_path / "etoile", SCENE)
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
    from raylocus.propagation.runtime import find_runtime

    library = find_runtime().library
    companions = [str(path) for path in library.companions] if library else []
    arguments = [str(built / "scene.xml"), str(library.path) if library else "", *companions]
    shown = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert "terrain-concrete" in shown.stdout


def test_a_killed_trace_resumes_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    shutil.copytree(built, whole)
    shutil.copytree(built, broken)
    trace_place(whole, TRACE)
    program = (
        "import sys, pathlib\n"
        "from raylocus.propagation.trace import TraceConfiguration\n"
        "from raylocus.propagation.trace_place import trace_place\n"
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
        assert files_of(broken / store) == files_of(whole / store)
    assert seen[-1][0] == seen[-1][1] > 1
    assert not list(broken.glob(".*"))


def test_the_order_and_number_of_sites_change_nothing(built: Path) -> None:
    from raylocus.propagation.trace_place import tracer_of

    place = open_place(built)
    tracer = tracer_of(place, TRACE)
    positions = place.deployment.site_positions
    alone = tracer.trace(1, positions[1])
    tracer.trace(0, positions[0])
    np.testing.assert_array_equal(tracer.trace(1, positions[1]).length, alone.length)


def test_bad_places_are_named(tmp_path: Path, built: Path) -> None:
    with pytest.raises(PlaceError, match="unknown place 'atlantis'"):
        build_place("atlantis", tmp_path / "atlantis", SCENE)
    assert not list(tmp_path.iterdir())
    with pytest.raises(PlaceError, match="lies outside the source's terrain"):
        build_place("etoile", tmp_path / "far", SceneConfiguration(centre=(5000.0, 0.0)))
    assert not list(tmp_path.iterdir())
    with pytest.raises(PlaceError, match="no place at"):
        open_place(tmp_path / "nowhere")
    untraced = open_place(built)
    with pytest.raises(StoreError, match="does not exist; build it first"):
        _ = untraced.atlas
