"""Evidence for the paths that the atlas and PathSolver list at random outdoor points, and who lacks what.

The points, sites and columns are those of propagation_accuracy.py. For each place:

* "walked": every path of the atlas above −130 dB is walked again through all triangles, in double precision and
  independently of the search (`propagation.oracles.path_proof`): from the site and, if it goes over an edge, from
  the UE. Shares of them that are proven, by number and by power (each point counting alike), and how closely:
  distance from the UE or the edge, and error of the length. In rows of their own those that PathSolver lists too,
  in any of its runs, and those that only the atlas lists. What was found of the others is counted by its name in
  `Verdict`.
* "listed": of the proven paths within 20 dB of the strongest of their point, the share that PathSolver lists, by the
  number of surfaces and edges that they touch.
* "fields": absolute difference of the power gain of the proven paths that both list, the last by power. Those with a
  mirror behind their edge are apart, because PathSolver's depend on its max_depth.
* "lacking": what each list lacks of the union of all, which is the atlas's proven paths and those of PathSolver that
  are none of them. Differences are those of propagation_accuracy.py, to the union; "lists" is the share of its power.

PathSolver is asked with each of --samples, every number with a seed of its own; from 5·10⁶ on for one receiver a call.
Without any number the atlas's paths are walked, and no more.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from outdoor_points import DARK, Points, built_places, random_points
from propagation_accuracy import DIFFERENCES, row

from raylocus.propagation.atlas.atlas import DIFFRACTED, PathAtlas
from raylocus.propagation.atlas.channel_response import PointPaths, point_paths
from raylocus.propagation.oracles.path_proof.prover import PathProver, Proof, Tolerances, Verdict
from raylocus.propagation.oracles.reference import ReferenceSettings, centre_paths, chosen, partners, united
from raylocus.propagation.tracing.site_parts import tracer_of
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.triangles import read_place_scene
from raylocus.units import to_decibel

#: Paths this far below the strongest of their point matter (power).
STRONG = 1e-2
#: From so many samples on PathSolver is asked for one receiver a call.
DENSE = 5_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cities", nargs="*", default=["etoile"], help="built-in cities, or any sources of a place"
    )
    parser.add_argument("--points", type=int, default=40, help="points a city")
    parser.add_argument(
        "--samples", type=float, nargs="*", default=[2e6], help="PathSolver's samples_per_src"
    )
    parser.add_argument("--receivers", type=int, default=2, help="receivers of one call of PathSolver")
    parser.add_argument("--resolution", type=float, default=4.0, help="side of a ground cell [m]")
    parser.add_argument("--depth", type=int, default=4, help="most reflections")
    given = parser.parse_args()
    for city, place in built_places(given.cities, given.resolution):
        lists = listed(random_points(place, given.points), given)
        print(f"{city}, {given.points} points, {len(lists.paths.length)} paths of the atlas")
        for part in (walked, found_by_order, fields, lacking):
            print("\n".join(part(lists)), flush=True)


@dataclass(frozen=True)
class Lists:
    """All paths to the points of a place, as the atlas and as several runs of PathSolver list them."""

    points: Points
    paths: PathAtlas
    """The atlas's, sorted by point."""
    ours: PointPaths
    """The same with their fields."""
    samples: list[int]
    """Of each run of PathSolver."""
    theirs: list[PointPaths]
    proof: Proof
    """What walking the atlas's paths has shown."""

    @property
    def proven(self) -> Bool[np.ndarray, " path"]:
        """Which of the atlas's paths are."""
        return self.proof.verdict == Verdict.PROVEN

    @property
    def weight(self) -> Float[np.ndarray, " path"]:
        """Power of each of the atlas's paths relative to all of its point's."""
        total = np.bincount(self.ours.point, self.ours.gain, self.ours.point_count)
        return self.ours.gain / total[self.ours.point]


def listed(points: Points, given: argparse.Namespace) -> Lists:
    place = points.place
    configuration = TraceConfiguration(depth=given.depth, over_rooftop=False, vegetation=False)
    found = centre_paths(tracer_of(place, configuration).trace(0, points.site), points.cells)
    settings = ReferenceSettings(given.depth, diffraction=True)
    samples = sorted(int(number) for number in given.samples)
    theirs = [
        points.reference(
            replace(
                settings, samples=number, seed=42 + run, receivers=1 if number >= DENSE else given.receivers
            )
        )
        for run, number in enumerate(samples)
    ]
    scene = read_place_scene(place.scene_file)
    prover = PathProver(scene.vertices, scene.material, Tolerances())
    proof = prover.proof(found.paths, points.site, points.position[found.ue])
    return Lists(points, found.paths, point_paths(found), samples, theirs, proof)


