"""The posterior of one sequence: the last report at every place, the earlier ones along sampled ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter

from raylocus.evaluation.bound.likelihood import LastReport, SequenceLikelihood
from raylocus.evaluation.bound.movement import Motions, Movement
from raylocus.evaluation.bound.tokens import SequenceTokens
from raylocus.execution.threads import one_thread
from raylocus.ragged import Columns

#: Ground distance over which what the earlier reports add is averaged [m]: of who moves, and of who stands still.
SMOOTHING, SMOOTHING_AT_REST = 6.0, 2.5
#: Who has not moved is judged where the last report has this share of its greatest mass, or more.
FAINT = 1e-8
#: Rounds of ways; later ones end where earlier ones found mass and move as they found likely. None follows where what
#: was found rests on so many effective ways: a further one changes a hundredth of the mass.
ROUNDS, ENOUGH = 3, 400.0


@dataclass(frozen=True)
class Found:
    """What was found of one sequence, before calibration."""

    mass: Float[np.ndarray, " ground"]
    """Posterior mass of each ground cell."""
    of_last: Float[np.ndarray, " ground"]
    """The same given the last report only."""
    effective_ways: float
    """Effective number of the ways that it rests on (Kong 1992); ∞ where there is one report only."""


@dataclass(frozen=True)
class Ways(Columns):
    """Ways that were tried, with what the earlier reports add to the last one's likelihood along each."""

    motion: Int[np.ndarray, " way"]
    end: Int[np.ndarray, " way"]
    log_gain: Float[np.ndarray, " way"]


