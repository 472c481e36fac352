"""Sequences in drawn networks: what 2, 4 and 8 reports of a phone are worth to the locator for areas.

    python benchmarks/sequences_field.py [--networks 60] [--seed 1] [--law usual]
    python benchmarks/sequences_field.py --place areas/town --reports drives.zarr

Phones stand, walk or drive; near reports share shadowing, lines of sight and detours (`network.field.ues`). Of a file
of long sequences every few reports one is located, with those before it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from raylocus.evaluation.area_scores import score_in_area
from raylocus.evaluation.evaluation import REGIONS, coverage
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.anchors import middle_spacing
from raylocus.network.field.drawn_reports import drawn_deployment, drawn_reports
from raylocus.network.field.law import LAWS, FieldLaw
from raylocus.network.field.simulate import simulate_tracks
from raylocus.network.reports.report_files import checked_reports
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.area import open_network
from raylocus.scenes.sites import Deployment

#: Of the reports of a file so many are passed over between two that are located.
EVERY = 5
#: Phones of a network, and numbers of their last reports that are given.
PHONES, COUNTS = 12, (1, 2, 4, 8)
#: Seeds of the networks begin with this.
UNSEEN = 20261201


def last_reports(reports: Reports, count: int) -> Reports:
    """So many last reports of each phone, or all that it has."""
    rows = Rows(reports.report_offsets)
    return reports.select_reports(np.flatnonzero(rows.lengths[rows.row] - rows.rank <= count))


def before(reports: Reports, count: int) -> Reports:
    """Every `EVERY`th report with up to so many that end with it, each as a sequence of its own."""
    first = Rows(reports.report_offsets).first
    lasts = range(EVERY - 1, len(reports.time), EVERY)
    return Reports.concatenate([
        reports.select_reports(np.arange(max(int(first[last]), last + 1 - count), last + 1)) for last in lasts
    ])  # fmt: skip


def scored(
    locator: AreaLocator, reports: Reports, deployment: Deployment, spacing: float
) -> Float[np.ndarray, "phone 5"]:
    """Errors and radii in spacings of sites, both masses and costs."""
    scores = score_in_area(locator, reports, deployment)
    lengths = np.stack([scores.errors[locator.name], scores.radius]) / spacing
    cost = -scores.log_density - 2 * np.log(spacing)
    return np.column_stack([*lengths, scores.denser, scores.tied, cost])


def in_networks(
    law: FieldLaw, networks: int, seed: int
) -> Iterator[tuple[int, Float[np.ndarray, "phone 5"]]]:
    """Scores of the phones of each drawn network, for each number of reports."""
    for number in range(networks):
        drawn = simulate_tracks(law, PHONES, max(COUNTS), np.random.default_rng((UNSEEN, seed, number)))
        reports, deployment = drawn_reports(drawn), drawn_deployment(drawn.heard)
        spacing = middle_spacing(drawn.heard.cells.sites)
        for count in COUNTS:
            yield count, scored(AreaLocator.pretrained(), last_reports(reports, count), deployment, spacing)


def in_files(place: Path, files: list[Path]) -> Iterator[tuple[int, Float[np.ndarray, "phone 5"]]]:
    """Scores of reports of a real network, for each number of them; errors in metres."""
    deployment = open_network(place).deployment
    for reports in (checked_reports(file).reports for file in files):
        for count in COUNTS:
            yield count, scored(AreaLocator.pretrained(), before(reports, count), deployment, 1.0)


def main() -> None:
    """Prints a row for each number of reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--law", choices=list(LAWS), default="usual")
    parser.add_argument("--place", type=Path, default=None, help="a real network, with --reports")
    parser.add_argument("--reports", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    every: dict[int, list[Float[np.ndarray, "phone 5"]]] = defaultdict(list)
    real = given.place is not None
    for count, found in (
        in_files(given.place, given.reports)
        if real
        else in_networks(LAWS[given.law], given.networks, given.seed)
    ):
        every[count].append(found)
    title = f"{given.networks} networks, {given.law} law, {PHONES} phones each; error / site spacing"
    table = Table(title="error / m" if real else title)
    for column in ("reports", "p50", "p90", "50, 90, 95 % regions hold", "nats", "90 % radius"):
        table.add_column(column, justify="right")
    for count, parts in every.items():
        error, radius, denser, tied, cost = np.concatenate(parts).T
        held = ", ".join(f"{coverage(denser, tied, mass):.1%}" for mass in REGIONS)
        p50, p90 = np.percentile(error, (50, 90))
        table.add_row(
            str(count), f"{p50:.3f}", f"{p90:.3f}", held, f"{cost.mean():.3f}", f"{np.median(radius):.2f}"
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
