"""p(L1-RSRP of the serving cell's beams | places, worlds): their differences, which no level error touches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

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

    def log_density(
        self, tokens: SequenceTokens, cells: Int[Tensor, "way report"], reports: Bool[Tensor, " beamed"]
    ) -> Float[Tensor, " way"]:
        """ln density of some of the beam reports, averaged over worlds: antenna errors of cells are independent.

        `cells` is the ground cell of each report of each way; `reports` which of the reports with beams are
        used.
        """
        total = torch.zeros(len(cells))
        for cell in tokens.beam_cell[reports].unique().tolist():
            own = torch.nonzero(reports & (tokens.beam_cell == cell))[:, 0]
            total += self._of_cell(cell, tokens.beam_level[own], cells[:, tokens.beam_report[own]])
        return total

    def _of_cell(
        self, cell: int, levels: Float[Tensor, "own beam"], cells: Int[Tensor, "way own"]
    ) -> Float[Tensor, " way"]:
        mapped, exists = self.ensemble.rsrp_beam[cell], self.ensemble.exists[cell]
        shape = (len(cells), self.ensemble.worlds)
        squares, common = torch.zeros(shape), torch.zeros(levels.shape[1], *shape)
        silent = torch.zeros(2, *shape)
        for index, level in enumerate(levels):
            # Beams first: what is picked of them is then contiguous.
            there, named = mapped[cells[:, index]].transpose(0, 1), torch.isfinite(level)
            deviation = level[named][:, None, None] - there[named].float()
            offset = deviation.mean(dim=0)
            deviation -= offset
            squares += deviation.square().sum(dim=0)
            common[named] += deviation
            silent += self._unnamed(level[named].min(), there[exists & ~named].float() + offset)
        counts = torch.isfinite(levels).sum(dim=0).float()
        free = max(float(counts.sum()) - len(levels), 0.0)
        straight, turned = (
            self._gaussian(squares, common, counts, spread, free) + silent[index]
            for index, spread in enumerate((self.mismatch_db, TURNED_BEAM_DB))
        )
        if self.ensemble.worlds > 1:
            straight = torch.logaddexp(straight, turned + math.log(self.turned_share + UNLIKE_ALL))
        return torch.logsumexp(straight, dim=1) - math.log(shape[1])

    def _gaussian(
        self,
        squares: Float[Tensor, "way world"],
        common: Float[Tensor, "beam way world"],
        counts: Float[Tensor, " beam"],
        lasting_db: float,
        free: float,
    ) -> Float[Tensor, "way world"]:
        """ln density of deviations that share a lasting error in every beam (Sherman and Morrison 1950)."""
        noise, lasting = self.noise_db**2 + BIN_VARIANCE, lasting_db**2
        shrink = (lasting / (noise * (noise + counts * lasting)))[:, None, None]
        # One of the beams of each report is spent on the level.
        beams = max(free / max(float(counts.max()), 1.0), 1.0)
        log_width = 0.5 * beams * math.log(1 + float(counts.max()) * lasting / noise)
        return -0.5 * (squares / noise - (common.square() * shrink).sum(dim=0)) - log_width

    def _unnamed(
        self, weakest: Float[Tensor, ""], level: Float[Tensor, "beam way world"]
    ) -> Float[Tensor, "2 way world"]:
        """ln probability that the beams that are not named were weaker than the weakest named one.

        Of an antenna that points anywhere it is that of a coin for each beam.
        """
        spread = math.sqrt(self.noise_db**2 + BIN_VARIANCE + self.mismatch_db**2)
        weaker = torch.special.ndtr((weakest - level) / spread).clamp_(min=LEAST).prod(dim=0).log_()
        return torch.stack([weaker, torch.full_like(weaker, len(level) * math.log(0.5))])
