"""Sequences in drawn networks: what 2, 4 and 8 reports of a phone are worth to the locator for areas.

python benchmarks/sequences_field.py [--networks 24] [--seed 1] [--law usual]
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.ground_masses import GroundMasses, ground_masses
from raylocus.models.area.pooling import pooled
from raylocus.models.area.tokens import area_tokens
from raylocus.network.field.law import LAWS, FieldLaw
from raylocus.network.field.simulate import SimulatedNetwork, simulate_tracks
from raylocus.ragged import Rows

#: Phones of a network, and reports of each.
PHONES, REPORTS = 16, 8
#: Seeds of the networks begin with this.
UNSEEN = 20261201


@torch.inference_mode()
def by_themselves(locator: AreaLocator, drawn: SimulatedNetwork) -> tuple[GroundMasses, np.ndarray]:
    """The posterior of each report, and the spacing of sites about it [m]."""
    tokens = area_tokens(drawn.heard)
    reading = np.arange(len(drawn.position))[:, None]
    masses = locator.trained.masses(tokens, drawn.heard)
    return ground_masses(masses, tokens, reading, np.ones(reading.shape)), tokens.scale


def last_reports(drawn: SimulatedNetwork, count: int) -> tuple[np.ndarray, Rows]:
    """The last so many reports of the phones that have a report, and whose they are."""
    rows = Rows.of(np.unique(drawn.phone, return_counts=True)[1])
    used = np.flatnonzero(rows.lengths[rows.row] - rows.rank <= count)
    return used, rows.keep(used)


def scores(ground: GroundMasses, truth: np.ndarray, scale: np.ndarray) -> Float[np.ndarray, "phone 4"]:
    """Error [scales], rank of the region of the truth, cost [nats], 90 % radius [scales]."""
    at = torch.from_numpy(truth - ground.origin).float()
    density, denser, tied = (each.numpy().astype(float) for each in ground.masses.at(at))
    radius = ground.masses.radius(torch.from_numpy(ground.median - ground.origin).float(), 0.9).numpy()
    error = np.hypot(*(ground.median - truth).T)
    cost = -np.log(np.maximum(density * scale**2, 1e-4))
    return np.column_stack([error / scale, denser + tied / 2, cost, radius / scale])


def in_network(locator: AreaLocator, law: FieldLaw, generator: np.random.Generator) -> dict[int, np.ndarray]:
    """Scores of the phones of one network by their last 1, 2, 4 and 8 reports."""
    drawn = simulate_tracks(law, PHONES, REPORTS, generator)
    ground, scale = by_themselves(locator, drawn)
    found = {}
    for count in (1, 2, 4, 8):
        used, phones = last_reports(drawn, count)
        last = used[phones.offsets[1:] - 1]
        some = (
            ground.select(used)
            if count == 1
            else pooled(ground.select(used), scale[used], drawn.time[used], phones)
        )
        found[count] = scores(some, drawn.position[last], scale[last])
    return found


def main() -> None:
    """Prints a row for each number of reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--law", choices=list(LAWS), default="usual")
    given = parser.parse_args()
    torch.set_num_threads(1)
    locator, every = AreaLocator.pretrained(), defaultdict(list)
    for number in range(given.networks):
        generator = np.random.default_rng((UNSEEN, given.seed, number))
        for count, found in in_network(locator, LAWS[given.law], generator).items():
            every[count].append(found)
    table = Table(title=f"{given.networks} networks of the {given.law} law, {PHONES} phones each; error / site spacing")
    for column in ("reports", "p50", "p90", "50, 90, 95 % regions hold", "nats", "90 % radius"):
        table.add_column(column, justify="right")
    for count, parts in every.items():
        error, rank, cost, radius = np.concatenate(parts).T
        held = ", ".join(f"{np.mean(rank <= mass):.1%}" for mass in (0.5, 0.9, 0.95))
        numbers = [f"{each:.3f}" for each in (*np.percentile(error, (50, 90)), cost.mean(), np.median(radius))]
        table.add_row(str(count), *numbers[:2], held, *numbers[2:])
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
