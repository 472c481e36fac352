"""The path atlas beside Sionna's PathSolver: accuracy at random outdoor points, and links a second.

Reference: PathSolver with first-order diffraction (unless --specular-only) and without refraction, from an
isotropic vertical transmitter to a dual-polarised isotropic receiver. Points are the centres of outdoor
ground cells; only points where either sees anything above −130 dB count. A link is one (site, ground
cell). Both run on the same machine, one after the other; compiling is not counted. Over-rooftop paths,
which PathSolver lacks, are off.

Rows of a place:

* its name: the atlas beside PathSolver; with several --mirrors or --rays a row for each, so named.
* "alike": the same without the paths that PathSolver never lists, see `propagation.path_solver_losses`.
* with --dense N, "dense": the latter beside PathSolver with N samples, one receiver a call; and
  "itself": PathSolver as asked beside PathSolver with N samples.

PathSolver loses strong paths when it is asked for many receivers at once (its candidates share one hash
table), so accuracy is measured with few at a time (--receivers) and its speed with 40. The first arrival
is also compared among the paths within 40 dB of the strongest, because PathSolver lists any path, however
weak. The last columns are shares of power: of PathSolver's that is in paths which the atlas lists too, and
of the atlas's that is in paths which PathSolver lists.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.atlas import PathAtlas, reorder
from raylocus.propagation.fields import path_fields
from raylocus.propagation.path_solver_losses import lost_by_path_solver
from raylocus.propagation.point_paths import PointPaths
from raylocus.propagation.reference import ReferenceSettings, reference_paths
from raylocus.propagation.trace import TraceConfiguration
from raylocus.propagation.trace_place import tracer_of
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.scenes.build import SceneConfiguration, build_place

#: Tile centres that lie inside each city's scene [m].
CENTRES = {
    "munich": (-44.0, -4.0),
    "florence": (21.0, 0.0),
    "etoile": (25.0, 20.0),
    "san_francisco": (30.0, 0.0),
}
#: First arrivals weaker than this beside the strongest path are left out in the second comparison (power).
FAINT = 1e-4
#: Two paths to one point are the same within this length [m] and this azimuth of arrival [rad].
SAME_LENGTH, SAME_AZIMUTH = 0.02, 0.02
#: Power gain below which a point counts as dark.
DARK = 1e-13


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cities",
        nargs="*",
        default=[*CENTRES, "procedural:perimeter-blocks"],
        help="built-in cities, or any other source of a place",
    )
    parser.add_argument("--receivers", type=int, default=2, help="receivers of one call, for accuracy")
    parser.add_argument("--resolution", type=float, default=2.0, help="side of a ground cell [m]")
    parser.add_argument("--points", type=int, default=200, help="points a city")
    parser.add_argument("--depth", type=int, default=4, help="most reflections")
    parser.add_argument(
        "--rays",
        type=float,
        nargs="*",
        default=[TraceConfiguration.rays_per_cell],
        help="rays per ground cell",
    )
    parser.add_argument(
        "--mirrors",
        type=int,
        nargs="*",
        default=[TraceConfiguration.edge_mirrors],
        help="most reflections of a path over an edge",
    )
    parser.add_argument("--samples", type=int, default=2_000_000, help="PathSolver's samples_per_src")
    parser.add_argument(
        "--dense", type=float, help="samples of a denser PathSolver that both are compared with"
    )
    parser.add_argument("--specular-only", action="store_true", help="no diffraction on either side")
    given = parser.parse_args()
    print(HEADER)
    for city in given.cities:
        with tempfile.TemporaryDirectory() as folder:
            configuration = SceneConfiguration(resolution=given.resolution, centre=CENTRES.get(city), seed=1)
            build_place(city, Path(folder) / "place", configuration)
            compare(Path(city).stem[-14:], open_place(Path(folder) / "place"), given)


HEADER = (
    f"{'city':14s} {'points':>6s} {'gain dB':>13s} {'first arrival m':>17s} {'above −40 dB':>17s} "
    f"{'LoS':>6s} {'azimuth °':>13s} {'spread':>7s} {'one sees':>8s} {'in atlas':>8s} {'in other':>8s} "
    f"{'atlas/s':>8s} {'solver/s':>8s} {'ratio':>6s}"
)


@dataclass(frozen=True)
class Listed:
    """Paths to points, as either side lists them."""

    point: Int[np.ndarray, "path"]
    length: Float[np.ndarray, "path"]
    gain: Float[np.ndarray, "path"]
    arrival: Float[np.ndarray, "path 3"]
    line_of_sight: Bool[np.ndarray, "path"]

    def at(self, point: int) -> Listed:
        """The paths to one point."""
        own = np.flatnonzero(self.point == point)
        return Listed(own, self.length[own], self.gain[own], self.arrival[own], self.line_of_sight[own])


def of_atlas(atlas: PathAtlas, cells: Int[np.ndarray, "point"]) -> Listed:
    """The atlas's paths to the middles of some ground cells."""
    atlas = reorder(atlas, np.flatnonzero(atlas.at_centre & np.isin(atlas.ground_cell, cells)))
    gain = (np.abs(path_fields(atlas, atlas.materials)[:, :, 0]) ** 2).sum(axis=1)
    order = np.argsort(cells)
    point = order[np.searchsorted(cells, atlas.ground_cell, sorter=order)]
    return Listed(point, atlas.length, gain, atlas.arrival, atlas.line_of_sight)


def of_reference(paths: PointPaths) -> Listed:
    """PathSolver's."""
    return Listed(paths.point, paths.length, paths.gain, paths.arrival, paths.line_of_sight)


