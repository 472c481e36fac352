"""The path atlas compared with Sionna's PathSolver: accuracy at random outdoor points, and links a second.

Reference: PathSolver with first-order diffraction (unless --specular-only) and without refraction, from an
isotropic vertical transmitter to a dual-polarised isotropic receiver. Points are the centres of outdoor
ground cells; only points where either sees anything above −130 dB count. A link is one (site, ground
cell). Both run on the same machine, one after the other; compiling is not counted. Over-rooftop paths,
which PathSolver lacks, are off, and so are trees.

Rows of a place:

* its name: the atlas compared with PathSolver; with several --mirrors or --rays a row for each, so named.
* "alike": the same without the paths that PathSolver never lists, see `propagation.oracles.reference`.
* with --dense N, "dense": the latter compared with PathSolver with N samples, one receiver a call; and
  "itself": PathSolver as asked compared with PathSolver with N samples.

PathSolver loses strong paths when it is asked for many receivers at once (its candidates share one hash
table), so accuracy is measured with few at a time (--receivers) and its speed with 40. The first arrival
is also compared among the paths within 40 dB of the strongest, because PathSolver lists any path, however
weak. The last columns are shares of power: of PathSolver's that is in paths which the atlas lists too, and
of the atlas's that is in paths which PathSolver lists.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product

import numpy as np
from outdoor_points import CENTRES, DARK, built_places, random_points

from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.atlas.channel_response import PointPaths, point_paths
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.oracles.reference import (
    ReferenceSettings,
    centre_paths,
    chosen,
    lost_by_path_solver,
    partners,
)
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

#: First arrivals weaker than this compared with the strongest path are left out in the second comparison (power).
FAINT = 1e-4
#: Points at which PathSolver's links a second are counted.
TIMED_POINTS = 80


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cities",
        nargs="*",
        default=["etoile"],
        help=f"built-in cities ({', '.join(CENTRES)}), or any other source of a place",
    )
    parser.add_argument("--receivers", type=int, default=2, help="receivers of one call, for accuracy")
    parser.add_argument("--resolution", type=float, default=4.0, help="side of a ground cell [m]")
    parser.add_argument("--points", type=int, default=40, help="points a city")
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
    for city, place in built_places(given.cities, given.resolution):
        compare(city, place, given)


#: Heads of the columns of differences.
DIFFERENCES = (
    f"{'points':>6s} {'gain dB':>13s} {'first arrival m':>17s} {'above −40 dB':>17s} "
    f"{'LoS':>6s} {'azimuth °':>13s} {'spread':>7s} {'one sees':>8s}"
)
HEADER = (
    f"{'city':14s} {DIFFERENCES} {'in atlas':>8s} {'in other':>8s} "
    f"{'atlas/s':>8s} {'solver/s':>8s} {'ratio':>6s}"
)


def compare(city: str, place: TracedPlace, given: argparse.Namespace) -> None:
    """Prints all rows of one place's first site."""
    points = random_points(place, given.points)
    outdoor = np.count_nonzero(place.geometry_maps["footprint"].values == 0)
    settings = ReferenceSettings(given.depth, given.samples, diffraction=not given.specular_only)
    points.reference(settings, 2)
    started = time.perf_counter()
    points.reference(settings, TIMED_POINTS)
    theirs = min(TIMED_POINTS, given.points) / (time.perf_counter() - started)
    reference = points.reference(replace(settings, receivers=given.receivers))
    alike = []
    for mirrors, rays in product(given.mirrors, given.rays):
        configuration = TraceConfiguration(
            depth=given.depth,
            rays_per_cell=rays,
            over_rooftop=False,
            diffraction=settings.diffraction,
            edge_mirrors=mirrors,
            vegetation=False,
        )
        atlas, seconds = timed_trace(place, configuration)
        ours = outdoor / seconds
        rates = f" {ours:8.0f} {theirs:8.2f} {ours / theirs:6.0f}"
        varied = len(given.mirrors) > 1 or len(given.rays) > 1
        name = f"{city[:7]} {mirrors}, {rays:g}" if varied else city
        listed = point_paths(centre_paths(atlas, points.cells))
        print(row(name, listed, reference) + rates, flush=True)
        listable = reorder(atlas, np.flatnonzero(~lost_by_path_solver(atlas)))
        alike.append(point_paths(centre_paths(listable, points.cells)))
        print(row("  alike", alike[-1], reference), flush=True)
    if given.dense:
        denser = points.reference(replace(settings, receivers=1, samples=int(given.dense), seed=7))
        print(row("  dense", alike[-1], denser), flush=True)
        print(row("  itself", reference, denser), flush=True)


