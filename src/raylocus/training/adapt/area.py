"""Adapts an area network to one network by reports of known position.

Three things are learned, each as far as blocks of ground that were held out are better off with it: biases and gains of
the network, the tags themselves as what later reports are compared with, and what regions truly hold.
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
from raylocus.models.area.tags import Tags
from raylocus.models.area.trained import TrainedAreaNetwork
from raylocus.models.regions import conformal_regions
from raylocus.network.reports.reports import Reports
from raylocus.provenance import Provenance
from raylocus.scenes.sites import Deployment
from raylocus.training.adapt.blocks import held_out_parts
from raylocus.training.adapt.fine_tune import best_end, ends_for, fine_tuned
from raylocus.training.area.fit import contrast

#: Fewer tags say nothing, more are drawn from.
FEWEST, MOST = 10, 1000
#: Tags a step, points that each is distinguished from, and tags that are judged at once.
BATCH, POINTS, JUDGED = 48, 48, 32
#: Held-out tags of a part that numbers of steps are compared by.
COMPARED = 200
#: Side of a block, in the median spacing of sites.
BLOCK = 0.25
#: Where more than this share of tags lies outside of the start's 99 % regions, tags and network do not belong together.
MOST_OUTSIDE, OUTSIDE = 0.4, 0.99
#: Density that an answer is granted anywhere, in scales.
LEAST_DENSITY = 1e-4


@dataclass(frozen=True)
class Adapted:
    """An adapted network, and what held-out tags said."""

    trained: TrainedAreaNetwork
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """Held-out tags: cost of the density at each truth [nats], and the mass of the region that just holds it."""

    cost: Float[np.ndarray, " tag"]
    rank: Float[np.ndarray, " tag"]


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
        self.start, self.tags, self.seed = start, tags, seed
        self.tokens = start.read(tags.heard).tokens(np.arange(len(tags)))
        at = (tags.position - self.tokens.centre) / self.tokens.scale[:, None]
        self.truth = torch.from_numpy(at).float()

    def adapted(self, generator: np.random.Generator) -> Adapted:
        """What held-out parts prefer, fitted to all tags."""
        every = np.arange(len(self.tags))
        first = self.judged(self.start, every)
        require_agreement(first.rank)
        parts = held_out_parts(self.tags.position, BLOCK * float(np.median(self.tokens.scale)), generator)
        end = self._best_end(parts)
        tagging = [self._without(part, end) for part in parts]
        tagged = self._held_out(parts, tagging)
        plain = self._held_out(parts, [replace(each, tags=None) for each in tagging])
        remember = bool(tagged.cost.mean() < plain.cost.mean())
        better = tagged if remember else plain
        network = self._tuned(every, end)
        made = replace(self.start, network=network, tags=self.tags if remember else None)
        provenance = Provenance.collect(
            {"adapted": self.start.provenance.digest, "tags": len(self.tags), "steps": end}, self.seed
        )
        made = replace(made, regions=conformal_regions(better.rank), provenance=provenance)
        return Adapted(made, tuple(self._lines(first, better, end, made)))

    def judged(self, trained: TrainedAreaNetwork, some: Int[np.ndarray, " tag"]) -> Judged:
        """How a network answers some tags."""
        found = [self._judge(trained, some[at : at + JUDGED]) for at in range(0, len(some), JUDGED)]
        return Judged(*(np.concatenate(each).astype(float) for each in zip(*found, strict=True)))

    @torch.inference_mode()
    def _judge(
        self, trained: TrainedAreaNetwork, some: Int[np.ndarray, " tag"]
    ) -> tuple[np.ndarray, np.ndarray]:
        masses = trained.masses(self.tokens.select(some), self.tags.heard.select(some))
        density, denser, tied = (each.numpy() for each in masses.at(self.truth[some]))
        return -np.log(np.maximum(density, LEAST_DENSITY)), denser + tied / 2

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

    def _without(self, part: Int[np.ndarray, " held"], end: int) -> TrainedAreaNetwork:
        """What is learned from all tags but a part."""
        others = np.delete(np.arange(len(self.tags)), part)
        return replace(self.start, network=self._tuned(others, end), tags=self.tags.select(others))

    def _held_out(self, parts: list[Int[np.ndarray, " _"]], learned: list[TrainedAreaNetwork]) -> Judged:
        """How parts are answered by what was learned from the others."""
        found = [self.judged(each, part) for each, part in zip(learned, parts, strict=True)]
        return Judged(
            np.concatenate([each.cost for each in found]), np.concatenate([each.rank for each in found])
        )

    def _lines(self, first: Judged, better: Judged, end: int, made: TrainedAreaNetwork) -> Iterable[str]:
        gain = first.cost.mean() - better.cost.mean()
        yield f"{len(self.tags)} reports of known position; {end} steps on biases and gains"
        yield (
            "reports are compared with the tags"
            if made.tags is not None
            else "the tags themselves are of no use in held-out blocks"
        )
        yield f"held-out blocks: {gain:+.2f} nats a report against the start"
        stated = ", ".join(f"{mass:.0%}" for mass in made.regions.nominal)
        yield f"regions of 50, 90 and 95 % are what the network calls {stated}"