def walked(lists: Lists) -> list[str]:
    """Shares of the atlas's paths that are proven."""
    loud, over_edge = lists.ours.gain > DARK, lists.paths.kind == DIFFRACTED
    shared = np.zeros(len(loud), bool)
    for theirs in lists.theirs:
        shared |= partners(lists.ours, theirs) >= 0
    rows = [
        f"{'  walked':24s} {'paths':>6s} {'proven':>7s} {'power':>7s} {'off by mm: 99 %':>16s} {'most':>6s}"
        f" {'length 99 %':>12s} {'most':>6s}   not proven"
    ]
    for name, of_list in (("both", shared), ("atlas alone", ~shared)):
        for kind, of_kind in (("reflected", ~over_edge), ("over an edge", over_edge)):
            rows.append(_walked(f"  {name}, {kind}", lists, loud & of_list & of_kind))
    return rows


def _walked(name: str, lists: Lists, which: Bool[np.ndarray, " path"]) -> str:
    verdict, weight = lists.proof.verdict[which], lists.weight[which]
    proven = verdict == Verdict.PROVEN
    if not proven.any():
        return f"{name:24s} {len(verdict):6d}"
    miss, longer = (
        1e3 * np.quantile(np.abs(error[which][proven]), [0.99, 1.0])
        for error in (lists.proof.miss, lists.proof.longer)
    )
    others = [
        f"{each.name.lower()} {np.sum(verdict == each)}"
        for each in Verdict
        if each and np.any(verdict == each)
    ]
    return (
        f"{name:24s} {len(verdict):6d} {proven.mean():7.1%} {weight[proven].sum() / weight.sum():7.1%}"
        f" {miss[0]:16.3f} {miss[1]:6.3f} {longer[0]:12.3f} {longer[1]:6.3f}   {', '.join(others)}"
    )


def found_by_order(lists: Lists) -> list[str]:
    """Shares of the atlas's strong and proven paths that each run of PathSolver lists."""
    strongest = np.zeros(lists.ours.point_count)
    np.maximum.at(strongest, lists.ours.point, lists.ours.gain)
    strong = (lists.ours.gain > DARK) & (lists.ours.gain > STRONG * strongest[lists.ours.point])
    strong &= lists.proven
    order = lists.paths.interactions + (lists.paths.kind == DIFFRACTED)
    orders = [strong & (order == number) for number in range(int(order.max()) + 1)]
    rows = [f"{'  listed, by order':24s}" + "".join(f"{number:7d}" for number in range(len(orders)))]
    rows.append(f"{'  paths':24s}" + "".join(f"{own.sum():7d}" for own in orders))
    for samples, theirs in zip(lists.samples, lists.theirs, strict=True):
        shared = partners(lists.ours, theirs) >= 0
        rows.append(f"{_name(samples):24s}" + "".join(_share(shared[own]) for own in orders))
    return rows


def _share(which: Bool[np.ndarray, " path"]) -> str:
    return f"{which.mean():7.0%}" if len(which) else f"{'':7s}"


def _name(samples: int) -> str:
    return f"  PathSolver {samples:.1e}"


def fields(lists: Lists) -> list[str]:
    """How far apart the gains of proven paths are that both list, as the densest run that lists them has them."""
    theirs = np.full(len(lists.ours.gain), np.nan)
    for run in lists.theirs:
        partner = partners(lists.ours, run)
        theirs[partner >= 0] = run.gain[partner[partner >= 0]]
    both = np.isfinite(theirs) & (lists.ours.gain > DARK) & lists.proven
    behind = (lists.paths.kind == DIFFRACTED) & (lists.paths.interactions > lists.paths.before_edge)
    rows = [
        f"{'  fields, dB':24s} {'paths':>6s} {'median':>8s} {'90 %':>8s} {'99 %':>8s} {'most':>8s} {'by power':>9s}"
    ]
    for name, which in (("all others", ~behind), ("mirror behind the edge", behind)):
        own = np.flatnonzero(both & which)
        apart = np.abs(to_decibel(lists.ours.gain[own]) - to_decibel(theirs[own]))
        if len(own):
            quantiles = "".join(f" {value:8.3f}" for value in np.quantile(apart, [0.5, 0.9, 0.99, 1.0]))
            rows.append(
                f"  {name:22s} {len(own):6d}{quantiles} {np.average(apart, weights=lists.weight[own]):9.3f}"
            )
    return rows


def lacking(lists: Lists) -> list[str]:
    """What each list lacks of the union of all."""
    real = chosen(lists.ours, np.flatnonzero(lists.proven))
    union, parts = united([real, *reversed(lists.theirs)])
    names = ["  atlas", *(_name(samples) for samples in reversed(lists.samples))]
    rows = [f"{'  lacking':24s} {DIFFERENCES} {'lists':>8s}"]
    return rows + [
        row(name, part, union, width=24).rsplit(maxsplit=1)[0]
        for name, part in zip(names, parts, strict=True)
    ]


if __name__ == "__main__":
    main()