@dataclass(frozen=True)
class Search:
    """Importance sampling of ways through one place, under one law of reports."""

    likelihood: SequenceLikelihood
    movement: Movement
    motions: int
    """Draws of speed and stops."""
    ways: int
    """Ways of each, in each round."""

    def all(self, sequences: Sequence[SequenceTokens], seed: int) -> list[Found]:
        """Searches for each sequence; what comes out of one does not depend on the others."""
        with one_thread():
            return [
                self.density(each, np.random.default_rng([seed, index]))
                for index, each in enumerate(sequences)
            ]

    def density(self, sequence: SequenceTokens, generator: np.random.Generator) -> Found:
        """Mass of each ground cell, given the sequence and given its last report only.

        What the earlier reports add is the ratio of the sequence's likelihood to the last report's,
        averaged over ways that end nearby.
        """
        open_ground = torch.from_numpy(np.flatnonzero(self.movement.start > 0))
        last = self.likelihood.of_last(sequence, open_ground)
        whole = (last.log_density + last.silence).double().numpy()
        of_last = np.exp(whole - whole.max())
        motions = self.movement.motions(sequence.ago, self.motions, generator)
        alone = of_last * self.movement.ends(motions)
        alone /= alone.sum()
        if len(sequence.ago) == 1:
            return Found(alone, alone, np.inf)
        mass, effective = self._searched(sequence, motions, last, of_last, generator)
        return Found(mass, alone, effective)

    def _searched(
        self,
        sequence: SequenceTokens,
        motions: Motions,
        last: LastReport,
        of_last: Float[np.ndarray, " ground"],
        generator: np.random.Generator,
    ) -> tuple[Float[np.ndarray, " ground"], float]:
        priors = np.array([each.prior for each in self.movement.tracks])
        mass = np.maximum(of_last * priors, 0)
        possible = mass.sum(axis=1) > 0
        motions = motions.select(np.flatnonzero(possible[motions.tracks]))
        at_rest = self._log_at_rest(sequence, motions.select(np.flatnonzero(~motions.moves)), last, mass)
        motions = motions.select(np.flatnonzero(motions.moves))
        if not len(motions):
            rest = np.exp(at_rest - at_rest.max())
            return rest / rest.sum(), np.inf
        found, chosen, effective = mass.sum(axis=0), np.arange(len(motions)), 0.0
        tried: list[Ways] = []
        rounds: list[tuple[Int[np.ndarray, " motion"], Float[np.ndarray, "tracks ground"]]] = []
        for _ in range(ROUNDS):
            proposals = _proposals(mass, found)
            rounds.append((np.bincount(chosen, minlength=len(motions)), proposals))
            tried.append(self._tried(sequence, motions, chosen, proposals, last, generator))
            ways = Ways.concatenate(tried)
            top = max(at_rest.max(), ways.log_gain.max())
            tracks = motions.tracks[ways.motion]
            gain = np.exp(ways.log_gain - top) * mass[tracks, ways.end]
            # Over the expected number of ways of that motion, of all rounds, that end in that cell.
            expected = sum(times[ways.motion] * share[tracks, ways.end] for times, share in rounds)
            gain *= motions.share[ways.motion] / (self.ways * expected)
            found = self._combined(ways, gain, motions, mass) + np.exp(at_rest - top)
            effective = float(found.sum() ** 2 / max((gain**2).sum(), 1e-300))
            if effective >= ENOUGH:
                break
            evidence = np.bincount(ways.motion, gain, len(motions))
            share = 0.7 * evidence / max(evidence.sum(), 1e-300) + 0.3 * motions.share
            chosen = np.sort(generator.choice(len(motions), len(motions), p=share / share.sum()))
        return found / found.sum(), effective

    def _log_at_rest(
        self,
        sequence: SequenceTokens,
        motions: Motions,
        last: LastReport,
        mass: Float[np.ndarray, "tracks ground"],
    ) -> Float[np.ndarray, " ground"]:
        """ln mass of who has not moved, by the likelihood at each place: there is one way to it, none is drawn."""
        share = np.bincount(motions.tracks, motions.share, len(mass))
        start = np.array([each.start_weight for each in self.movement.tracks])
        stood = share @ (mass * start)
        if not stood.any():
            return np.full(len(stood), -np.inf)
        ground = np.flatnonzero(stood > FAINT * stood.max())
        odds = torch.from_numpy(np.log(stood[ground])).float() - last.log_density[ground]
        ways = torch.from_numpy(np.repeat(ground[:, None], len(sequence.ago), axis=1))
        log_density = self.likelihood.of_ways(sequence, ways, odds) - last.log_density[ground]
        gain = np.full(len(stood), -np.inf)
        gain[ground] = log_density.double().numpy()
        top = max(gain.max(), np.finfo(float).min)
        added = self._smoothed(np.exp(gain - top) * stood, SMOOTHING_AT_REST)
        usual = np.maximum(self._smoothed(stood, SMOOTHING_AT_REST), 1e-300)
        with np.errstate(divide="ignore"):
            return np.where(stood > 0, np.log(stood * added / usual), -np.inf) + top

    def _tried(
        self,
        sequence: SequenceTokens,
        motions: Motions,
        chosen: Int[np.ndarray, " chosen"],
        proposals: Float[np.ndarray, "tracks ground"],
        last: LastReport,
        generator: np.random.Generator,
    ) -> Ways:
        """Ways of the chosen motions that end by the proposals."""
        shape = (len(chosen), self.ways)
        end = np.empty(shape, np.int64)
        cells = np.empty((*shape, len(sequence.ago)), np.int64)
        log_start = np.empty(shape)
        for tracks in np.unique(motions.tracks[chosen]):
            own = np.flatnonzero(motions.tracks[chosen] == tracks)
            stored = self.movement.tracks[tracks]
            end[own] = _drawn(proposals[tracks], (len(own), self.ways), generator)
            steps = np.repeat(motions.steps[chosen[own]], self.ways, axis=0)
            passed, weight = stored.cells(end[own].ravel(), steps, generator)
            cells[own] = passed.reshape(len(own), self.ways, -1)
            log_start[own] = np.log(weight).reshape(len(own), self.ways)
        # Whoever stands or goes slowly has the same way many times: each is judged once.
        ways, which = _unlike(cells.reshape(-1, len(sequence.ago)))
        judged = torch.from_numpy(ways)
        log_density = self.likelihood.of_ways(sequence, judged, last.silence[judged[:, -1]])
        log_density = log_density.double().numpy()[which]
        gain = log_density - last.log_density.double().numpy()[end.ravel()] + log_start.ravel()
        return Ways(np.repeat(chosen, self.ways), end.ravel(), gain)

    def _combined(
        self,
        ways: Ways,
        gain: Float[np.ndarray, " way"],
        motions: Motions,
        mass: Float[np.ndarray, "tracks ground"],
    ) -> Float[np.ndarray, " ground"]:
        """Mass of who moves: the last report's times the smoothed mean gain of the ways of a kind that end nearby.

        The mean is by the last report's mass, so that the sum is that of the ways: an even mean would count
        the rare starts at the kerb for the middle of the road.
        """
        out = np.zeros(mass.shape[1])
        kinds = motions.tracks > 0
        for kind in np.unique(kinds):
            own = kinds == kind
            rows, members = np.unique(motions.tracks[own], return_inverse=True)
            share = np.bincount(members, motions.share[own])
            ends = own[ways.motion]
            added = self._smoothed(np.bincount(ways.end[ends], gain[ends], mass.shape[1]), SMOOTHING)
            usual = self._smoothed(share @ mass[rows], SMOOTHING)
            ratio = np.where(usual > 1e-12 * usual.max(), added / np.maximum(usual, 1e-300), 0)
            out += share @ mass[rows] * ratio
        return out

    def _smoothed(self, values: Float[np.ndarray, " ground"], spread: float) -> Float[np.ndarray, " ground"]:
        """Averaged with a Gaussian of this spread [m]."""
        grid = self.movement.grid
        return gaussian_filter(
            values.reshape(grid.shape), spread / grid.resolution, mode="constant", truncate=4.0
        ).ravel()


def _proposals(
    mass: Float[np.ndarray, "tracks ground"], total: Float[np.ndarray, " ground"]
) -> Float[np.ndarray, "tracks ground"]:
    """Where ways of each kind end: mostly where the belief has mass, flattened, and where the last report has."""
    found = (total / max(total.max(), 1e-300)) ** 0.7 * (mass > 0)
    found = found + 1e-300 * (mass > 0)
    rows = 0.85 * found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300)
    return rows + 0.15 * mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)


def _drawn(
    share: Float[np.ndarray, " ground"], shape: tuple[int, int], generator: np.random.Generator
) -> Int[np.ndarray, "motion way"]:
    """Cells by their shares, in every row evenly spread over the distribution (systematic resampling)."""
    edges = np.cumsum(share)
    at = (np.arange(shape[1]) + generator.random((shape[0], 1))) / shape[1]
    found = np.minimum(np.searchsorted(edges, at * edges[-1], side="right"), len(share) - 1)
    return np.where(share[found] > 0, found, int(share.argmax()))


def _unlike(
    ways: Int[np.ndarray, "way report"],
) -> tuple[Int[np.ndarray, "unlike report"], Int[np.ndarray, " way"]]:
    """The ways without repetitions, and which of them each is."""
    rows = np.ascontiguousarray(ways).view(np.dtype((np.void, ways.itemsize * ways.shape[1])))[:, 0]
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    return ways[first], which
