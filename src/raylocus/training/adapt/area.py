"""Adapts an area network to one network by reports of known position.

Three things are learned, each as far as tags that were held out are better off with it: biases and gains of the
network, the tags themselves as what later reports are compared with, and what regions truly hold. Phones may stand
where tags are or where none is: tags are held out one by one, and all of one side, and both count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.models.area.area_network import AreaBatch, AreaNetwork
from raylocus.models.area.heard_reports import heard_reports
from raylocus.models.area.tag_law import PairLaw, level_table
from raylocus.models.area.tags import Tags
from raylocus.models.area.trained import TrainedAreaNetwork
from raylocus.network.reports.reports import Reports
from raylocus.provenance import Provenance
from raylocus.scenes.sites import Deployment
from raylocus.training.adapt.fine_tune import best_end, ends_for, fine_tuned
from raylocus.training.adapt.held_out import (
    NOTHING,
    ODDS,
    HeldOut,
    Judged,
    held_out_parts,
    preferred,
    regions_of,
    scattered_parts,
    sides,
)
from raylocus.training.area.fit import contrast

#: Fewer tags say nothing, more are drawn from.
FEWEST, MOST = 10, 1000
#: Tags a step, points that each is distinguished from, and tags that are judged at once.
BATCH, POINTS, JUDGED = 48, 48, 32
#: Held-out tags of a part that numbers of steps, and odds, are compared by.
COMPARED = 60
#: Side of a block, in the median spacing of sites.
BLOCK = 1.0
#: Where more than this share of tags lies outside of the start's 99 % regions, tags and network do not belong together.
MOST_OUTSIDE, OUTSIDE = 0.4, 0.99


@dataclass(frozen=True)
class Adapted:
    """An adapted network, and what held-out tags said."""

    trained: TrainedAreaNetwork
    lines: tuple[str, ...]


def tags_of(reports: Reports, deployment: Deployment) -> Tags:
    """The reports of a stream that have a position and name a known cell."""
    heard = heard_reports(reports, deployment)
    named = np.unique(heard.report)
    tagged = named[np.isfinite(reports.position[named, :2]).all(1)]
    if not len(tagged):
        raise InputError(
            "no report has both a true position and a known cell, so nothing can be adapted to them"
        )
    return Tags(heard.likeliest(tagged), reports.position[tagged, :2])


def adapt_area_network(start: TrainedAreaNetwork, tags: Tags, seed: int = 0) -> Adapted:
    """An area network that knows one network better.

    Args:
        start: the network, not yet adapted.
        tags: reports of known position; of more than `MOST` some are drawn.
        seed: decides blocks and draws.

    Raises:
        InputError: there are too few tags, or most of them lie where the network cannot have heard them.
    """
    if start.tags is not None:
        raise InputError("this checkpoint is adapted already; adapt the one it was made from, with all tags")
    require_enough(len(tags))
    generator = np.random.default_rng(seed)
    tags = tags.select(np.sort(generator.permutation(len(tags))[:MOST]))
    return _Adaptation(start, tags, seed).adapted(generator)


def require_enough(tags: int) -> None:
    """Refuses to adapt to less than `FEWEST` tags."""
    if tags < FEWEST:
        raise InputError(
            f"{tags} reports have a position and a known cell, {FEWEST} are needed to adapt to; nothing is changed"
        )


def require_agreement(rank: Float[np.ndarray, " tag"]) -> None:
    """Refuses tags that do not belong to their reports.

    Args:
        rank: mass of the region that just holds each, by a locator that did not know it.
    """
    outside = float((rank > OUTSIDE).mean())
    if outside > MOST_OUTSIDE:
        raise InputError(
            f"{outside:.0%} of the positions contradict what their reports hear: they lie outside of the "
            f"{OUTSIDE:.0%} regions; check that positions belong to these reports and to this place"
        )


class _Adaptation:
    """Tags as rows, and what is tried on them."""

    def __init__(self, start: TrainedAreaNetwork, tags: Tags, seed: int) -> None:
        self.start, self.seed = start, seed
        self.tokens = start.read(tags.heard).tokens(np.arange(len(tags)))
        law = PairLaw.fitted(
            level_table(tags.heard), tags.position / np.median(self.tokens.scale), np.random.default_rng(seed)
        )
        self.tags = replace(tags, law=law)
        at = (tags.position - self.tokens.centre) / self.tokens.scale[:, None]
        self.truth = torch.from_numpy(at).float()

    def adapted(self, generator: np.random.Generator) -> Adapted:
        """What held-out parts prefer, fitted to all tags."""
        every = np.arange(len(self.tags))
        first = self.judged(self.start, every)
        require_agreement(first.rank)
        side = BLOCK * float(np.median(self.tokens.scale))
        blocks = held_out_parts(self.tags.position, side, generator)
        end = self._best_end(blocks)
        kinds = [self._held_out(parts, end) for parts in self._ways(generator)]
        best = preferred(kinds)
        like, unlike = regions_of(kinds, best)
        made = replace(
            self.start, network=self._tuned(every, end),
            tags=None if ODDS[best] is NOTHING else replace(self.tags, odds=ODDS[best], regions=like),
            regions=unlike,
            provenance=Provenance.collect(
                {"adapted": self.start.provenance.digest, "tags": len(self.tags), "steps": end}, self.seed
            ),
        )  # fmt: skip
        gain = first.cost.mean() - np.mean([kind.judged.cost[best].mean() for kind in kinds])
        return Adapted(made, tuple(_lines(len(self.tags), end, float(gain), made)))

    def _ways(self, generator: np.random.Generator) -> tuple[list[Int[np.ndarray, " held"]], ...]:
        """Tags to hold out as phones that stand among tags, and as phones that stand elsewhere."""
        return scattered_parts(len(self.tags), generator), sides(self.tags.position, generator)

    @torch.inference_mode()
    def judged(self, trained: TrainedAreaNetwork, some: Int[np.ndarray, " tag"]) -> Judged:
        """How a network answers some tags."""
        parts = [some[at : at + JUDGED] for at in range(0, len(some), JUDGED)]
        return Judged.joined([
            Judged.at(trained.masses(self.tokens.select(part), self.tags.heard.select(part)), self.truth[part])
            for part in parts
        ])  # fmt: skip

    def _best_end(self, parts: Iterable[Int[np.ndarray, " _"]]) -> int:
        """The number of steps after which held-out tags are found best, 0 unless surely more."""
        ends = ends_for(len(self.tags))
        return best_end(ends, np.concatenate([self._costs(part, ends) for part in parts], axis=1))

    def _costs(
        self, part: Int[np.ndarray, " held"], ends: tuple[int, ...]
    ) -> Float[np.ndarray, "end compared"]:
        """Cross-entropy of held-out tags after each number of steps on the others [nats]."""
        tuned = fine_tuned(self.start.network, self._loss(np.delete(np.arange(len(self.tags)), part)), ends)
        some = part[:COMPARED]
        return np.array([self.judged(replace(self.start, network=network), some).cost for network in tuned])

    def _loss(self, some: Int[np.ndarray, " tag"]) -> Callable[[AreaNetwork, int], Float[torch.Tensor, ""]]:
        def loss(network: AreaNetwork, step: int) -> torch.Tensor:
            drawn = np.random.default_rng((self.seed, step)).permutation(some)[:BATCH]
            batch = AreaBatch.of(self.tokens.select(drawn))
            return contrast(network, batch, self.truth[drawn][:, None], POINTS, (self.seed, step))

        return loss

    def _tuned(self, some: Int[np.ndarray, " tag"], end: int) -> AreaNetwork:
        (network,) = fine_tuned(self.start.network, self._loss(some), (end,))
        return network.eval().requires_grad_(False)

    def _held_out(self, parts: list[Int[np.ndarray, " _"]], end: int) -> HeldOut:
        """How some tags of each part are answered by what was learned from the others."""
        found: list[HeldOut] = []
        for part in parts:
            others = np.delete(np.arange(len(self.tags)), part)
            learned = replace(self.start, network=self._tuned(others, end), tags=self.tags.select(others))
            some = np.random.default_rng((self.seed, len(part))).permutation(part)[:COMPARED]
            found += [self._by_odds(learned, some[at : at + JUDGED]) for at in range(0, len(some), JUDGED)]
        return HeldOut(
            Judged.joined([each.judged for each in found]), np.concatenate([each.alike for each in found])
        )

    @torch.inference_mode()
    def _by_odds(self, learned: TrainedAreaNetwork, some: Int[np.ndarray, " tag"]) -> HeldOut:
        tagged = learned.tagged(self.tokens.select(some), self.tags.heard.select(some))
        found = [Judged.at(masses, self.truth[some]) for masses in tagged.masses_by(ODDS)]
        judged = Judged(np.stack([each.cost for each in found]), np.stack([each.rank for each in found]))
        return HeldOut(judged, tagged.alike.numpy())


def _lines(tags: int, end: int, gain: float, made: TrainedAreaNetwork) -> Iterable[str]:
    yield f"{tags} reports of known position; {end} steps on biases and gains"
    yield (
        "the tags themselves are of no use to those held out"
        if made.tags is None
        else f"reports are compared with the tags: levels at one place differ by {made.tags.law.nugget**0.5:.0f} dB, "
        f"far apart by {(made.tags.law.nugget + made.tags.law.rise) ** 0.5:.0f} dB"
    )
    yield f"held-out tags: {gain:+.2f} nats a report against the start"
    stated = ", ".join(f"{mass:.0%}" for mass in made.regions.nominal)
    yield f"regions of 50, 90 and 95 % are what the network calls {stated}"
    if made.tags is not None:
        stated = ", ".join(f"{mass:.0%}" for mass in made.tags.regions.nominal)
        yield f"of reports that are like a tag {stated}"
