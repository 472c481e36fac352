"""What `inference.opinions` weighs two opinions by, fitted on networks whose maps are right, half right and wrong.

    python benchmarks/opinions.py OUT [--networks 4] [--phones 30] [--seed 11]

Three kinds of networks, of generated towns alone: worlds of raylocus's own law in the town of `area_accuracy.py`, of
severities 0.25 to 1.5, each with a network of its own; networks of another simulator (`foreign_networks.py`) in
`TOWNS`; and those same networks by the maps of another town. Kinds weigh as `KINDS` says; groups of 1 to 40
phones judge together. Fitted is the share of the square that phones are in, of their fullest window. Printed are the
log odds of the maps' weight, −ln of that share where a town was left out of the fit, by the pool and by either, and how
all of it locates in the area as it ships.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import area_accuracy
import numpy as np
import torch
from extracts import town_extract
from foreign_networks import TOWN_SIDE, area_of, foreign, tell
from torch import Tensor

from raylocus.evaluation.area_scores import AreaScores, score_in_area
from raylocus.inference import opinions
from raylocus.inference.answering import Locators
from raylocus.inference.area_windows import WindowLocator
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.network_law import NetworkLaw, draw_network
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_area import open_traced_area
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.scenes.world import WorldLaw, sample_world

#: Style, style of the town whose maps are wrong, seed.
TOWNS = (
    ("perimeter-blocks", "detached-suburb", 11), ("european-core", "high-rise-slabs", 12),
    ("low-rise-grid", "tower-grid", 13), ("industrial", "village", 14),
)  # fmt: skip

SEVERITIES = (0.25, 0.5, 1.0, 1.5)
KINDS = {"law": 0.45, "foreign": 0.35, "wrong": 0.2}
TOGETHER = (1, 3, 10, 40)
#: Penalty on the squared log odds of signs, and steps of the fit.
DECAY, STEPS = 0.0005, 20


@dataclass(frozen=True)
class Judged:
    """Phones of one network, one row each."""

    kind: str
    town: str
    signs: Tensor
    """Score of the misfit, and surprise."""
    sites: Tensor
    maps: Tensor
    """Shares of the squares of the fullest window."""
    square: Tensor
    """The true one."""
    scores: AreaScores
    """Of all phones in the area, by the odds that ship."""

    def select(self, phones: Tensor) -> Judged:
        """Some of the phones."""
        signs, sites, maps, square = (
            each[phones] for each in (self.signs, self.sites, self.maps, self.square)
        )
        return Judged(self.kind, self.town, signs, sites, maps, square, self.scores)

    def cost(self, odds: Tensor) -> Tensor:
        """Mean −ln of the true square's share by the pool, where these phones judge together."""
        said = len(self.signs) / (len(self.signs) + opinions.SILENT)
        signs = said * self.signs.clamp(-opinions.MOST, opinions.MOST).mean(0)
        shares = opinions.pooled(self.sites, self.maps, torch.sigmoid(odds[0] + signs @ odds[1:]))
        return of_square(shares, self.square)


def of_square(shares: Tensor, square: Tensor) -> Tensor:
    """Mean −ln of the shares of squares."""
    return -shares.flatten(1).gather(1, square[:, None]).clamp(min=opinions.LEAST).log().mean()


def judged(kind: str, town: str, windows: WindowLocator, reports: Reports) -> Judged:
    """What both stages say of a network, of phones that are in their fullest window."""
    misfit = Locators().maps.calibration.misfit
    some = list(windows.first.located(reports, windows.area.deployment))
    truth = reports.position[reports.last_report, :2]
    rows = [
        (own[0], int(own[0].look.squares.index(at[None])[0]))
        for located, of_batch in zip(some, windows.opinions(reports, some), strict=True)
        for at, own in zip(truth[located.sequence], of_batch, strict=True)
        if own and own[0].look.grid.contains(at[None])[0]
    ]
    sites, maps = (
        torch.stack([getattr(each, name) for each, _ in rows]).float() for name in ("sites", "maps")
    )
    score = misfit.score(torch.stack([each.look.statistics for each, _ in rows]))
    signs = torch.stack([score, opinions.surprise(sites, maps)], 1)
    square = torch.tensor([square for _, square in rows])
    scores = score_in_area(windows, reports, windows.area.deployment)
    return Judged(kind, town, signs.float(), sites, maps, square, scores)


