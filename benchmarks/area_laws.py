"""The area locator on drawn networks that it was not trained on, next to references and a tuned formula matcher.

python benchmarks/area_laws.py [--networks 100] [--seed 1] [--model area.ckpt]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from empirical_bayes import grid_bayes
from jaxtyping import Float, Int
from rich.console import Console
from rich.table import Table

from raylocus.evaluation.area_scores import REFERENCES
from raylocus.evaluation.evaluation import coverage
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.ground_masses import ground_masses
from raylocus.models.area.tokens import area_tokens
from raylocus.network.field.law import LAWS, FieldLaw
from raylocus.network.field.simulate import SimulatedNetwork, simulate_network

#: Reports of a network that statistics are of, and that are located.
STREAM, LOCATED = 100, 24
#: Seeds of the networks begin with this; those of training begin with the seed of training.
UNSEEN = 20261129


@dataclass(frozen=True)
class Found:
    """Errors of one network's reports by method, and the posterior's honesty."""

    errors: dict[str, Float[np.ndarray, " report"]]
    denser: Float[np.ndarray, " report"]
    tied: Float[np.ndarray, " report"]
    seconds: float
    timed: bool


def locate_network(locator: AreaLocator, law: FieldLaw, generator: np.random.Generator) -> Found:
    """Draws a network and locates some of its reports by every method."""
    drawn = simulate_network(law, STREAM, generator)
    some = generator.permutation(len(drawn.position))[:LOCATED]
    found = located(locator, drawn, some)
    scale, truth = np.median(area_tokens(drawn.heard, some).scale), drawn.position[some]
    matched = np.hypot(*(grid_bayes(drawn.heard)[some] - truth).T) / scale
    return replace(found, errors=found.errors | {"grid Bayes, empirical": matched})


def located(locator: AreaLocator, drawn: SimulatedNetwork, some: Int[np.ndarray, " report"]) -> Found:
    """Locates some reports of a network by the locator, and by who is heard."""
    network, truth = drawn.heard.select(some), drawn.position[some]
    began = time.perf_counter()
    tokens = area_tokens(drawn.heard, some)
    reading = np.arange(len(some))[:, None]
    with torch.inference_mode():
        ground = ground_masses(
            locator.trained.masses(tokens, network), tokens, reading, np.ones(reading.shape)
        )
    seconds = time.perf_counter() - began
    at = torch.from_numpy(truth - ground.origin).float()
    _, denser, tied = (each.numpy().astype(float) for each in ground.masses.at(at))
    estimates = {locator.name: ground.median}
    estimates |= {name: locate(network) for name, locate in REFERENCES.items()}
    errors = {name: np.hypot(*(each - truth).T) / np.median(tokens.scale) for name, each in estimates.items()}
    return Found(errors, denser, tied, seconds / len(some), bool(np.isfinite(drawn.heard.arrival).any()))


def rows(found: list[Found]) -> list[list[str]]:
    """A row a method: percentiles of the error in site spacings; in how many networks it is the best at p50, p90."""
    names = list(found[0].errors)
    per_network = np.array([[np.percentile(one.errors[name], (50, 90)) for name in names] for one in found])
    best = per_network.min(axis=1, keepdims=True)
    table = []
    for index, name in enumerate(names):
        errors = np.concatenate([one.errors[name] for one in found])
        percentiles = [f"{value:.3f}" for value in np.percentile(errors, (50, 67, 90))]
        shares = [f"{share:.0%}" for share in (per_network[:, index] <= 1.05 * best[:, 0]).mean(axis=0)]
        table.append([name, *percentiles, *shares])
    return table


def words_of(description: str | None, networks: int) -> tuple[argparse.Namespace, AreaLocator]:
    """The command's words, of so many networks by default, and the locator that they name; one thread locates."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--networks", type=int, default=networks)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    locator = AreaLocator.pretrained() if given.model is None else AreaLocator.load(given.model)
    return given, locator


def main() -> None:
    """Prints a table a law."""
    given, locator = words_of(__doc__, 100)
    console = Console(width=120)
    for name, law in LAWS.items():
        found = [
            locate_network(locator, law, np.random.default_rng((UNSEEN, given.seed, number)))
            for number in range(given.networks)
        ]
        table = Table(title=f"{name} law: error / site spacing; share of networks within 5 % of the best")
        for column in ("method", "p50", "p67", "p90", "best at p50", "best at p90"):
            table.add_column(column, justify="right")
        for row in rows(found):
            table.add_row(*row)
        console.print(table)
        denser, tied = (
            np.concatenate([getattr(one, field) for one in found]) for field in ("denser", "tied")
        )
        held = ", ".join(f"{mass:.0%}: {coverage(denser, tied, mass):.1%}" for mass in (0.5, 0.9, 0.95))
        of_network = [coverage(one.denser, one.tied, 0.9) for one in found]
        tenth, half = np.quantile(of_network, (0.1, 0.5))
        print(
            f"the 90 % region of half of the networks holds {half:.0%} or more, of a tenth {tenth:.0%} or less"
        )
        print(f"regions hold {held}; {1e3 * np.mean([one.seconds for one in found]):.1f} ms a report")


if __name__ == "__main__":
    main()
