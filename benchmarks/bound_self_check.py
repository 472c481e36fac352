"""Self-check of the bound and of the true maps: coverage of their regions on draws of their own law.

    python benchmarks/bound_self_check.py [PLACE …] [--severity 0.5] [--features critical] [--worlds 60]
        [--sequences 4] [--seed 12 …] [--fit]
    python benchmarks/bound_self_check.py [PLACE …] --map-error 1 --true-places 9

A place is a traced place folder or the style of a generated town, which is built for the run: a tile of 256 m at
4 m, three reflections. One line a place and one for all: sequences, coverage of the 50, 90 and 95 % regions,
negative log-likelihood [nats] and median error [m] of both, and the wall time. Worlds of one seed share four draws
of materials and sequences of one world its errors, so many seeds of few worlds say most. With --map-error worlds
stand in draws of what may truly stand there, and the bound of each is given the others alone. With --fit the numbers of
each calibration are searched on the draws, see `fitted`; use other seeds than the check's.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from raylocus.datasets.building.true_places import FEWEST_DRAWS, drawn_places
from raylocus.datasets.splits import PlaceChoice
from raylocus.evaluation.bound.bound import Bound, KnownLaw
from raylocus.evaluation.bound.calibration import TRUE_MAPS_FITTED, Calibration, kind_of_reports
from raylocus.evaluation.bound.ensemble import atlas_physics
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.search import Found
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluation import Evaluation, Truth, evaluation_of, truth_of
from raylocus.geo import Grid
from raylocus.models.posterior import Posterior
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.world import WorldLaw

STYLES = ("european-core", "high-rise-slabs", "village")
TRACE = TraceConfiguration(depth=3, diffraction=False, dynamic_range_db=30.0)
#: What regions may hold more or less than they say where a calibration is chosen by its likelihood.
TOLERANCE = 0.01
#: Networks by what they report, as in the recipes of the benchmark.
FEATURES = {
    "critical": NetworkConfiguration(),
    "levels": NetworkConfiguration(
        availability=dict.fromkeys(("rsrq", "sinr", "l1_rsrp", "timing_advance"), 0.0)
    ),
    "positioning": NetworkConfiguration(
        feature_set="positioning",
        availability=dict.fromkeys(
            ("prs_rsrp", "rstd", "ue_rx_tx", "gnb_rx_tx", "ul_rtoa", "ul_aoa", "srs_rsrp"), 0.9
        ),
    ),
}
Draw = tuple[Grid, list[Found], Truth]


def opened(name: str, folder: Path, seed: int) -> TracedPlace:
    """A place folder, or a generated town that is built and traced."""
    if Path(name).is_dir():
        return open_place(name)
    build_place(f"procedural:{name}", folder / name, SceneConfiguration(256.0, 4.0, seed=seed))
    return trace_place(folder / name, TRACE)


def laws(place: TracedPlace, words: argparse.Namespace) -> Iterator[tuple[KnownLaw, KnownLaw]]:
    """The laws that draw, each with the law that the bound knows."""
    mobility = MobilityConfiguration()
    choice = PlaceChoice(place.folder, seed=1, map_error=words.map_error)
    errors = MapErrorLaw(severity=words.map_error)
    count = words.true_places
    true_places = drawn_places(choice, errors, count, TRACE, lambda _: None) if words.map_error else ()
    known = KnownLaw(
        place,
        WorldLaw(severity=words.severity),
        FEATURES[words.features].at_severity(words.severity),
        mobility,
        Movement.of(place, mobility, np.random.default_rng(0), true_places),
        atlas_physics,
        true_places,
    )
    return known.held_out()


def drawn(law: KnownLaw, known: KnownLaw, words: argparse.Namespace, number: int) -> tuple[Draw, Draw]:
    """What the bound and the true maps find in draws of a law, the first, second, … of a place."""
    worlds = [
        (maps, reports)
        for seed in words.seed
        for maps, reports in law.draw(words.worlds, words.sequences, np.random.default_rng([seed, number]))
        if len(reports)
    ]
    reports = Reports.concatenate([each for _, each in worlds])
    truth, grid = truth_of(reports, law.place), law.place.tile
    movement = (
        known.movement if law is known else Movement.of(law.place, law.mobility, np.random.default_rng(0))
    )
    of_true: list[Found] = []
    for maps, own in worlds:
        of_true += TrueMaps(maps, law.network, movement).found(own, law.place)
    return (grid, Bound(known).found(reports), truth), (grid, of_true, truth)


def scored(draw: Draw, calibration: Calibration) -> Evaluation:
    """A calibration's evaluation on a draw."""
    grid, found, truth = draw
    return evaluation_of("", calibration.posterior(found, grid), truth, 0.0)


