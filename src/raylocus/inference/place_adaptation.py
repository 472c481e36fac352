"""Adapts a locator for traced maps to one place by reports of known position.

Three things are learned: what the levels of each cell are off by and few weights of the network, each as far as blocks
of ground that were held out are better off with it; and what regions truly hold.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.evaluation.evaluation import REGIONS, horizontal_errors, region_ranks
from raylocus.inference.corrected_levels import corrected
from raylocus.inference.locator import Locator
from raylocus.inference.online_expected import Expected, ExpectedOfMaps, offsets_of
from raylocus.inference.online_journal import OnlineJournal
from raylocus.inference.online_state import ReportEntry
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.posterior import Posterior
from raylocus.models.regions import conformal_regions
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.provenance import Provenance
from raylocus.scenes.area import deployment_digest
from raylocus.training.adapt.area import MOST, require_agreement, require_enough
from raylocus.training.adapt.fine_tune import PlaceTags, best_end, ends_for, tuned_to_place
from raylocus.training.adapt.held_out import held_out_parts

#: Side of a block that is held out, in the tile's.
BLOCK = 1 / 8


@dataclass(frozen=True)
class AdaptedToPlace:
    """A network that knows a place better, and what its tags said."""

    trained: TrainedNetwork
    lines: tuple[str, ...]


def adapt_to_place(
    trained: TrainedNetwork, reports: Reports, place: MappedPlace, seed: int = 0
) -> AdaptedToPlace:
    """A network that knows a place better; antennas are fitted before, by `raylocus calibrate fit` and other reports.

    Args:
        trained: the network, not yet adapted.
        reports: one stream, some of whose last reports have a position; of more than `MOST` some are drawn.
        place: where they were made; no map that was calibrated by the same reports.
        seed: decides blocks and draws.

    Raises:
        InputError: there are too few tags, or most of them lie where their reports cannot have been made.
        PlaceError: the place has none of their cells.
    """
    if trained.calibration.network:
        raise InputError("this checkpoint is adapted already; adapt the one it was made from, with all tags")
    truth = reports.position[reports.last_report, :2]
    tagged = known_reports(reports, place.deployment).hears & place.tile.contains(
        np.nan_to_num(truth, nan=np.inf)
    )
    require_enough(int(tagged.sum()))
    generator = np.random.default_rng(seed)
    some = np.sort(generator.permutation(np.flatnonzero(tagged))[:MOST])
    return _Adaptation(trained, reports.select(some), place, generator).adapted()


def level_errors(tagged: Reports, expected: Expected) -> Float[np.ndarray, " cell"]:
    """What each cell's levels are off by [dB], as the last reports of sequences of known position say."""
    journal = OnlineJournal.start("", expected.law)
    last = tagged.select_reports(tagged.last_report)
    for number in range(len(last)):
        one = last.select(np.array([number]))
        true = one.position[0, :2]
        offsets = offsets_of(one, expected, true[None], np.ones(1))
        journal = journal.learned(ReportEntry(*offsets, true))
    return journal.state.levels.corrections(len(expected.deployment.cells))


