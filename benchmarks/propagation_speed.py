"""Speed of the path atlas as ratios to Sionna's solvers and to Mitsuba, each pair measured in turn in one run.

links      (site, outdoor ground cell) pairs a second ÷ PathSolver's links a second (40 receivers a call,
           samples_per_src=2·10⁶, isotropic V to dual-polarised isotropic), depth and diffraction alike.
maps       all layers of R for one site of 3 sectors with 8 beams, trace included ÷ 24 RadioMapSolver maps of
           the same depth (diffraction on), one a beam as its precoding takes it.
segments   ray segments of the launch a second, crossings of the UE surface and histories included ÷
           `ray_intersect` of Mitsuba alone on the same rays.
gain       path gain a ground cell against RadioMapSolver: where two of its seeds agree to 0.25 dB.

Ours and theirs take turns; the ratio is that of the medians, by the clock and, as the clock means little on a
busy machine, by processor time. Compiling is not counted.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from outdoor_points import CENTRES, built_places, random_points

from raylocus.execution.side_by_side import side_by_side
from raylocus.propagation.atlas.atlas import GridRows, reorder
from raylocus.propagation.geometry.surfaces import Surfaces, unit_normals
from raylocus.propagation.maps.layers.complete import complete_radio_maps
from raylocus.propagation.maps.radio_files import bytes_of_rows, row_pieces
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.oracles.reference import ReferenceSettings, reference_path_gain
from raylocus.propagation.rays.launcher import SURFACE_OFFSET, RayScene
from raylocus.propagation.rays.pieces import in_pieces
from raylocus.propagation.runtime.runtime import activate
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.sites import Cell, Deployment
from raylocus.scenes.triangles import read_place_scene

BEAM_MAPS = 24
RECEIVERS = 40
#: Rays of the measurement of segments.
LAUNCHED = 2_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cities", nargs="*", default=["etoile"], help=f"of {', '.join(CENTRES)}")
    parser.add_argument("--only", nargs="*", default=["links", "maps", "segments", "gain"])
    parser.add_argument("--resolution", type=float, default=4.0, help="side of a ground cell [m]")
    parser.add_argument("--depth", type=int, default=4, help="most reflections")
    parser.add_argument(
        "--rays", type=float, default=TraceConfiguration().rays_per_cell, help="per ground cell"
    )
    parser.add_argument("--turns", type=int, default=1, help="times that each is measured")
    given = parser.parse_args()
    for city, place in built_places(given.cities, given.resolution):
        for name in given.only:
            print(f"{city:14s} {name:9s} {MEASUREMENTS[name](place, given)}", flush=True)


@dataclass(frozen=True)
class Seconds:
    """Median seconds of one turn."""

    wall: float
    processor: float


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], turns: int) -> tuple[Seconds, Seconds]:
    """Seconds of each, run alternately after one run that compiles."""
    spent: tuple[list[tuple[float, float]], ...] = ([], [])
    ours(), theirs()
    for _ in range(turns):
        for work, taken in zip((ours, theirs), spent, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            work()
            taken.append((time.perf_counter() - wall, time.process_time() - processor))
    mine, other = (Seconds(*np.median(taken, axis=0).tolist()) for taken in spent)
    return mine, other


def ratios(work: float, mine: Seconds, theirs: Seconds) -> str:
    """How many times theirs takes longer for the same work, by the clock and by processor time."""
    wall, processor = work * theirs.wall / mine.wall, work * theirs.processor / mine.processor
    return f"= {wall:7.2f} (processor time {processor:7.2f})"


def configuration_of(given: argparse.Namespace) -> TraceConfiguration:
    return TraceConfiguration(depth=given.depth, rays_per_cell=given.rays, over_rooftop=False)


def links(place: TracedPlace, given: argparse.Namespace) -> str:
    tracer, site = tracer_of(place, configuration_of(given)), place.deployment.site_positions[0]
    outdoor = np.count_nonzero(place.geometry_maps["footprint"].values == 0)
    solve = path_solver(place, site, random_points(place, RECEIVERS).position, given.depth)
    mine, theirs = in_turn(lambda: tracer.trace(0, site), solve, given.turns)
    rates = outdoor / mine.wall, RECEIVERS / theirs.wall
    share = outdoor / RECEIVERS
    return f"{rates[0]:8.0f} links/s ÷ {rates[1]:5.2f} links/s {ratios(share, mine, theirs)}"


def path_solver(place: TracedPlace, site: np.ndarray, points: np.ndarray, depth: int) -> Callable[[], object]:
    """One call of PathSolver, the scene loaded before."""
    activate()
    import drjit as dr
    import sionna.rt as rt

    scene = rt.load_scene(str(place.scene_file))
    scene.frequency = place.deployment.carrier.frequency
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    scene.add(rt.Transmitter("site", site.tolist()))
    for index, point in enumerate(points):
        scene.add(rt.Receiver(f"r{index}", point.tolist()))
    solver = rt.PathSolver()

    def solve() -> None:
        paths = solver(
            scene, max_depth=depth, samples_per_src=2_000_000, max_num_paths_per_src=2_000_000,
            refraction=False, diffraction=True,
        )  # fmt: skip
        dr.eval(paths.a, paths.tau)
        dr.sync_thread()

    return solve


def maps(place: TracedPlace, given: argparse.Namespace) -> str:
    tracer, site = tracer_of(place, configuration_of(given)), place.deployment.site_positions[0]
    sectors = tuple(Cell(pci, 0, 2 * np.pi * pci / 3, 0.1) for pci in range(3))
    deployment = Deployment((place.deployment.carrier,), place.deployment.sites[:1], sectors)
    assert sum(cell.array.beams for cell in sectors) == BEAM_MAPS

    def ours() -> None:
        atlas = tracer.trace(0, site)

        def piece(rows: GridRows) -> None:
            paths = np.searchsorted(atlas.ground_cell, [rows.first, rows.first + rows.count])
            complete_radio_maps(reorder(atlas, slice(*map(int, paths))), deployment, rows=rows)

        count = np.bincount(atlas.ground_cell // place.tile.count, minlength=place.tile.count)
        sizes = bytes_of_rows(count, deployment)
        list(side_by_side(piece, row_pieces(place.tile, sizes, TraceConfiguration().memory_budget)))

    mine, theirs = in_turn(ours, radio_map_solver(place, site, given.depth), given.turns)
    return f"{BEAM_MAPS} · {theirs.wall:6.2f} s ÷ {mine.wall:6.2f} s {ratios(BEAM_MAPS, mine, theirs)}"


def radio_map_solver(place: TracedPlace, site: np.ndarray, depth: int) -> Callable[[], object]:
    """One map of RadioMapSolver, the scene loaded before."""
    activate()
    import mitsuba as mi
    import sionna.rt as rt

    scene = rt.load_scene(str(place.scene_file))
    scene.frequency = place.deployment.carrier.frequency
    scene.tx_array = rt.PlanarArray(num_rows=4, num_cols=8, pattern="tr38901", polarization="V")
    scene.add(rt.Transmitter("site", site.tolist()))
    solver, grid = rt.RadioMapSolver(), place.tile
    weights = np.exp(1j * np.pi * np.arange(32) / 7) / np.sqrt(32)
    beam = mi.TensorXf(weights.real[None]), mi.TensorXf(weights.imag[None])
    height = float(np.median(place.geometry_maps["terrain"].values)) + 1.5

    def solve() -> None:
        solver(
            scene, center=mi.Point3f(0, 0, height), orientation=mi.Point3f(0, 0, 0),
            size=mi.Point2f(grid.size, grid.size), cell_size=mi.Point2f(grid.resolution, grid.resolution),
            samples_per_tx=4_000_000, max_depth=depth, refraction=False, diffraction=True, precoding_vec=beam,
        ).path_gain.numpy()  # fmt: skip

    return solve


def segments(place: TracedPlace, given: argparse.Namespace) -> str:
    activate()
    import drjit as dr
    import mitsuba as mi

    triangles, site = read_place_scene(place.scene_file), place.deployment.site_positions[0]
    surface = place.geometry_maps["terrain"].values.astype(float) + 1.5
    scene = RayScene(Surfaces(triangles), surface, place.tile)
    rays = towards_the_ground(site, float(np.median(surface)), TraceConfiguration().reach * place.tile.size)
    legs = followed(
        scene, triangles.vertices, np.broadcast_to(site, rays.shape).astype(np.float32), rays, given
    )
    loaded = [
        mi.Ray3f(mi.Point3f(np.ascontiguousarray(start.T)), mi.Vector3f(np.ascontiguousarray(way.T)))
        for start, way in legs
    ]

    def ours() -> None:
        in_pieces(lambda piece: scene.launch(site, rays[piece], given.depth), len(rays), 1 << 20)

    def theirs() -> None:
        for ray in loaded:
            dr.eval(scene.mitsuba_scene.ray_intersect(ray).t)
        dr.sync_thread()

    mine, raw = in_turn(ours, theirs, given.turns)
    count = sum(len(start) for start, _ in legs) / 1e6
    return f"{count / mine.wall:6.2f} M/s ÷ {count / raw.wall:6.2f} M/s {ratios(1, mine, raw)}"


def towards_the_ground(site: np.ndarray, level: float, reach: float) -> np.ndarray:
    """Unit vectors to points spread evenly over the ground around the site."""
    radius, azimuth = np.random.default_rng(0).random((2, LAUNCHED)) * [[1.0], [2 * np.pi]]
    radius = reach * np.sqrt(radius)
    offset = [radius * np.cos(azimuth), radius * np.sin(azimuth), np.full(LAUNCHED, level - site[2])]
    rays = np.stack(offset, axis=-1)
    return (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)


def followed(
    scene: RayScene, vertices: np.ndarray, start: np.ndarray, way: np.ndarray, given: argparse.Namespace
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Origins and directions of every segment of specular rays, a pair a bounce."""
    legs, normals = [(start, way)], unit_normals(vertices).astype(np.float32)
    for _ in range(given.depth):
        distance, triangle = scene.first_hit(start, way)
        hit = np.flatnonzero(np.isfinite(distance))
        normal = normals[triangle[hit]]
        along = (way[hit] * normal).sum(axis=1)[:, None]
        start = start[hit] + distance[hit, None] * way[hit] - np.sign(along) * SURFACE_OFFSET * normal
        way = way[hit] - 2 * along * normal
        legs.append((start, way))
    return legs