def compare(city: str, place: TracedPlace, given: argparse.Namespace) -> None:
    """Prints all rows of one place's first site."""
    site, diffraction = place.deployment.site_positions[0], not given.specular_only
    outdoor = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    cells = np.random.default_rng(1).choice(outdoor, given.points, replace=False)
    height = place.geometry_maps["terrain"].values.ravel()[cells] + TraceConfiguration.ue_height
    points = np.column_stack([place.tile.centres[cells], height])
    arguments = place.scene_file, place.deployment.carrier.frequency, site
    settings = ReferenceSettings(given.depth, given.samples, diffraction)
    reference_paths(*arguments, points[:2], settings)
    started = time.perf_counter()
    reference_paths(*arguments, points[:80], settings)
    theirs = len(points[:80]) / (time.perf_counter() - started)
    few = replace(settings, receivers=given.receivers)
    reference = of_reference(reference_paths(*arguments, points, few))
    for mirrors, rays in product(given.mirrors, given.rays):
        configuration = TraceConfiguration(
            depth=given.depth,
            rays_per_cell=rays,
            over_rooftop=False,
            diffraction=diffraction,
            edge_mirrors=mirrors,
        )
        atlas, seconds = timed_trace(place, configuration)
        ours = len(outdoor) / seconds
        rates = f" {ours:8.0f} {theirs:8.2f} {ours / theirs:6.0f}"
        varied = len(given.mirrors) > 1 or len(given.rays) > 1
        name = f"{city[:7]} {mirrors}, {rays:g}" if varied else city
        print(row(name, of_atlas(atlas, cells), reference, given.points) + rates, flush=True)
        alike = of_atlas(reorder(atlas, np.flatnonzero(~lost_by_path_solver(atlas))), cells)
        print(row("  alike", alike, reference, given.points), flush=True)
    if given.dense:
        dense = replace(settings, receivers=1, samples=int(given.dense), seed=7)
        denser = of_reference(reference_paths(*arguments, points, dense))
        print(row("  dense", alike, denser, given.points), flush=True)
        print(row("  itself", reference, denser, given.points), flush=True)


def timed_trace(place: TracedPlace, configuration: TraceConfiguration) -> tuple[PathAtlas, float]:
    """The first site's atlas, and the time it took once the kernels were compiled [s]."""
    tracer, site = tracer_of(place, configuration), place.deployment.site_positions[0]
    tracer.trace(0, site)
    started = time.perf_counter()
    atlas = tracer.trace(0, site)
    return atlas, time.perf_counter() - started


def row(name: str, mine: Listed, other: Listed, points: int) -> str:
    """One line of the table: medians and 90 % (first arrival 95 %) of the absolute differences."""
    rows, one_sees, seen = [], 0, 0
    for point in range(points):
        here, there = mine.at(point), other.at(point)
        gains = here.gain.sum(), there.gain.sum()
        seen += max(gains) > DARK
        one_sees += (max(gains) > DARK) and (min(gains) < DARK / 100)
        if min(gains) >= DARK / 100 and max(gains) >= DARK:
            rows.append(_differences_at(here, there))
    gain, first, strong, sight, turn, spread, listed, ours_listed = np.abs(np.array(rows, float)).T
    return (
        f"{name:14s} {seen:6.0f} {np.median(gain):5.2f} / {np.quantile(gain, 0.9):5.2f} "
        f"{np.median(first):7.3f} / {np.quantile(first, 0.95):7.2f} "
        f"{np.median(strong):7.3f} / {np.quantile(strong, 0.95):7.2f} {sight.mean():6.1%} "
        f"{np.median(turn):5.2f} / {np.quantile(turn, 0.9):5.1f} {np.nanmedian(spread):7.1%} "
        f"{one_sees / max(seen, 1):8.1%} {listed.mean():8.1%} {ours_listed.mean():8.1%}"
    )


def _differences_at(mine: Listed, other: Listed) -> tuple[float, ...]:
    azimuths = [np.arctan2(*paths.arrival[np.argmax(paths.gain), 1::-1]) for paths in (mine, other)]
    turn = np.rad2deg(np.angle(np.exp(1j * (azimuths[0] - azimuths[1]))))
    gain = 10 * np.log10(mine.gain.sum() / other.gain.sum())
    spreads = [_spread(paths.length, paths.gain) for paths in (mine, other)]
    relative = abs(spreads[0] - spreads[1]) / spreads[1] if spreads[1] > 0.1 else np.nan
    strong = [paths.length[paths.gain > FAINT * paths.gain.max()].min() for paths in (mine, other)]
    first = mine.length.min() - other.length.min()
    sight = mine.line_of_sight.any() == other.line_of_sight.any()
    return gain, first, strong[0] - strong[1], sight, turn, relative, *_shared_power(mine, other)


def _shared_power(mine: Listed, other: Listed) -> tuple[float, float]:
    """Shares of the other's power and of mine that are in paths which both list."""
    azimuths = [np.arctan2(paths.arrival[:, 1], paths.arrival[:, 0]) for paths in (mine, other)]
    turn = np.abs(np.angle(np.exp(1j * (azimuths[0][:, None] - azimuths[1]))))
    same = (np.abs(mine.length[:, None] - other.length) < SAME_LENGTH) & (turn < SAME_AZIMUTH)
    shares = [
        paths.gain[same.any(axis=axis)].sum() / paths.gain.sum() for axis, paths in ((0, other), (1, mine))
    ]
    return float(shares[0]), float(shares[1])


def _spread(length: np.ndarray, power: np.ndarray) -> float:
    """RMS delay spread, in metres."""
    mean = np.average(length, weights=power)
    return float(np.sqrt(np.average((length - mean) ** 2, weights=power)))


if __name__ == "__main__":
    main()
