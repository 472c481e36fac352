"""p(L1-RSRP of the serving cell's beams, UL-AoA | places, worlds): what level errors do not touch and turns do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.evaluation.bound.angles import AngleLaw
from raylocus.evaluation.bound.ensemble import Ensemble
from raylocus.evaluation.bound.tokens import SequenceTokens

#: Spread of the beam differences of an antenna that points anywhere, or is unlike all of the ensemble's [dB].
TURNED_BEAM_DB = 9.0
#: Share of antennas that are unlike all of a finite ensemble's: few dozen worlds hold no tails.
UNLIKE_ALL = 0.1
#: Variance of a value that is uniform within a differential report's bin of 2 dB [dB²].
BIN_VARIANCE = 4.0 / 12
#: Least probability that an unnamed beam was weaker: what rules a place out is never one number.
LEAST = 1e-5
#: The same of all unnamed beams together, which many floors multiplied would make 0.
LEAST_PRODUCT = 1e-37


@dataclass(frozen=True)
class BeamLaw:
    """The law of beam reports given where the UE was.

    The worlds of the ensemble are a sample of antenna errors. What separates the true errors from the
    nearest world's is an error of every beam that lasts through a sequence.
    """

    ensemble: Ensemble
    noise_db: float
    """Standard deviation of a beam's error in one report [dB]."""
    mismatch_db: float
    """Standard deviation of a beam's lasting error [dB]."""
    turned_share: float
    """Share of antennas that point anywhere."""
    angles: AngleLaw | None = None
    """Of UL-AoA, which shares the antennas' errors; None where it is not used."""

    def log_density(
        self,
        tokens: SequenceTokens,
        cells: Int[Tensor, "way report"],
        used: Bool[Tensor, " report"],
        error: Float[Tensor, "way report"],
    ) -> Float[Tensor, " way"]:
        """ln density of beams and angles, averaged over worlds: antenna errors of cells are independent.

        `cells` is the ground cell of each report of each way; `used` which of the reports are used, and `error`
        the variance of what a way leaves open of a beam's level [dB²].
        """
        total = torch.zeros(len(cells))
        reports, angled = used[tokens.beam_report], used[tokens.angle_report] & (self.angles is not None)
        for cell in torch.cat([tokens.beam_cell[reports], tokens.angle_cell[angled]]).unique().tolist():
            own = torch.nonzero(reports & (tokens.beam_cell == cell))[:, 0]
            at = tokens.beam_report[own]
            straight, unlike = self._of_beams(cell, tokens.beam_level[own], cells[:, at], error[:, at])
            turned = unlike + (math.log(self.turned_share) if self.turned_share else -math.inf)
            if self.ensemble.worlds > 1:
                straight = torch.logaddexp(straight, unlike + math.log(UNLIKE_ALL))
            own = torch.nonzero(angled & (tokens.angle_cell == cell))[:, 0]
            if self.angles is not None and len(own):
                at = tokens.angle_report[own]
                moved, azimuth = error[:, at] > 0, tokens.angle[own]
                of_world, of_turn = self.angles.of_cell(cell, azimuth, cells[:, at], moved)
                straight, turned = straight + of_world, turned + of_turn
            total += torch.logsumexp(torch.logaddexp(straight, turned), dim=1)
            total -= math.log(self.ensemble.worlds)
        return total

    def _of_beams(
        self,
        cell: int,
        levels: Float[Tensor, "own beam"],
        cells: Int[Tensor, "way own"],
        error: Float[Tensor, "way own"],
    ) -> tuple[Float[Tensor, "way world"], Float[Tensor, "way world"]]:
        """ln density in each world, and of an antenna that is unlike it."""
        mapped, exists = self.ensemble.rsrp_beam[cell], self.ensemble.exists[cell]
        shape = (len(cells), self.ensemble.worlds)
        squares, common = torch.zeros(shape), torch.zeros(levels.shape[1], *shape)
        silent = torch.zeros(2, *shape)
        precision = 1 / (self.noise_db**2 + BIN_VARIANCE + error)
        for index, level in enumerate(levels):
            # Many ways pass the same few places: each is looked at once.
            first, way = _alike(cells[:, index], error[:, index])
            # Beams first: what is picked of them is then contiguous.
            there = mapped.index_select(0, cells[first, index]).transpose(0, 1)
            is_named = torch.isfinite(level)
            named, unnamed = (torch.nonzero(each)[:, 0] for each in (is_named, exists & ~is_named))
            deviation = level[named][:, None, None] - there.index_select(0, named).float()
            offset = deviation.mean(dim=0)
            deviation -= offset
            known = precision[first, index, None]
            squares += (deviation.square().sum(dim=0) * known).index_select(0, way)
            common.index_add_(0, named, (deviation * known).index_select(1, way))
            weaker = there.index_select(0, unnamed).float() + offset
            silent += self._unnamed(level[named].min(), weaker, known).index_select(1, way)
        common = common.square_()
        straight, unlike = (
            self._gaussian(squares, common, torch.isfinite(levels), precision, spread) + silent[index]
            for index, spread in enumerate((self.mismatch_db, TURNED_BEAM_DB))
        )
        return straight, unlike

    def _gaussian(
        self,
        squares: Float[Tensor, "way world"],
        common_square: Float[Tensor, "beam way world"],
        named: Bool[Tensor, "own beam"],
        precision: Float[Tensor, "way own"],
        lasting_db: float,
    ) -> Float[Tensor, "way world"]:
        """ln density of deviations that share a lasting error in every beam (Sherman and Morrison 1950).

        One of the beams of each report is spent on the level.
        """
        counted = (precision @ named.float()).T[..., None]
        free = named.float() - named.float() / named.sum(dim=1, keepdim=True)
        shrink = lasting_db**2 / (1 + counted * lasting_db**2)
        width = torch.log1p(lasting_db**2 * (precision @ free).T).sum(dim=0) - precision.log() @ free.sum(
            dim=1
        )
        return -0.5 * (squares - (common_square * shrink).sum(dim=0) + width[:, None])

    def _unnamed(
        self,
        weakest: Float[Tensor, ""],
        level: Float[Tensor, "beam way world"],
        precision: Float[Tensor, "way 1"],
    ) -> Float[Tensor, "2 way world"]:
        """ln probability that the beams that are not named were weaker than the weakest named one.

        Of an antenna that points anywhere it is that of a coin for each beam.
        """
        spread = (1 / precision + self.mismatch_db**2).sqrt()
        each = torch.special.ndtr((weakest - level) / spread).clamp_(min=LEAST)
        weaker = each.prod(dim=0).clamp_(min=LEAST_PRODUCT).log_()
        return torch.stack([weaker, torch.full_like(weaker, len(level) * math.log(0.5))])


def _alike(
    cells: Int[Tensor, " way"], error: Float[Tensor, " way"]
) -> tuple[Int[Tensor, " place"], Int[Tensor, " way"]]:
    """A way through each ground cell, apart for those with and without an error, and the place of each way."""
    key = cells.numpy() * 2 + (error.numpy() > 0)
    _, first, way = np.unique(key, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(way)
