"""Sequences in drawn networks: what 2, 4 and 8 reports of a phone are worth to the locator for areas.

    python benchmarks/sequences_field.py [--networks 40] [--seed 1] [--law usual]

Phones stand, walk or drive; near reports share shadowing, lines of sight and detours (`network.field.ues`).
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from raylocus.evaluation.area.scores import score_in_area
from raylocus.evaluation.metrics import REGIONS, coverage
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.anchors import middle_spacing
from raylocus.network.field.drawn_reports import drawn_deployment, drawn_reports
from raylocus.network.field.law import LAWS, FieldLaw
from raylocus.network.field.simulate import simulate_tracks
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows

#: Phones of a network, and numbers of their last reports that are given.
PHONES, COUNTS = 12, (1, 2, 4, 8)
#: Seeds of the networks begin with this.
UNSEEN = 20261201


def last_reports(reports: Reports, count: int) -> Reports:
    """So many last reports of each phone, or all that it has."""
    rows = Rows(reports.report_offsets)
    return reports.select_reports(np.flatnonzero(rows.lengths[rows.row] - rows.rank <= count))


def scored(
    locator: AreaLocator, law: FieldLaw, generator: np.random.Generator
) -> dict[int, Float[np.ndarray, "phone 5"]]:
    """Errors and radii in spacings of sites, both masses and costs of the phones of one network."""
    drawn = simulate_tracks(law, PHONES, max(COUNTS), generator)
    reports, deployment = drawn_reports(drawn), drawn_deployment(drawn.heard)
    found, spacing = {}, middle_spacing(drawn.heard.cells.sites)
    for count in COUNTS:
        scores = score_in_area(locator, last_reports(reports, count), deployment)
        lengths = np.stack([scores.errors[locator.name], scores.radius]) / spacing
        cost = -scores.log_density - 2 * np.log(spacing)
        found[count] = np.column_stack([*lengths, scores.denser, scores.tied, cost])
    return found


def main() -> None:
    """Prints a row for each number of reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--law", choices=list(LAWS), default="usual")
    given = parser.parse_args()
    torch.set_num_threads(1)
    locator, every = AreaLocator.pretrained(), defaultdict(list)
    for number in range(given.networks):
        generator = np.random.default_rng((UNSEEN, given.seed, number))
        for count, found in scored(locator, LAWS[given.law], generator).items():
            every[count].append(found)
    table = Table(
        title=f"{given.networks} networks, {given.law} law, {PHONES} phones each; error / site spacing"
    )
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