def line(label: str, parts: list[Evaluation], seconds: float) -> str:
    """One line of the table, pooled over some draws."""
    pooled = Evaluation.concatenate(parts)
    shares = "".join(f"{pooled.coverage(mass):>8.1%}" for mass in (0.5, 0.9, 0.95))
    nll = pooled.negative_log_likelihood.mean()
    return f"{label:<36}{len(pooled):>6}{shares}{nll:>8.2f}{pooled.percentile(50.0):>8.1f}{seconds:>8.1f}"


def judged(draw: Draw, calibration: Calibration) -> Evaluation:
    """As `scored`, without the estimate of a position, which is most of its time."""
    grid, found, truth = draw
    mass = np.array([calibration.apply(each, grid) for each in found], np.float32).reshape(-1, *grid.shape)
    nowhere = np.zeros((len(mass), 2))
    return evaluation_of("", Posterior(grid, mass, nowhere, np.zeros((len(mass), 2, 2))), truth, 0.0)


def fitted(draws: list[Draw]) -> tuple[float, float, Calibration]:
    """The calibration of the least negative log-likelihood among those whose regions hold what they say.

    These are within `TOLERANCE` of it over all draws; where none is, the nearest. Returned are the greatest
    deviation, the likelihood and the calibration.
    """
    found = []
    for power, doubt, growth in itertools.product(
        np.arange(0.7, 1.31, 0.1), (0.5, 1.0, 1.5, 2.0, 3.0, 4.0), (0.0, 0.15)
    ):
        calibration = Calibration(float(power), doubt, growth)
        pooled = Evaluation.concatenate([judged(draw, calibration) for draw in draws])
        off = max(abs(pooled.coverage(mass) - mass) for mass in (0.5, 0.9, 0.95))
        found.append((off, float(pooled.negative_log_likelihood.mean()), calibration))
    return min(found, key=lambda each: (max(each[0], TOLERANCE), each[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("places", nargs="*")
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--features", choices=FEATURES, default="critical", help="what is reported")
    parser.add_argument(
        "--worlds", type=int, default=60, help="of each seed, which share four draws of materials"
    )
    parser.add_argument("--sequences", type=int, default=4, help="of each world")
    parser.add_argument("--seed", type=int, nargs="+", default=[12])
    parser.add_argument("--map-error", type=float, default=0.0, help="severity of the errors of the map")
    parser.add_argument("--true-places", type=int, default=9, help="draws of what may stand there, then")
    parser.add_argument("--fit", action="store_true")
    words = parser.parse_args()
    if words.map_error and (words.features == "positioning" or words.true_places < FEWEST_DRAWS):
        parser.error(
            f"--map-error goes with --features critical or levels, and with {FEWEST_DRAWS} true places or more"
        )
    kept: dict[str, list[tuple[Draw, Evaluation]]] = {"bound": [], "true maps": []}
    print(f"{'place, method':<36}{'seq':>6}{'50 %':>8}{'90 %':>8}{'95 %':>8}{'nll':>8}{'p50':>8}{'s':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(words.places or STYLES):
            place = opened(name, Path(folder), number + 1)
            started = time.perf_counter()
            pairs = list(laws(place, words))
            both = [drawn(*pair, words, number) for number, pair in enumerate(pairs, start=1)]
            seconds = time.perf_counter() - started
            calibrations = (pairs[0][1].calibration, TRUE_MAPS_FITTED[kind_of_reports(pairs[0][0].network)])
            for method, draws, calibration in zip(kept, zip(*both, strict=True), calibrations, strict=True):
                own = [(draw, scored(draw, calibration)) for draw in draws]
                kept[method] += own
                label = f"{Path(name).name}, {method}"
                print(line(label, [each for _, each in own], seconds), flush=True)
    for method, parts in kept.items():
        print(line(f"all, {method}", [each for _, each in parts], 0.0))
        if words.fit:
            print("fit", *fitted([draw for draw, _ in parts]))


if __name__ == "__main__":
    main()