def of_law(folder: Path, given: argparse.Namespace) -> Iterator[Judged]:
    """Worlds of the law in each tile of the town of `area_accuracy.py`."""
    if not folder.exists():
        area_accuracy.town(folder)
    area = open_traced_area(folder)
    windows = area_accuracy.windows_of(area, Locators())
    for (number, tile), severity in itertools.product(enumerate(area.tiles), SEVERITIES):
        place, generator = area.place(tile), np.random.default_rng([given.seed, number, int(100 * severity)])
        world = sample_world(place.deployment, WorldLaw(severity=severity), generator)
        walked = sample_trajectories(place.geometry_maps, given.phones, MobilityConfiguration(), generator)
        network = draw_network(NetworkConfiguration(), NetworkLaw(), generator).at_severity(severity)
        channel = WorldChannel(place, world_radio_maps(place, world), world)
        reports = observe(channel, walked, network, seed=given.seed)
        there = replace(reports, position=reports.position + np.array([*tile.centre, 0.0]))
        yield judged("law", f"tile {number}", windows, there)


def of_towns(folder: Path, given: argparse.Namespace) -> Iterator[Judged]:
    """Networks of another simulator, by the maps of their own town and of another."""
    for style, other, seed in TOWNS:
        drawn = argparse.Namespace(**{**vars(given), "seed": seed})
        own, wrong = (extract(name, folder / style, seed) for name in (style, other))
        networks = foreign(own, folder / style, style, drawn)
        elsewhere = area_of(wrong, folder / style / "wrong", networks.sites, seed)
        for reports in networks.reports:
            for kind, area in (("foreign", networks.area), ("wrong", elsewhere)):
                assert isinstance(area.method, WindowLocator)
                yield judged(kind, style, area.method, reports)


def extract(style: str, folder: Path, seed: int) -> Path:
    """A generated town's, kept."""
    path = folder / f"extract-{style}" / f"extract-{style}.osm.pbf"
    return path if path.exists() else town_extract(style, path.parent, seed, TOWN_SIDE)


def groups(networks: list[Judged], generator: np.random.Generator) -> list[tuple[Judged, float]]:
    """Groups of phones that judge together, and their weights."""
    found = []
    for each in networks:
        for size in (size for size in TOGETHER if size < len(each.signs) or size == TOGETHER[-1]):
            for _ in range(max(1, min(4, 8 // size))):
                chosen = generator.permutation(len(each.signs))[:size]
                found.append(each.select(torch.from_numpy(chosen)))
    number = {kind: sum(each.kind == kind for each in found) for kind in KINDS}
    return [(each, KINDS[each.kind] / number[each.kind]) for each in found]


def fitted(every: list[tuple[Judged, float]]) -> Tensor:
    """Log odds of least cost."""
    odds = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([odds], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = torch.stack([weight * each.cost(odds) for each, weight in every]).sum()
        value = value + DECAY * odds[1:].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return odds.detach()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    for name, count in (("networks", 4), ("phones", 30), ("seed", 11)):
        parser.add_argument(f"--{name}", type=int, default=count)
    given = parser.parse_args()
    networks = [*of_law(given.out / "town", given), *of_towns(given.out, given)]
    every = groups(networks, np.random.default_rng(given.seed))
    print(
        "log odds, per score, per surprise:", *(f"{each:.2f}" for each in fitted(every).tolist()), flush=True
    )
    cost: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for town in sorted({each.town for each in networks}):
        odds = fitted([pair for pair in every if pair[0].town != town])
        for each, _ in every:
            if each.town == town:
                cost[each.kind].append(float(each.cost(odds)))
    for kind, own in cost.items():
        alike = [each for each in networks if each.kind == kind]
        sites, maps = (
            np.mean([float(of_square(getattr(each, name), each.square)) for each in alike])
            for name in ("sites", "maps")
        )
        print(
            f"{kind:8} {len(alike)} networks: pool {np.mean(own):.2f}, sites {sites:.2f}, maps {maps:.2f} nats"
        )
        tell(kind, {"as it ships": [each.scores for each in alike]})


if __name__ == "__main__":
    main()
