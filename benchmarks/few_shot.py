"""Few-shot in drawn networks: what 1 to 1,000 tagged reports of a network are worth to the locator for areas.

    python benchmarks/few_shot.py [--networks 24] [--seed 1] [--tags 1 10 100 1000] [--phones apart] [--model area.ckpt]

Phones and tags stand anywhere; or they are of drives along a few streets: any points of them (*next*), points of other
drives than the tags (*passes*), or all on the other side of a line through the network (*apart*).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from rich.console import Console
from rich.table import Table

from raylocus.errors import InputError
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.tag_law import level_table
from raylocus.models.area.tags import Tags
from raylocus.models.area.trained import TrainedAreaNetwork
from raylocus.models.regions import Regions
from raylocus.network.field.heard import HeardNetwork
from raylocus.network.field.law import training_law
from raylocus.network.field.simulate import SimulatedNetwork, simulate_network, simulate_tracks
from raylocus.training.adapt.area import adapt_area_network

#: Reports that are located, and others of the network without positions that its statistics are of.
LOCATED, STREAM = 24, 76
#: Neighbours of kNN.
NEIGHBOURS = 5
#: Of kNN: deviations of levels and of what they share, and what a cell heard once costs, at least and at most [dB].
SPREAD, COMMON, MISSED, MOST_OVER = 7.0, 6.0, 4.0, 20.0
#: Reports of a drive, and the share of drives or ground that is kept for phones.
DRIVE, KEPT = 20, 0.3
#: How many more reports are drawn than are needed.
SPARE = 1.8
#: Seeds of the networks begin with this.
UNSEEN = 20261130
#: Draws of networks with replacement, and the ends of the intervals [%].
DRAWS, ENDS = 500, (5, 95)


@dataclass(frozen=True)
class Scores:
    """Errors [scales] and ranks of the reports of one network by one method."""

    error: Float[np.ndarray, " report"]
    rank: Float[np.ndarray, " report"]


def methods(start: TrainedAreaNetwork, tags: Tags) -> dict[str, TrainedAreaNetwork]:
    """The network as it comes, adapted, and with only a part of what adaptation does."""
    try:
        adapted = adapt_area_network(start, tags).trained
    except InputError:
        adapted = start
    return {
        "as it comes": start,
        "regions alone": replace(start, regions=adapted.regions),
        "weights alone": replace(adapted, tags=None, regions=Regions()),
        "adapted, regions as they come": replace(adapted, regions=Regions()),
        "adapted": adapted,
    }


def scored(masses: CellMasses, at: torch.Tensor) -> Scores:
    """Errors of the medians, and in which region each truth lies."""
    error = (masses.median() - at).norm(dim=1).numpy()
    _, denser, tied = (each.numpy() for each in masses.at(at))
    return Scores(error, denser + tied / 2)


def differences(
    reports: Float[np.ndarray, "report cell"], tags: Float[np.ndarray, "tag cell"]
) -> Float[np.ndarray, "report tag"]:
    """How unlike levels are [dB²]: squares summed over cells, the level that a report has in common integrated out.

    A cell that only one of both hears costs `MISSED`² and the square of what it is over the other's weakest level.
    """
    heard, weakest = np.isfinite(tags), np.nanmin(tags, axis=1)
    found = np.empty((len(reports), len(tags)))
    for row, levels in enumerate(reports):
        own = np.isfinite(levels)
        both = own & heard
        step = np.where(both, levels - tags, 0.0)
        squares = (step**2).sum(1) - step.sum(1) ** 2 / (both.sum(1) + (SPREAD / COMMON) ** 2)
        over = np.where(own, levels - weakest[:, None], tags - np.nanmin(levels))
        alone = np.clip(np.where(own ^ heard, over, 0.0), 0, MOST_OVER) ** 2 + MISSED**2 * (own ^ heard)
        found[row] = squares + alone.sum(1)
    return found


def nearest_tags(heard: HeardNetwork, tags: Tags) -> Float[np.ndarray, "report 2"]:
    """Weighted mean of the positions of the tags whose levels are most alike [m]."""
    unlike = differences(level_table(heard), level_table(tags.heard))
    nearest = np.argsort(unlike, axis=1, kind="stable")[:, :NEIGHBOURS]
    weight = 1 / (1 + np.take_along_axis(unlike, nearest, axis=1))
    return (weight[..., None] * tags.position[nearest]).sum(1) / weight.sum(1, keepdims=True)


@dataclass(frozen=True)
class Drawn:
    """A network, its reports that are located, those that are tags, and others without positions."""

    network: SimulatedNetwork
    located: Int[np.ndarray, " located"]
    tags: Int[np.ndarray, " tag"]
    stream: Int[np.ndarray, " other"]


def draw(phones: str, count: int, generator: np.random.Generator) -> Drawn | None:
    """A network with so many tags; none where too little is heard in it."""
    law, needed = training_law(generator), LOCATED + STREAM + count
    if phones == "anywhere":
        drawn = simulate_network(law, 2 * (LOCATED + STREAM) + count, generator)
        first, rest = np.arange(LOCATED + STREAM), np.arange(LOCATED + STREAM, len(drawn.position))
        located, tags = first[:LOCATED], rest[len(rest) - min(count, len(rest)) :]
    else:
        drawn = simulate_tracks(law, round(SPARE * needed / DRIVE), DRIVE, generator)
        kept = kept_for_phones(phones, drawn, generator)
        located = generator.permutation(np.flatnonzero(kept))[:LOCATED]
        tags = generator.permutation(np.setdiff1d(np.flatnonzero(~kept | (phones == "next")), located))[
            :count
        ]
    others = np.setdiff1d(np.arange(len(drawn.position)), np.concatenate([located, tags]))
    return (
        Drawn(drawn, located, tags, others[:STREAM])
        if len(located) == LOCATED and len(tags) == count
        else None
    )


def kept_for_phones(
    phones: str, drawn: SimulatedNetwork, generator: np.random.Generator
) -> Bool[np.ndarray, " report"]:
    """Which reports are of phones and not of tags."""
    if phones == "passes":
        return generator.random(int(drawn.phone[-1]) + 1)[drawn.phone] < KEPT
    if phones == "apart":
        angle = generator.uniform(-np.pi, np.pi)
        along = drawn.position @ np.array([np.cos(angle), np.sin(angle)])
        return along < np.quantile(along, KEPT)
    return np.ones(len(drawn.position), bool)


@torch.inference_mode()
def in_network(start: TrainedAreaNetwork, drawn: Drawn) -> dict[str, Scores]:
    """Scores of the located reports of a network by every method."""
    network, some = drawn.network, drawn.located
    heard, located = network.heard.select(np.concatenate([some, drawn.stream])), np.arange(len(some))
    tags, truth = Tags(network.heard.select(drawn.tags), network.position[drawn.tags]), network.position[some]
    found = {}
    with torch.inference_mode(False):
        every = methods(start, tags)
    read = {name: trained.read(heard).tokens(located) for name, trained in every.items()}
    for name, tokens in read.items():
        at = torch.from_numpy((truth - tokens.centre) / tokens.scale[:, None]).float()
        found[name] = scored(every[name].masses(tokens, heard.select(located)), at)
    scale = next(reversed(read.values())).scale
    error = np.hypot(*(nearest_tags(heard.select(located), tags) - truth).T) / scale
    return found | {"kNN on the tags": Scores(error, np.full(len(some), np.nan))}


def row(networks: list[Scores], generator: np.random.Generator) -> list[str]:
    """p50, p90 and what regions hold, with intervals over networks."""

    def numbers(chosen: list[Scores]) -> list[float]:
        error, rank = (np.concatenate([getattr(one, name) for one in chosen]) for name in ("error", "rank"))
        inside = (float(100 * np.mean(rank <= mass)) for mass in (0.5, 0.9, 0.95))
        return [*np.percentile(error, (50, 90)).tolist(), *inside]

    draws = [
        numbers([networks[index] for index in generator.integers(len(networks), size=len(networks))])
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(draws, ENDS, axis=0)
    cells = [f"{v:.2f} ({a:.2f}–{b:.2f})" for v, a, b in zip(numbers(networks), low, high, strict=True)][:2]
    shares = [f"{v:.0f}% ({a:.0f}–{b:.0f})" for v, a, b in zip(numbers(networks), low, high, strict=True)][2:]
    return cells + (["", "", ""] if np.isnan(networks[0].rank).any() else shares)


def main() -> None:
    """Prints a table for each number of tags."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tags", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--phones", choices=["anywhere", "next", "passes", "apart"], default="anywhere")
    parser.add_argument("--model", type=Path, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    locator = AreaLocator.pretrained() if given.model is None else AreaLocator.load(given.model)
    for count in given.tags:
        found: dict[str, list[Scores]] = defaultdict(list)
        number = 0
        while len(found["kNN on the tags"]) < given.networks:
            generator = np.random.default_rng((UNSEEN, given.seed, number))
            number += 1
            drawn = draw(given.phones, count, generator)
            if drawn is not None:
                for name, scores in in_network(locator.trained, drawn).items():
                    found[name].append(scores)
        table = Table(
            title=f"{count} tags, phones {given.phones}, {given.networks} networks: error / site spacing, regions "
            "(90 % intervals)"
        )
        for column in ("method", "p50", "p90", "50 % holds", "90 % holds", "95 % holds"):
            table.add_column(column, justify="right")
        for name, networks in found.items():
            table.add_row(name, *row(networks, np.random.default_rng(0)))
        Console(width=130).print(table)


if __name__ == "__main__":
    main()
