"""What bounds locating by times of arrival: errors in drawn networks over noise of arrivals and of sites' positions.

    python benchmarks/arrivals_field.py [--networks 8] [--seed 1] [--rounds 50 --spread 3]
    python benchmarks/arrivals_field.py --place areas/oslo --reports oslo-?.zarr

Networks are as dense as the NB-IoT network of Oslo (sites some 150 m apart, about ten cells a report), with one unknown
clock a site and listed positions of a known deviation. With files of reports it prints what their arrivals are like:
the scatter of ranges about each report's own best solution, found as the locator finds it, no position being read.
Drawn networks have the same column, so that a real one can be looked up in them. With other rounds, and a weaker hold
on the centroid, that solution is another one, which the network has not been trained with.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area import anchors
from raylocus.models.area.ground_masses import ground_masses
from raylocus.models.area.heard_reports import heard_reports
from raylocus.models.area.tokens import area_tokens
from raylocus.network.field.heard import HeardNetwork
from raylocus.network.field.law import USUAL
from raylocus.network.field.simulate import SimulatedNetwork, simulate_network
from raylocus.network.reports.report_files import checked_reports
from raylocus.scenes.area import open_network

#: Noise of arrivals, and deviations of listed sites, that networks are drawn with [m].
NOISES, DEVIATIONS = (5.0, 20.0, 40.0, 80.0, 160.0), (5.0, 45.0)
#: Dense networks whose sites and reports are otherwise as usual.
DENSE = replace(
    USUAL, spacing=(130.0, 170.0), sites=(80.0, 150.0), heard=(10.0, 20.0), dropout=(0.0, 0.3), unlisted=(0.0, 0.1),
    silent=(0.0, 0.1), misread=(0.0, 0.0), detour=(5.0, 30.0),
)  # fmt: skip
#: Reports of a network that clocks and statistics are of, and that are located.
STREAM, LOCATED = 150, 40
#: Arrivals that a report of a drawn network has on average, at least.
FEWEST = 8.0
#: Ranges that are further off are a clock's jump and no path's length [m].
FAR_OFF = 1000.0


def draw(noise: float, deviation: float, generator: np.random.Generator) -> SimulatedNetwork:
    """A network with arrivals, at estimated positions that it says to be so."""
    law = replace(DENSE, arrival_noise=(noise, noise), deviation=(deviation, deviation))
    while True:
        drawn = simulate_network(law, STREAM, generator)
        arrivals = np.isfinite(drawn.heard.arrival).sum() / len(drawn.position)
        if arrivals >= FEWEST and drawn.heard.cells.deviation.any():
            return drawn


def errors(drawn: SimulatedNetwork, heard: HeardNetwork, some: np.ndarray) -> Float[np.ndarray, " report"]:
    """Of some reports by what of them is given [m]."""
    tokens = area_tokens(heard, some)
    reading = np.arange(len(some))[:, None]
    with torch.inference_mode():
        masses = AreaLocator.pretrained().trained.masses(tokens, heard.select(some))
        ground = ground_masses(masses, tokens, reading, np.ones(reading.shape))
    return np.hypot(*(ground.median - drawn.position[some]).T)


def ranges(heard: HeardNetwork) -> tuple[float, float, float]:
    """Median scatter of ranges about the reports' own solutions [m], share that is far off, arrivals a report."""
    found, timed = anchors.anchors_of(heard), np.isfinite(heard.arrival)
    step = found.timed[heard.report] - heard.cells.position[heard.cell]
    off = np.abs(found.range - np.hypot(*step.T))[timed]
    return (
        float(np.nanmedian(found.range_error[timed])),
        float(np.nanmean(off > FAR_OFF)),
        timed.sum() / len(heard),
    )


def row(noise: float, deviation: float, networks: int, seed: int) -> list[str]:
    found = []
    scatter = []
    alone = []
    for number in range(networks):
        # Of one seed: rows differ in nothing but their noise and deviation.
        drawn = draw(noise, deviation, np.random.default_rng((seed, number)))
        some = np.arange(min(LOCATED, len(drawn.position)))
        silent = replace(drawn.heard, arrival=np.full(len(drawn.heard.cell), np.nan))
        found.append(np.stack([errors(drawn, each, some) for each in (drawn.heard, silent)]))
        scatter.append(ranges(drawn.heard)[0])
        alone.append(np.hypot(*(anchors.anchors_of(drawn.heard).timed - drawn.position).T)[some])
    timed, levels = np.percentile(np.concatenate(found, axis=1), (50, 90), axis=1).T
    solved = np.nanpercentile(np.concatenate(alone), (50, 90))
    printed = [f"{p50:.0f} / {p90:.0f}" for p50, p90 in (solved, timed, levels)]
    return [f"{noise:.0f}", f"{deviation:.0f}", f"{np.median(scatter):.0f}", *printed]


def main() -> None:
    """Prints the drawn networks, or those of files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=anchors.ROUNDS, help="of positions and clocks in turn")
    parser.add_argument(
        "--spread",
        type=float,
        default=anchors.PRIOR_SPREAD,
        help="of reports about their centroids, in spacings",
    )
    parser.add_argument("--place", type=Path, default=None, help="a real network, with --reports")
    parser.add_argument("--reports", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    anchors.ROUNDS, anchors.PRIOR_SPREAD = given.rounds, given.spread
    if given.place is not None:
        deployment = open_network(given.place).deployment
        apart = anchors.middle_spacing(deployment.site_positions[:, :2])
        known = np.median([site.deviation for site in deployment.sites])
        table = Table(title=f"{given.place}: sites {apart:.0f} m apart, known to {known:.0f} m")
        for column in ("reports", "scatter of ranges / m", f"over {FAR_OFF:.0f} m off", "arrivals a report"):
            table.add_column(column, justify="right")
        for path in given.reports:
            scatter, far, count = ranges(heard_reports(checked_reports(path).reports, deployment).network)
            table.add_row(path.name, f"{scatter:.0f}", f"{far:.0%}", f"{count:.1f}")
    else:
        table = Table(title=f"{given.networks} networks a row; error p50 / p90 / m")
        for column in (
            "noise / m",
            "sites known to / m",
            "scatter of ranges / m",
            "own solution",
            "with arrivals",
            "levels",
        ):
            table.add_column(column, justify="right")
        for deviation, noise in itertools.product(DEVIATIONS, NOISES):
            table.add_row(*row(noise, deviation, given.networks, given.seed))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