def gain(place: TracedPlace, given: argparse.Namespace) -> str:
    terrain = place.geometry_maps["terrain"].values
    if np.ptp(terrain) > 0:
        return "RadioMapSolver's plane does not follow the terrain: not compared"
    site, outdoor = place.deployment.site_positions[0], place.geometry_maps["footprint"].values == 0
    atlas = tracer_of(
        place, dataclasses.replace(configuration_of(given), rays_per_cell=2 * given.rays)
    ).trace(0, site)
    sectors = (Cell(0, 0, 0.0, 0.0),)
    deployment = Deployment((place.deployment.carrier,), place.deployment.sites[:1], sectors)
    mine = radio_maps(atlas, deployment)["path_gain"].values[0]
    settings = ReferenceSettings(given.depth, 20_000_000, diffraction=True)
    arguments = (
        place.scene_file,
        place.deployment.carrier.frequency,
        site,
        place.tile,
        float(terrain.flat[0]) + 1.5,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (
            10 * np.log10(reference_path_gain(*arguments, dataclasses.replace(settings, seed=seed)))
            for seed in (1, 2)
        )
        quiet = outdoor & (np.abs(first - second) < 0.25) & (first > -130)
    both = quiet & np.isfinite(mine)
    error = np.abs(mine - first)[both]
    return (
        f"{both.sum()} cells, median {np.median(error):.2f} dB, 90 % {np.quantile(error, 0.9):.2f} dB; "
        f"theirs alone sees {1 - both.sum() / quiet.sum():.1%}"
    )


MEASUREMENTS = {"links": links, "maps": maps, "segments": segments, "gain": gain}


if __name__ == "__main__":
    main()
