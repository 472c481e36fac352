"""Do no harm: the area locator on networks that are odd in one way each, next to serving site and RSRP centroid.

    python benchmarks/odd_networks.py [--networks 40] [--seed 1] [--model area.ckpt]

Networks are drawn by the usual law but for what the row says. Errors are in spacings of sites; the last columns say by
how much the locator is behind the better of serving site and centroid, and what its 90 % regions hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from area_laws import LOCATED, STREAM, UNSEEN, Found, located, words_of
from rich.console import Console
from rich.table import Table

from raylocus.evaluation.evaluation import coverage
from raylocus.inference.area_locator import AreaLocator
from raylocus.network.field.heard import HeardNetwork
from raylocus.network.field.law import USUAL, FieldLaw
from raylocus.network.field.simulate import SimulatedNetwork, simulate_network
from raylocus.ragged import Rows

Change = Callable[[SimulatedNetwork, np.random.Generator], SimulatedNetwork]


def as_drawn(drawn: SimulatedNetwork, generator: np.random.Generator) -> SimulatedNetwork:
    """Nothing is changed."""
    return drawn


def shifted(decibels: float) -> Change:
    """All levels off by a constant."""

    def change(drawn: SimulatedNetwork, generator: np.random.Generator) -> SimulatedNetwork:
        return replace(drawn, heard=replace(drawn.heard, level=drawn.heard.level + decibels))

    return change


def strongest_alone(drawn: SimulatedNetwork, generator: np.random.Generator) -> SimulatedNetwork:
    """Only the first cell of each report."""
    heard = drawn.heard
    first = heard.rows.offsets[:-1]
    kept = HeardNetwork(
        heard.cells, Rows.of(np.ones(len(heard), np.int64)), heard.cell[first], heard.level[first],
        heard.serving[first], heard.advance[first], heard.arrival[first],
    )  # fmt: skip
    return replace(drawn, heard=kept)


def elsewhere(metres: float) -> Change:
    """Every site that far off, and said to be surveyed."""

    def change(drawn: SimulatedNetwork, generator: np.random.Generator) -> SimulatedNetwork:
        cells = drawn.heard.cells
        step = metres / np.sqrt(2) * generator.standard_normal((len(cells.sites), 2))
        wrong = replace(
            cells, position=cells.position + step[cells.site], deviation=np.zeros(len(cells.site))
        )
        return replace(drawn, heard=replace(drawn.heard, cells=wrong))

    return change


def selected(drawn: SimulatedNetwork, kept: np.ndarray) -> SimulatedNetwork:
    """Some of the reports."""
    return SimulatedNetwork(
        drawn.heard.select(kept), drawn.position[kept], drawn.phone[kept], drawn.time[kept]
    )


def one_spot(drawn: SimulatedNetwork, generator: np.random.Generator) -> SimulatedNetwork:
    """The tenth of the reports that are nearest to one of them: a log of one corner."""
    middle = drawn.position[generator.integers(len(drawn.position))]
    order = np.argsort(np.hypot(*(drawn.position - middle).T), kind="stable")
    return selected(drawn, np.sort(order[: max(1, len(order) // 10)]))


def one_report(drawn: SimulatedNetwork, generator: np.random.Generator) -> SimulatedNetwork:
    """A log of a single report."""
    return selected(drawn, generator.integers(len(drawn.position), size=1))


@dataclass(frozen=True)
class Oddity:
    """What is odd: the law, or what is made of its networks."""

    law: FieldLaw = USUAL
    change: Change = as_drawn
    logs: int = 1
    """Logs of each network, of which none knows of the others."""


ODD = {
    "usual": Oddity(),
    "slope 2": Oddity(replace(USUAL, near_exponent=(2.0, 2.0), further_exponent=(0.0, 0.0))),
    "slope 5": Oddity(replace(USUAL, near_exponent=(5.0, 5.0), further_exponent=(0.0, 0.0))),
    "levels +30 dB": Oddity(change=shifted(30.0)),
    "levels -30 dB": Oddity(change=shifted(-30.0)),
    "one cell a report": Oddity(change=strongest_alone),
    "half of the sites on no list": Oddity(replace(USUAL, unlisted=(0.5, 0.5), silent=(0.5, 0.5))),
    "sites 200 m off, said to be surveyed": Oddity(change=elsewhere(200.0)),
    "sites 15 km apart": Oddity(replace(USUAL, spacing=(15e3, 15e3))),
    "sites 30 km apart": Oddity(replace(USUAL, spacing=(30e3, 30e3))),
    "log of one corner": Oddity(change=one_spot),
    "log of one report": Oddity(change=one_report, logs=LOCATED),
    "phones indoors, 30 dB": Oddity(replace(USUAL, indoor_loss=(30.0, 30.0), device=(12.0, 12.0))),
}


def found_of(oddity: Oddity, locator: AreaLocator, seed: tuple[int, ...]) -> list[Found]:
    """The logs of one network of an oddity, some of their reports located."""
    generator = np.random.default_rng(seed)
    found = []
    drawn = simulate_network(oddity.law, STREAM, generator)
    for _ in range(oddity.logs):
        log = oddity.change(drawn, generator)
        found.append(located(locator, log, generator.permutation(len(log.position))[:LOCATED]))
    return found


def row(name: str, found: list[Found]) -> list[str]:
    """Percentiles of the three methods, over all reports; the locator's over the better of the other two."""
    errors = {method: np.concatenate([one.errors[method] for one in found]) for method in found[0].errors}
    ours, *others = (np.percentile(each, (50, 90)) for each in errors.values())
    behind = ours / np.min(others, axis=0) - 1
    denser, tied = (np.concatenate([getattr(one, field) for one in found]) for field in ("denser", "tied"))
    cells = [f"{p50:.2f} / {p90:.2f}" for p50, p90 in (ours, others[0], others[2])]
    return [name, *cells, f"{behind[0]:+.0%} / {behind[1]:+.0%}", f"{coverage(denser, tied, 0.9):.0%}"]


def main() -> None:
    """Prints a row an oddity."""
    given, locator = words_of(__doc__, 40)
    table = Table(title="errors p50 / p90 in spacings of sites")
    for heading in (
        "network",
        "raylocus",
        "serving site",
        "RSRP centroid",
        "behind the better",
        "90 % region",
    ):
        table.add_column(heading, justify="right")
    for name, oddity in ODD.items():
        seeds = [(UNSEEN, given.seed, number) for number in range(given.networks)]
        table.add_row(*row(name, [found for seed in seeds for found in found_of(oddity, locator, seed)]))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