def timed_trace(place: TracedPlace, configuration: TraceConfiguration) -> tuple[PathAtlas, float]:
    """The first site's atlas, and the time it took once the kernels were compiled [s]."""
    tracer, site = tracer_of(place, configuration), place.deployment.site_positions[0]
    tracer.trace(0, site)
    started = time.perf_counter()
    atlas = tracer.trace(0, site)
    return atlas, time.perf_counter() - started


def row(name: str, mine: PointPaths, other: PointPaths, width: int = 14) -> str:
    """One line of the table: medians and 90 % (first arrival 95 %) of the absolute differences."""
    one_sees, seen = 0, 0
    rows = []
    for point in range(mine.point_count):
        here, there = (chosen(paths, np.flatnonzero(paths.point == point)) for paths in (mine, other))
        gains = here.gain.sum(), there.gain.sum()
        seen += max(gains) > DARK
        one_sees += (max(gains) > DARK) and (min(gains) < DARK / 100)
        if min(gains) >= DARK / 100 and max(gains) >= DARK:
            rows.append(_differences_at(here, there))
    gain, first, strong, sight, turn, spread, listed, ours_listed = np.abs(np.array(rows, float)).T
    return (
        f"{name:{width}s} {seen:6.0f} {np.median(gain):5.2f} / {np.quantile(gain, 0.9):5.2f} "
        f"{np.median(first):7.3f} / {np.quantile(first, 0.95):7.2f} "
        f"{np.median(strong):7.3f} / {np.quantile(strong, 0.95):7.2f} {sight.mean():6.1%} "
        f"{np.median(turn):5.2f} / {np.quantile(turn, 0.9):5.1f} {np.nanmedian(spread):7.1%} "
        f"{one_sees / max(seen, 1):8.1%} {listed.mean():8.1%} {ours_listed.mean():8.1%}"
    )


def _differences_at(mine: PointPaths, other: PointPaths) -> tuple[float, ...]:
    azimuths = [np.arctan2(*paths.arrival[np.argmax(paths.gain), 1::-1]) for paths in (mine, other)]
    turn = np.rad2deg(np.angle(np.exp(1j * (azimuths[0] - azimuths[1]))))
    gain = 10 * np.log10(mine.gain.sum() / other.gain.sum())
    spreads = [_spread(paths.length, paths.gain) for paths in (mine, other)]
    relative = abs(spreads[0] - spreads[1]) / spreads[1] if spreads[1] > 0.1 else np.nan
    strong = [paths.length[paths.gain > FAINT * paths.gain.max()].min() for paths in (mine, other)]
    first = mine.length.min() - other.length.min()
    sight = mine.line_of_sight.any() == other.line_of_sight.any()
    return gain, first, strong[0] - strong[1], sight, turn, relative, *_shared_power(mine, other)


def _shared_power(mine: PointPaths, other: PointPaths) -> tuple[float, float]:
    """Shares of the other's power and of mine that are in paths which both list."""
    partner = partners(mine, other)
    shared = other.gain[partner[partner >= 0]].sum() / other.gain.sum()
    return float(shared), float(mine.gain[partner >= 0].sum() / mine.gain.sum())


def _spread(length: np.ndarray, power: np.ndarray) -> float:
    """RMS delay spread, in metres."""
    mean = np.average(length, weights=power)
    return float(np.sqrt(np.average((length - mean) ** 2, weights=power)))


if __name__ == "__main__":
    main()