class _Adaptation:
    """Tags of a place, and what is tried on them."""

    def __init__(
        self, start: TrainedNetwork, tagged: Reports, place: MappedPlace, generator: np.random.Generator
    ) -> None:
        self.start, self.place = start, place
        self.tagged = known_reports(tagged, place.deployment).reports
        self.truth = tagged.position[tagged.last_report, :2]
        every = np.arange(len(self.tagged))
        self.parts = held_out_parts(self.truth, BLOCK * place.tile.size, generator)
        self.others = [np.delete(every, part) for part in self.parts]
        self.seed = int(generator.integers(2**31))
        self.expected, self.locator = ExpectedOfMaps(place), Locator(start)
        with torch.no_grad():
            self.encoded = self.locator.encoded(place)

    def adapted(self) -> AdaptedToPlace:
        """What held-out parts prefer, learned of all tags."""
        first = self.locator.posterior(self.tagged, self.place)
        require_agreement(_ranks(first, self.truth))
        plain = [self.start] * len(self.parts)
        leveled = [self._leveled(some) for some in self.others]
        levels = best_end((0, 1), np.stack([self._costs(plain), self._costs(leveled)]))
        ends = ends_for(len(self.tagged))
        tried = [
            self._tuned(start, some, ends)
            for start, some in zip(leveled if levels else plain, self.others, strict=True)
        ]
        costs = np.stack([self._costs(each) for each in zip(*tried, strict=True)])
        steps = best_end(ends, costs)
        rank = np.concatenate(
            [
                self._held_out(each[ends.index(steps)], part)
                for each, part in zip(tried, self.parts, strict=True)
            ]
        )
        every = np.arange(len(self.tagged))
        (made,) = self._tuned(self._leveled(every) if levels else self.start, every, (steps,))
        gain = float((self._costs(plain) - costs[ends.index(steps)]).mean())
        return self._stated(made, first, rank, f"{steps} steps on its weights: {gain:+.2f} nats a report")

    def _leveled(self, some: Int[np.ndarray, " tag"]) -> TrainedNetwork:
        """The start at levels that are corrected by some tags."""
        off = level_errors(self.tagged.select(some), self.expected)
        calibration = dataclasses.replace(self.start.calibration, levels=tuple(off.tolist()))
        return dataclasses.replace(self.start, calibration=calibration)

    def _tuned(
        self, start: TrainedNetwork, some: Int[np.ndarray, " tag"], ends: tuple[int, ...]
    ) -> list[TrainedNetwork]:
        """Networks after each number of steps on some tags."""
        tuned = tuned_to_place(start.network, self._tags(start, some), ends)
        return [dataclasses.replace(start, network=network) for network in tuned]

    def _tags(self, trained: TrainedNetwork, some: Int[np.ndarray, " tag"]) -> PlaceTags:
        """Some tags as a network is given them."""
        deployment = self.place.deployment
        read = corrected(self.tagged.select(some), deployment, trained.calibration.levels)
        return PlaceTags(sequence_tensors(read, deployment), self.encoded, self.seed)

    def _costs(self, networks: Sequence[TrainedNetwork]) -> Float[np.ndarray, " tag"]:
        """What each part costs its own one of some networks, who did not know it [nats]."""
        pairs = zip(networks, self.parts, strict=True)
        return np.concatenate([self._tags(each, part).costs(each.network) for each, part in pairs])

    def _held_out(
        self, trained: TrainedNetwork, part: Int[np.ndarray, " held"]
    ) -> Float[np.ndarray, " held"]:
        """Ranks of a part among all tags, for it is all of them that the maps are judged by."""
        answering = dataclasses.replace(self.locator, trained=trained, _encoded=OrderedDict())
        return _ranks(answering.posterior(self.tagged, self.place), self.truth)[part]

    def _stated(
        self, made: TrainedNetwork, first: Posterior, rank: Float[np.ndarray, " tag"], tuned: str
    ) -> AdaptedToPlace:
        """With the regions that held-out parts say, and in words."""
        calibration = dataclasses.replace(
            made.calibration,
            regions=conformal_regions(rank),
            network=deployment_digest(self.place.deployment),
        )
        error = np.median(horizontal_errors(first.mean, self.truth))
        held = ", ".join(f"{np.mean(rank <= mass):.0%}" for mass in REGIONS)
        stated = ", ".join(f"{mass:.0%}" for mass in calibration.regions.nominal)
        levels = "corrected" if made.calibration.levels else "left, for correcting them is of no use there"
        provenance = Provenance.collect(
            {"adapted": self.start.provenance.digest, "tags": len(rank)}, self.seed
        )
        return AdaptedToPlace(
            TrainedNetwork(made.network, calibration, provenance),
            (
                f"{len(rank)} reports of known position, located to {error:.0f} m (median)",
                f"held-out blocks: levels are {levels}; {tuned} against the start",
                f"regions of 50, 90 and 95 % held {held} of them, and are now what the network calls {stated}",
            ),
        )


def _ranks(posterior: Posterior, truth: Float[np.ndarray, "tag 2"]) -> Float[np.ndarray, " tag"]:
    """Mass of the smallest region that holds each truth."""
    denser, tied = region_ranks(posterior, truth)
    return denser + tied / 2
