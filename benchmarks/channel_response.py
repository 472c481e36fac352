"""The coherent channel from the atlas compared with PathSolver's: agreement port by port, and UEs a second.

A tile of Munich, one rooftop site, specular paths; 2 × 4 cross-polarised TR 38.901 elements to a
dual-polarised isotropic UE at random outdoor positions (not ground cell centres). Error is that of the
whole frequency response, all ports and subcarriers, phase included, relative to PathSolver's. Both run
on the same machine, one after the other; compiling and tracing the atlas are not counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from raylocus.propagation.antennas.panels import Panel, sector_element
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.channel_response import frequency_response, impulse_response
from raylocus.propagation.atlas.ue_paths import ground_cell_points, paths_at
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.runtime.runtime import activate
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.build import SceneConfiguration, build_place

SECTOR = Panel(2, 4, "cross", sector_element, azimuth=0.7, downtilt=0.1)
HANDSET = Panel(polarization="VH")
SUBCARRIERS = np.linspace(-20e6, 20e6, 64)
DEPTH = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--city", default="munich")
    parser.add_argument("--ues", type=int, default=120, help="positions that PathSolver is asked for")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scene = SceneConfiguration(tile_size=256.0, resolution=2.0, centre=(0.0, 0.0), seed=2)
        build_place(given.city, Path(folder) / "place", scene)
        place = open_place(Path(folder) / "place")
        site = place.deployment.site_positions[0]
        configuration = TraceConfiguration(depth=DEPTH, reach=3.0, over_rooftop=False, diffraction=False)
        atlas = tracer_of(place, configuration).trace(0, site)
        points = ground_cell_points(place.tile, place.geometry_maps["terrain"].values)
        position = positions(place, atlas, points, given.ues)
        theirs, solver_rate = solve(place, site, position)
        ours, _ = respond(atlas, points, position)
        _, rate = respond(atlas, points, np.tile(position, (25, 1)))
    mine, other = (response.reshape(len(position), -1) for response in (ours, theirs))
    both = (mine != 0).any(axis=1) & (other != 0).any(axis=1)
    error = np.linalg.norm(mine - other, axis=1)[both] / np.linalg.norm(other, axis=1)[both]
    alone = [(one != 0).any(axis=1).sum() - both.sum() for one in (mine, other)]
    print(
        f"{given.city}: {both.sum()} UEs lit by both, {alone[0]} by the atlas only, {alone[1]} by PathSolver only"
    )
    print(f"relative error of the response: median {np.median(error):.4f}, ", end="")
    print(f"below 0.01 at {np.mean(error < 0.01):.0%}, below 0.1 at {np.mean(error < 0.1):.0%}")
    print(f"UEs a second: raylocus {rate:.0f}, PathSolver {solver_rate:.1f}, ratio {rate / solver_rate:.0f}")


def positions(place: TracedPlace, atlas: PathAtlas, points: np.ndarray, count: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    outdoor = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    cells = generator.choice(np.intersect1d(outdoor, atlas.ground_cell), count, replace=False)
    step = place.tile.resolution * generator.uniform(-0.45, 0.45, (count, 2))
    return points[cells] + np.column_stack([step, np.zeros(count)])


def respond(atlas: PathAtlas, points: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    taps = impulse_response(paths_at(atlas, 0, position, points), SECTOR, HANDSET)
    response = frequency_response(taps, SUBCARRIERS)
    return np.moveaxis(response, 1, 3), len(position) / (time.perf_counter() - started)


def solve(place: TracedPlace, site: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, float]:
    activate()
    import sionna.rt as rt

    scene = rt.load_scene(str(place.scene_file))
    scene.frequency = place.deployment.carrier.frequency
    scene.tx_array = rt.PlanarArray(num_rows=2, num_cols=4, pattern="tr38901", polarization="cross")
    scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    scene.add(rt.Transmitter("site", site.tolist(), orientation=[SECTOR.azimuth, SECTOR.downtilt, 0.0]))
    seconds = 0.0
    parts = []
    for turn, start in enumerate([0, *range(0, len(position), 40)]):  # the first call compiles
        batch = position[start : start + 40]
        for index, point in enumerate(batch):
            scene.add(rt.Receiver(f"ue-{index}", point.tolist()))
        started = time.perf_counter()
        paths = rt.PathSolver()(scene, max_depth=DEPTH, samples_per_src=1_000_000, refraction=False)
        response = paths.cfr(SUBCARRIERS, normalize_delays=False, normalize=False, out_type="numpy")
        if turn:
            seconds += time.perf_counter() - started
            parts.append(response[:, :, 0, :, 0])
        for index in range(len(batch)):
            scene.remove(f"ue-{index}")
    return np.concatenate(parts), len(position) / seconds


if __name__ == "__main__":
    main()
